//! `websocket-tcp`: the edge ends the WebSocket, and the service behind the agent has a connection of bytes.

use std::time::Duration;

use bytes::Bytes;
use h2::ext::Protocol;
use http::Method;
use serde_json::json;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::api;
use crate::harness::h2_visitor::chunk;
use crate::harness::upstream::Conn;
use crate::harness::{End, Server, Site, Upstream, Visitor, WebSocket, websocket};
use crate::policy::{file, make, scripted};

const CONVERT: &str = "on_http_request:\n  - actions: [{type: websocket-tcp}]\n";

fn server() -> &'static Server {
    Server::shared("websocket")
}

fn handshake(host: &str) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
}

/// A frame by hand, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        n @ 0..=125 => out.push(0x80 | n as u8),
        n @ 126..=0xffff => out.extend([&[0x80 | 126][..], &(n as u16).to_be_bytes()].concat()),
        n => out.extend([&[0x80 | 127][..], &(n as u64).to_be_bytes()].concat()),
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// A visitor whose frames are made by hand, behind the handshake, and the service's side.
#[track_caller]
fn by_hand(site: &Site<'_, Upstream>) -> (Visitor, Conn) {
    let mut visitor = site.visitor();
    visitor.send(handshake(&site.host));
    assert_eq!(visitor.receive_head().status(), 101);
    (visitor, site.upstream.accept())
}

/// The next frame of the edge: its first byte and its payload.
#[track_caller]
fn next_frame(visitor: &mut Visitor) -> (u8, Vec<u8>) {
    let head = visitor.bytes(2);
    let length = match head[1] {
        126 => u16::from_be_bytes(visitor.bytes(2).try_into().unwrap()) as usize,
        127 => u64::from_be_bytes(visitor.bytes(8).try_into().unwrap()) as usize,
        n => usize::from(n),
    };
    assert_eq!(head[1] & 0x80, 0, "a server's frame is not masked");
    (head[0], visitor.bytes(length))
}

#[track_caller]
fn close_code(frame: &(u8, Vec<u8>)) -> u16 {
    assert_eq!(frame.0, 0x88, "{frame:?}");
    u16::from_be_bytes(frame.1[..2].try_into().unwrap())
}

/// The payload of messages until so many bytes have come.
#[track_caller]
fn received(socket: &mut WebSocket, n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while out.len() < n {
        match socket.read().unwrap() {
            Message::Binary(bytes) => out.extend_from_slice(&bytes),
            other => panic!("{other:?}"),
        }
    }
    out
}

#[test]
fn messages_are_bytes_to_the_service_and_its_bytes_are_messages() {
    let site = scripted(server(), "both-ways", CONVERT);
    let (mut socket, answer) = websocket::open(site.visitor(), &site.host, "mqtt, binary");
    assert_eq!(answer.headers()["sec-websocket-protocol"], "mqtt");
    assert_eq!(answer.headers().get("sec-websocket-extensions"), None);
    let mut service = site.upstream.accept();
    // A service that speaks first is heard first.
    service.send("220 hello\r\n");
    assert_eq!(received(&mut socket, 11), b"220 hello\r\n");
    socket.send(Message::text("EHLO äöü\r\n")).unwrap();
    socket.send(Message::binary(vec![0, 1, 2, 255])).unwrap();
    let wanted = [&b"EHLO \xc3\xa4\xc3\xb6\xc3\xbc\r\n"[..], &[0, 1, 2, 255]].concat();
    assert_eq!(service.bytes(wanted.len()), wanted, "no byte of HTTP, and no framing");
    socket
        .send(Message::Ping(Bytes::from_static(b"are you there")))
        .unwrap();
    assert_eq!(
        socket.read().unwrap(),
        Message::Pong(Bytes::from_static(b"are you there"))
    );
    let much: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    socket.send(Message::binary(much.clone())).unwrap();
    assert!(service.bytes(much.len()) == much);
    service.send(&much);
    assert!(received(&mut socket, much.len()) == much);

    // The service ends: what it sent is there before the close frame, and the visitor's answer ends the other direction.
    service.send("221 bye");
    service.finish();
    assert_eq!(received(&mut socket, 7), b"221 bye");
    let Message::Close(Some(CloseFrame { code, .. })) = socket.read().unwrap() else {
        panic!("no close frame");
    };
    assert_eq!(code, CloseCode::Normal);
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
    assert_eq!(service.rest(), (Vec::new(), End::Clean));
}

