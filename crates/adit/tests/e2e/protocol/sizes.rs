//! How large a head may be: exactly the limit passes, one more does not.

use crate::harness::message::ok;
use crate::harness::{End, Of, Server, Service, Site};
use http::Method;

const KIB: usize = 1024;

fn site(name: &str) -> Site<'static, Service> {
    Site::answering(Server::shared("http1"), name, &[], |_| ok("x"))
}

/// A request whose header block has exactly this many bytes, in fields of at most 40 KiB.
fn with_block(host: &str, size: usize) -> String {
    let mut block = format!("Host: {host}\r\n");
    let mut left = size - block.len();
    let mut i = 0;
    while left > 0 {
        let line = if left > 41 * KIB { 40 * KIB } else { left };
        let name = format!("X-{i}: ");
        block.push_str(&name);
        block.push_str(&"v".repeat(line - name.len() - 2));
        block.push_str("\r\n");
        left -= line;
        i += 1;
    }
    assert_eq!(block.len(), size);
    format!("GET / HTTP/1.1\r\n{block}\r\n")
}

fn with_fields(host: &str, count: usize) -> String {
    let more: String = (1..count).map(|i| format!("X-{i}: {i}\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{more}\r\n")
}

fn with_target(host: &str, size: usize) -> String {
    format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(size - 1))
}

#[test]
fn the_head_of_http_1() {
    let site = site("sizes1");
    let host = &site.host;
    let refused = 431;
    for (what, request, status, code) in [
        ("block", with_block(host, 64 * KIB), 200, ""),
        ("block + 1", with_block(host, 64 * KIB + 1), refused, "ERR_ADIT_4310"),
        ("200 fields", with_fields(host, 200), 200, ""),
        ("201 fields", with_fields(host, 201), refused, "ERR_ADIT_4310"),
        ("target", with_target(host, 16 * KIB), 200, ""),
        ("target + 1", with_target(host, 16 * KIB + 1), 414, "ERR_ADIT_4140"),
        (
            "cookie",
            format!(
                "GET / HTTP/1.1\r\nHost: {host}\r\nCookie: a={}\r\n\r\n",
                "c".repeat(32 * KIB)
            ),
            200,
            "",
        ),
        (
            "one field of 48 KiB and more",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "c".repeat(48 * KIB)),
            refused,
            "ERR_ADIT_4310",
        ),
        (
            "name of 256",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}: v\r\n\r\n", "n".repeat(256)),
            200,
            "",
        ),
        (
            "name of 257",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}: v\r\n\r\n", "n".repeat(257)),
            refused,
            "ERR_ADIT_4310",
        ),
        (
            "method of 33",
            format!("{} / HTTP/1.1\r\nHost: {host}\r\n\r\n", "M".repeat(33)),
            400,
            "ERR_ADIT_4000",
        ),
    ] {
        let mut visitor = site.visitor();
        let _ = visitor.try_send(&request);
        let answer = visitor.receive(Of::Get);
        assert_eq!((answer.status(), answer.code()), (status, code), "{what}");
        if status != 200 {
            assert_eq!(answer.get("connection"), Some("close"), "{what}");
            assert_eq!(visitor.rest(), (Vec::new(), End::Clean), "{what}");
        }
    }
    assert_eq!(site.upstream.seen().len(), 5);
    // Received whole: the edge's own fields come on top of what is allowed.
    let largest = &site.upstream.seen()[0];
    assert_eq!(largest.get("x-0").map(str::len), Some(40 * KIB - 7));
}

#[test]
fn a_head_without_end_is_refused_at_its_limit() {
    let site = site("sizes-endless");
    let mut visitor = site.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n", site.host));
    let line = format!("X: {}\r\n", "v".repeat(8 * KIB - 5));
    for _ in 0..32 {
        if visitor.try_send(&line).is_err() {
            break;
        }
    }
    assert_eq!(visitor.receive(Of::Get).status(), 431);
    let mut visitor = site.visitor();
    let _ = visitor.try_send("GET /".to_owned() + &"a".repeat(64 * KIB));
    assert_eq!(visitor.receive(Of::Get).status(), 414);
    assert!(site.upstream.seen().is_empty());
}

#[test]
fn the_head_of_http_2() {
    let site = site("sizes2");
    let mut h2 = site.h2();
    let cookie = "c".repeat(32 * KIB);
    let request = h2.to(Method::GET, "/").header("cookie", &cookie).body(()).unwrap();
    assert_eq!(h2.ask(request, b"").status, 200);
    assert_eq!(site.upstream.seen()[0].get("cookie").map(str::len), Some(32 * KIB));
    let target = format!("/{}", "a".repeat(16 * KIB - 1));
    assert_eq!(h2.get(&target).status, 200);
    let too_long = h2.get(&format!("{target}a"));
    assert_eq!((too_long.status.as_u16(), too_long.code()), (414, "ERR_ADIT_4140"));
    let mut request = h2.to(Method::GET, "/");
    for i in 0..201 {
        request = request.header(format!("x-{i}"), "v");
    }
    let answer = h2.ask(request.body(()).unwrap(), b"");
    assert_eq!(answer.status, 431);
    // The connection goes on.
    assert_eq!(h2.get("/after").status, 200);
    assert_eq!(site.upstream.seen().len(), 3);
}

#[test]
fn a_large_upload_has_no_limit_and_arrives_whole() {
    const LENGTH: usize = 24 << 20;
    let server = Server::shared("http1");
    let site = Site::scripted(server, "upload", &[]);
    let mut visitor = site.visitor();
    let receiving = std::thread::spawn({
        let mut upstream = {
            visitor.send(format!(
                "POST /up HTTP/1.1\r\nHost: {}\r\nContent-Length: {LENGTH}\r\n\r\n",
                site.host
            ));
            site.upstream.accept()
        };
        move || {
            assert_eq!(upstream.head().get("content-length"), Some(LENGTH.to_string().as_str()));
            let mut sum = 0_u64;
            let mut left = LENGTH;
            while left > 0 {
                let piece = upstream.bytes(left.min(64 * KIB));
                sum += piece.iter().map(|b| u64::from(*b)).sum::<u64>();
                left -= piece.len();
            }
            upstream.send(ok(&sum.to_string()));
            upstream
        }
    });
    let piece: Vec<u8> = (0..64 * KIB).map(|i| (i % 251) as u8).collect();
    let mut sum = 0_u64;
    for _ in 0..LENGTH / piece.len() {
        visitor.send(&piece);
        sum += piece.iter().map(|b| u64::from(*b)).sum::<u64>();
    }
    assert_eq!(visitor.receive(Of::Get).text(), sum.to_string());
    drop(receiving.join().unwrap());
}
