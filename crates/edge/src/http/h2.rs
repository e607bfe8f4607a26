//! HTTP/2 from visitors: the crate `h2` frames, every stream becomes a request like any other.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use adit_http1::{Framing, Head, Known, Refusal, RefusalKind, Version};
use adit_observe::{AttackKind, ConnectionProtocol};
use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::Request;

use super::h1_visitor::VisitorIo;
use super::h2_frames::CountedFrames;
use super::h2_visitor::H2Visitor;
use super::request::RequestFacts;
use super::{Visitor, VisitorError, upgrade};
use crate::forward::{self, Exchange, Forwarded};
use crate::reply::{Answer, Form};
use crate::route::{HostCache, route};
use crate::secure::Conn;
use crate::supervise;
use crate::timer::Timer;

/// Streams that a visitor may have open.
const STREAMS: u32 = 100;
/// Receive window of a stream and of a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes held for one stream's response.
const SEND_BUFFER: usize = 256 * 1024;
/// Idle without streams.
const IDLE: Duration = Duration::from_secs(300);
/// Resets by the visitor within [`RESET_WINDOW`] without completed requests, after which the connection ends.
const RESETS_MAX: u32 = 100;
const RESET_WINDOW: Duration = Duration::from_secs(10);
/// Streams with a malformed head after which the connection ends.
const MALFORMED_MAX: u32 = 10;

/// Serves a connection to its end.
pub(crate) async fn serve<IO: VisitorIo + 'static>(io: IO, conn: Arc<Conn>) {
    let mut open = conn.observe.connection_opened(conn.kind.listener());
    open.protocol(ConnectionProtocol::H2);
    run(io, &conn).await;
}

