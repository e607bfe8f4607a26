//! Calls to real servers on this machine, which an operator has to allow first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adit_outbound::{Call, Client, Failure, Guard, Kind, Options, Purpose, Resolve, Resolved};
use adit_tls::Roots;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Names of the tests, and how often they were asked for.
#[derive(Default)]
struct Names {
    known: Vec<(&'static str, Vec<IpAddr>)>,
    asked: AtomicUsize,
}

impl Resolve for Names {
    fn resolve<'r>(&'r self, host: &'r str) -> Resolved<'r> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.known.iter().find(|(name, _)| *name == host);
        let found = found
            .map(|(_, addresses)| addresses.clone())
            .ok_or_else(|| "no such name".to_owned());
        Box::pin(async move { found })
    }
}

/// Answers each request with what `answer` makes of its head; runs until the test ends.
async fn server<F>(answer: F) -> SocketAddr
where
    F: Fn(&str) -> Vec<u8> + Clone + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[allow(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(serve(io, answer));
        }
    });
    address
}

async fn serve(mut io: TcpStream, answer: impl Fn(&str) -> Vec<u8>) {
    let mut seen = Vec::new();
    let mut buf = [0; 4096];
    while let Ok(n @ 1..) = io.read(&mut buf).await {
        seen.extend_from_slice(&buf[..n]);
        while let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(seen.drain(..end + 4).collect()).unwrap();
            let response = answer(&head);
            if response.is_empty() {
                return;
            }
            if io.write_all(&response).await.is_err() {
                return;
            }
        }
    }
}

fn response(status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn client(guard: Guard, names: Arc<Names>) -> Client {
    Client::new(Options {
        guard,
        resolver: names,
        roots: Roots::WebPki,
    })
    .unwrap()
}

fn allowing(allow: &[&str]) -> Guard {
    Guard {
        allow: allow.iter().map(|a| a.parse().unwrap()).collect(),
        ..Guard::default()
    }
}

fn get(url: impl Into<String>) -> Call {
    Call {
        purpose: Purpose::Policy,
        who: 1,
        method: Method::GET,
        url: url.into(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        max_redirects: 0,
        timeout: Duration::from_secs(20),
        max_body: 1 << 20,
    }
}

#[tokio::test]
async fn an_allowed_place_answers_and_a_connection_is_used_again() {
    let address = server(|head| response(200, "X-A: 1\r\nX-A: 2\r\n", head.as_bytes())).await;
    let names = Arc::new(Names {
        known: vec![("a.test", vec![address.ip()])],
        ..Names::default()
    });
    let port = address.port();
    let client = client(allowing(&[&format!("a.test:{port}")]), names.clone());
    let mut call = get(format!("http://A.test:{port}/p?q=1"));
    call.headers.insert("x-b", "2".parse().unwrap());
    for _ in 0..2 {
        let answer = client.call(call.clone()).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.peer), (200, address.ip()));
        assert_eq!(answer.headers.get_all("x-a").iter().count(), 2);
        let seen = std::str::from_utf8(&answer.body).unwrap().to_ascii_lowercase();
        assert!(seen.starts_with("get /p?q=1 http/1.1\r\n"), "{seen}");
        assert!(
            seen.contains(&format!("host: a.test:{port}\r\n")) && seen.contains("x-b: 2\r\n"),
            "{seen}"
        );
    }
    // Resolved once, judged once, dialled once: there is no second answer that could differ.
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_leads_to_this_machine_is_refused_before_a_connection() {
    let address = server(|_| panic!("it was asked")).await;
    let port = address.port();
    let public: IpAddr = "1.1.1.1".parse().unwrap();
    let names = Arc::new(Names {
        known: vec![
            ("local.test", vec![address.ip()]),
            // One good address does not excuse the other.
            ("both.test", vec![public, address.ip()]),
            ("mapped.test", vec!["::ffff:127.0.0.1".parse().unwrap()]),
        ],
        ..Names::default()
    });
    let client = client(
        Guard {
            policy_external: true,
            ..Guard::default()
        },
        names,
    );
    for host in [
        "127.0.0.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "local.test",
        "mapped.test",
    ] {
        let failure = client.call(get(format!("http://{host}:{port}/"))).await.unwrap_err();
        let is_loopback = |f: &Failure| {
            matches!(
                f,
                Failure::Refused {
                    kind: Kind::Loopback,
                    ..
                }
            )
        };
        assert!(is_loopback(&failure), "{host}: {failure}");
    }
    let failure = client.call(get("http://both.test:8080/")).await.unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Refused {
                kind: Kind::Loopback,
                ..
            }
        ),
        "{failure}"
    );
    for host in ["169.254.169.254", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]"] {
        let failure = client.call(get(format!("http://{host}/latest"))).await.unwrap_err();
        assert!(matches!(failure, Failure::Refused { .. }), "{host}: {failure}");
    }
    let failure = client.call(get("http://nobody.test/")).await.unwrap_err();
    assert!(matches!(failure, Failure::Resolve { .. }), "{failure}");
    let failure = client.call(get("http://x.internal/")).await.unwrap_err();
    assert_eq!(failure, Failure::Internal("x.internal".into()));
}

