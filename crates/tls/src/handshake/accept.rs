//! The server's side.

use bytes::BytesMut;
use rustls::AlertDescription;
use rustls::server::UnbufferedServerConnection;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::drive::{close, drive, translate};
use super::{info, record_limit};
use crate::alert::{alert, code};
use crate::client_hello::{self, ClientHello, Parse};
use crate::error::Error;
use crate::open::Open;
use crate::outbox::Outbox;
use crate::profile::ServerProfile;
use crate::record::RecordKey;
use crate::schedule::Schedule;
use crate::seal::Seal;
use crate::stash::Stash;
use crate::stream::{Session, Stream};

/// Bytes to read at once while the ClientHello is incomplete: most come in one or two segments.
const READ: usize = 2048;

/// Shakes hands with a client.
///
/// `read` is what was read from the connection already: nothing, a part of the ClientHello, or
/// more than that. The server's whole first flight leaves in one write. Session tickets are held
/// back until the first application data, or the end.
///
/// The future sets no timers; bound it with `tokio::time::timeout`. Dropping it closes the
/// connection.
///
/// # Errors
/// Every [`Error`] but [`Error::TimedOut`]. The alert for it has been sent, the connection has
/// been closed for writing (FIN, so that the client can read the alert).
pub async fn accept<IO>(mut io: IO, mut read: BytesMut, profile: &ServerProfile) -> Result<Stream<IO>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    match shake(&mut io, &mut read, profile).await {
        Ok((session, None)) => Ok(Stream::new(io, session)),
        Ok((session, Some((alert, error)))) => {
            let mut stream = Stream::new(io, session);
            stream.abort(alert).await;
            close(stream.get_mut()).await;
            Err(error)
        }
        Err(error) => {
            close(&mut io).await;
            Err(error)
        }
    }
}

/// A finished handshake, and why it is not good enough after all: alert and error.
type Outcome = (Session, Option<(u8, Error)>);

async fn shake<IO>(io: &mut IO, read: &mut BytesMut, profile: &ServerProfile) -> Result<Outcome, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let hello = read_hello(io, read).await?;
    if hello.max_version < client_hello::TLS12 {
        // rustls would complain about extensions that these versions do not have.
        send_alert(io, code::PROTOCOL_VERSION).await;
        return Err(Error::violation(
            code::PROTOCOL_VERSION,
            "the client speaks no version above TLS 1.1",
        ));
    }
    let config = profile.config(&hello)?;
    let mut connection = UnbufferedServerConnection::new(config).map_err(|error| translate(error, None))?;
    let held = drive(io, &mut connection, read).await?;

    let mut info = info(&connection, hello.server_name)?;
    let refusal = check_client(profile, &connection, &mut info.peer_verified, info.resumed);
    let (secrets, kernel) = connection
        .dangerous_into_kernel_connection()
        .map_err(|error| translate(error, None))?;
    let tls13 = info.version == crate::profile::Version::Tls13;
    let limit = record_limit(kernel.negotiated_cipher_suite());
    let (sent, sending) = secrets.tx;
    let (received, receiving) = secrets.rx;
    let session = Session::new(
        Open::new(RecordKey::new(received, &receiving, tls13)?, false),
        Seal::new(RecordKey::new(sent, &sending, tls13)?, limit),
        if tls13 {
            Schedule::Server(Box::new(kernel))
        } else {
            Schedule::Fixed
        },
        Stash::with_sealed(read),
        Outbox::holding(&held),
        info,
    );
    Ok((session, refusal))
}

/// Judges the client's certificate where rustls did not: for modes that do not insist, and after
/// a resumption, where it comes out of the ticket and may have expired or been revoked since.
fn check_client(
    profile: &ServerProfile,
    connection: &UnbufferedServerConnection,
    verified: &mut bool,
    resumed: bool,
) -> Option<(u8, Error)> {
    let verifier = profile.verifier()?;
    let chain = connection.peer_certificates().unwrap_or_default();
    if verifier.must_verify() && !resumed {
        *verified = true;
        return None;
    }
    let result = verifier.verify(chain, profile.now());
    *verified = result.is_ok();
    match result {
        Err(error) if verifier.must_verify() => {
            let alert = match &error {
                rustls::Error::InvalidCertificate(problem) => AlertDescription::from(problem.clone()).into(),
                _ => code::CERTIFICATE_REQUIRED,
            };
            Some((alert, translate(error, Some(alert))))
        }
        _ => None,
    }
}

/// Reads until the ClientHello is there; it stays in `read`.
async fn read_hello<IO>(io: &mut IO, read: &mut BytesMut) -> Result<ClientHello, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match client_hello::parse(read) {
            Ok(Parse::Hello(hello)) => return Ok(hello),
            Ok(Parse::Partial) => {}
            Err(error) => {
                send_alert(io, error.alert()).await;
                return Err(error.into());
            }
        }
        read.reserve(READ);
        if io.read_buf(read).await? == 0 {
            return Err(Error::Io(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the client closed the connection before its ClientHello was complete",
            )));
        }
    }
}

/// Whether the alert gets through changes nothing about the error.
async fn send_alert<IO: AsyncWrite + Unpin>(io: &mut IO, code: u8) {
    let _ = io.write_all(&alert(code)).await;
    let _ = io.flush().await;
}
