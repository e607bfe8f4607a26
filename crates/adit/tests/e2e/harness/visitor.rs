//! A visitor's connection of which every byte is the test's own: TLS by the crate `tls`, or plain TCP.
//!
//! Each has an event loop of its own and blocks, so that a test reads from top to bottom.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use adit_tls::{ClientProfile, Roots};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::message::{Message, Of};
use super::server::Server;
use super::wait::DEADLINE;

/// How the other side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order: FIN, over TLS after `close_notify`.
    Clean,
    /// FIN without `close_notify`.
    Cut,
    /// RST.
    Reset,
}

/// A connection.
pub(crate) struct Visitor {
    io: Io,
    received: Vec<u8>,
    ended: Option<End>,
    runtime: Runtime,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<adit_tls::Stream<TcpStream>>),
}

/// An event loop for one connection.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The end of `future`, or a panic at the deadline.
#[track_caller]
pub(crate) fn within<F: Future>(runtime: &Runtime, what: &str, future: F) -> F::Output {
    let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, future).await });
    done.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

impl Visitor {
    /// Plain TCP.
    #[track_caller]
    pub(crate) fn plain(address: SocketAddr) -> Self {
        let runtime = runtime();
        let (io, ended) = match within(&runtime, "connect", TcpStream::connect(address)) {
            Ok(io) => (io, None),
            // A listener that resets what it has just accepted can be faster than we see that we are connected.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => (unconnected(&runtime), Some(End::Reset)),
            Err(e) => panic!("{address}: {e}"),
        };
        io.set_nodelay(true).unwrap();
        Self {
            io: Io::Plain(io),
            received: Vec::new(),
            ended,
            runtime,
        }
    }

    /// TLS with this name, without ALPN.
    #[track_caller]
    pub(crate) fn tls(server: &Server, name: &str) -> Self {
        Self::tls_with(server, name, &[])
    }

    /// TLS with this name, which is verified, and these protocols.
    #[track_caller]
    pub(crate) fn tls_with(server: &Server, name: &str, alpn: &[&str]) -> Self {
        let profile = ClientProfile::builder(Roots::Pem(server.info.ca_pem()))
            .alpn(alpn)
            .build()
            .unwrap();
        Self::handshake(server.info.https, name, &profile).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// TLS with a profile of the test's.
    #[track_caller]
    pub(crate) fn handshake(address: SocketAddr, name: &str, profile: &ClientProfile) -> Result<Self, adit_tls::Error> {
        let runtime = runtime();
        let io = within(&runtime, "handshake", async {
            let io = TcpStream::connect(address).await.unwrap();
            io.set_nodelay(true).unwrap();
            adit_tls::connect(io, name, profile).await
        })?;
        Ok(Self {
            io: Io::Tls(Box::new(io)),
            received: Vec::new(),
            ended: None,
            runtime,
        })
    }

    /// A connection from this address of our own, which begins with the header of a load balancer; then TLS, if a name
    /// and a profile are given.
    #[track_caller]
    pub(crate) fn proxied(
        from: &str,
        address: SocketAddr,
        header: &str,
        tls: Option<(&str, &ClientProfile)>,
    ) -> Result<Self, adit_tls::Error> {
        let runtime = runtime();
        let io = within(&runtime, "handshake", async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
            let mut io = socket.connect(address).await.unwrap();
            io.set_nodelay(true).unwrap();
            io.write_all(header.as_bytes()).await.unwrap();
            Ok::<Io, adit_tls::Error>(match tls {
                Some((name, profile)) => Io::Tls(Box::new(adit_tls::connect(io, name, profile).await?)),
                None => Io::Plain(io),
            })
        })?;
        Ok(Self {
            io,
            received: Vec::new(),
            ended: None,
            runtime,
        })
    }

    /// The TLS connection and its event loop.
    #[track_caller]
    pub(crate) fn into_tls(self) -> (adit_tls::Stream<TcpStream>, Runtime) {
        match self.io {
            Io::Tls(io) => (*io, self.runtime),
            Io::Plain(_) => panic!("no TLS"),
        }
    }

    /// The protocol that was agreed on.
    pub(crate) fn alpn(&self) -> Option<String> {
        match &self.io {
            Io::Plain(_) => None,
            Io::Tls(io) => io.alpn().map(|p| String::from_utf8_lossy(p).into_owned()),
        }
    }

    fn socket(&self) -> &TcpStream {
        match &self.io {
            Io::Plain(io) => io,
            Io::Tls(io) => io.get_ref(),
        }
    }