#[test]
fn a_visitor_that_closes_still_gets_what_the_service_says() {
    let site = scripted(server(), "half-closed", CONVERT);
    let (mut visitor, mut service) = by_hand(&site);
    visitor.send([frame(0x82, b"last words"), frame(0x88, b"\x0f\xa0done")].concat());
    assert_eq!(service.rest(), (b"last words".to_vec(), End::Clean));
    service.send("so ");
    service.send("long");
    service.finish();
    let mut said = Vec::new();
    let closed = loop {
        match next_frame(&mut visitor) {
            (0x82, payload) => said.extend(payload),
            other => break other,
        }
    };
    assert_eq!(said, b"so long");
    assert_eq!(close_code(&closed), 4000, "the visitor's own code");
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

/// Who has closed does not wait for ever for a service that neither speaks nor ends.
#[test]
fn a_service_that_does_not_end_is_given_up() {
    let site = scripted(server(), "endless", CONVERT);
    let (mut visitor, mut service) = by_hand(&site);
    visitor.send([frame(0x82, b"last words"), frame(0x88, b"\x03\xe8")].concat());
    assert_eq!(service.rest(), (b"last words".to_vec(), End::Clean));
    // The answer to the close frame comes when the time of the service is over.
    assert_eq!(close_code(&next_frame(&mut visitor)), 1000);
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

/// A visitor that just leaves between two messages has ended; one that leaves within a message has broken off.
#[test]
fn leaving_without_a_close_frame() {
    let site = scripted(server(), "leaving", CONVERT);
    let (mut visitor, mut service) = by_hand(&site);
    visitor.send(frame(0x82, b"whole"));
    visitor.finish();
    assert_eq!(service.rest(), (b"whole".to_vec(), End::Clean));
    let (mut visitor, mut service) = by_hand(&site);
    visitor.send(frame(0x02, b"half"));
    assert_eq!(service.bytes(4), b"half");
    visitor.finish();
    assert_eq!(service.rest(), (Vec::new(), End::Reset));
}

#[test]
fn pieces_of_messages_are_passed_on_as_they_come() {
    let site = scripted(server(), "pieces", CONVERT);
    let (mut visitor, mut service) = by_hand(&site);
    visitor.send(frame(0x01, b"price: 5 \xe2\x82"));
    assert_eq!(
        service.bytes(11),
        b"price: 5 \xe2\x82",
        "not held until the message is whole"
    );
    visitor.send(frame(0x89, b"now"));
    assert_eq!(next_frame(&mut visitor), (0x8a, b"now".to_vec()));
    let rest = [frame(0x00, b"\xac"), frame(0x80, b""), frame(0x8a, b"unasked")].concat();
    for byte in &rest {
        visitor.send([*byte]);
    }
    assert_eq!(service.bytes(1), b"\xac");
    service.send("ok");
    assert_eq!(next_frame(&mut visitor), (0x82, b"ok".to_vec()));
}

#[test]
fn a_breach_of_the_protocol_is_told_and_is_an_abort_to_the_service() {
    let site = scripted(server(), "breaches", CONVERT);
    let mut long = vec![0x82, 0x80 | 127];
    long.extend((16 * 1024 * 1024_u64 + 1).to_be_bytes());
    long.extend([0; 4]);
    for (breach, code) in [
        (vec![0x82, 1, b'x'], 1002),
        (frame(0xc2, b"compressed"), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x80, b"of nothing"), 1002),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x88, b"\x03\xed"), 1002),
        (long, 1009),
    ] {
        let (mut visitor, mut service) = by_hand(&site);
        visitor.send(frame(0x82, b"before"));
        assert_eq!(service.bytes(6), b"before");
        visitor.send(&breach);
        assert_eq!(close_code(&next_frame(&mut visitor)), code, "{breach:?}");
        assert_eq!(service.rest(), (Vec::new(), End::Reset), "{breach:?}");
        visitor.finish();
        visitor.rest_or_alert();
    }
}

