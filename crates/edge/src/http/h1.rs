//! One HTTP/1 connection of a visitor: requests one after the other, each through the whole road.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use adit_http1::{Expectation, Framing, Head, Known, Limits, Refusal, Version, request_framing};
use adit_observe::{ConnectionProtocol, GlitchKind};
use bytes::BytesMut;
use tokio::io::AsyncWriteExt;

use super::h1_visitor::{H1Visitor, VisitorIo};
use super::request::RequestFacts;
use super::{Visitor, VisitorError, upgrade};
use crate::flows::Flow;
use crate::forward::{self, Exchange, Forwarded};
use crate::reply::{Answer, Form, linger};
use crate::route::{HostCache, route};
use crate::secure::Conn;
use crate::served::Served;
use crate::timer::Timer;

/// Serves a connection to its end.
pub(crate) async fn serve<IO: VisitorIo>(io: IO, received: BytesMut, conn: Arc<Conn>) {
    let mut open = conn.observe.connection_opened(conn.kind.listener());
    open.protocol(ConnectionProtocol::Http1);
    let mut limits = Limits::request();
    let (keep_alive, header_time, first_request, most_requests, min_rate) = {
        let config = conn.node.config.load();
        limits.target = config.limits.uri_max;
        limits.head = config.limits.header_max;
        limits.fields = config.limits.header_count;
        let l = &config.limits;
        (
            l.keep_alive,
            l.header_time,
            l.first_request,
            l.requests_per_connection,
            l.body_min_rate,
        )
    };
    let mut visitor = H1Visitor::new(io, received, Timer::current().deadline(), min_rate);
    let mut hosts = HostCache::default();
    let mut served = 0_u32;
    let mut serving = None;
    loop {
        // Nothing of the last exchange is left to be written.
        drop(serving.take());
        visitor
            .deadline
            .set(if served == 0 { first_request } else { keep_alive });
        if visitor.received().is_empty() {
            visitor.rest();
            if !wait_for_bytes(&mut visitor).await {
                break;
            }
        }
        serving = Some(conn.node.serving());
        let began = Instant::now();
        visitor.deadline.set(header_time);
        let mut exchange = Exchange::take();
        let read = read_head(&mut visitor, &mut exchange.request, &limits).await;
        visitor.deadline.clear();
        served += 1;
        let last = served >= most_requests || conn.node.is_draining();
        let go_on = match read {
            HeadRead::Whole => one(&mut visitor, &conn, &mut exchange, &mut hosts, began, last).await,
            HeadRead::Refused(r) => {
                refuse(&mut visitor, &conn, &mut exchange, &Answer::refusal(&r), began).await;
                Next::Linger
            }
            HeadRead::TooSlow => {
                refuse(&mut visitor, &conn, &mut exchange, &Answer::too_slow(), began).await;
                Next::Linger
            }
            HeadRead::Closed => Next::Close,
        };
        exchange.give();
        match go_on {
            Next::Request => {}
            Next::Close => break,
            Next::Linger => {
                let (mut io, _) = visitor.into_parts();
                if io.shutdown().await.is_ok() {
                    linger(&mut io).await;
                }
                return;
            }
            Next::Upgraded(stream, early, flow) => {
                let (io, received) = visitor.into_parts();
                return upgrade::relay(io, received, *stream, early, &conn, &flow).await;
            }
            Next::WebSocket(served) => {
                let (io, received) = visitor.into_parts();
                return upgrade::converse(io, received, *served, &conn).await;
            }
        }
    }
    let (mut io, _) = visitor.into_parts();
    // The visitor may be gone already; then there is nobody to say goodbye to.
    let _ = io.shutdown().await;
}

/// What follows an exchange.
enum Next {
    Request,
    Close,
    /// Close after what the visitor still sends has been read for a moment.
    Linger,
    Upgraded(Box<adit_cluster::AgentStream>, bytes::Bytes, Arc<Flow>),
    WebSocket(Box<Served>),
}

enum HeadRead {
    Whole,
    Refused(Refusal),
    TooSlow,
    Closed,
}

