//! An endpoint whose connections come to this program: [`Listener`], [`Conn`], [`Peer`].

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use adit_mux::code;
use adit_protocol::proxy_header::ReceivedProxyHeader;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;

use crate::endpoint::{Endpoint, Phase};
use crate::error::Error;
use crate::forward::copy::Visitor as _;
use crate::forward::inbound::Inbound;
use crate::forward::tls::{Secured, Termination};
use crate::forward::{self, visitor_address};
use crate::session::{Patch, Shared};
use crate::supervise::Tasks;

/// Connections that wait for `accept`. More wait on their streams.
const WAITING: usize = 128;
/// How long a connection that this program is done with may take to reach its visitor.
const LINGER: Duration = Duration::from_secs(600);
/// What a visitor may still send meanwhile, bytes.
const DISCARDED: usize = 1 << 20;

/// What is in front of a listener's `accept`.
#[derive(Debug)]
pub(crate) struct Queue {
    sender: mpsc::Sender<(Conn, Peer)>,
    termination: Option<Termination>,
    /// A PROXY header comes in front of the visitor's bytes.
    proxied: bool,
}

pub(crate) fn queue(termination: Option<Termination>, proxied: bool) -> (Queue, mpsc::Receiver<(Conn, Peer)>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (
        Queue {
            sender,
            termination,
            proxied,
        },
        receiver,
    )
}

/// How an application that listens is shown at the server: `app://host/program?pid=1`.
pub(crate) fn application() -> String {
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    format!(
        "app://localhost/{}?pid={}",
        program.unwrap_or_default(),
        std::process::id()
    )
}

/// An endpoint whose connections this program accepts. Dropping it takes the endpoint back; connections that were
/// accepted go on.
pub struct Listener {
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
    connections: mpsc::Receiver<(Conn, Peer)>,
}

impl Listener {
    pub(crate) fn new(shared: Arc<Shared>, endpoint: Arc<Endpoint>, connections: mpsc::Receiver<(Conn, Peer)>) -> Self {
        Self {
            shared,
            endpoint,
            connections,
        }
    }

    /// The public URL.
    pub fn url(&self) -> String {
        self.endpoint.bound().url
    }

    /// The endpoint's name.
    pub fn name(&self) -> String {
        self.endpoint.name()
    }

    /// The endpoint's id in this session.
    pub fn id(&self) -> String {
        self.endpoint.bound().id
    }

    /// The next connection. Waits across reconnections. Cancel-safe.
    ///
    /// # Errors
    /// Why there will be none any more: [`Error::Stopped`] if the server ended the endpoint, [`Error::Closed`] or
    /// what ended the session.
    pub async fn accept(&mut self) -> Result<(Conn, Peer), Error> {
        let mut phase = self.endpoint.phase();
        tokio::select! {
            biased;
            Some(connection) = self.connections.recv() => Ok(connection),
            gone = phase.wait_for(|phase| matches!(phase, Phase::Gone(_))) => Err(match gone.as_deref() {
                Ok(Phase::Gone(Some(cause))) => cause.clone(),
                _ => Error::Closed,
            }),
        }
    }

    /// Replaces the traffic policy without a break; an empty text removes it.
    ///
    /// # Errors
    /// [`Error::Refused`] if the server does not accept it (the old one stays), [`Error::Lost`] if there is no
    /// connection now.
    pub async fn set_policy(&self, policy: impl Into<String>) -> Result<(), Error> {
        self.shared
            .patch(
                &self.endpoint,
                Patch {
                    policy: Some(policy.into()),
                    ..Patch::default()
                },
            )
            .await
    }

    /// Replaces the metadata.
    ///
    /// # Errors
    /// As [`Listener::set_policy`].
    pub async fn set_metadata(&self, metadata: impl Into<String>) -> Result<(), Error> {
        self.shared
            .patch(
                &self.endpoint,
                Patch {
                    metadata: Some(metadata.into()),
                    ..Patch::default()
                },
            )
            .await
    }