    /// This end's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.socket().local_addr().unwrap()
    }

    /// A receive buffer of this many bytes, so that the other side is stopped early.
    pub(crate) fn shrink(&self, bytes: usize) {
        socket2::SockRef::from(self.socket())
            .set_recv_buffer_size(bytes)
            .unwrap();
    }

    /// Writes all of it.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    /// The same, for when the other side may have closed.
    #[track_caller]
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let bytes = bytes.as_ref();
        let io = &mut self.io;
        within(&self.runtime, "write", async {
            match io {
                Io::Plain(io) => io.write_all(bytes).await,
                Io::Tls(io) => {
                    io.write_all(bytes).await?;
                    io.flush().await
                }
            }
        })
    }

    /// Writes all of it if that is possible within `patience`; the connection is of no use for writing otherwise.
    pub(crate) fn try_send_now(&mut self, bytes: &[u8], patience: Duration) -> bool {
        let io = &mut self.io;
        let sent = self.runtime.block_on(async {
            tokio::time::timeout(patience, async {
                match io {
                    Io::Plain(io) => io.write_all(bytes).await,
                    Io::Tls(io) => {
                        io.write_all(bytes).await?;
                        io.flush().await
                    }
                }
            })
            .await
        });
        matches!(sent, Ok(Ok(())))
    }

    /// Ends the sending side: FIN, over TLS after `close_notify`.
    pub(crate) fn finish(&mut self) {
        let io = &mut self.io;
        let _ = within(&self.runtime, "shutdown", async {
            match io {
                Io::Plain(io) => io.shutdown().await,
                Io::Tls(io) => io.shutdown().await,
            }
        });
    }

    /// Ends it with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(self.socket())
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// Receives more; false when the other side has ended.
    #[track_caller]
    fn more(&mut self) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let (io, received) = (&mut self.io, &mut self.received);
        let so_far = received.len();
        let read = self.runtime.block_on(async {
            tokio::time::timeout(DEADLINE, async {
                match io {
                    Io::Plain(io) => io.read_buf(received).await,
                    Io::Tls(io) => io.read_buf(received).await,
                }
            })
            .await
        });
        match read {
            Err(_) => panic!(
                "nothing more within {DEADLINE:?}; received so far: {}",
                self.received[..so_far.min(4096)].escape_ascii()
            ),
            Ok(Ok(0)) => self.ended = Some(End::Clean),
            Ok(Ok(_)) => {}
            Ok(Err(e)) => self.ended = Some(end_of(&e)),
        }
        self.ended.is_none()
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn receive(&mut self, of: Of) -> Message {
        self.try_receive(of)
            .unwrap_or_else(|end| panic!("no whole response but {end:?} after: {}", self.received.escape_ascii()))
    }

    /// The next message, or how the connection ended without one.
    #[track_caller]
    pub(crate) fn try_receive(&mut self, of: Of) -> Result<Message, End> {
        loop {
            // A body that only the end delimits is whole only if the end is in order.
            let ended = self.ended;
            if let Some(message) = Message::take(&mut self.received, of, ended == Some(End::Clean)) {
                return Ok(message);
            }
            if let Some(end) = ended {
                return Err(end);
            }
            self.more();
        }
    }

    /// The next head, whatever follows it.
    #[track_caller]
    pub(crate) fn receive_head(&mut self) -> Message {
        loop {
            if let Some(message) = Message::take_head(&mut self.received) {
                return message;
            }
            assert!(
                self.more(),
                "no whole head but {:?} after: {}",
                self.ended,
                self.received.escape_ascii()
            );
        }
    }

    /// Sends a request and receives its response.
    #[track_caller]
    pub(crate) fn ask_of(&mut self, request: impl AsRef<[u8]>, of: Of) -> Message {
        self.send(request);
        self.receive(of)
    }

    /// The same for a `GET`.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.send(request);
        self.receive(Of::Get)
    }

    /// Exactly this many bytes.
    #[track_caller]
    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        while self.received.len() < n {
            assert!(
                self.more(),
                "{:?} before {n} bytes: {}",
                self.ended,
                self.received.escape_ascii()
            );
        }
        self.received.drain(..n).collect()
    }

    /// Exactly this many bytes, or how the connection ended before.
    pub(crate) fn try_bytes(&mut self, n: usize) -> Result<Vec<u8>, End> {
        while self.received.len() < n {
            if !self.more() {
                return Err(self.ended.unwrap_or(End::Clean));
            }
        }
        Ok(self.received.drain(..n).collect())
    }

    /// Reads this many bytes away, in pieces.
    #[track_caller]
    pub(crate) fn skip(&mut self, n: usize) {
        let mut left = n;
        while left > 0 {
            if self.received.is_empty() {
                assert!(self.more(), "{:?} with {left} bytes to come", self.ended);
            }
            let some = left.min(self.received.len());
            self.received.drain(..some);
            left -= some;
        }
    }

    /// Everything until the other side ends, and how it ended.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        while self.more() {}
        (std::mem::take(&mut self.received), self.ended.unwrap_or(End::Clean))
    }

    /// What comes before the end, however that comes: a refusal in TLS is an error of the TLS layer.
    pub(crate) fn rest_or_alert(&mut self) -> Vec<u8> {
        let (io, received) = (&mut self.io, &mut self.received);
        within(&self.runtime, "the end", async {
            loop {
                let read = match io {
                    Io::Plain(io) => io.read_buf(received).await,
                    Io::Tls(io) => io.read_buf(received).await,
                };
                if !matches!(read, Ok(n) if n > 0) {
                    return;
                }
            }
        });
        std::mem::take(&mut self.received)
    }

    /// Whether anything can be read now, the end included.
    pub(crate) fn has_something(&mut self) -> bool {
        if !self.received.is_empty() || self.ended.is_some() {
            return true;
        }
        let (io, received) = (&mut self.io, &mut self.received);
        let read = self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_millis(20), async {
                match io {
                    Io::Plain(io) => io.read_buf(received).await,
                    Io::Tls(io) => io.read_buf(received).await,
                }
            })
            .await
        });
        match read {
            Err(_) => false,
            Ok(Ok(0)) => {
                self.ended = Some(End::Clean);
                true
            }
            Ok(Ok(_)) => true,
            Ok(Err(e)) => {
                self.ended = Some(end_of(&e));
                true
            }
        }
    }
}

/// A socket for a visitor whose connection is over.
fn unconnected(runtime: &Runtime) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM.nonblocking(), None).unwrap();
    let _context = runtime.enter();
    TcpStream::from_std(socket.into()).unwrap()
}

fn end_of(e: &io::Error) -> End {
    match e.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => End::Reset,
        io::ErrorKind::UnexpectedEof => End::Cut,
        _ => panic!("{e}"),
    }
}