/// Waits for the first byte of a request; false when the connection is over.
async fn wait_for_bytes<IO: VisitorIo>(visitor: &mut H1Visitor<IO>) -> bool {
    if visitor.has_ended() {
        return false;
    }
    poll_fn(|cx| match visitor.poll_receive(cx, 16 * 1024) {
        Poll::Ready(Ok(n)) => Poll::Ready(n > 0),
        Poll::Ready(Err(_)) => Poll::Ready(false),
        Poll::Pending => visitor.deadline.poll_expired(cx).map(|()| false),
    })
    .await
}

async fn read_head<IO: VisitorIo>(visitor: &mut H1Visitor<IO>, head: &mut Head, limits: &Limits) -> HeadRead {
    loop {
        skip_empty_lines(visitor.received());
        if !visitor.received().is_empty() {
            match head.parse_request(visitor.received(), limits) {
                Ok(Some(n)) => {
                    let received = visitor.received();
                    let n = n.min(received.len());
                    // The head has its own copy; dropping the bytes leaves the buffer to be used again.
                    bytes::Buf::advance(received, n);
                    return HeadRead::Whole;
                }
                Ok(None) => {}
                Err(r) => return HeadRead::Refused(r),
            }
        }
        if visitor.has_ended() {
            return HeadRead::Closed;
        }
        let got = poll_fn(|cx| match visitor.poll_receive(cx, 16 * 1024) {
            Poll::Ready(r) => Poll::Ready(Some(r)),
            Poll::Pending => visitor.deadline.poll_expired(cx).map(|()| None),
        })
        .await;
        match got {
            None => return HeadRead::TooSlow,
            Some(Ok(0) | Err(_)) => return HeadRead::Closed,
            Some(Ok(_)) => {}
        }
    }
}

/// One empty line before a request line is allowed (RFC 9112, section 2.2).
fn skip_empty_lines(received: &mut BytesMut) {
    if received.starts_with(b"\r\n") {
        bytes::Buf::advance(received, 2);
    }
}

/// Serves the request whose head stands in `exchange`.
async fn one<IO: VisitorIo>(
    visitor: &mut H1Visitor<IO>,
    conn: &Arc<Conn>,
    exchange: &mut Exchange,
    hosts: &mut HostCache,
    began: Instant,
    last: bool,
) -> Next {
    forward::identify(&exchange.request, &mut exchange.request_id);
    let (facts, close) = match facts(&exchange.request, conn) {
        Ok(f) => f,
        Err(a) => {
            refuse(visitor, conn, exchange, &a, began).await;
            return Next::Linger;
        }
    };
    visitor.begin(facts.version, facts.framing, close || last);
    visitor.wants_trailers(exchange.request.contains_token(Known::Te, b"trailers"));
    if let Some(sni) = conn.sni.as_deref()
        && exchange.request.get(Known::Host).is_none()
    {
        // HTTP/1.0 may do without; what goes upstream is HTTP/1.1.
        exchange.request.push_front(b"Host", sni.as_bytes());
    }
    let host = exchange.request.get(Known::Host);
    let routed = match host {
        None => Err(Answer::bad_host()),
        Some(raw) => hosts
            .canonical(raw)
            .and_then(|host| route(conn, &exchange.request, host)),
    };
    let routed = match routed {
        Ok(r) => r,
        Err(a) => {
            let a = a.for_target(exchange.request.path_and_query());
            return answer(visitor, conn, exchange, &facts, a, false, began).await;
        }
    };
    let forwarded = forward::exchange(conn, visitor, exchange, &routed, hosts.last(), &facts, began).await;
    match forwarded {
        Forwarded::Complete => {
            if !visitor.body_done() {
                // Answered early: the rest of the body is nobody's.
                return Next::Linger;
            }
            if visitor.may_go_on() {
                Next::Request
            } else {
                Next::Close
            }
        }
        Forwarded::Answer(a) => answer(visitor, conn, exchange, &facts, a, true, began).await,
        Forwarded::Upgraded(stream, early, flow) => Next::Upgraded(stream, early, flow),
        Forwarded::WebSocket(served) => Next::WebSocket(served),
        Forwarded::Closed { reset } => {
            if reset {
                visitor.reset();
            }
            Next::Close
        }
        Forwarded::Broken => Next::Close,
    }
}

