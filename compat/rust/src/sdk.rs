//! The SDK under test: the crate `ngrok` as it is.

use std::fmt::Display;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use ngrok::config::{ForwarderBuilder, HttpTunnelBuilder, TunnelBuilder};
use ngrok::forwarder::Forwarder;
use ngrok::session::SessionBuilder;
use ngrok::tunnel::HttpTunnel;
use ngrok::{Error, Session};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

use crate::server::{Info, Server};

/// A builder that leads to the server, at another address if one is given.
pub fn builder(info: &Info, address: Option<&str>) -> Result<SessionBuilder> {
    let mut builder = Session::builder();
    builder
        .authtoken(&info.token)
        .server_addr(address.unwrap_or(&info.https))?
        .root_cas(info.ca_file.to_string_lossy())?;
    Ok(builder)
}

pub async fn connect(server: &Server) -> Result<Session> {
    Ok(builder(&server.info, None)?.connect().await?)
}

/// An endpoint in front of `upstream` (an address).
pub async fn web(builder: &HttpTunnelBuilder, upstream: impl Display) -> Result<Forwarder<HttpTunnel>> {
    forward(builder, &format!("http://{upstream}")).await
}

pub async fn forward<B: ForwarderBuilder>(builder: &B, url: &str) -> Result<Forwarder<B::Tunnel>> {
    Ok(builder.listen_and_forward(Url::parse(url)?).await?)
}

/// The error of a call that must fail.
pub fn refused<T, E>(result: Result<T, E>) -> Result<E> {
    result.err().context("it succeeded where a refusal was due")
}

/// Checks the code that the SDK found in the server's answer.
pub fn code<T, E: Error>(result: Result<T, E>, due: &str) -> Result<()> {
    let error = refused(result)?;
    ensure!(
        error.error_code() == Some(due),
        "{due} was due, not {:?}: {}",
        error.error_code(),
        error.msg()
    );
    Ok(())
}

pub async fn listen_refused<B: TunnelBuilder>(builder: &B, due: &str) -> Result<()> {
    code(builder.listen().await, due)
}

/// A certificate that signs itself.
pub struct Pair {
    pub chain_pem: String,
    pub key_pem: String,
}

impl Pair {
    pub fn of(name: &str) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()])?;
        Ok(Self {
            chain_pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
        })
    }

    pub fn roots(&self) -> Result<rustls::RootCertStore> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in certificates(self.chain_pem.as_bytes())? {
            roots.add(certificate)?;
        }
        Ok(roots)
    }

    pub fn acceptor(&self) -> Result<tokio_rustls::TlsAcceptor> {
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(|e| anyhow!("{e}"))?;
        let chain = certificates(self.chain_pem.as_bytes())?;
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Arc::new(config).into())
    }
}

pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| anyhow!("a certificate: {e}"))
}
