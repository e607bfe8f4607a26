//! Feeds rustls until the handshake is over.
//!
//! Records are presented one at a time: whatever follows the last handshake record must stay
//! outside of rustls, since it is opened with keys that are taken out of it. What rustls has to
//! say is collected and leaves in one write when it waits for the peer.

use bytes::{Buf, BytesMut};
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, InsufficientSizeError, UnbufferedConnectionCommon, UnbufferedStatus,
};
use rustls::{CommonState, ProtocolVersion};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::alert;
use crate::certificate;
use crate::error::{CertificateProblem, Error};
use crate::record::{HEADER, MAX_PLAINTEXT};
use crate::scratch;

/// Bytes to read at once during a handshake.
const READ: usize = 4096;
/// Longest record before there are keys (TLS 1.2 allows 2048 bytes of expansion).
const MAX_RECORD: usize = MAX_PLAINTEXT + 2048;
/// Most bytes that may wait for rustls: its own limit for a message is 64 KiB.
const MAX_INPUT: usize = 128 * 1024;

/// What rustls says when the resolver finds nothing.
const NO_IDENTITY: &str = "no server certificate chain resolved";

/// The two kinds of unfinished connection.
pub(super) trait Handshake {
    fn step(&mut self, input: &mut [u8], out: &mut Vec<u8>) -> Step;
    fn common(&self) -> &CommonState;
    /// Whether what is said last may wait for company (a server's tickets).
    fn may_hold(&self) -> bool;
}

impl Handshake for UnbufferedServerConnection {
    fn step(&mut self, input: &mut [u8], out: &mut Vec<u8>) -> Step {
        let connection: &mut UnbufferedConnectionCommon<ServerConnectionData> = self;
        handle(connection.process_tls_records(input), out)
    }

    fn common(&self) -> &CommonState {
        self
    }

    fn may_hold(&self) -> bool {
        self.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }
}

impl Handshake for UnbufferedClientConnection {
    fn step(&mut self, input: &mut [u8], out: &mut Vec<u8>) -> Step {
        let connection: &mut UnbufferedConnectionCommon<ClientConnectionData> = self;
        handle(connection.process_tls_records(input), out)
    }

    fn common(&self) -> &CommonState {
        self
    }

    fn may_hold(&self) -> bool {
        false
    }
}

/// What one call of rustls came to.
pub(super) struct Step {
    used: usize,
    state: Result<State, rustls::Error>,
}

enum State {
    /// Call again.
    More,
    /// More input is needed.
    Blocked,
    /// The handshake is over.
    Done,
    /// The peer said goodbye.
    Closed,
}

fn handle<Data>(status: UnbufferedStatus<'_, '_, Data>, out: &mut Vec<u8>) -> Step {
    let UnbufferedStatus { discard, state, .. } = status;
    let state = state.and_then(|state| match state {
        ConnectionState::EncodeTlsData(mut record) => {
            let start = out.len();
            let encoded = match record.encode(&mut []) {
                Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                    out.resize(start + required_size, 0);
                    record.encode(out.get_mut(start..).unwrap_or_default())
                }
                other => other,
            };
            encoded
                .map(|_| State::More)
                .map_err(|error| rustls::Error::General(error.to_string()))
        }
        ConnectionState::TransmitTlsData(sent) => {
            sent.done();
            Ok(State::More)
        }
        ConnectionState::BlockedHandshake => Ok(State::Blocked),
        ConnectionState::WriteTraffic(_) => Ok(State::Done),
        ConnectionState::PeerClosed | ConnectionState::Closed => Ok(State::Closed),
        // Early data is never accepted, and no record after the handshake is ever presented.
        other => Err(rustls::Error::General(format!("unexpected state {other:?}"))),
    });
    Step { used: discard, state }
}

/// Runs a handshake to its end. `input` may hold bytes that were read before, and afterwards holds
/// those that came after the handshake. Returns the records that were held back.
///
/// On failure the alert is sent, without waiting for the peer to read it.
pub(super) async fn drive<IO, H>(io: &mut IO, connection: &mut H, input: &mut BytesMut) -> Result<Vec<u8>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    H: Handshake,
{
    let mut out = Vec::new();
    // The front of `input` that rustls may see: whole records, and no more than it asks for.
    let mut window = 0;
    loop {
        let presented = input.get_mut(..window).unwrap_or_default();
        let step = connection.step(presented, &mut out);
        let used = step.used.min(window);
        input.advance(used);
        window -= used;
        match step.state {
            Ok(State::More) => {}
            Ok(State::Blocked) => {
                if let Some(len) = next_record(input.get(window..).unwrap_or_default()) {
                    window += len;
                    continue;
                }
                send(io, &mut out).await?;
                if input.len() > MAX_INPUT {
                    return Err(Error::violation(
                        alert::code::ILLEGAL_PARAMETER,
                        "a handshake message too long",
                    ));
                }
                input.reserve(READ);
                if io.read_buf(input).await? == 0 {
                    return Err(closed());
                }
            }
            Ok(State::Done) => {
                if !connection.may_hold() {
                    send(io, &mut out).await?;
                }
                return Ok(out);
            }
            Ok(State::Closed) => return Err(closed()),
            Err(error) => {
                let error = fail(connection, error, &mut out);
                // Whether the alert gets through changes nothing about the error.
                let _ = send(io, &mut out).await;
                return Err(error);
            }
        }
    }
}

