//! Visitors that leave in the middle: the service learns of it at once, and the place is free.

use std::time::{Duration, Instant};

use http::Method;

use crate::harness::h2_visitor::chunk;
use crate::harness::upstream::Conn;
use crate::harness::{End, Server, Site, Upstream};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// The service's connection is aborted within a moment: what it works on is of no use any more.
#[track_caller]
fn aborted(conn: &mut Conn) {
    assert_eq!(ended(conn), End::Reset);
}

/// The service's connection ends within a moment.
#[track_caller]
fn ended(conn: &mut Conn) -> End {
    let began = Instant::now();
    let (_, end) = conn.rest();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    end
}

fn begun(site: &Site<'_, Upstream>, target: &str) -> (crate::harness::Visitor, Conn) {
    let mut visitor = site.visitor();
    visitor.send(site.get_text(target));
    let mut conn = site.upstream.accept();
    assert_eq!(conn.request().target(), target);
    (visitor, conn)
}

#[test]
fn in_mid_download() {
    let site = Site::scripted(server(), "leaving-download", &[]);
    let (mut visitor, mut conn) = begun(&site, "/large");
    conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_eq!(visitor.receive_head().status(), 200);
    visitor.reset();
    ended(&mut conn);
}

#[test]
fn in_mid_download_with_the_way_full() {
    let site = Site::scripted(server(), "leaving-full", &[]);
    let (mut visitor, mut conn) = begun(&site, "/large");
    visitor.shrink(8 * 1024);
    conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40));
    assert_eq!(visitor.receive_head().status(), 200);
    let sending = std::thread::spawn(move || {
        let piece = vec![b'x'; 64 * 1024];
        let began = Instant::now();
        while conn.try_send(&piece).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(60), "never told");
        }
    });
    visitor.bytes(64 * 1024);
    visitor.reset();
    sending.join().unwrap();
}

#[test]
fn while_waiting_for_an_answer() {
    let site = Site::scripted(server(), "leaving-waiting", &[]);
    let (visitor, mut conn) = begun(&site, "/slow");
    visitor.reset();
    aborted(&mut conn);
}

#[test]
fn in_mid_upload() {
    let site = Site::scripted(server(), "leaving-upload", &[]);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\nabc",
        site.host
    ));
    let mut conn = site.upstream.accept();
    conn.head();
    assert_eq!(conn.bytes(3), b"abc");
    visitor.reset();
    aborted(&mut conn);
}

#[test]
fn one_stream_of_http_2() {
    let site = Site::scripted(server(), "leaving2", &[]);
    let mut h2 = site.h2();
    let request = h2.to(Method::GET, "/large").body(()).unwrap();
    let (response, mut stream) = h2.begin(request, false);
    let mut conn = h2.meanwhile(|| {
        let mut conn = site.upstream.accept();
        conn.head();
        conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        conn
    });
    let mut body = h2.wait("the head", response).unwrap().into_body();
    assert_eq!(h2.wait("data", chunk(&mut body)).unwrap().unwrap(), "abc");
    stream.send_reset(h2::Reason::CANCEL);
    h2.meanwhile(|| ended(&mut conn));
    // The others go on.
    let request = h2.to(Method::GET, "/after").body(()).unwrap();
    let (response, _) = h2.begin(request, true);
    h2.meanwhile(|| {
        let mut conn = site.upstream.accept();
        assert_eq!(conn.request().target(), "/after");
        conn.send(crate::harness::message::ok("x"));
    });
    assert_eq!(h2.wait("200", response).unwrap().status(), 200);
}

#[test]
fn a_whole_connection_of_http_2() {
    let site = Site::scripted(server(), "leaving2-all", &[]);
    let mut h2 = site.h2();
    let mut waiting = Vec::new();
    let mut conns = Vec::new();
    for i in 0..4 {
        let request = h2.to(Method::GET, &format!("/{i}")).body(()).unwrap();
        waiting.push(h2.begin(request, true).0);
        conns.push(h2.meanwhile(|| {
            let mut conn = site.upstream.accept();
            conn.request();
            conn
        }));
    }
    drop(waiting);
    drop(h2);
    for mut conn in conns {
        aborted(&mut conn);
    }
}

#[test]
fn places_of_those_who_left_are_free() {
    let server = Server::start();
    let site = Site::scripted(&server, "leaving-places", &[]);
    for _ in 0..20 {
        let (visitor, mut conn) = begun(&site, "/slow");
        visitor.reset();
        aborted(&mut conn);
    }
    crate::harness::eventually("no stream is open for them", || {
        (server.metric("adit_connections_open", &["https"]) <= 1.0).then_some(())
    });
    crate::harness::eventually("the agent's streams are closed", || {
        (server.metric("adit_streams_open", &[]) <= 4.0).then_some(())
    });
}
