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

/// The request of a login: what the visitor says of itself, and what has to be said to it.
fn login(site: &Site<'_, Upstream>, target: &str, says: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{says}\r\n", site.host)
}

/// Logins of NTLM in three steps, and what follows them: each visitor's requests go over one connection of its own.
#[test]
fn a_login_that_holds_for_a_connection_takes_several_requests() {
    let site = Site::scripted(server(), "proxy-ntlm", &[]);
    let mut visitors = [site.visitor(), site.visitor()];
    let mut conns: Vec<_> = Vec::new();
    let challenge =
        |step: &str| format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM {step}\r\nContent-Length: 0\r\n\r\n");
    // The steps of both, one after the other.
    for (n, visitor) in visitors.iter_mut().enumerate() {
        visitor.send(login(&site, &format!("/{n}/first"), ""));
        let mut conn = site.upstream.accept();
        assert_eq!(
            conn.request().target(),
            format!("/{n}/first"),
            "over a challenged connection"
        );
        conn.send(challenge(""));
        assert_eq!(visitor.receive(Of::Get).status(), 401);
        conns.push(conn);
    }
    for (n, (visitor, conn)) in visitors.iter_mut().zip(&mut conns).enumerate() {
        visitor.send(login(&site, "/negotiate", "Authorization: NTLM TlRMTVNTUAAB\r\n"));
        assert_eq!(conn.request().get("authorization"), Some("NTLM TlRMTVNTUAAB"));
        conn.send(challenge(&format!("challenge-{n}")));
        let answer = visitor.receive(Of::Get);
        assert_eq!(answer.get("www-authenticate"), Some(&*format!("NTLM challenge-{n}")));
        // A body goes with the last step: not idempotent, and the connection may have idled for long.
        visitor.send(format!(
            "POST /authenticate HTTP/1.1\r\nHost: {}\r\nAuthorization: NTLM answer-{n}\r\nContent-Length: 4\r\n\r\nbody",
            site.host
        ));
        let request = conn.request();
        assert_eq!(request.get("authorization"), Some(&*format!("NTLM answer-{n}")));
        assert_eq!(request.text(), "body");
        conn.send(ok("welcome"));
        assert_eq!(visitor.receive(Of::Get).text(), "welcome");
    }
    // The upstream asks for nothing any more: it knows its connections. They stay who they are.
    for round in 0..3 {
        for (n, (visitor, conn)) in visitors.iter_mut().zip(&mut conns).enumerate() {
            visitor.send(login(&site, &format!("/{n}/{round}"), ""));
            assert_eq!(conn.request().target(), format!("/{n}/{round}"));
            conn.send(ok(&format!("user {n}")));
            assert_eq!(visitor.receive(Of::Get).text(), format!("user {n}"));
        }
    }
    // Another visitor meanwhile: nobody's login.
    let mut other = site.visitor();
    other.send(login(&site, "/other", ""));
    let mut own = site.upstream.accept();
    assert_eq!(own.request().target(), "/other");
    own.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nnobody");
    assert_eq!(other.receive(Of::Get).text(), "nobody");
    // With its visitor a connection ends.
    let [one, mut two] = visitors;
    drop(one);
    assert_eq!(conns.remove(0).rest().0, b"");
    // An upstream that has closed it is met with a new one, which has to be told who it is.
    drop(conns);
    two.send(login(&site, "/again", ""));
    let mut again = site.upstream.accept();
    assert_eq!(again.request().target(), "/again");
    again.send(challenge(""));
    assert_eq!(two.receive(Of::Get).status(), 401);
}

/// The visitor sends its part at once, and the upstream says nothing of it in its answer.
#[test]
fn a_login_that_only_the_visitor_names_is_never_another_visitors() {
    let site = Site::scripted(server(), "proxy-negotiate", &[]);
    let mut one = site.visitor();
    one.send(login(&site, "/one", "Authorization: Negotiate YII=\r\n"));
    let mut first = site.upstream.accept();
    first.request();
    first.send(ok("one"));
    assert_eq!(one.receive(Of::Get).text(), "one");
    let mut two = site.visitor();
    two.send(login(&site, "/two", ""));
    let mut second = site.upstream.accept();
    assert_eq!(second.request().target(), "/two");
    second.send(ok("two"));
    assert_eq!(two.receive(Of::Get).text(), "two");
    // Nor does what is kept for one go over what is kept for all.
    one.send(login(&site, "/one/again", ""));
    assert_eq!(first.request().target(), "/one/again");
    first.send(ok("one"));
    assert_eq!(one.receive(Of::Get).text(), "one");
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
