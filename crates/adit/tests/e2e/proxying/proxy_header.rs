//! PROXY headers toward the service: each visitor connection has a connection of its own, with its own address.

use crate::harness::message::ok;
use crate::harness::upstream::Conn;
use crate::harness::{Agent, Of, Server, Site, Upstream, Visitor};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// Source and destination of a header of version 1.
#[track_caller]
fn version_1(conn: &mut Conn) -> (String, String) {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(conn.bytes(1));
        assert!(line.len() <= 107);
    }
    let line = String::from_utf8(line).unwrap();
    let words: Vec<_> = line.trim_end().split(' ').collect();
    let [proxy, family, from, to, from_port, to_port] = words[..] else {
        panic!("{line}")
    };
    assert_eq!((proxy, family), ("PROXY", "TCP4"));
    (format!("{from}:{from_port}"), format!("{to}:{to_port}"))
}

/// The same of version 2.
#[track_caller]
fn version_2(conn: &mut Conn) -> (String, String) {
    let head = conn.bytes(16);
    assert_eq!(head[..12], *b"\r\n\r\n\0\r\nQUIT\n");
    assert_eq!((head[12], head[13]), (0x21, 0x11));
    let rest = conn.bytes(usize::from(u16::from_be_bytes([head[14], head[15]])));
    let address = |at: usize, port: usize| {
        format!(
            "{}.{}.{}.{}:{}",
            rest[at],
            rest[at + 1],
            rest[at + 2],
            rest[at + 3],
            u16::from_be_bytes([rest[port], rest[port + 1]])
        )
    };
    (address(0, 8), address(4, 10))
}

type Read = fn(&mut Conn) -> (String, String);
const VERSIONS: [(&str, Read); 2] = [("1", version_1), ("2", version_2)];

#[test]
fn of_http_endpoints() {
    for (version, read) in VERSIONS {
        let site = Site::scripted(
            server(),
            &format!("proxy-http{version}"),
            &["--upstream-proxy-protocol", version],
        );
        let mut visitors = [site.visitor(), site.visitor()];
        for round in 0..2 {
            for visitor in &mut visitors {
                visitor.send(site.get_text(&format!("/{round}")));
                // The connection of the same visitor may be used again, another's never.
                let mut conn = site.upstream.accepted().unwrap_or_else(|| site.upstream.accept());
                let (from, to) = read(&mut conn);
                assert_eq!(from, visitor.address().to_string());
                assert_eq!(to, server().info.https.to_string());
                assert_eq!(conn.request().target(), format!("/{round}"));
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                assert_eq!(visitor.receive(Of::Get).status(), 200);
            }
        }
    }
}

#[test]
fn of_tcp_endpoints() {
    for (version, read) in VERSIONS {
        let upstream = Upstream::bind();
        let agent = Agent::tcp(server(), upstream.address())
            .args(["--upstream-proxy-protocol", version])
            .start();
        let address = format!("127.0.0.1:{}", agent.port());
        for _ in 0..2 {
            let mut visitor = Visitor::plain(address.parse().unwrap());
            // Before the visitor has said anything: a service may speak first.
            let mut conn = upstream.accept();
            assert_eq!(read(&mut conn), (visitor.address().to_string(), address.clone()));
            visitor.send("hello");
            assert_eq!(conn.bytes(5), b"hello");
        }
    }
}

#[test]
fn of_passed_through_tls_endpoints() {
    for (version, read) in VERSIONS {
        let upstream = Upstream::bind();
        let host = server().host(&format!("proxy-tls{version}"));
        let agent = Agent::tls(server(), upstream.address())
            .url(&format!("tls://{host}"))
            .args(["--upstream-proxy-protocol", version])
            .start();
        let profile = adit_tls::ClientProfile::builder(adit_tls::Roots::Insecure)
            .build()
            .unwrap();
        std::thread::scope(|scope| {
            let shaking = scope.spawn(|| Visitor::handshake(server().info.https, &host, &profile).map(|_| ()));
            let mut conn = upstream.accept();
            let (from, to) = read(&mut conn);
            assert!(from.starts_with("127.0.0.1:"));
            assert_eq!(to, server().info.https.to_string());
            assert_eq!(conn.bytes(3), [0x16, 3, 1], "the ClientHello comes behind it");
            drop(conn);
            assert!(shaking.join().unwrap().is_err());
        });
        drop(agent);
    }
}

/// A login that holds for a connection (NTLM): that connection is nobody else's.
#[test]
fn a_connection_that_was_challenged_is_never_another_visitors() {
    for scheme in ["NTLM TlRMTVNTUAAC", "Negotiate", "negotiate oYG2"] {
        let site = Site::scripted(server(), &format!("proxy-login-{}", scheme.len()), &[]);
        let mut one = site.visitor();
        one.send(site.get_text("/challenge"));
        let mut first = site.upstream.accept();
        first.request();
        first.send(format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {scheme}\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(one.receive(Of::Get).status(), 401);

        let mut two = site.visitor();
        two.send(site.get_text("/other"));
        let mut second = site.upstream.accept();
        assert_eq!(
            second.request().target(),
            "/other",
            "over the connection of somebody else"
        );
        second.send(ok("other"));
        assert_eq!(two.receive(Of::Get).text(), "other");
        drop(one);
        assert_eq!(first.rest().0, b"");
    }
}
