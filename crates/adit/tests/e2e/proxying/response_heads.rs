//! The head that the visitor receives: nothing that only the edge may say, everything else as it was.

use crate::harness::{Of, Server, Site};

const FIELDS: &str = "Date: Tue, 24 Nov 2026 15:00:00 GMT\r\nserver: its own\r\nX-Dup: 1\r\nConnection: X-Hop, keep-alive\r\nX-Hop: gone\r\n\
    Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTrailer-Like: kept\r\nngrok-error-code: ERR_NGROK_3200\r\n\
    Ngrok_Error_Code: ERR_NGROK_3200\r\nadit-position: 7\r\nADIT-Auth: x\r\nAlt-Svc: h3=\":443\"\r\nSet-Cookie: mine=1; Domain=example.com\r\n\
    Set-Cookie: __Host-adit-session-abc=1; Path=/\r\nset-cookie: __Host-adit-pool=1\r\nSet-Cookie: other=2\r\nX-Dup: 2\r\n\
    Strict-Transport-Security: max-age=1\r\nContent-Security-Policy: default-src 'self'\r\nLocation: http://somewhere/else\r\nX-Empty:\r\nx-CASE: Kept\r\n";

#[test]
fn over_http_1_byte_for_byte() {
    let site = Site::scripted(Server::shared("proxying"), "response1", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send(format!("HTTP/1.1 201 Made Up\r\n{FIELDS}Content-Length: 2\r\n\r\nhi"));
    let answer = visitor.receive(Of::Get);
    let expected = "HTTP/1.1 201 Made Up\r\nDate: Tue, 24 Nov 2026 15:00:00 GMT\r\nserver: its own\r\nX-Dup: 1\r\nTrailer-Like: kept\r\n\
        Set-Cookie: mine=1; Domain=example.com\r\nSet-Cookie: other=2\r\nX-Dup: 2\r\nStrict-Transport-Security: max-age=1\r\n\
        Content-Security-Policy: default-src 'self'\r\nLocation: http://somewhere/else\r\nX-Empty:\r\nx-CASE: Kept\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(answer.head_text().replace("X-Empty: \r\n", "X-Empty:\r\n"), expected);
    assert_eq!(answer.text(), "hi");
}

#[test]
fn over_http_2() {
    let site = Site::answering(Server::shared("proxying"), "response2", &[], |_| {
        format!("HTTP/1.1 201 Made Up\r\n{FIELDS}Content-Length: 2\r\n\r\nhi").into_bytes()
    });
    let answer = site.h2().get("/");
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (201, "hi"));
    for gone in [
        "connection",
        "x-hop",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "upgrade",
        "ngrok-error-code",
        "adit-position",
        "adit-auth",
        "alt-svc",
        "transfer-encoding",
    ] {
        assert!(answer.headers.get(gone).is_none(), "{gone}");
    }
    let all = |name: &str| -> Vec<&str> {
        answer
            .headers
            .get_all(name)
            .iter()
            .map(|v| v.to_str().unwrap())
            .collect()
    };
    assert_eq!(all("set-cookie"), ["mine=1; Domain=example.com", "other=2"]);
    assert_eq!(all("x-dup"), ["1", "2"]);
    assert_eq!(all("server"), ["its own"]);
    assert_eq!(all("content-length"), ["2"]);
}

#[test]
fn a_date_is_added_where_there_is_none_and_a_server_never() {
    let site = Site::answering(Server::shared("proxying"), "response-date", &[], |_| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()
    });
    let answer = site.get("/");
    let date = answer.get("date").unwrap();
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    assert_eq!(answer.get("server"), None);
    assert_eq!(answer.fields.len(), 2, "{answer:?}");
}

#[test]
fn chunks_are_framed_anew_and_the_body_is_the_same() {
    let site = Site::answering(Server::shared("proxying"), "response-chunks", &[], |_| {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00003;ext=\"a\"\r\nabc\r\nA\r\n0123456789\r\n0;x\r\n\r\n"
            .to_vec()
    });
    let mut visitor = site.visitor();
    for _ in 0..2 {
        let answer = visitor.ask(site.get_text("/"));
        assert_eq!(answer.text(), "abc0123456789");
        assert_eq!(answer.all("transfer-encoding"), ["chunked"]);
    }
}
