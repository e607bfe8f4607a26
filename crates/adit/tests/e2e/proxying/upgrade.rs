//! WebSocket and other upgrades: nothing behind the head before 101, afterwards bytes and nothing else.

use bytes::Bytes;
use h2::ext::Protocol;
use http::Method;

use crate::harness::h2_visitor::{chunk, whole};
use crate::harness::message::ok;
use crate::harness::upstream::Conn;
use crate::harness::{End, H2, Message, Of, Server, Service, Site, Upstream};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// The key of RFC 6455 1.3 and its accept value.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn handshake(host: &str) -> String {
    format!(
        "GET /chat?x HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
}

fn switching(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n{more}\r\n"
    )
}

/// Waits until everything that was sent to the agent before has been dealt with: another exchange of the same
/// session, over another connection to the service.
#[track_caller]
fn barrier(site: &Site<'_, Upstream>) {
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/barrier"));
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.request().target(), "/barrier");
    upstream.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(visitor.receive(Of::Get).status(), 200);
}

#[test]
fn over_http_1() {
    let site = Site::scripted(server(), "upgrade1", &[]);
    let mut visitor = site.visitor();
    visitor.send(handshake(&site.host));
    let mut upstream = site.upstream.accept();
    let head = upstream.request();
    assert_eq!(head.start, "GET /chat?x HTTP/1.1");
    assert_eq!(
        (head.get("connection"), head.get("upgrade")),
        (Some("Upgrade"), Some("websocket"))
    );
    assert_eq!(
        (head.get("sec-websocket-key"), head.get("sec-websocket-version")),
        (Some(KEY), Some("13"))
    );
    assert_eq!(head.get("sec-websocket-protocol"), Some("chat, superchat"));
    assert_eq!(head.get("sec-websocket-extensions"), Some("permessage-deflate"));
    // The first bytes of the new protocol in the same packet.
    upstream.send(switching("Sec-WebSocket-Protocol: chat\r\nngrok-error-code: ERR_NGROK_1\r\n") + "early bird");
    let answer = visitor.receive_head();
    assert_eq!(answer.status(), 101);
    assert_eq!(
        (answer.get("connection"), answer.get("upgrade")),
        (Some("Upgrade"), Some("websocket"))
    );
    assert_eq!(
        (answer.get("sec-websocket-accept"), answer.get("sec-websocket-protocol")),
        (Some(ACCEPT), Some("chat"))
    );
    assert_eq!(
        (
            answer.get("ngrok-error-code"),
            answer.get("content-length"),
            answer.get("transfer-encoding")
        ),
        (None, None, None)
    );
    assert_eq!(visitor.bytes(10), b"early bird");
    // Bytes that would be framing, or a request, are bytes.
    for text in ["0\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{0}\u{81}\u{ff}"] {
        visitor.send(text);
        assert_eq!(upstream.bytes(text.len()), text.as_bytes());
        upstream.send(text);
        assert_eq!(visitor.bytes(text.len()), text.as_bytes());
    }
    // Each direction ends by itself.
    visitor.send("last words");
    visitor.finish();
    assert_eq!(upstream.rest(), (b"last words".to_vec(), End::Clean));
    upstream.send("so long");
    upstream.finish();
    assert_eq!(visitor.rest(), (b"so long".to_vec(), End::Clean));
}

#[test]
fn much_in_both_directions() {
    const LENGTH: usize = 8 << 20;
    let site = Site::scripted(server(), "upgrade-much", &[]);
    let mut visitor = site.visitor();
    visitor.send(handshake(&site.host));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send(switching(""));
    assert_eq!(visitor.receive_head().status(), 101);
    let echo = std::thread::spawn(move || {
        let mut left = LENGTH;
        while left > 0 {
            let piece = upstream.bytes(left.min(16 * 1024));
            upstream.send(&piece);
            left -= piece.len();
        }
        upstream
    });
    let piece: Vec<u8> = (0..64 * 1024).map(|i| (i % 255) as u8).collect();
    for _ in 0..LENGTH / piece.len() {
        visitor.send(&piece);
        assert!(visitor.bytes(piece.len()) == piece);
    }
    drop(echo.join().unwrap());
    assert_eq!(visitor.rest().1, End::Clean);
}