#[test]
fn what_is_no_websocket_is_refused() {
    let site = scripted(server(), "no-upgrade", CONVERT);
    let whole = handshake(&site.host);
    for (request, version) in [
        (site.get_text("/"), None),
        (whole.replace("Upgrade: websocket", "Upgrade: foo/2"), None),
        (whole.replace("Connection: Upgrade\r\n", ""), None),
        (whole.replace("HTTP/1.1", "HTTP/1.0"), None),
        (whole.replace("GET ", "DELETE "), None),
        (whole.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), None),
        (whole.replace("Version: 13", "Version: 8"), Some("13")),
    ] {
        let answer = site.visitor().ask(&request);
        assert_eq!((answer.status(), answer.code()), (400, "ERR_NGROK_3206"), "{request}");
        assert_eq!(answer.get("sec-websocket-version"), version, "{request}");
    }
    assert!(site.upstream.accepted().is_none(), "the agent was not asked");
}

/// The option from before traffic policies; the endpoint's own policy is asked before it.
#[test]
fn the_option_from_before_policies() {
    let policy = "on_http_request:\n  - expressions: [\"req.url.path == '/no'\"]\n    actions: [{type: deny}]\n\
                  on_http_response:\n  - actions: [{type: add-headers, config: {headers: {x-seen: \"${res.status_code}\"}}}]\n";
    let policy = file(policy);
    let policy = policy.path().to_str().unwrap();
    let flags = ["--websocket-tcp-converter", "--traffic-policy-file", policy];
    let site = Site::scripted(server(), "old-option", &flags);
    assert_eq!(site.get("/no").status(), 403);
    assert_eq!(site.get("/yes").code(), "ERR_NGROK_3206");
    let (mut socket, answer) = websocket::open(site.visitor(), &site.host, "");
    assert_eq!(answer.headers()["x-seen"], "101");
    assert_eq!(answer.headers().get("sec-websocket-protocol"), None);
    let mut service = site.upstream.accept();
    socket.send(Message::text("ping")).unwrap();
    assert_eq!(service.bytes(4), b"ping");
    service.send("pong");
    assert_eq!(received(&mut socket, 4), b"pong");
}