/// Length of the record at the front, if it is whole or so wrong that rustls must see it.
fn next_record(bytes: &[u8]) -> Option<usize> {
    let (&[kind, major, _, hi, lo], payload) = bytes.split_first_chunk::<HEADER>()?;
    let len = usize::from(u16::from_be_bytes([hi, lo]));
    if !(20..=23).contains(&kind) || major != 3 || len > MAX_RECORD {
        return Some(HEADER);
    }
    (payload.len() >= len).then_some(HEADER + len)
}

/// Closes a connection whose handshake has failed so that the peer can read why.
///
/// FIN first. Then what has arrived meanwhile is taken in: a socket that is closed with unread
/// data sends a reset, which on some systems takes the alert away again. (A client that is refused
/// for its certificate has often sent its first request already.) Nothing is waited for.
pub(super) async fn close<IO: AsyncRead + AsyncWrite + Unpin>(io: &mut IO) {
    let _ = io.shutdown().await;
    // The runtime looks at its sockets, without which a read would not even be tried.
    tokio::task::yield_now().await;
    scratch::with_reader(|buffer| {
        let mut left = MAX_INPUT;
        let mut cx = Context::from_waker(Waker::noop());
        while left > 0 {
            let mut place = ReadBuf::new(buffer);
            match Pin::new(&mut *io).poll_read(&mut cx, &mut place) {
                Poll::Ready(Ok(())) if !place.filled().is_empty() => {
                    left = left.saturating_sub(place.filled().len());
                }
                _ => break,
            }
        }
    });
}

async fn send<IO: AsyncWrite + Unpin>(io: &mut IO, out: &mut Vec<u8>) -> io::Result<()> {
    if !out.is_empty() {
        io.write_all(out).await?;
        io.flush().await?;
        out.clear();
    }
    Ok(())
}

fn closed() -> Error {
    Error::Io(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the peer closed the connection during the handshake",
    ))
}

/// Collects the alert for a failed handshake and says what failed in our words.
fn fail<H: Handshake>(connection: &mut H, error: rustls::Error, out: &mut Vec<u8>) -> Error {
    // What rustls has left to say, the alert last. It must not look for input again: where a
    // message was half read, it would miss the buffer.
    while connection.common().wants_write() {
        let _ = connection.step(&mut [], out);
    }
    let no_identity = matches!(&error, rustls::Error::General(text) if text == NO_IDENTITY);
    let tls12 = connection.common().protocol_version() == Some(ProtocolVersion::TLSv1_2);
    // Alerts that rustls chooses differently; both are sent before there are keys.
    let code = plaintext_alert(out).map(|code| {
        if no_identity {
            *code = alert::code::UNRECOGNIZED_NAME;
        } else if tls12 && *code == alert::code::CERTIFICATE_REQUIRED {
            *code = alert::code::HANDSHAKE_FAILURE; // RFC 5246 section 7.4.6
        }
        *code
    });
    if no_identity {
        return Error::NoIdentity;
    }
    translate(error, code)
}

/// The code of the unprotected alert that ends `out`.
fn plaintext_alert(out: &mut [u8]) -> Option<&mut u8> {
    match out.last_chunk_mut::<7>() {
        Some([0x15, 3, _, 0, 2, _, code]) => Some(code),
        _ => None,
    }
}

/// rustls' errors in our words.
pub(super) fn translate(error: rustls::Error, sent: Option<u8>) -> Error {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate::refused(&error),
        rustls::Error::NoCertificatesPresented => Error::Certificate {
            problem: CertificateProblem::Missing,
            subject: None,
            issuer: None,
            serial: None,
        },
        rustls::Error::AlertReceived(alert) => Error::AlertReceived { code: u8::from(alert) },
        // Sent under the handshake's keys in TLS 1.3, so it cannot be seen among the records.
        rustls::Error::NoApplicationProtocol => Error::violation(
            alert::code::NO_APPLICATION_PROTOCOL,
            "no application protocol in common",
        ),
        other => Error::Protocol {
            alert: sent,
            message: other.to_string(),
        },
    }
}
