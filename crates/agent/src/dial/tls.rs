//! TLS to the server and to `https` proxies, and what a failed handshake means to a person.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use adit_tls::{ClientProfile, Roots};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::transport::Transport;
use crate::config::{Ca, Options, Trust};
use crate::error::Error;

const HANDSHAKE: Duration = Duration::from_secs(5);
/// What a session speaks.
pub(crate) const AGENT: &[&[u8]] = &[b"adit-agent/1"];

/// How to speak TLS; made once for a session, shared by the sessions of one builder.
#[derive(Debug, Clone)]
pub(crate) struct Secure {
    server: ClientProfile,
    /// Made when the first `https` proxy is dialled: the platform's roots are large.
    proxy: Arc<OnceLock<Result<ClientProfile, Error>>>,
}

impl Secure {
    pub(crate) fn new(options: &Options, alpn: &[&[u8]]) -> Result<Self, Error> {
        let mut builder = ClientProfile::builder(roots(&options.ca)).alpn(alpn);
        if let Some(identity) = &options.identity {
            builder = builder.identity(identity.0.clone());
        }
        let server = builder.build().map_err(|error| unusable(&error))?;
        Ok(Self {
            server,
            proxy: Arc::default(),
        })
    }

    /// A server that selects no protocol is spoken to as well.
    pub(super) async fn to_server(
        &self,
        transport: Transport,
        name: &str,
    ) -> Result<adit_tls::Stream<Transport>, Error> {
        handshake(transport, name, &self.server).await
    }

    pub(super) async fn to_proxy(&self, stream: TcpStream, name: &str) -> Result<adit_tls::Stream<TcpStream>, Error> {
        let profile = self.proxy.get_or_init(|| {
            ClientProfile::builder(Roots::Platform)
                .build()
                .map_err(|error| unusable(&error))
        });
        handshake(stream, name, profile.as_ref().map_err(Clone::clone)?).await
    }
}

fn roots(ca: &Ca) -> Roots {
    match &ca.0 {
        Trust::System => Roots::Platform,
        Trust::Pem(text) => Roots::Pem(text.to_vec()),
    }
}

fn unusable(error: &adit_tls::Error) -> Error {
    Error::configuration(
        format!("TLS to the server cannot be set up: {error}"),
        "check the file with the certificate authority (ADIT_CONNECT_CA) and the client certificate",
    )
}

async fn handshake<IO>(io: IO, name: &str, profile: &ClientProfile) -> Result<adit_tls::Stream<IO>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(HANDSHAKE, adit_tls::connect(io, name, profile)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == adit_tls::ErrorKind::Certificate => Err(Error::Untrusted {
            host: name.to_owned(),
            cause: certificate_cause(&error),
        }),
        Ok(Err(error)) => Err(Error::Tls {
            host: name.to_owned(),
            cause: error.to_string(),
        }),
        Err(_) => Err(Error::Timeout {
            what: format!("the TLS handshake with {name}"),
            after: HANDSHAKE,
        }),
    }
}

/// The problem and who issued what was presented: that names an interception.
fn certificate_cause(error: &adit_tls::Error) -> String {
    match error {
        adit_tls::Error::Certificate {
            problem,
            issuer: Some(issuer),
            ..
        } => format!("{problem}; it was issued by \"{issuer}\""),
        adit_tls::Error::Certificate { problem, .. } => problem.to_string(),
        other => other.to_string(),
    }
}
