//! Responses that break off or are no HTTP: a visitor sees that something is missing, or an error, and never a
//! complete-looking piece.

use http::Method;

use crate::harness::h2_visitor::{chunk, whole};
use crate::harness::message::ok;
use crate::harness::{End, Of, Server, Site};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// Responses that end too early; `true` if the service ends by a reset.
const CUT: [(&str, bool); 7] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false),
    ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", false),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        false,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n",
        false,
    ),
    ("HTTP/1.1 200 OK\r\n\r\nabc", true),
];

#[test]
fn a_cut_response_over_http_1() {
    let site = Site::scripted(server(), "broken1", &[]);
    for (response, by_reset) in CUT {
        let mut visitor = site.visitor();
        visitor.send(site.get_text("/"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(response);
        // The head is through before the end comes: it is the body that is cut.
        let head = visitor.receive_head();
        assert_eq!(head.status(), 200);
        if by_reset {
            assert!(visitor.bytes(3).len() == 3);
            upstream.reset();
        } else {
            drop(upstream);
        }
        let (rest, end) = visitor.rest();
        if head.get("transfer-encoding").is_some() {
            assert!(
                !rest.ends_with(b"0\r\n\r\n"),
                "{response:?} looks complete: {}",
                rest.escape_ascii()
            );
        } else {
            assert!(rest.len() < 10, "{response:?}");
            assert_eq!(head.get("content-length"), Some("10"), "{response:?}");
        }
        assert!(matches!(end, End::Clean | End::Cut | End::Reset));
    }
}

#[test]
fn a_cut_response_over_http_2() {
    let site = Site::scripted(server(), "broken2", &[]);
    let mut h2 = site.h2();
    for (response, by_reset) in CUT {
        let request = h2.to(Method::GET, "/").body(()).unwrap();
        let (coming, _) = h2.begin(request, true);
        let upstream = h2.meanwhile(|| {
            let mut upstream = site.upstream.accept();
            upstream.request();
            upstream.send(response);
            upstream
        });
        let head = match h2.wait("the head", coming) {
            Ok(head) => head,
            // A reset may overtake what was queued before it.
            Err(e) if !by_reset => {
                assert_eq!(e.reason(), Some(h2::Reason::INTERNAL_ERROR), "{response:?}");
                continue;
            }
            Err(e) => panic!("{response:?}: {e}"),
        };
        assert_eq!(head.status(), 200);
        let mut body = head.into_body();
        if by_reset {
            assert!(h2.wait("data", chunk(&mut body)).unwrap().is_some());
            upstream.reset();
        } else {
            drop(upstream);
        }
        let end = h2.wait("the end", async {
            loop {
                match chunk(&mut body).await {
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(()),
                    Err(e) => return Err(e),
                }
            }
        });
        let error = end.err().unwrap_or_else(|| panic!("{response:?} looks complete"));
        assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR), "{response:?}");
    }
}

#[test]
fn curl_notices() {
    let site = Site::scripted(server(), "broken-curl", &[]);
    for version in ["--http1.1", "--http2"] {
        for response in [CUT[0].0, CUT[3].0] {
            let mut curl = std::process::Command::new("curl");
            curl.args(["-sS", version, "--cacert"])
                .arg(&server().info.ca_file)
                .args([
                    "--connect-to",
                    &format!("::{}", server().info.https),
                    &format!("https://{}/", site.host),
                ]);
            let process = crate::harness::Process::start(&mut curl);
            let mut upstream = site.upstream.accept();
            upstream.request();
            upstream.send(response);
            drop(upstream);
            let ended = process.ended();
            assert!(
                matches!(ended.code(), 18 | 92 | 56),
                "{version} {response:?}: {ended:?}"
            );
        }
    }
}

