//! An upstream that speaks HTTP/2 with prior knowledge over an agent's stream: one connection per session and
//! endpoint carries many requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use adit_cluster::{AgentStream, Member, MemberKey, StreamFailures};
use adit_http1::{FieldList, Framing, Head, Known};
use bytes::{Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use super::exchange::{Forwarded, Progress, edit, ended, wanted};
use super::failure::{Attempt, Failure};
use super::governed::{Alone, pumped};
use super::open::{dial_failed, open};
use super::pump::{End, Pump};
use super::scratch::Exchange;
use super::taking::{Taking, poll_watched};
use super::terms::Watch;
use super::upstream::{Upstream, UpstreamError};
use crate::admit::Permitted;
use crate::govern::Chain;
use crate::http::{RequestFacts, Visitor};
use crate::reply::Answer;
use crate::secure::Conn;
use crate::supervise;

/// Longest time from opening a connection to the upstream's preface.
const SETTLE: Duration = Duration::from_secs(10);

/// The HTTP/2 connections to upstreams of this node, by member.
#[derive(Debug, Default)]
pub(crate) struct Http2Upstreams {
    by_member: Mutex<HashMap<MemberKey, Connection, foldhash::fast::RandomState>>,
}

/// A connection to an upstream. Requests are sent before the upstream has said anything, so what it is shows only
/// when they fail.
#[derive(Clone, Debug)]
struct Connection {
    send: SendRequest<Bytes>,
    /// What came back first was HTTP/1.
    http1: Arc<AtomicBool>,
    /// Where the agent says why it has no connection.
    causes: Option<(u32, Arc<StreamFailures>)>,
}

impl Connection {
    /// What the failure of a request on it means.
    async fn failed(self, error: UpstreamError, member: &Member) -> UpstreamError {
        match error {
            UpstreamError::Closed if self.http1.load(Ordering::Relaxed) => {
                member.mark_http1_only();
                UpstreamError::SpeaksHttp1
            }
            UpstreamError::Closed => match dial_failed(self.causes).await {
                Some(cause) => UpstreamError::DialFailed(Box::new(cause)),
                None => UpstreamError::Closed,
            },
            other => other,
        }
    }
}

impl Http2Upstreams {
    fn get(&self, key: MemberKey) -> Option<Connection> {
        self.by_member.lock().ok()?.get(&key).cloned()
    }

    fn put(&self, key: MemberKey, connection: Connection) {
        if let Ok(mut m) = self.by_member.lock() {
            m.insert(key, connection);
        }
    }

    /// Takes this connection out, unless another one has come in its place.
    fn remove(&self, key: MemberKey, connection: &Arc<AtomicBool>) {
        if let Ok(mut m) = self.by_member.lock()
            && m.get(&key).is_some_and(|c| Arc::ptr_eq(&c.http1, connection))
        {
            m.remove(&key);
        }
    }
}

/// One attempt over HTTP/2.
#[allow(clippy::too_many_arguments, reason = "the parts of one exchange")]
pub(super) async fn attempt<V: Visitor>(
    conn: &Arc<Conn>,
    visitor: &mut V,
    exchange: &mut Exchange,
    permitted: &Permitted,
    host: &str,
    facts: &RequestFacts,
    progress: &mut Progress,
    chain: &mut Option<Box<Chain>>,
) -> Attempt {
    let member = permitted.member();
    let mut connection = match ready_connection(conn, member).await {
        Ok(c) => c,
        Err(f) => return Attempt::Failed(f),
    };
    let Some(request) = request(&exchange.request, host) else {
        // What the visitor asked for cannot be said in HTTP/2: no fault of the upstream.
        return Attempt::Done(Forwarded::Answer(Answer::upstream_invalid()));
    };
    let end = !facts.has_body();
    let (response, stream) = match connection.send.send_request(request, end) {
        Ok(r) => r,
        Err(e) => {
            conn.node.http2_upstreams.remove(member.key, &connection.http1);
            return Attempt::Failed(Failure::Upstream(connection.failed(failed(&e), member).await));
        }
    };
    let mut upstream = H2Upstream {
        response: Some(response),
        body: None,
        stream,
        ended: end,
        uncredited: 0,
        framing: Framing::UntilClose,
        trailers: None,
        answered: false,
        body_ended: false,
        is_head: facts.is_head,
    };
    let new_host = chain.as_ref().and_then(|c| c.new_host()).map(str::to_owned);
    let edit = edit(conn, member, new_host.as_deref(), host);
    let wanted = wanted(facts, &exchange.request, chain.is_some());
    let (request, response, received) = exchange.parts();
    let mut pump = Pump::new(
        visitor,
        &mut upstream,
        request,
        response,
        wanted,
        edit,
        progress.held.take(),
        None,
    )
    .beginning_with(std::mem::take(&mut progress.begun));
    pump.repeatable(progress.armed);
    pump.give_cookie(permitted.cookie.as_deref());
    pump.watch(chain.as_ref().and_then(|c| Watch::new(c.terms(), progress.began)));
    let alone = progress.alone.as_ref().map(|left| Alone {
        left,
        request: received,
        host,
    });
    let end = pumped(&mut pump, conn, member, chain, alone, Instant::now(), progress.seen).await;
    progress.first_byte = pump.first_byte;
    progress.held = pump.held.take();
    let answered = pump.has_begun();
    match end {
        End::Complete | End::Upgraded => Attempt::Done(Forwarded::Complete),
        End::Upstream(e) => {
            conn.node.http2_upstreams.remove(member.key, &connection.http1);
            if answered {
                progress.upstream_broke = true;
                visitor.break_off();
                return Attempt::Done(Forwarded::Broken);
            }
            Attempt::Failed(Failure::Upstream(connection.failed(e, member).await))
        }
        other => {
            upstream.abort();
            ended(other, answered, visitor, progress).await
        }
    }
}

/// A connection that takes a request now; made when there is none.
async fn ready_connection(conn: &Arc<Conn>, member: &Arc<Member>) -> Result<Connection, Failure> {
    let known = &conn.node.http2_upstreams;
    if let Some(mut connection) = known.get(member.key) {
        match connection.send.ready().await {
            Ok(send) => {
                connection.send = send;
                return Ok(connection);
            }
            Err(_) => known.remove(member.key, &connection.http1),
        }
    }
    let opened = open(member, conn.peer, conn.local, false, b"", &conn.observe).map_err(Failure::Open)?;
    let causes = opened.causes;
    let preface = Preface {
        stream: opened.stream,
        taking: opened.taking,
        seen: BytesMut::new(),
        http1: Arc::default(),
    };
    let http1 = preface.http1.clone();
    let made = tokio::time::timeout(
        SETTLE,
        h2::client::Builder::new()
            .initial_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .max_frame_size(16 * 1024)
            .max_header_list_size(256 * 1024)
            .enable_push(false)
            .handshake::<_, Bytes>(preface),
    )
    .await;
    let (send, driver) = match made {
        Ok(Ok(pair)) => pair,
        Ok(Err(e)) => return Err(Failure::Upstream(failed(&e))),
        Err(_) => return Err(Failure::Upstream(UpstreamError::Closed)),
    };
    let (node, key, this) = (conn.node.clone(), member.key, http1.clone());
    supervise::spawn("h2 upstream", async move {
        // However it ended, requests find out by their own streams.
        let _ = driver.await;
        node.http2_upstreams.remove(key, &this);
    });
    let mut connection = Connection {
        send: send.clone(),
        http1,
        causes,
    };
    match tokio::time::timeout(SETTLE, send.ready()).await {
        Ok(Ok(send)) => {
            connection.send = send;
            known.put(member.key, connection.clone());
            Ok(connection)
        }
        _ => Err(Failure::Upstream(
            connection.failed(UpstreamError::Closed, member).await,
        )),
    }
}

/// The request in HTTP/2's form.
fn request(head: &Head, host: &str) -> Option<Request<()>> {
    let authority = head
        .get(Known::Host)
        .and_then(|h| std::str::from_utf8(h).ok())
        .unwrap_or(host);
    let target = std::str::from_utf8(head.target()).ok()?;
    let uri = Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query(target)
        .build()
        .ok()?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(head.method()).ok()?;
    *request.uri_mut() = uri;
    *request.version_mut() = http::Version::HTTP_2;
    let headers = request.headers_mut();
    for (name, value) in head.fields() {
        if matches!(
            name.known(),
            Known::Host | Known::Connection | Known::TransferEncoding | Known::Upgrade | Known::KeepAlive
        ) {
            continue;
        }
        let (Ok(n), Ok(v)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) else {
            continue;
        };
        headers.append(n, v);
    }
    Some(request)
}

fn failed(e: &h2::Error) -> UpstreamError {
    match e.reason() {
        Some(Reason::REFUSED_STREAM) => UpstreamError::Refused,
        _ => UpstreamError::Closed,
    }
}

/// One request stream.
struct H2Upstream {
    response: Option<ResponseFuture>,
    body: Option<RecvStream>,
    stream: SendStream<Bytes>,
    ended: bool,
    uncredited: usize,
    framing: Framing,
    trailers: Option<FieldList>,
    answered: bool,
    body_ended: bool,
    is_head: bool,
}

impl Upstream for H2Upstream {
    fn poll_send(&mut self, cx: &mut Context<'_>, data: &mut Bytes) -> Poll<Result<(), UpstreamError>> {
        while !data.is_empty() {
            self.stream.reserve_capacity(data.len());
            if self.stream.capacity() == 0 {
                match ready!(self.stream.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(e)) => return Poll::Ready(Err(failed(&e))),
                    None => return Poll::Ready(Err(UpstreamError::Closed)),
                }
            }
            let n = self.stream.capacity().min(data.len());
            if n > 0 {
                self.stream.send_data(data.split_to(n), false).map_err(|e| failed(&e))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _: &mut Context<'_>, trailers: Option<&FieldList>) -> Poll<Result<(), UpstreamError>> {
        if !self.ended {
            self.ended = true;
            let sent = match trailers {
                Some(t) => {
                    let mut map = http::HeaderMap::new();
                    for (n, v) in t.fields() {
                        if let (Ok(n), Ok(v)) = (HeaderName::from_bytes(n.as_bytes()), HeaderValue::from_bytes(v)) {
                            map.append(n, v);
                        }
                    }
                    self.stream.send_trailers(map)
                }
                None => self.stream.send_data(Bytes::new(), true),
            };
            sent.map_err(|e| failed(&e))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut Head) -> Poll<Result<(), UpstreamError>> {
        let Some(response) = &mut self.response else {
            return Poll::Ready(Err(UpstreamError::Closed));
        };
        if let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
            let interim = interim.map_err(|e| failed(&e))?;
            head.start_response(interim.status().as_u16());
            push_all(head, interim.headers());
            return Poll::Ready(Ok(()));
        }
        let response = ready!(std::pin::Pin::new(response).poll(cx)).map_err(|e| failed(&e))?;
        self.answered = true;
        self.response = None;
        let (parts, body) = response.into_parts();
        head.start_response(parts.status.as_u16());
        push_all(head, &parts.headers);
        self.body_ended = body.is_end_stream();
        self.framing = if self.is_head || self.body_ended {
            Framing::Length(0)
        } else {
            parts
                .headers
                .get(http::header::CONTENT_LENGTH)
                .and_then(|v| v.to_str().ok())
                .and_then(|v| v.parse().ok())
                .map_or(Framing::Chunked, Framing::Length)
        };
        let may_have_length = !self.is_head && !matches!(parts.status.as_u16(), 204 | 304);
        if self.body_ended && may_have_length && head.get(Known::ContentLength).is_none() {
            // The end that came with the head is all that says so; HTTP/1 has no such end.
            head.push(b"Content-Length", b"0");
        }
        self.body = Some(body);
        Poll::Ready(Ok(()))
    }

    fn framing(&self) -> Framing {
        self.framing
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, UpstreamError>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(Ok(None));
        };
        if self.uncredited > 0 {
            // An error means that the stream is gone, and its credit with it.
            let _ = body.flow_control().release_capacity(self.uncredited);
            self.uncredited = 0;
        }
        if !self.body_ended {
            match ready!(body.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.uncredited = data.len();
                    return Poll::Ready(Ok(Some(data)));
                }
                Some(Err(e)) => return Poll::Ready(Err(failed(&e))),
                None => self.body_ended = true,
            }
        }
        if let Some(map) = ready!(body.poll_trailers(cx)).map_err(|e| failed(&e))? {
            let mut list = FieldList::new();
            for (n, v) in &map {
                list.push(n.as_str().as_bytes(), v.as_bytes());
            }
            // HTTP/2 has no need to announce them; only names that may never be trailers go.
            list.retain(|_, name, _| !adit_http1::is_forbidden_trailer(name));
            self.trailers = Some(list);
        }
        self.body = None;
        Poll::Ready(Ok(None))
    }

    fn trailers(&mut self, _: &Head) -> Option<&FieldList> {
        self.trailers.as_ref()
    }

    fn has_answered(&self) -> bool {
        self.answered
    }

    fn abort(&mut self) {
        self.stream.send_reset(Reason::CANCEL);
    }
}

