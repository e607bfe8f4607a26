//! Path and query reach the service byte for byte.

use crate::harness::frames::{self, Frames};
use crate::harness::upstream::echo;
use crate::harness::{Server, Site};

const PATHS: [&str; 30] = [
    "/",
    "/a/../b",
    "/../../etc/passwd",
    "/%2e%2e/",
    "/%2E%2e/x",
    "/.",
    "/..",
    "/a/.",
    "/a/./b",
    "//x",
    "///",
    "/a//b//",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a;x",
    "/a;x=1/..;/b",
    "/%",
    "/%zz",
    "/%0",
    "/%00",
    "/%0d%0aX-Evil:%201",
    "/~user/!$&'()*+,;=:@",
    "/%7Euser",
    "/a?",
    "/a?b=c&b=d&e",
    "/a?b/../c",
    "/a??b",
    "/?%2e%2e",
    "/a%20b+c",
];

#[test]
fn over_http_1() {
    let site = Site::answering(Server::shared("proxying"), "paths1", &[], echo);
    let mut visitor = site.visitor();
    // Not allowed by RFC 3986, sent by real clients, and unambiguous.
    for path in PATHS
        .iter()
        .chain(&["/a\\b", "/\\..\\x", "/<>\"`{}|^", "/a?\"<>`{}|\\^", "/[x]"])
    {
        assert_eq!(visitor.ask(site.get_text(path)).status(), 200, "{path}");
        let seen = site.upstream.seen().pop().unwrap();
        assert_eq!(seen.start, format!("GET {path} HTTP/1.1"));
    }
}

#[test]
fn over_http_2() {
    let site = Site::answering(Server::shared("proxying"), "paths2", &[], echo);
    let mut connection = Frames::connect(site.server, &site.host);
    for (i, path) in PATHS.iter().enumerate() {
        let stream = u32::try_from(2 * i + 1).unwrap();
        connection.headers(
            stream,
            &[
                (":method", "GET"),
                (":scheme", "https"),
                (":authority", &site.host),
                (":path", path),
            ],
            frames::END_STREAM,
        );
        let frame = connection
            .find(|f| f.stream == stream && matches!(f.kind, frames::HEADERS | frames::RST_STREAM))
            .unwrap();
        assert_eq!(frame.status(), 200, "{path}: {frame:?}");
        let seen = site.upstream.seen().pop().unwrap();
        assert_eq!(seen.start, format!("GET {path} HTTP/1.1"));
    }
}

#[test]
fn absolute_targets_lose_only_their_authority() {
    let site = Site::answering(Server::shared("proxying"), "paths3", &[], echo);
    let mut visitor = site.visitor();
    for (rest, sent_on) in [("/a/../b?c", "/a/../b?c"), ("", "/"), ("?x", "/?x"), ("//y", "//y")] {
        visitor.ask(format!("GET http://{0}{rest} HTTP/1.1\r\nHost: {0}\r\n\r\n", site.host));
        assert_eq!(site.upstream.seen().pop().unwrap().target(), sent_on);
    }
}