#[test]
fn the_agent_is_killed_in_the_middle() {
    let site = Site::scripted(server(), "broken-agent", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_eq!(visitor.receive_head().status(), 200);
    assert_eq!(visitor.bytes(8), b"3\r\nabc\r\n");
    let mut h2 = site.h2();
    let request = h2.to(Method::GET, "/").body(()).unwrap();
    let (coming, _) = h2.begin(request, true);
    let second = h2.meanwhile(|| {
        let mut second = site.upstream.accept();
        second.request();
        second.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        second
    });
    let mut body = h2.wait("the head", coming).unwrap().into_body();
    assert_eq!(h2.wait("data", chunk(&mut body)).unwrap().unwrap(), "abc");

    let mut agent = site.agent;
    agent.process.kill();
    assert_eq!(visitor.rest().0, b"");
    assert!(h2.wait("the end", chunk(&mut body)).is_err());
    drop((upstream, second));
}

#[test]
fn an_agent_killed_before_the_answer_is_said_for_a_post() {
    let site = Site::scripted(server(), "broken-before", &[]);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\nhi",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.request().text(), "hi");
    let mut agent = site.agent;
    agent.process.kill();
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (502, "ERR_ADIT_1303"));
}

#[test]
fn answers_that_are_no_http() {
    let site = Site::scripted(server(), "broken-head", &[]);
    let large = format!(
        "HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(260 * 1024)
    );
    let many = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(400));
    for (response, code) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "ERR_NGROK_3004",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "ERR_NGROK_3004",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", "ERR_NGROK_3004"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "ERR_NGROK_3004",
        ),
        (
            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
            "ERR_NGROK_3004",
        ),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "ERR_NGROK_3004"),
        (
            "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
            "ERR_NGROK_3004",
        ),
        (
            "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
            "ERR_NGROK_3004",
        ),
        ("HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n", "ERR_NGROK_3009"),
        ("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "ERR_NGROK_3010"),
        ("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", "ERR_NGROK_3010"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "ERR_NGROK_3004"),
        ("<html>not http</html>", "ERR_NGROK_3004"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "ERR_NGROK_3004"),
        ("", "ERR_NGROK_3004"),
        (large.as_str(), "ERR_NGROK_3004"),
        (many.as_str(), "ERR_NGROK_3004"),
    ] {
        let mut visitor = site.visitor();
        visitor.send(format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n",
            site.host
        ));
        let mut upstream = site.upstream.accept();
        upstream.request();
        let _ = upstream.try_send(response);
        upstream.finish();
        let answer = visitor.receive(Of::Get);
        let shown = response[..response.len().min(60)].escape_debug();
        assert_eq!((answer.status(), answer.code()), (502, code), "{shown}: {answer:?}");
        // The visitor's connection is in order.
        assert_eq!(answer.get("connection"), None, "{shown}");
        drop(upstream);
    }
}

#[test]
fn answers_that_are_odd_but_clear_pass() {
    let site = Site::scripted(server(), "broken-not", &[]);
    for (response, body) in [
        ("HTTP/1.0 200 OK\r\n\r\nuntil close", "until close"),
        ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        ("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", "hi"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
            "hi",
        ),
        ("HTTP/1.1 599 Fine\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        ("HTTP/1.1 200 \u{fc}\u{ff}\r\nContent-Length: 2\r\n\r\nhi", "hi"),
    ] {
        let mut visitor = site.visitor();
        visitor.send(site.get_text("/"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(response);
        drop(upstream);
        assert_eq!(visitor.receive(Of::Get).text(), body, "{response:?}");
    }
}

/// What breaks is one exchange, not the connection over which others of the same session run.
#[test]
fn a_broken_neighbour_harms_nobody() {
    let site = Site::scripted(server(), "broken-neighbour", &[]);
    let mut h2 = site.h2();
    let request = h2.to(Method::GET, "/good").body(()).unwrap();
    let (good, _) = h2.begin(request, true);
    let mut first = h2.meanwhile(|| {
        let mut conn = site.upstream.accept();
        conn.request();
        conn
    });
    let request = h2.to(Method::GET, "/bad").body(()).unwrap();
    let (bad, _) = h2.begin(request, true);
    h2.meanwhile(|| {
        let mut conn = site.upstream.accept();
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        conn.reset();
    });
    assert!(h2.wait("the bad one", whole(bad)).map_or(true, |a| a.status == 502));
    first.send(ok("good"));
    assert_eq!(h2.wait("the good one", whole(good)).unwrap().text(), "good");
}