#[tokio::test]
async fn redirects_go_through_the_same_door() {
    let address = server(|head| {
        let path = head.split(' ').nth(1).unwrap();
        match path {
            "/metadata" => response(302, "Location: http://169.254.169.254/\r\n", b""),
            "/internal" => response(302, "Location: http://db.internal/\r\n", b""),
            "/file" => response(302, "Location: file:///etc/passwd\r\n", b""),
            "/loop" => response(302, "Location: /loop\r\n", b""),
            "/other" => {
                let port = head
                    .split("\r\nhost: 127.0.0.1:")
                    .nth(1)
                    .unwrap()
                    .split('\r')
                    .next()
                    .unwrap();
                response(307, &format!("Location: http://b.test:{port}/end\r\n"), b"")
            }
            _ => response(200, "", head.as_bytes()),
        }
    })
    .await;
    let port = address.port();
    let names = Arc::new(Names {
        known: vec![("b.test", vec![address.ip()])],
        ..Names::default()
    });
    let client = client(allowing(&["127.0.0.0/8"]), names);
    let mut call = get(format!("http://{address}/"));
    call.max_redirects = 3;
    call.headers.insert(header::AUTHORIZATION, "secret".parse().unwrap());
    let mut at = async |path: &str| {
        call.url = format!("http://{address}{path}");
        client.call(call.clone()).await
    };
    let failure = at("/metadata").await.unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Refused {
                kind: Kind::LinkLocal,
                ..
            }
        ),
        "{failure}"
    );
    assert!(matches!(at("/internal").await, Err(Failure::Internal(_))));
    assert!(matches!(at("/file").await, Err(Failure::Url(_))));
    assert_eq!(at("/loop").await.unwrap_err(), Failure::TooManyRedirects(3));
    let answer = at("/other").await.unwrap();
    let seen = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.url, format!("http://b.test:{port}/end"));
    assert!(!seen.contains("secret"), "{seen}");
    // Not followed: an answer like others.
    let answer = client.call(get(format!("http://{address}/loop"))).await.unwrap();
    assert_eq!(answer.status.as_u16(), 302);
}