fn facts(head: &Head, conn: &Conn) -> Result<(RequestFacts, bool), Answer> {
    let framing = request_framing(head).map_err(|r| Answer::refusal(&r))?;
    if matches!(head.method(), b"CONNECT" | b"TRACE") {
        return Err(Answer::method_not_allowed());
    }
    if adit_http1::expectation(head) == Expectation::Other {
        return Err(Answer::expectation());
    }
    if head.version() == Version::Http10 && head.get(Known::Host).is_none() && conn.sni.is_none() {
        return Err(Answer::bad_host());
    }
    let facts = RequestFacts::of(head, framing);
    let close = !adit_http1::is_persistent(head);
    Ok((facts, close))
}

/// Sends an answer of the edge and says how the connection goes on. `recorded`: what was tried before it has been
/// recorded with it.
async fn answer<IO: VisitorIo>(
    visitor: &mut H1Visitor<IO>,
    conn: &Conn,
    exchange: &mut Exchange,
    facts: &RequestFacts,
    answer: Answer,
    recorded: bool,
    began: Instant,
) -> Next {
    let unread = !visitor.body_done();
    let answer = if unread || facts.expects_continue {
        answer.closing()
    } else {
        answer
    };
    if answer.close {
        visitor.close_after();
    }
    send(visitor, exchange, &answer, facts.is_head).await;
    if !recorded {
        forward::record_answer(conn, exchange, &answer, facts.version, visitor.counted(), began);
    }
    if answer.close || unread {
        Next::Linger
    } else if visitor.may_go_on() {
        Next::Request
    } else {
        Next::Close
    }
}

/// Refuses what is not a request: answer, and the connection ends.
async fn refuse<IO: VisitorIo>(
    visitor: &mut H1Visitor<IO>,
    conn: &Conn,
    exchange: &mut Exchange,
    answer: &Answer,
    began: Instant,
) {
    visitor.begin(Version::Http11, Framing::None, true);
    if exchange.request_id.is_empty() {
        // The head is not one to be believed in anything.
        forward::identify(&Head::default(), &mut exchange.request_id);
    }
    conn.observe.glitch(glitch(answer.code));
    send(visitor, exchange, answer, false).await;
    forward::record_answer(conn, exchange, answer, Version::Http11, visitor.counted(), began);
}

async fn send<IO: VisitorIo>(visitor: &mut H1Visitor<IO>, exchange: &mut Exchange, answer: &Answer, is_head: bool) {
    let form = Form::of(&exchange.request);
    let body = forward::date(|d| answer.render(form, &exchange.request_id, d, &mut exchange.response));
    visitor.send_own(&mut exchange.response, &body, is_head);
    // Whether the visitor still reads it is the visitor's affair.
    let _: Result<(), VisitorError> = poll_fn(|cx| visitor.poll_flush(cx)).await;
}

/// The kind of glitch that a refusal's code stands for.
fn glitch(code: &str) -> GlitchKind {
    match code {
        "ERR_ADIT_4000" => GlitchKind::MalformedHead,
        "ERR_ADIT_4001" => GlitchKind::ConflictingLength,
        "ERR_ADIT_4002" => GlitchKind::Host,
        "ERR_ADIT_4003" => GlitchKind::Chunk,
        "ERR_ADIT_4050" => GlitchKind::Method,
        "ERR_ADIT_4080" => GlitchKind::Slow,
        "ERR_ADIT_4140" => GlitchKind::TargetTooLong,
        "ERR_ADIT_4170" => GlitchKind::Expectation,
        "ERR_ADIT_4310" => GlitchKind::HeadTooLarge,
        "ERR_ADIT_5050" => GlitchKind::Version,
        _ => GlitchKind::Other,
    }
}
