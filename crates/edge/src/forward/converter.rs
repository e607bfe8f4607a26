//! A WebSocket that ends here (`websocket-tcp`, edge 7.6): the handshake is answered by the edge, and the stream to the
//! agent carries what stands in messages, without a word of HTTP.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use adit_cluster::Pool;
use adit_http1::{Framing, Head, Known};
use adit_mux::{Budget, code};
use adit_policy::BodyFault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::behind::Behind;
use super::exchange::{Forwarded, Progress, visitor_failed};
use super::failure::{Attempt, Failure};
use super::open::open;
use super::scratch::Exchange;
use super::websocket;
use crate::admit::Permitted;
use crate::govern::{Chain, Responded};
use crate::http::{RequestFacts, Visitor};
use crate::reply::Answer;
use crate::secure::Conn;
use crate::served::Served;

/// One attempt: a new stream of the member's, and the answer to the handshake.
pub(super) async fn attempt<V: Visitor>(
    conn: &Arc<Conn>,
    visitor: &mut V,
    exchange: &mut Exchange,
    (permitted, pool): (&Permitted, &Arc<Pool>),
    facts: &RequestFacts,
    progress: &mut Progress,
    chain: &mut Option<Box<Chain>>,
) -> Attempt {
    if let Err(answer) = answer(&exchange.request, facts, &mut exchange.response) {
        return Attempt::Done(Forwarded::Answer(answer));
    }
    let member = permitted.member();
    progress.reused = false;
    progress.opened = Instant::now();
    let mut opened = match open(member, conn.peer, conn.local, false, &[], &conn.observe) {
        Ok(opened) => opened,
        Err(e) => return Attempt::Failed(Failure::Open(e)),
    };
    // Not sent while policies may still refuse it.
    if let Err(ended) = answered(conn, visitor, exchange, permitted, chain).await {
        opened.stream.reset(code::CANCELLED);
        return Attempt::Done(ended);
    }
    progress.first_byte = Some(Instant::now());
    let ip = super::governed::client_ip(conn, &exchange.request, chain.as_deref(), None);
    if let Some(chain) = chain.as_deref_mut() {
        chain.show(&mut exchange.request);
        progress.told = chain.tell(&conn.node, &conn.observe, conn.kind.listener());
    }
    let organization = &member.session.organization;
    let flow = conn
        .node
        .flows
        .enter(&conn.node, organization, ip, chain.take(), progress.seen);
    Attempt::Done(Forwarded::WebSocket(Box::new(Served {
        opened,
        pool: pool.clone(),
        member: member.clone(),
        flow,
    })))
}

/// Makes the answer to a handshake (RFC 6455, section 4.2).
///
/// # Errors
/// It is none: 400 `ERR_NGROK_3206`.
fn answer(request: &Head, facts: &RequestFacts, response: &mut Head) -> Result<(), Answer> {
    let asks = |value: &[u8]| {
        let mut protocols = value.split(|byte| *byte == b',');
        protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    };
    // A body would be taken for frames, and no policy has seen it.
    let is_handshake =
        facts.upgrade && !facts.has_body() && request.method() == b"GET" && request.get_all(Known::Upgrade).any(asks);
    let key = request.get(Known::SecWebsocketKey).filter(|key| is_key(key));
    let (true, Some(key)) = (is_handshake, key) else {
        return Err(Answer::websocket_expected());
    };
    if request.find(b"sec-websocket-version") != Some(b"13") {
        return Err(Answer::websocket_version());
    }
    response.start_response(101);
    response.push(b"Connection", b"Upgrade");
    response.push(b"Upgrade", b"websocket");
    response.push(b"Sec-WebSocket-Accept", websocket::accept(key).as_bytes());
    // What is spoken in the messages is between the visitor and the service; browsers leave if none of theirs is chosen.
    let offered = request.find(b"sec-websocket-protocol").unwrap_or_default();
    let first = offered.split(|byte| *byte == b',').next().unwrap_or_default();
    if !first.trim_ascii().is_empty() {
        response.push(b"Sec-WebSocket-Protocol", first.trim_ascii());
    }
    Ok(())
}

