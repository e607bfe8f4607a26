//! Somebody in the middle changes bytes: the handshake fails or the data is right, nothing else,
//! and nobody panics.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use adit_tls::{ClientAuth, ClientProfile, ClientRoots, ServerProfile, TicketKeys, Version};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::support::{Ca, NAME, shake, site};

/// Changes what is read from the socket.
struct Tampered<IO> {
    io: IO,
    /// Where, counted from the first byte, and what to do with it.
    changes: Vec<(usize, u8)>,
    seen: usize,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Tampered<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buf);
        let new = &mut buf.filled_mut()[before..];
        for (at, mask) in &self.changes {
            if let Some(byte) = at.checked_sub(self.seen).and_then(|at| new.get_mut(at)) {
                *byte ^= mask;
            }
        }
        self.seen += new.len();
        result
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Tampered<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Runs a future that lives in memory alone until it is done, or can never be: a changed length
/// may leave both sides waiting.
fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let mut future = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(flag.clone());
    let mut cx = Context::from_waker(&waker);
    while flag.0.swap(false, Ordering::Relaxed) {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return Some(value);
        }
    }
    None
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let at = prop_oneof![0usize..200, 0usize..3000];
    prop::collection::vec((at, 1u8..), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn changed_bytes_are_never_believed(
        to_server in changes(),
        to_client in changes(),
        tls13 in any::<bool>(),
        mutual in any::<bool>(),
    ) {
        let site = site();
        let ca = Ca::new("Client Root");
        let mut server = ServerProfile::builder(Arc::new(site.identity.clone()))
            .tickets(TicketKeys::new([1; 32]));
        if mutual {
            let roots = ClientRoots::from_pem(ca.pem().as_bytes()).unwrap();
            server = server.client_auth(ClientAuth::Require { roots });
        }
        let server = server.build().unwrap();
        let client = ClientProfile::builder(site.ca.roots())
            .identity(ca.leaf(&["client.example"]).identity())
            .max_version(if tls13 { Version::Tls13 } else { Version::Tls12 })
            .build()
            .unwrap();
        let untouched = to_server.is_empty() && to_client.is_empty();
        let outcome = run(async {
            let (a, b) = tokio::io::duplex(64 * 1024);
            let a = Tampered { io: a, changes: to_server, seen: 0 };
            let b = Tampered { io: b, changes: to_client, seen: 0 };
            let (server, client) = shake(a, &server, b, &client, NAME).await;
            // Each side goes as far as it can; data that arrives is right.
            let server = async {
                let mut stream = server.ok()?;
                stream.write_all(b"from the server").await.ok()?;
                let mut buf = [0; 15];
                stream.read_exact(&mut buf).await.ok()?;
                let _ = stream.shutdown().await; // the other side may have gone
                Some(buf)
            };
            let client = async {
                let mut stream = client.ok()?;
                stream.write_all(b"from the client").await.ok()?;
                let mut buf = [0; 15];
                stream.read_exact(&mut buf).await.ok()?;
                let _ = stream.shutdown().await; // the other side may have gone
                Some(buf)
            };
            tokio::join!(server, client)
        });
        if let Some((server, client)) = outcome {
            prop_assert!(server.is_none_or(|got| &got == b"from the client"));
            prop_assert!(client.is_none_or(|got| &got == b"from the server"));
        }
        if untouched {
            prop_assert!(matches!(outcome, Some((Some(_), Some(_)))));
        }
    }
}