#[tokio::test]
async fn answers_are_bounded_in_size_fields_and_time() {
    let bomb = {
        use async_compression::tokio::write::GzipEncoder;
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(&vec![0; 4 << 20]).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    };
    let address = server(move |head| match head.split(' ').nth(1).unwrap() {
        "/bomb" => response(200, "Content-Encoding: gzip\r\n", &bomb),
        "/large" => response(200, "", &vec![b'x'; 100_001]),
        "/chunks" => [
            b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            b"2000\r\n"
                .iter()
                .copied()
                .chain([b'x'; 0x2000])
                .chain(*b"\r\n")
                .collect::<Vec<_>>()
                .repeat(20),
        ]
        .concat(),
        "/fields" => response(200, &"X: y\r\n".repeat(101), b""),
        "/head" => response(200, &format!("X: {}\r\n", "y".repeat(20_000)), b""),
        "/coding" => response(200, "Content-Encoding: rot13\r\n", b"x"),
        "/silent" => b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n123".to_vec(),
        "/closed" => Vec::new(),
        "/broken" => b"SSH-2.0-x\r\n".to_vec(),
        _ => response(200, "Content-Encoding: identity\r\n", b"x"),
    })
    .await;
    let client = client(allowing(&["127.0.0.1"]), Arc::default());
    let ask = async |path: &str, timeout| {
        let mut call = get(format!("http://{address}{path}"));
        call.max_body = 100_000;
        call.timeout = timeout;
        client.call(call).await
    };
    let long = Duration::from_secs(20);
    assert_eq!(ask("/", long).await.unwrap().body, "x");
    for path in ["/bomb", "/large", "/chunks"] {
        assert_eq!(ask(path, long).await.unwrap_err(), Failure::TooLarge(100_000), "{path}");
    }
    for path in ["/fields", "/head", "/coding", "/closed", "/broken"] {
        let failure = ask(path, long).await.unwrap_err();
        assert!(matches!(failure, Failure::Broken(_)), "{path}: {failure}");
    }
    let short = Duration::from_millis(50);
    assert_eq!(ask("/silent", short).await.unwrap_err(), Failure::Timeout(short));
}

#[tokio::test]
async fn this_server_is_not_asked_even_where_it_listens_on_all_addresses() {
    let address = server(|_| panic!("it was asked")).await;
    let guard = |own: &str| Guard {
        own: vec![own.replace("PORT", &address.port().to_string()).parse().unwrap()],
        ..allowing(&["127.0.0.0/8"])
    };
    for own in ["0.0.0.0:PORT", "127.0.0.1:PORT", "[::]:PORT"] {
        let client = client(guard(own), Arc::default());
        let failure = client.call(get(format!("http://{address}/"))).await.unwrap_err();
        assert!(matches!(failure, Failure::Own(_)), "{own}: {failure}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_frames_are_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["good.test".to_owned()]).unwrap();
    let identity =
        adit_tls::Identity::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    #[derive(Debug)]
    struct One(adit_tls::Identity);
    impl adit_tls::Resolver for One {
        fn identity(&self, _: Option<&str>) -> Option<adit_tls::Identity> {
            Some(self.0.clone())
        }
    }
    let profile = adit_tls::ServerProfile::builder(Arc::new(One(identity)))
        .build()
        .unwrap();
    #[allow(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            if let Ok(mut io) = adit_tls::accept(io, bytes::BytesMut::new(), &profile).await {
                let _ = io.read(&mut [0; 4096]).await;
                let _ = io.write_all(&response(200, "", b"secure")).await;
                let _ = io.flush().await;
            }
        }
    });
    let names = Arc::new(Names {
        known: vec![("good.test", vec![address.ip()]), ("bad.test", vec![address.ip()])],
        ..Names::default()
    });
    let client = Client::new(Options {
        guard: allowing(&["127.0.0.0/8"]),
        resolver: names,
        roots: Roots::Pem(made.cert.pem().into_bytes()),
    })
    .unwrap();
    let port = address.port();
    let answer = client.call(get(format!("https://good.test:{port}/"))).await.unwrap();
    assert_eq!(answer.body, "secure");
    let failure = client.call(get(format!("https://bad.test:{port}/"))).await.unwrap_err();
    assert!(matches!(failure, Failure::Tls { .. }), "{failure}");
    let mut call = get(format!("https://good.test:{port}/"));
    call.headers
        .insert(header::TRANSFER_ENCODING, "chunked".parse().unwrap());
    assert_eq!(
        client.call(call).await.unwrap_err(),
        Failure::Header("transfer-encoding".into())
    );
}