    /// Takes the endpoint back and waits until the server has confirmed it.
    pub async fn close(self) {
        self.shared.take_back(&self.endpoint);
        let _ = forward::gone(&self.endpoint).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.take_back(&self.endpoint);
        self.connections.close();
        while let Ok((conn, _)) = self.connections.try_recv() {
            conn.refuse();
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("name", &self.name())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

/// Who is at the other end of a [`Conn`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The visitor's address, as the edge saw it. Unspecified (`0.0.0.0:0`) if the edge did not know it.
    pub addr: SocketAddr,
    /// The endpoint's protocol: `http`, `https`, `tcp` or `tls`.
    pub proto: String,
    /// The name that the visitor's TLS asked for.
    pub sni: Option<String>,
    /// The application protocol that the visitor's TLS negotiated.
    pub alpn: Option<String>,
    /// The visitor's certificate (DER), where TLS ends in this program and one was asked for.
    pub client_cert: Option<Vec<u8>>,
    /// The id of this exchange in the server's events.
    pub request_id: Option<String>,
    /// The endpoint's id in this session.
    pub endpoint_id: String,
}

/// A visitor's connection. Like a socket, it is ended in order when it is dropped after
/// [`shutdown`](AsyncWriteExt::shutdown) or without; [`Conn::reset`] ends it as failed.
pub struct Conn {
    inner: Option<Inner>,
    tasks: Tasks,
}

enum Inner {
    Plain(Inbound),
    Tls {
        /// The PROXY header, which stands before the handshake on the stream and is read first here, too.
        front: Bytes,
        secured: Box<Secured>,
    },
}

impl Conn {
    /// Ends the connection as failed: the visitor sees a reset or a broken message.
    pub fn reset(mut self) {
        self.end(code::RESET);
    }

    /// Nobody will look at it: the edge may ask another agent.
    fn refuse(mut self) {
        self.end(code::REFUSED);
    }

    fn end(&mut self, code: u32) {
        match self.inner.take() {
            Some(Inner::Plain(mut stream)) => stream.reset(code),
            Some(Inner::Tls { mut secured, .. }) => secured.reset(code),
            None => {}
        }
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        let Some(mut inner) = self.inner.take() else { return };
        if std::thread::panicking() || inner.is_over() {
            return;
        }
        // What was written must reach the visitor: dropping the stream now would reset it.
        self.tasks.spawn(|entry| async move {
            let _entry = entry;
            let _ = tokio::time::timeout(LINGER, async {
                inner.shutdown().await?;
                let mut dropped = 0;
                std::future::poll_fn(|cx| inner.poll_discard(cx, &mut dropped)).await
            })
            .await;
        });
    }
}

impl Inner {
    /// Both directions have ended.
    fn is_over(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_over(),
            Self::Tls { secured, .. } => secured.0.get_ref().is_over(),
        }
    }

    /// Reads and drops until the end; a visitor that goes on and on is given up.
    fn poll_discard(&mut self, cx: &mut Context<'_>, dropped: &mut usize) -> Poll<io::Result<()>> {
        loop {
            let mut place = [0; 1024];
            let mut buffer = ReadBuf::new(&mut place);
            ready!(Pin::new(&mut *self).poll_read(cx, &mut buffer))?;
            *dropped += buffer.filled().len();
            if buffer.filled().is_empty() || *dropped > DISCARDED {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncRead for Inner {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls { front, secured } if front.is_empty() => Pin::new(&mut secured.0).poll_read(cx, buf),
            Self::Tls { front, .. } => {
                let n = front.len().min(buf.remaining());
                buf.put_slice(front.get(..n).unwrap_or_default());
                front.advance(n);
                Poll::Ready(Ok(()))
            }
        }
    }
}

macro_rules! write_half {
    ($self:ident, $io:ident => $call:expr) => {
        match $self.get_mut() {
            Inner::Plain($io) => $call,
            Inner::Tls { secured, .. } => {
                let $io = &mut secured.0;
                $call
            }
        }
    };
}

impl AsyncWrite for Inner {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        write_half!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        write_half!(self, io => Pin::new(io).poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls { secured, .. } => secured.0.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        write_half!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        write_half!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}

impl Conn {
    fn io(self: Pin<&mut Self>) -> io::Result<Pin<&mut Inner>> {
        // Empty only while it is being dropped.
        self.get_mut()
            .inner
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.io()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io()?.poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.as_ref().is_some_and(Inner::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_shutdown(cx)
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.inner {
            Some(Inner::Plain(_)) => "Conn(plain)",
            Some(Inner::Tls { .. }) => "Conn(tls)",
            None => "Conn(closed)",
        };
        f.write_str(kind)
    }
}

/// Puts one visitor's stream into the listener's queue.
pub(crate) async fn deliver(
    shared: &Shared,
    endpoint: &Endpoint,
    queue: &Queue,
    mut inbound: Inbound,
    header: ReceivedProxyHeader,
) {
    let adit = header.adit.clone().unwrap_or_default();
    let mut peer = Peer {
        addr: visitor_address(&header),
        proto: header.proto,
        sni: adit.sni,
        alpn: adit.alpn,
        client_cert: None,
        request_id: adit.event,
        endpoint_id: endpoint.bound().id,
    };
    let inner = match queue.termination.as_ref().filter(|_| header.passthrough_tls) {
        None => Inner::Plain(inbound),
        Some(termination) => {
            let front = if queue.proxied {
                match forward::proxy_header(&mut inbound).await {
                    Ok(front) => front,
                    Err(_) => return inbound.reset(code::PROTOCOL),
                }
            } else {
                Bytes::new()
            };
            // A visitor whose handshake fails has had his alert.
            let Ok(secured) = termination.accept(inbound).await else {
                return;
            };
            peer.sni = secured.0.server_name().map(str::to_owned).or(peer.sni);
            peer.alpn = secured.0.alpn().map(|alpn| String::from_utf8_lossy(alpn).into_owned());
            peer.client_cert = secured.0.peer_certificate().map(<[u8]>::to_vec);
            Inner::Tls { front, secured }
        }
    };
    let conn = Conn {
        inner: Some(inner),
        tasks: shared.tasks.clone(),
    };
    if let Err(mpsc::error::SendError((conn, _))) = queue.sender.send((conn, peer)).await {
        conn.refuse();
    }
}

#[cfg(feature = "axum")]
mod axum {
    use axum::extract::connect_info::Connected;
    use axum::serve::IncomingStream;

    use super::{Conn, Listener, Peer};

    impl axum::serve::Listener for Listener {
        type Io = Conn;
        type Addr = Peer;

        /// After the endpoint has ended this waits for ever: end the server with its graceful shutdown.
        async fn accept(&mut self) -> (Conn, Peer) {
            match Self::accept(self).await {
                Ok(accepted) => accepted,
                Err(_) => std::future::pending().await,
            }
        }

        fn local_addr(&self) -> std::io::Result<Peer> {
            Ok(Peer {
                addr: std::net::SocketAddr::from(([0, 0, 0, 0], 0)),
                proto: self
                    .url()
                    .split_once("://")
                    .map_or_else(String::new, |(scheme, _)| scheme.to_owned()),
                sni: None,
                alpn: None,
                client_cert: None,
                request_id: None,
                endpoint_id: self.id(),
            })
        }
    }

    impl Connected<IncomingStream<'_, Listener>> for Peer {
        fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
            stream.remote_addr().clone()
        }
    }
}
