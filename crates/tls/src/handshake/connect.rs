//! The client's side.

use bytes::BytesMut;
use rustls::client::UnbufferedClientConnection;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};

use super::drive::{close, drive, translate};
use super::{info, record_limit};
use crate::error::Error;
use crate::open::Open;
use crate::outbox::Outbox;
use crate::profile::{ClientProfile, Version};
use crate::record::RecordKey;
use crate::schedule::Schedule;
use crate::seal::Seal;
use crate::stash::Stash;
use crate::stream::{Session, Stream};

/// Shakes hands with a server.
///
/// `name` is whom to expect: a DNS name, which is also sent (SNI), or an IP address (IPv6 with or
/// without brackets), which is verified against the certificate's IP addresses and not sent.
///
/// The future sets no timers; bound it with `tokio::time::timeout`. Dropping it closes the
/// connection.
///
/// # Errors
/// Every [`Error`] but [`Error::TimedOut`], [`Error::Hello`] and [`Error::NoIdentity`].
/// [`Error::Certificate`] says what is wrong with the server's certificate and who issued it.
pub async fn connect<IO>(mut io: IO, name: &str, profile: &ClientProfile) -> Result<Stream<IO>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    match shake(&mut io, name, profile).await {
        Ok(session) => Ok(Stream::new(io, session)),
        Err(error) => {
            close(&mut io).await;
            Err(error)
        }
    }
}

async fn shake<IO>(io: &mut IO, name: &str, profile: &ClientProfile) -> Result<Session, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let server_name = server_name(name)?;
    let sent_name = match &server_name {
        ServerName::DnsName(name) => Some(name.as_ref().to_owned()),
        _ => None,
    };
    let mut connection =
        UnbufferedClientConnection::new(profile.config(), server_name).map_err(|error| translate(error, None))?;
    let mut read = BytesMut::new();
    drive(io, &mut connection, &mut read).await?;

    let mut info = info(&connection, sent_name)?;
    info.peer_verified = profile.verifies();
    let (secrets, kernel) = connection
        .dangerous_into_kernel_connection()
        .map_err(|error| translate(error, None))?;
    let tls13 = info.version == Version::Tls13;
    let limit = record_limit(kernel.negotiated_cipher_suite());
    let (sent, sending) = secrets.tx;
    let (received, receiving) = secrets.rx;
    Ok(Session::new(
        Open::new(RecordKey::new(received, &receiving, tls13)?, true),
        Seal::new(RecordKey::new(sent, &sending, tls13)?, limit),
        if tls13 {
            Schedule::Client(Box::new(kernel))
        } else {
            Schedule::Fixed
        },
        Stash::with_sealed(&read),
        Outbox::default(),
        info,
    ))
}

fn server_name(name: &str) -> Result<ServerName<'static>, Error> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| Error::Config(format!("{name:?} is neither a host name nor an IP address")))
}
