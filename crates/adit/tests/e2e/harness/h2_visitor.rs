//! A visitor that speaks HTTP/2 by the crate `h2`.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::runtime::Runtime;

use super::server::Server;
use super::visitor::{Visitor, within};

/// A connection; its own task runs whenever the test waits for something on it.
pub(crate) struct H2 {
    pub(crate) send: SendRequest<Bytes>,
    runtime: Runtime,
    host: String,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    pub(crate) fn code(&self) -> &str {
        self.get("ngrok-error-code").unwrap_or("")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl H2 {
    #[track_caller]
    pub(crate) fn connect(server: &Server, name: &str) -> Self {
        let visitor = Visitor::tls_with(server, name, &["h2"]);
        assert_eq!(visitor.alpn().as_deref(), Some("h2"));
        let (io, runtime) = visitor.into_tls();
        let builder = || {
            let mut builder = h2::client::Builder::new();
            builder
                .initial_window_size(1 << 20)
                .initial_connection_window_size(8 << 20)
                .max_header_list_size(1 << 20);
            builder
        };
        let (send, connection) = within(&runtime, "h2 handshake", builder().handshake::<_, Bytes>(io)).unwrap();
        drop(runtime.spawn(async move {
            // How it ended is seen by the requests.
            let _ = connection.await;
        }));
        Self {
            send,
            runtime,
            host: name.to_owned(),
        }
    }

    /// Waits, with the deadline.
    #[track_caller]
    pub(crate) fn wait<F: Future>(&self, what: &str, future: F) -> F::Output {
        within(&self.runtime, what, future)
    }

    /// A request for this connection's name.
    pub(crate) fn to(&self, method: Method, target: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("https://{}{target}", self.host))
    }

    /// Sends a head; with `end` nothing follows.
    #[track_caller]
    pub(crate) fn begin(&mut self, request: Request<()>, end: bool) -> (ResponseFuture, SendStream<Bytes>) {
        self.try_begin(request, end).unwrap()
    }

    /// The same on a connection that may have ended.
    #[track_caller]
    fn try_begin(&mut self, request: Request<()>, end: bool) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let send = self.send.clone();
        let mut send = within(&self.runtime, "room for a stream", send.ready())?;
        send.send_request(request, end)
    }

    /// Sends a whole request and receives its response.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: Request<()>, body: &[u8]) -> Answer {
        self.try_ask(request, body, None).unwrap()
    }

    /// The same with trailers.
    #[track_caller]
    pub(crate) fn try_ask(
        &mut self,
        request: Request<()>,
        body: &[u8],
        trailers: Option<HeaderMap>,
    ) -> Result<Answer, h2::Error> {
        let (response, mut stream) = self.try_begin(request, body.is_empty() && trailers.is_none())?;
        within(&self.runtime, "response", async {
            if !body.is_empty() {
                stream.send_data(Bytes::copy_from_slice(body), trailers.is_none())?;
            }
            if let Some(trailers) = trailers {
                stream.send_trailers(trailers)?;
            }
            whole(response).await
        })
    }

    #[track_caller]
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        let request = self.to(Method::GET, target).body(()).unwrap();
        self.ask(request, b"")
    }

    /// Lets the connection's own task run while `play` waits for something elsewhere, on a thread of its own.
    #[track_caller]
    pub(crate) fn meanwhile<T: Send>(&self, play: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let playing = scope.spawn(play);
            while !playing.is_finished() {
                self.runtime
                    .block_on(async { tokio::time::sleep(std::time::Duration::from_millis(1)).await });
            }
            playing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Collects a response.
pub(crate) async fn whole(response: ResponseFuture) -> Result<Answer, h2::Error> {
    let (parts, mut body) = response.await?.into_parts();
    let mut all = Vec::new();
    while let Some(data) = chunk(&mut body).await? {
        all.extend_from_slice(&data);
    }
    let trailers = body.trailers().await?;
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: all,
        trailers,
    })
}

/// The next piece of a body, with its credit given back.
pub(crate) async fn chunk(body: &mut RecvStream) -> Result<Option<Bytes>, h2::Error> {
    while let Some(data) = body.data().await {
        let data = data?;
        // The end of a stream may come in a frame without data.
        if !data.is_empty() {
            let _ = body.flow_control().release_capacity(data.len());
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Sends bytes as the peer's windows allow.
pub(crate) async fn send_all(stream: &mut SendStream<Bytes>, mut data: Bytes, end: bool) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        while stream.capacity() == 0 {
            match poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(more) => more?,
                None => return Err(h2::Reason::INTERNAL_ERROR.into()),
            };
        }
        let n = stream.capacity().min(data.len());
        stream.send_data(data.split_to(n), end && data.is_empty())?;
    }
    Ok(())
}