/// Sixteen bytes (RFC 6455, section 4.1).
fn is_key(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// Has policies look at the answer and sends it.
async fn answered<V: Visitor>(
    conn: &Arc<Conn>,
    visitor: &mut V,
    exchange: &mut Exchange,
    permitted: &Permitted,
    chain: &mut Option<Box<Chain>>,
) -> Result<(), Forwarded> {
    let response = &mut exchange.response;
    if let Some(chain) = chain {
        match chain.response(conn, response, &mut Nothing(visitor)).await {
            Ok(Responded::Edited(_)) => {}
            Ok(Responded::Replaced(answer)) => return Err(Forwarded::Answer(answer)),
            Ok(Responded::Close) => return Err(Forwarded::Closed { reset: false }),
            Err(e) => return Err(visitor_failed(&e, false, visitor)),
        }
    }
    if let Some(cookie) = &permitted.cookie {
        response.push(b"Set-Cookie", cookie.as_bytes());
    }
    let sent = match visitor.send_head(response, Framing::None, true) {
        Ok(()) => poll_fn(|cx| visitor.poll_flush(cx)).await,
        Err(e) => Err(e),
    };
    sent.map_err(|_| Forwarded::Broken)
}

/// What follows the head of a `101`, to policies: no body.
struct Nothing<'a, V>(&'a mut V);

impl<V: Visitor> Behind for Nothing<'_, V> {
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_gone(cx, false)
    }

    fn poll_whole(&mut self, _: &mut Context<'_>, _: usize, _: &Arc<Budget>) -> Poll<Result<Bytes, BodyFault>> {
        Poll::Ready(Ok(Bytes::new()))
    }

    fn poll_begin(&mut self, _: &mut Context<'_>, _: usize, _: &Arc<Budget>) -> Poll<Result<Bytes, BodyFault>> {
        Poll::Ready(Ok(Bytes::new()))
    }
}

#[cfg(test)]
mod tests {
    use adit_http1::Version;

    use super::*;

    fn answered(change: (&[u8], &[u8])) -> Result<Head, u16> {
        answered_with(change, Framing::None)
    }

    fn answered_with(change: (&[u8], &[u8]), framing: Framing) -> Result<Head, u16> {
        let mut request = Head::default();
        request.start_request(b"GET", b"/", Version::Http11).unwrap();
        for (name, value) in [
            (&b"Connection"[..], &b"keep-alive, Upgrade"[..]),
            (b"Upgrade", b"WebSocket"),
            (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            (b"Sec-WebSocket-Version", b"13"),
            (b"Sec-WebSocket-Protocol", b"mqtt, binary"),
            (b"Sec-WebSocket-Extensions", b"permessage-deflate"),
            change,
        ] {
            request.set(name, value);
        }
        let facts = RequestFacts::of(&request, framing);
        let mut response = Head::default();
        answer(&request, &facts, &mut response)
            .map(|()| response)
            .map_err(|a| a.status)
    }

    #[test]
    fn only_a_handshake_is_answered_with_a_switch() {
        let response = answered((b"X-A", b"b")).unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(
            response.get(Known::SecWebsocketAccept),
            Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..])
        );
        assert_eq!(response.find(b"sec-websocket-protocol"), Some(&b"mqtt"[..]));
        assert_eq!(response.find(b"sec-websocket-extensions"), None);
        for change in [
            (&b"Upgrade"[..], &b"foo/2"[..]),
            (b"Connection", b"keep-alive"),
            (b"Sec-WebSocket-Key", b"c2hvcnQ="),
            (b"Sec-WebSocket-Key", b"not a key"),
            (b"Sec-WebSocket-Version", b"8"),
        ] {
            assert_eq!(answered(change).map(|_| ()), Err(400), "{change:?}");
        }
        let with_body = answered_with((b"Content-Length", b"6"), Framing::Length(6));
        assert_eq!(
            with_body.map(|_| ()),
            Err(400),
            "what follows would be taken for frames"
        );
    }
}
