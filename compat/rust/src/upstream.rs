//! Services that the agent puts online.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, LazyLock};

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::visitor::Body;

pub const MIB: usize = 1 << 20;

static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| (0..MIB).map(|_| rand::random()).collect());

/// A body of so many MiB of which no two blocks are equal.
pub fn blocks(mib: usize) -> impl Iterator<Item = Bytes> {
    (0..mib).map(|number| {
        let mut block = BytesMut::from(&BLOCK[..]);
        block[..8].copy_from_slice(&(number as u64).to_be_bytes());
        block.freeze()
    })
}

pub fn digest_of(mib: usize) -> String {
    hex(blocks(mib).fold(Sha256::new(), |digest, block| digest.chain_update(block)))
}

/// SHA-256 of a body as it comes.
pub async fn digest(mut body: Incoming) -> Result<String> {
    let mut digest = Sha256::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            digest.update(data);
        }
    }
    Ok(hex(digest))
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn body_of(blocks: impl Stream<Item = Bytes> + Send + Sync + 'static) -> Body {
    BodyExt::boxed(StreamBody::new(
        blocks.map(|block| Ok::<_, Infallible>(Frame::data(block))),
    ))
}

/// Something that listens until it is dropped.
pub struct Serving {
    pub address: String,
    task: AbortHandle,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves each connection with `serve`.
pub async fn tcp<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Result<Serving>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let task = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A connection that fails is the test's matter, which sees it from the other end.
            tokio::spawn(serve(socket));
        }
    });
    Ok(Serving {
        address,
        task: task.abort_handle(),
    })
}

pub async fn tcp_echo() -> Result<Serving> {
    tcp(|mut socket| async move {
        let (mut from, mut to) = socket.split();
        tokio::io::copy(&mut from, &mut to).await?;
        Ok(())
    })
    .await
}

/// The address of a port where nobody listens.
pub async fn closed_port() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string())
}

/// Answers any path with what it was asked; `/mib/N`, `/halves`, and `POST` for a digest of the body.
#[derive(Clone)]
pub struct Service {
    pub name: &'static str,
    /// Sends the second half of `/halves`.
    pub go_on: Arc<Notify>,
}

impl Service {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            go_on: Arc::default(),
        }
    }

    /// Over HTTP/1 on a free port.
    pub async fn serve(&self) -> Result<Serving> {
        let service = self.clone();
        tcp(move |socket| service.clone().connection(TokioIo::new(socket))).await
    }

    /// Over HTTP/2 with prior knowledge on a free port.
    pub async fn serve_h2c(&self) -> Result<Serving> {
        let service = self.clone();
        tcp(move |socket| {
            let service = service.clone();
            async move {
                let answer = service_fn(move |asked| service.clone().answer(asked));
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                Ok(http2.serve_connection(TokioIo::new(socket), answer).await?)
            }
        })
        .await
    }

    /// One connection, with upgrades.
    pub async fn connection<I>(self, io: I) -> Result<()>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let answer = service_fn(move |asked| self.clone().answer(asked));
        Ok(hyper::server::conn::http1::Builder::new()
            .serve_connection(io, answer)
            .await?)
    }

    async fn answer(self, asked: Request<Incoming>) -> Result<Response<Body>> {
        if asked.method() == Method::POST {
            let text = digest(asked.into_body()).await?;
            return Ok(Response::new(Full::from(text).boxed()));
        }
        let path = asked.uri().path();
        if let Some(mib) = path.strip_prefix("/mib/").and_then(|n| n.parse().ok()) {
            return Ok(sized(mib, body_of(stream::iter(blocks(mib)))));
        }
        if path == "/halves" {
            let go_on = self.go_on;
            let body = stream::iter(blocks(2).enumerate()).then(move |(number, block)| {
                let go_on = go_on.clone();
                async move {
                    if number == 1 {
                        go_on.notified().await;
                    }
                    block
                }
            });
            return Ok(sized(2, body_of(sync_stream(body))));
        }
        let headers: serde_json::Map<_, _> = asked
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect();
        let said = json!({
            "path": asked.uri().path_and_query().map(ToString::to_string),
            "version": format!("{:?}", asked.version()),
            "name": self.name,
            "headers": headers,
        });
        Ok(Response::new(Full::from(said.to_string()).boxed()))
    }
}

fn sized(mib: usize, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_LENGTH, (mib * MIB).into());
    response
}

/// A stream that may be shared, through a task of its own.
fn sync_stream(source: impl Stream<Item = Bytes> + Send + 'static) -> impl Stream<Item = Bytes> + Send + Sync {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut source = std::pin::pin!(source);
        while let Some(block) = source.next().await {
            if sender.send(block).await.is_err() {
                return;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|block| (block, receiver))
    })
}