fn push_all(head: &mut Head, headers: &http::HeaderMap) {
    for (n, v) in headers {
        head.push(n.as_str().as_bytes(), v.as_bytes());
    }
}

/// A stream to an agent that watches the first bytes that come back: `HTTP/1.` instead of SETTINGS means that
/// the upstream does not speak HTTP/2, whatever was configured.
#[derive(Debug)]
struct Preface {
    stream: AgentStream,
    taking: Option<Taking>,
    seen: BytesMut,
    http1: Arc<AtomicBool>,
}

impl tokio::io::AsyncRead for Preface {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        let result = ready!(poll_watched(&mut this.stream, &mut this.taking, cx, |stream, cx| {
            std::pin::Pin::new(stream).poll_read(cx, buf)
        }));
        if self.seen.len() < 7 {
            let got = buf.filled().get(before..).unwrap_or_default();
            let n = got.len().min(7 - self.seen.len());
            let got = got.get(..n).unwrap_or_default().to_vec();
            self.seen.extend_from_slice(&got);
            if self.seen.as_ref() == b"HTTP/1." {
                self.http1.store(true, Ordering::Relaxed);
                return Poll::Ready(Err(std::io::ErrorKind::InvalidData.into()));
            }
        }
        Poll::Ready(result)
    }
}

impl tokio::io::AsyncWrite for Preface {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut *self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}
