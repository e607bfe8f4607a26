//! HTTP/2 as it is meant: settings, many requests at once, large bodies, ends.

use bytes::Bytes;
use http::Method;

use crate::harness::frames::{self, Frames};
use crate::harness::h2_visitor::{send_all, whole};
use crate::harness::message::{ok, response};
use crate::harness::{H2, Server, Site};

fn server() -> &'static Server {
    Server::shared("http2")
}

#[test]
fn the_settings_are_those_of_the_specification() {
    let mut connection = Frames::connect(server(), "settings.adit.localhost");
    let settings = connection
        .find(|f| f.kind == frames::SETTINGS && f.flags & frames::ACK == 0)
        .unwrap();
    let value = |id: u16| {
        settings
            .payload
            .chunks(6)
            .rfind(|c| c[..2] == id.to_be_bytes())
            .map(|c| u32::from_be_bytes(c[2..].try_into().unwrap()))
    };
    assert!(matches!(value(1), None | Some(4096)), "header table: {:?}", value(1));
    assert_eq!(value(3), Some(100), "concurrent streams");
    assert_eq!(value(4), Some(262_144), "initial window");
    assert!(matches!(value(5), None | Some(16_384)), "frame size: {:?}", value(5));
    assert_eq!(value(6), Some(65_536), "header list");
    assert_eq!(value(8), Some(1), "extended CONNECT");
    let update = connection
        .find(|f| f.kind == frames::WINDOW_UPDATE && f.stream == 0)
        .unwrap();
    assert_eq!(
        u32::from_be_bytes(update.payload.try_into().unwrap()),
        1024 * 1024 - 65_535,
        "connection window"
    );
}

#[test]
fn many_requests_at_once_are_all_answered() {
    let site = Site::answering(server(), "many", &[], |request| {
        ok(&format!("{} {}", request.target(), request.text()))
    });
    std::thread::scope(|scope| {
        for connection in 0..4 {
            let site = &site;
            scope.spawn(move || {
                let mut h2 = site.h2();
                for round in 0..8 {
                    let mut open = Vec::new();
                    for i in 0..50 {
                        let target = format!("/{connection}/{round}/{i}");
                        let body = if i % 2 == 0 { format!("body {i}") } else { String::new() };
                        let method = if body.is_empty() { Method::GET } else { Method::POST };
                        let request = h2.to(method, &target).body(()).unwrap();
                        let (response, mut stream) = h2.begin(request, body.is_empty());
                        if !body.is_empty() {
                            stream.send_data(Bytes::from(body.clone()), true).unwrap();
                        }
                        open.push((response, format!("{target} {body}")));
                    }
                    for (response, expected) in open {
                        let answer = h2.wait("a response", whole(response)).unwrap();
                        assert_eq!((answer.status.as_u16(), answer.text()), (200, expected));
                    }
                }
            });
        }
    });
    assert_eq!(site.upstream.seen().len(), 4 * 8 * 50);
}

#[test]
fn bodies_larger_than_every_window_pass_both_ways() {
    let site = Site::answering(server(), "large-bodies", &[], |request| {
        response("200 OK", "", &request.body)
    });
    let mut h2 = site.h2();
    let body: Vec<u8> = (0..6_000_000_u32).map(|i| (i % 253) as u8).collect();
    let request = h2
        .to(Method::POST, "/")
        .header("content-length", body.len())
        .body(())
        .unwrap();
    let (response, mut stream) = h2.begin(request, false);
    let sent = Bytes::from(body.clone());
    let answer = h2.wait("the echo", async {
        send_all(&mut stream, sent, true).await.unwrap();
        whole(response).await.unwrap()
    });
    assert_eq!(answer.status, 200);
    assert!(answer.body == body);
    let seen = &site.upstream.seen()[0];
    assert_eq!(seen.get("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(seen.get("transfer-encoding"), None);
}

#[test]
fn a_body_without_a_length_comes_in_chunks() {
    let site = Site::answering(server(), "no-length", &[], |request| ok(&request.text()));
    let mut h2 = site.h2();
    let request = h2.to(Method::POST, "/").body(()).unwrap();
    assert_eq!(h2.ask(request, b"abc").text(), "abc");
    let seen = &site.upstream.seen()[0];
    assert_eq!(
        (
            seen.get("transfer-encoding"),
            seen.get("content-length"),
            seen.text().as_str()
        ),
        (Some("chunked"), None, "abc")
    );
    // None at all where the head ends the stream.
    assert_eq!(h2.get("/").status, 200);
    let seen = &site.upstream.seen()[1];
    assert_eq!(
        (seen.get("transfer-encoding"), seen.get("content-length")),
        (None, None)
    );
}

#[test]
fn one_stalled_stream_does_not_hold_up_the_others() {
    let site = Site::answering(server(), "stalled-stream", &[], |request| {
        let length = if request.target() == "/large" { 8 << 20 } else { 4 };
        response("200 OK", "", &vec![b'x'; length])
    });
    let mut h2 = site.h2();
    let request = h2.to(Method::GET, "/large").body(()).unwrap();
    let (stalled, _) = h2.begin(request, true);
    let (parts, body) = h2.wait("the head of the large one", stalled).unwrap().into_parts();
    assert_eq!(parts.status, 200);
    for i in 0..20 {
        assert_eq!(h2.get(&format!("/small/{i}")).body, b"xxxx");
    }
    drop(body);
    assert_eq!(h2.get("/after").status, 200);
}

#[test]
fn the_server_says_goodbye_when_it_drains() {
    let server = Server::start();
    let site = Site::scripted(&server, "goodbye", &[]);
    let mut h2 = site.h2();
    let request = h2.to(Method::GET, "/slow").body(()).unwrap();
    let (response, _) = h2.begin(request, true);
    let upstream = h2.meanwhile(|| {
        let mut upstream = site.upstream.accept();
        upstream.request();
        server.process.signal("TERM");
        crate::harness::eventually("draining", || (server.admin("/readyz").status() == 503).then_some(()));
        upstream.send(ok("finished"));
        upstream
    });
    let response = h2.wait("the response", whole(response));
    drop(upstream);
    assert_eq!(response.unwrap().text(), "finished");
}

#[test]
fn an_unknown_name_is_answered_and_the_connection_goes_on() {
    let mut h2 = H2::connect(server(), "unknown2.adit.localhost");
    for _ in 0..3 {
        let answer = h2.get("/");
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "ERR_NGROK_3200"));
    }
}
