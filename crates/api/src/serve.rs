//! HTTP/1.1 and HTTP/2 on one connection, by hyper. The connection is secured already; who accepted it bounds how
//! many there are.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::Api;

/// Head of a request, and the time between two requests.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// Longest life of a connection; clients make a new one. Bounds whoever neither asks nor reads.
const LIFE: Duration = Duration::from_secs(300);
/// How long a connection that is to end may still serve what it has begun.
const LAST: Duration = Duration::from_secs(45);
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// Largest head in bytes.
const HEAD: usize = 32 << 10;

/// Serves a connection that `peer` made until it ends, grows too old, or `stop` becomes true.
pub async fn serve<IO>(api: Arc<Api>, io: IO, peer: IpAddr, is_http2: bool, stop: watch::Receiver<bool>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(io);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(api.answer(request, peer).await) }
    });
    if is_http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(HEADER_TIME)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD as u32)
            .max_pending_accept_reset_streams(20)
            .serve_connection(io, service);
        until_end(connection, stop).await;
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(HEAD)
            .serve_connection(io, service);
        until_end(connection, stop).await;
    }
}

/// Drives a connection; what it has begun when it shall take nothing new has [`LAST`].
async fn until_end<C: GracefulConnection<Error = hyper::Error>>(connection: C, stop: watch::Receiver<bool>) {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return log(ended),
        () = end_of(stop) => connection.as_mut().graceful_shutdown(),
    }
    log(tokio::time::timeout(LAST, connection).await.unwrap_or(Ok(())));
}

/// Ends when the connection shall take nothing new any more.
async fn end_of(mut stop: watch::Receiver<bool>) {
    let stopped = async {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stop.wait_for(|s| *s).await;
    };
    let _ = tokio::time::timeout(LIFE, stopped).await;
}

fn log(ended: hyper::Result<()>) {
    if let Err(e) = ended {
        tracing::debug!(error = %e, "a connection to the API ended");
    }
}
