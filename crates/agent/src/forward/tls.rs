//! A visitor whose TLS ends here (`tls()` endpoints with an identity): the same relay, with plaintext.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::copy::{Visitor, with_scratch};
use super::inbound::Inbound;
use crate::config::Identity;
use crate::error::Error;

/// A handshake with a visitor takes at most this long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How visitors' TLS is ended at the agent.
#[derive(Debug, Clone)]
pub(crate) struct Termination(adit_tls::ServerProfile);

impl Termination {
    pub(crate) fn new(identity: &Identity, client_roots: Option<&[u8]>) -> Result<Self, Error> {
        let unusable = |error: adit_tls::Error| {
            Error::configuration(
                format!("TLS cannot be ended here: {error}"),
                "check the certificate, the key and the authority of the clients",
            )
        };
        let mut builder = adit_tls::ServerProfile::builder(Arc::new(identity.0.clone()));
        if let Some(pem) = client_roots {
            builder = builder.client_auth(adit_tls::ClientAuth::Require {
                roots: adit_tls::ClientRoots::from_pem(pem).map_err(unusable)?,
            });
        }
        builder.build().map(Self).map_err(unusable)
    }

    pub(crate) async fn accept(&self, mut inbound: Inbound) -> Result<Box<Secured>, String> {
        let early = BytesMut::from(inbound.take_early().as_ref());
        match tokio::time::timeout(HANDSHAKE, Box::pin(adit_tls::accept(inbound, early, &self.0))).await {
            Ok(Ok(stream)) => Ok(Box::new(Secured(stream))),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "the visitor's handshake took longer than {} s",
                HANDSHAKE.as_secs()
            )),
        }
    }
}

/// A visitor's connection whose TLS ends here.
#[derive(Debug)]
pub(crate) struct Secured(pub(crate) adit_tls::Stream<Inbound>);

impl Visitor for Secured {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        with_scratch(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
            let read = buffer.filled();
            Poll::Ready(Ok((!read.is_empty()).then(|| Bytes::copy_from_slice(read))))
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn reset(&mut self, code: u32) {
        self.0.get_mut().reset(code);
    }
}
