//! A service that speaks HTTP/2 with prior knowledge.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;
use tokio::sync::oneshot;

use super::visitor::runtime;

/// Ends when dropped.
#[derive(Debug)]
pub(crate) struct H2Service {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
}

impl H2Service {
    /// `answer` is given every request, on an event loop of the service's own.
    pub(crate) fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            let runtime = runtime();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let accepting = async {
                    while let Ok((io, _)) = listener.accept().await {
                        let answer = answer.clone();
                        drop(runtime.spawn(async move {
                            let Ok(mut connection) = h2::server::Builder::new()
                                .enable_connect_protocol()
                                .handshake::<_, Bytes>(io)
                                .await
                            else {
                                return;
                            };
                            while let Some(Ok((request, respond))) = connection.accept().await {
                                drop(tokio::runtime::Handle::current().spawn(answer(request, respond)));
                            }
                        }));
                    }
                };
                tokio::select! {
                    () = accepting => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            stop: Some(stop),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for H2Service {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