#[test]
fn over_http_2() {
    let site = scripted(server(), "by-h2", CONVERT);
    let mut h2 = site.h2();
    assert_eq!(h2.get("/").code(), "ERR_NGROK_3206");
    h2.wait("the server's settings", async {
        while !h2.send.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let request = h2.to(Method::CONNECT, "/socket").header("sec-websocket-version", "13");
    let mut request = request.header("sec-websocket-protocol", "binary").body(()).unwrap();
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    let (response, mut stream) = h2.begin(request, false);
    let response = h2.wait("200", response).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["sec-websocket-protocol"], "binary");
    assert_eq!(response.headers().get("sec-websocket-accept"), None);
    let mut body = response.into_body();
    let mut service = h2.meanwhile(|| site.upstream.accept());
    stream.send_data(frame(0x82, b"ping").into(), false).unwrap();
    assert_eq!(h2.meanwhile(|| service.bytes(4)), b"ping");
    service.send("pong");
    assert_eq!(
        h2.wait("bytes", chunk(&mut body)).unwrap().unwrap(),
        &b"\x82\x04pong"[..]
    );
    stream.send_data(frame(0x88, b"\x03\xe8").into(), false).unwrap();
    assert_eq!(h2.meanwhile(|| service.rest()), (Vec::new(), End::Clean));
    drop(service);
    assert_eq!(
        h2.wait("bytes", chunk(&mut body)).unwrap().unwrap(),
        &b"\x88\x02\x03\xe8"[..]
    );
    assert_eq!(h2.wait("the end", chunk(&mut body)).unwrap(), None);
}

#[test]
fn a_service_that_is_not_there_is_told_by_the_close_frame() {
    let site = scripted(server(), "nobody", CONVERT);
    let Site {
        host, agent, upstream, ..
    } = site;
    drop(upstream);
    crate::harness::eventually("the service is gone", || {
        let mut visitor = Visitor::tls(server(), &host);
        visitor.send(handshake(&host));
        assert_eq!(visitor.receive_head().status(), 101);
        let frame = next_frame(&mut visitor);
        (close_code(&frame) == 1011 && frame.1.ends_with(b"the service cannot be reached")).then_some(())
    });
    drop(agent);
}

#[test]
fn a_service_that_breaks_off_is_told_by_the_close_frame() {
    let site = scripted(server(), "broken-off", CONVERT);
    let (mut visitor, service) = by_hand(&site);
    service.reset();
    assert_eq!(close_code(&next_frame(&mut visitor)), 1011);
}

#[test]
fn an_open_one_is_closed_when_its_visitor_may_not_come_any_more() {
    let server = Server::start();
    let ip_policy = make(&server, "/ip_policies", &json!({}));
    let ip_policy = ip_policy["id"].as_str().unwrap().to_owned();
    let rule = |cidr: &str, action: &str| {
        let body = json!({"ip_policy_id": ip_policy, "cidr": cidr, "action": action});
        make(&server, "/ip_policy_rules", &body);
    };
    rule("127.0.0.0/8", "allow");
    let restrict = format!("{{type: restrict-ips, config: {{ip_policies: [{ip_policy}]}}}}");
    let restricted = format!("on_http_request:\n  - actions: [{restrict}, {{type: websocket-tcp}}]\n");
    let site = scripted(&server, "restricted", &restricted);
    let (mut visitor, mut service) = by_hand(&site);
    visitor.send(frame(0x82, b"in"));
    assert_eq!(service.bytes(2), b"in");
    rule("127.0.0.1/32", "deny");
    assert_eq!(close_code(&next_frame(&mut visitor)), 1008);
    assert_eq!(service.rest(), (Vec::new(), End::Reset));
}

/// Whoever does not read stops the other one, and nothing is kept for him.
#[test]
fn one_side_waits_for_the_other() {
    const PIECE: usize = 256 * 1024;
    let site = scripted(server(), "slow", CONVERT);
    let (mut visitor, mut service) = by_hand(&site);
    let piece = frame(0x82, &[7; PIECE]);
    let mut sent = 0;
    while visitor.try_send_now(&piece, Duration::from_millis(500)) {
        sent += 1;
        assert!(
            sent * PIECE < 64 << 20,
            "a service that reads nothing does not stop the visitor"
        );
    }
    for _ in 0..sent {
        assert!(service.bytes(PIECE).iter().all(|byte| *byte == 7));
    }
}

#[test]
fn large_messages_take_little_memory() {
    const MESSAGE: usize = 16 * 1024 * 1024;
    const MESSAGES: usize = 7;
    let server = Server::start();
    let site = scripted(&server, "large", CONVERT);
    let (mut socket, _) = websocket::open(site.visitor(), &site.host, "");
    let mut service = site.upstream.accept();
    socket.send(Message::text("x")).unwrap();
    service.bytes(1);
    let before = server.memory_peak();
    let message: Vec<u8> = (0..MESSAGE).map(|i| (i % 253) as u8).collect();
    let expected = message.clone();
    let echo = std::thread::spawn(move || {
        for _ in 0..MESSAGES {
            let mut rest = expected.as_slice();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(64 * 1024));
                assert!(service.bytes(piece.len()) == piece);
                rest = behind;
            }
        }
        for _ in 0..MESSAGES {
            service.send(&expected);
        }
        service
    });
    for _ in 0..MESSAGES {
        socket.send(Message::binary(message.clone())).unwrap();
    }
    let mut came = 0;
    while came < MESSAGES * MESSAGE {
        let Message::Binary(bytes) = socket.read().unwrap() else {
            panic!("no message after {came} bytes");
        };
        let wanted = message.iter().cycle().skip(came % MESSAGE);
        assert!(bytes.iter().eq(wanted.take(bytes.len())), "behind {came} bytes");
        came += bytes.len();
    }
    drop(echo.join().unwrap());
    let grown = server.memory_peak().saturating_sub(before);
    assert_eq!(server.metric("adit_http_requests_total", &["1xx", "completed"]), 1.0);
    assert!(grown < 12 << 20, "{grown} bytes more for messages of {MESSAGE}");
}

/// A cloud endpoint has no service that could take the bytes.
#[test]
fn it_is_refused_where_there_is_no_agent() {
    let server = server();
    let host = server.host("in-the-cloud");
    let body = json!({"url": format!("https://{host}"), "type": "cloud", "traffic_policy": CONVERT});
    let (status, answer) = api::post(server, "/endpoints", &body.to_string());
    assert_eq!(status, 400, "{answer}");
    assert!(answer.to_string().contains("needs an agent"), "{answer}");
}