#[test]
fn nothing_behind_the_head_is_sent_on_before_101() {
    let site = Site::scripted(server(), "upgrade-held", &[]);
    let mut visitor = site.visitor();
    visitor.send(handshake(&site.host) + "GET /admin HTTP/1.1\r\nHost: internal\r\n\r\n");
    let mut upstream = site.upstream.accept();
    upstream.request();
    barrier(&site);
    assert!(!upstream.look());
    assert_eq!(upstream.received(), b"", "sent before 101");
    upstream.send(switching(""));
    assert_eq!(visitor.receive_head().status(), 101);
    assert_eq!(upstream.bytes(39), b"GET /admin HTTP/1.1\r\nHost: internal\r\n\r\n");
}

/// 200 instead of 101: the answer is delivered, and what came behind the head is a request of its own or nothing.
#[test]
fn an_answer_other_than_101_does_not_open_a_tunnel() {
    let site = Site::scripted(server(), "upgrade-200", &[]);
    for status in ["200 OK", "403 Forbidden", "426 Upgrade Required"] {
        let mut visitor = site.visitor();
        visitor.send(handshake(&site.host) + &site.get_text("/behind"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nplain"));
        let answer = visitor.receive(Of::Get);
        assert_eq!(
            (answer.start.as_str(), answer.text().as_str()),
            (format!("HTTP/1.1 {status}").as_str(), "plain")
        );
        barrier_or_next(&site, &mut upstream, &mut visitor);
    }
}

/// The stream of the handshake never carries anything more; a request behind it comes anew, with all its fields, or
/// the connection is closed.
#[track_caller]
fn barrier_or_next(site: &Site<'_, Upstream>, used: &mut Conn, visitor: &mut crate::harness::Visitor) {
    match visitor_or_upstream(site, visitor) {
        None => {}
        Some(mut next) => {
            let request = next.request();
            assert_eq!(request.target(), "/behind");
            assert_eq!(request.get("via"), Some("1.1 adit"), "copied through: {request:?}");
            next.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(visitor.receive(Of::Get).status(), 200);
        }
    }
    assert_eq!(used.rest().0, b"", "the stream of the handshake was used again");
}

fn visitor_or_upstream(site: &Site<'_, Upstream>, visitor: &mut crate::harness::Visitor) -> Option<Conn> {
    crate::harness::eventually("the request behind, or the end", || {
        if let Some(conn) = site.upstream.accepted() {
            return Some(Some(conn));
        }
        visitor.has_something().then_some(None)
    })
}

#[test]
fn any_other_token_is_passed_on_as_it_is() {
    let site = Site::scripted(server(), "upgrade-other", &[]);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.request().get("upgrade"), Some("foo/2"));
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n");
    assert_eq!(visitor.receive_head().get("upgrade"), Some("foo/2"));
    visitor.send("ping");
    assert_eq!(upstream.bytes(4), b"ping");
}

#[test]
fn an_upgrade_that_is_none_is_a_plain_request() {
    let site = Site::answering(server(), "upgrade-none", &[], |_| ok("plain"));
    let host = &site.host;
    for request in [
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\r\n"),
        format!("GET / HTTP/1.0\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    ] {
        let mut visitor = site.visitor();
        assert_eq!(visitor.ask(&request).text(), "plain", "{request}");
        let seen: Message = site.upstream.seen().pop().unwrap();
        assert_eq!((seen.get("upgrade"), seen.get("connection")), (None, None), "{request}");
    }
}

#[test]
fn a_101_that_nobody_asked_for_is_no_answer() {
    let site = Site::scripted(server(), "upgrade-unasked", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send(switching(""));
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (502, "ERR_NGROK_3004"));
    assert_eq!(upstream.rest().0, b"");
}

/// Begins an extended CONNECT (RFC 8441).
fn connect(site: &Site<'_, Upstream>) -> (H2, h2::client::ResponseFuture, h2::SendStream<Bytes>, Conn, Message) {
    let mut h2 = site.h2();
    h2.wait("the server's settings", async {
        while !h2.send.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    });
    let mut request = h2
        .to(Method::CONNECT, "/chat?x")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(())
        .unwrap();
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    let (response, stream) = h2.begin(request, false);
    let (upstream, head) = h2.meanwhile(|| {
        let mut upstream = site.upstream.accept();
        let head = upstream.request();
        (upstream, head)
    });
    (h2, response, stream, upstream, head)
}

/// The accept value of a key (RFC 6455 4.2.2), by openssl.
fn accept_of(key: &str) -> String {
    let script =
        format!("printf %s '{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11' | openssl dgst -sha1 -binary | openssl base64");
    let out = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn over_http_2() {
    assert_eq!(accept_of(KEY), ACCEPT);
    let site = Site::scripted(server(), "upgrade2", &[]);
    let (h2, response, mut stream, mut upstream, head) = connect(&site);
    assert_eq!(head.start, "GET /chat?x HTTP/1.1");
    assert_eq!(
        (head.get("connection"), head.get("upgrade")),
        (Some("Upgrade"), Some("websocket"))
    );
    assert_eq!(
        (head.get("sec-websocket-version"), head.get("sec-websocket-protocol")),
        (Some("13"), Some("chat"))
    );
    let key = head.get("sec-websocket-key").unwrap();
    assert!(key.len() == 24 && key.ends_with("=="), "{key}");
    assert_eq!(
        (head.get("content-length"), head.get("transfer-encoding")),
        (None, None)
    );
    upstream.send(format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: chat\r\n\r\nearly",
        accept_of(key)
    ));
    let response = h2.wait("200", response).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers().get("sec-websocket-protocol").unwrap(), "chat");
    for hidden in ["sec-websocket-accept", "connection", "upgrade"] {
        assert!(response.headers().get(hidden).is_none(), "{hidden}");
    }
    let mut body = response.into_body();
    assert_eq!(h2.wait("bytes", chunk(&mut body)).unwrap().unwrap(), "early");
    stream.send_data(Bytes::from_static(b"ping"), false).unwrap();
    assert_eq!(h2.meanwhile(|| upstream.bytes(4)), b"ping");
    upstream.send("pong");
    assert_eq!(h2.wait("bytes", chunk(&mut body)).unwrap().unwrap(), "pong");
    stream.send_data(Bytes::from_static(b"last"), true).unwrap();
    assert_eq!(h2.meanwhile(|| upstream.rest()), (b"last".to_vec(), End::Clean));
    upstream.send("words");
    drop(upstream);
    assert_eq!(h2.wait("bytes", chunk(&mut body)).unwrap().unwrap(), "words");
    assert_eq!(h2.wait("the end", chunk(&mut body)).unwrap(), None);
}

#[test]
fn data_before_the_answer_is_held_over_http_2() {
    let site = Site::scripted(server(), "upgrade2-held", &[]);
    let (mut h2, response, mut stream, mut upstream, head) = connect(&site);
    stream
        .send_data(Bytes::from_static(b"GET /admin HTTP/1.1\r\n\r\n"), false)
        .unwrap();
    // Answered by the edge itself, behind the data on the same connection.
    let other = http::Request::get("https://deep.er.adit.localhost/").body(()).unwrap();
    assert_eq!(h2.ask(other, b"").status, 421);
    h2.meanwhile(|| barrier(&site));
    assert!(!upstream.look());
    assert_eq!(upstream.received(), b"", "sent before 101");
    let key = head.get("sec-websocket-key").unwrap();
    upstream.send(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n", accept_of(key)));
    assert_eq!(h2.wait("200", response).unwrap().status(), 200);
    assert_eq!(h2.meanwhile(|| upstream.bytes(23)), b"GET /admin HTTP/1.1\r\n\r\n");
}

#[test]
fn a_refusal_over_http_2() {
    let site = Site::scripted(server(), "upgrade2-refused", &[]);
    let (h2, response, stream, mut upstream, _) = connect(&site);
    upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let answer = h2.wait("403", whole(response)).unwrap();
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (403, "no"));
    drop(stream);
    assert_eq!(h2.meanwhile(|| upstream.rest()).0, b"");
}

#[test]
fn another_protocol_over_http_2_is_not_possible() {
    let site: Site<'_, Service> = Site::answering(server(), "upgrade2-other", &[], |_| ok("x"));
    let mut h2 = site.h2();
    assert_eq!(h2.get("/").status, 200);
    let mut request = h2.to(Method::CONNECT, "/").body(()).unwrap();
    request.extensions_mut().insert(Protocol::from_static("connect-udp"));
    let (response, _stream) = h2.begin(request, false);
    let answer = h2.wait("501", whole(response)).unwrap();
    assert_eq!((answer.status.as_u16(), answer.code()), (501, "ERR_ADIT_5010"));
    assert_eq!(site.upstream.seen().len(), 1);
}

/// The service did not understand: what it switched to is not what the visitor asked for.
#[test]
fn a_wrong_accept_value_over_http_2_is_no_answer() {
    let site = Site::scripted(server(), "upgrade2-wrong", &[]);
    let (h2, response, _stream, mut upstream, _) = connect(&site);
    upstream.send(switching(""));
    let answer = h2.wait("502", whole(response)).unwrap();
    assert_eq!((answer.status.as_u16(), answer.code()), (502, "ERR_NGROK_3004"));
}