async fn run<IO: VisitorIo + 'static>(io: IO, conn: &Arc<Conn>) {
    let header_max = u32::try_from(conn.node.config.load().limits.header_max).unwrap_or(u32::MAX);
    let (counted, flooded) = CountedFrames::new(io);
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(STREAMS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(16 * 1024)
        .max_header_list_size(header_max)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(Some(1024))
        .enable_connect_protocol()
        .handshake::<_, Bytes>(counted);
    let deadline = Timer::current().deadline();
    deadline.set(Duration::from_secs(10));
    let Some(Ok(mut h2)) = crate::secure::within(&deadline, handshake).await else {
        return;
    };
    let shared = Arc::new(Shared::default());
    let mut draining = false;
    deadline.set(IDLE);
    loop {
        let next = poll_fn(|cx| {
            match h2.poll_accept(cx) {
                Poll::Ready(r) => return Poll::Ready(Some(r)),
                Poll::Pending => {}
            }
            if flooded.swap(false, Ordering::Relaxed) {
                conn.observe.attack_close(AttackKind::FrameFlood);
                h2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                cx.waker().wake_by_ref();
            }
            if shared.poll_closed(cx) {
                // A policy ends the connection: its other streams with it.
                h2.abrupt_shutdown(Reason::NO_ERROR);
                cx.waker().wake_by_ref();
            }
            if deadline.poll_expired(cx).is_ready() {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await;
        match next {
            Some(Some(Ok((request, respond)))) => {
                deadline.set(IDLE);
                if shared.is_abused() {
                    conn.observe.attack_close(AttackKind::RapidReset);
                    h2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    continue;
                }
                let (conn, counts) = (conn.clone(), shared.clone());
                counts.began();
                supervise::spawn("h2 stream", async move {
                    let completed = stream(request, respond, &conn, &counts).await;
                    counts.ended(completed);
                });
                if !draining && conn_is_draining(&shared) {
                    draining = true;
                    h2.graceful_shutdown();
                }
            }
            Some(Some(Err(_)) | None) => return,
            None => {
                // Nothing was accepted for the idle time; streams still open (long polls, tunnels) keep it alive.
                if shared.open() == 0 && !draining {
                    draining = true;
                    h2.graceful_shutdown();
                }
                deadline.set(IDLE);
            }
        }
    }
}

fn conn_is_draining(shared: &Shared) -> bool {
    shared.draining.load(Ordering::Relaxed)
}

/// What the streams of one connection count together.
#[derive(Debug, Default)]
struct Shared {
    state: std::sync::Mutex<Counts>,
    draining: std::sync::atomic::AtomicBool,
    /// A stream wants the whole connection closed, and who is to be told.
    closing: std::sync::Mutex<(bool, Option<Waker>)>,
}

#[derive(Debug, Default)]
struct Counts {
    open: u32,
    resets: u32,
    window: Option<Instant>,
    malformed: u32,
}

impl Shared {
    fn with<T>(&self, f: impl FnOnce(&mut Counts) -> T) -> T {
        // A panic of one stream's task leaves numbers, nothing that could be half-done.
        f(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn began(&self) {
        self.with(|c| c.open += 1);
    }

    fn ended(&self, completed: bool) {
        self.with(|c| {
            c.open = c.open.saturating_sub(1);
            if completed {
                c.resets = 0;
                return;
            }
            let now = Instant::now();
            if c.window.is_none_or(|w| now.duration_since(w) > RESET_WINDOW) {
                c.window = Some(now);
                c.resets = 0;
            }
            c.resets += 1;
        });
    }

    /// Ends the connection with all its streams.
    fn close(&self) {
        let mut closing = self.closing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        closing.0 = true;
        if let Some(waker) = closing.1.take() {
            waker.wake();
        }
    }

    /// Whether the connection is to be closed; true once.
    fn poll_closed(&self, cx: &Context<'_>) -> bool {
        let mut closing = self.closing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &mut closing.1 {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            other => *other = Some(cx.waker().clone()),
        }
        std::mem::take(&mut closing.0)
    }

    fn malformed(&self) {
        self.with(|c| c.malformed += 1);
    }

    fn open(&self) -> u32 {
        self.with(|c| c.open)
    }

    fn is_abused(&self) -> bool {
        self.with(|c| c.resets > RESETS_MAX || c.malformed > MALFORMED_MAX)
    }
}

/// Serves one stream; true when its response was completed.
async fn stream(request: Request<RecvStream>, respond: SendResponse<Bytes>, conn: &Arc<Conn>, shared: &Shared) -> bool {
    let began = Instant::now();
    let _serving = conn.node.serving();
    if conn.node.is_draining() {
        shared.draining.store(true, Ordering::Relaxed);
    }
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::take();
    let mut visitor = H2Visitor::new(body, respond);
    let limits = {
        let config = conn.node.config.load();
        (config.limits.uri_max, config.limits.header_count)
    };
    let completed = match head(&parts, visitor.has_body(), limits, &mut exchange.request) {
        Ok(facts) => {
            forward::identify(&exchange.request, &mut exchange.request_id);
            one(&mut visitor, conn, shared, &mut exchange, facts, began).await
        }
        Err(a) => {
            shared.malformed();
            exchange.request.clear();
            forward::identify(&exchange.request, &mut exchange.request_id);
            send(&mut visitor, &mut exchange, &a, false).await
        }
    };
    exchange.give();
    completed
}

async fn one(
    visitor: &mut H2Visitor,
    conn: &Arc<Conn>,
    shared: &Shared,
    exchange: &mut Exchange,
    facts: RequestFacts,
    began: Instant,
) -> bool {
    let mut hosts = HostCache::default();
    let routed = match exchange.request.get(Known::Host) {
        None => Err(Answer::bad_host()),
        Some(raw) => hosts
            .canonical(raw)
            .and_then(|host| route(conn, &exchange.request, host)),
    };
    let forwarded = match routed {
        Ok(r) => forward::exchange(conn, visitor, exchange, &r, hosts.last(), &facts, began).await,
        Err(a) => {
            forward::record_answer(conn, exchange, &a, Version::Http2, visitor.counted(), began);
            Forwarded::Answer(a)
        }
    };
    match forwarded {
        // If the visitor still sends, it is told to stop when the response is out: `h2` does so by itself when a
        // stream is dropped (RFC 9113, section 8.1). A reset of ours would overtake what is queued.
        Forwarded::Complete => true,
        Forwarded::Answer(a) => send(visitor, exchange, &a, facts.is_head).await,
        Forwarded::Upgraded(mut stream, early, flow) => {
            let mut io = visitor.raw();
            let relayed = crate::relay::relay(&mut io, &mut stream, Bytes::new(), early, None, &flow, || {}).await;
            if relayed.end == crate::relay::RelayEnd::Cut {
                visitor.break_off();
            }
            conn.observe
                .bytes(conn.kind.listener(), relayed.bytes_in, relayed.bytes_out);
            true
        }
        Forwarded::WebSocket(served) => {
            upgrade::converse(visitor.raw(), BytesMut::new(), *served, conn).await;
            true
        }
        Forwarded::Closed { .. } => {
            visitor.break_off();
            shared.close();
            true
        }
        Forwarded::Broken => {
            visitor.break_off();
            false
        }
    }
}

async fn send(visitor: &mut H2Visitor, exchange: &mut Exchange, answer: &Answer, is_head: bool) -> bool {
    let form = Form::of(&exchange.request);
    let body = forward::date(|d| answer.render(form, &exchange.request_id, d, &mut exchange.response));
    let sent: Result<(), VisitorError> = async {
        let no_body = is_head || body.is_empty();
        visitor.send_head(&mut exchange.response, Framing::Length(body.len() as u64), no_body)?;
        if !no_body {
            visitor.send_data(Bytes::from(body))?;
        }
        visitor.send_end(None)?;
        poll_fn(|cx| visitor.poll_flush(cx)).await
    }
    .await;
    sent.is_ok()
}

/// Makes our `Head` of an HTTP/2 request, refusing what `h2` lets pass and our rules do not.
///
/// The size of the block is bounded by `h2`; `limits` are the longest target and the most fields.
fn head(
    parts: &http::request::Parts,
    has_body: bool,
    limits: (usize, usize),
    head: &mut Head,
) -> Result<RequestFacts, Answer> {
    let refusal = Answer::refusal;
    let extended = parts.method == http::Method::CONNECT && parts.extensions.get::<h2::ext::Protocol>().is_some();
    if parts.method == http::Method::TRACE || (parts.method == http::Method::CONNECT && !extended) {
        return Err(Answer::method_not_allowed());
    }
    let method: &[u8] = if extended {
        b"GET"
    } else {
        parts.method.as_str().as_bytes()
    };
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let (uri_max, header_count) = limits;
    if target.len() > uri_max {
        return Err(refusal(&Refusal::request(RefusalKind::TargetTooLong)));
    }
    if parts.headers.len() > header_count {
        return Err(refusal(&Refusal::request(RefusalKind::TooManyFields)));
    }
    // HTTP/2 is spoken over TLS only.
    if parts.uri.scheme_str().is_some_and(|s| s != "https") {
        return Err(Answer::bad_host());
    }
    head.start_request(method, target.as_bytes(), Version::Http2)
        .map_err(|r| refusal(&r))?;
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let mut hosts = parts.headers.get_all(http::header::HOST).iter();
    let host = match (authority, hosts.next(), hosts.next()) {
        (_, _, Some(_)) | (None, None, None) => return Err(Answer::bad_host()),
        (Some(a), Some(h), None) if !a.as_bytes().eq_ignore_ascii_case(h.as_bytes()) => return Err(Answer::bad_host()),
        (Some(a), _, None) => a.as_bytes(),
        (None, Some(h), None) => h.as_bytes(),
    };
    if host.contains(&b'@') {
        return Err(Answer::bad_host());
    }
    head.push(b"Host", host);
    for (name, value) in &parts.headers {
        if name == http::header::HOST {
            continue;
        }
        head.push(name.as_str().as_bytes(), value.as_bytes().trim_ascii());
    }
    head.join_cookies();
    head.check_request().map_err(|r| refusal(&r))?;
    let framing = framing(head, has_body)?;
    let mut facts = RequestFacts::of(head, framing);
    facts.expects_continue = head.get(Known::Expect).is_some();
    if extended {
        let protocol = parts.extensions.get::<h2::ext::Protocol>().map_or("", |p| p.as_str());
        if !protocol.eq_ignore_ascii_case("websocket") {
            return Err(Answer::upgrade_impossible());
        }
        facts.extended_connect = true;
        facts.upgrade = true;
        facts.framing = Framing::None;
        // What HTTP/1 says with fields; policies look at them.
        head.push(b"Connection", b"Upgrade");
        head.push(b"Upgrade", b"websocket");
        head.push(b"Sec-WebSocket-Key", forward::websocket_key().as_bytes());
    }
    Ok(facts)
}

/// How the body goes on toward HTTP/1: by its length, or in chunks where none was said.
fn framing(head: &Head, has_body: bool) -> Result<Framing, Answer> {
    let mut lengths = head.get_all(Known::ContentLength);
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Answer::conflicting_length());
    }
    match length {
        Some(l) => std::str::from_utf8(l)
            .ok()
            .filter(|l| l.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|l| l.parse().ok())
            .map(Framing::Length)
            .ok_or_else(Answer::conflicting_length),
        None if has_body => Ok(Framing::Chunked),
        None => Ok(Framing::None),
    }
}
