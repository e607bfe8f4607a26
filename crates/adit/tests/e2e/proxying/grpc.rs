//! gRPC, and HTTP/2 services in general: streams both ways, trailers, errors and cancellation, none of them held up.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Method, Request, Response};

use crate::harness::h2_visitor::{chunk, whole};
use crate::harness::message::ok;
use crate::harness::{Agent, H2, H2Service, Server, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// An endpoint of an HTTP/2 service that behaves as the path says, and tells what it sees.
struct Grpc {
    host: String,
    told: Mutex<Receiver<String>>,
    heads: Arc<Mutex<Vec<http::request::Parts>>>,
    _agent: Agent,
    _service: H2Service,
}

impl Grpc {
    fn start(name: &str) -> Self {
        let (tell, told) = sync_channel(1000);
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        let service = H2Service::start(move |request, respond| {
            let (tell, kept) = (tell.clone(), kept.clone());
            async move {
                let (parts, body) = request.into_parts();
                kept.lock().unwrap().push(parts.clone());
                let path = parts.uri.path().to_owned();
                if let Err(e) = serve(&path, body, respond, &tell).await {
                    let _ = tell.try_send(format!("failed {path}: {e}"));
                }
            }
        });
        let host = server().host(name);
        let agent = Agent::http(server(), service.address())
            .url(&format!("https://{host}"))
            .args(["--upstream-protocol", "http2"])
            .start();
        Self {
            host,
            told: Mutex::new(told),
            heads,
            _agent: agent,
            _service: service,
        }
    }

    fn h2(&self) -> H2 {
        H2::connect(server(), &self.host)
    }

    fn call(&self, h2: &H2, path: &str) -> Request<()> {
        h2.to(Method::POST, path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "5S")
            .body(())
            .unwrap()
    }
}

fn status(code: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.parse().unwrap());
    trailers.insert("grpc-message", "told".parse().unwrap());
    trailers
}

async fn serve(
    path: &str,
    mut body: RecvStream,
    mut respond: SendResponse<Bytes>,
    tell: &SyncSender<String>,
) -> Result<(), h2::Error> {
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .header("ngrok-error-code", "ERR_NGROK_1");
    match path {
        "/error" => {
            let mut head = head.body(()).unwrap();
            head.headers_mut().extend(status("7"));
            respond.send_response(head, true)?;
        }
        "/wait" => {
            let mut stream = respond.send_response(head.body(()).unwrap(), false)?;
            stream.send_data(Bytes::from_static(b"first"), false)?;
            let reason = std::future::poll_fn(|cx| stream.poll_reset(cx)).await?;
            let _ = tell.try_send(format!("reset {}", u32::from(reason)));
        }
        "/plain" => {
            let mut all = Vec::new();
            while let Some(data) = chunk(&mut body).await? {
                all.extend_from_slice(&data);
            }
            let head = Response::builder().status(201).header("x-a", "b").body(()).unwrap();
            respond.send_response(head, false)?.send_data(Bytes::from(all), true)?;
        }
        "/abort" => {
            let mut stream = respond.send_response(head.body(()).unwrap(), false)?;
            stream.send_data(Bytes::from_static(b"part"), false)?;
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        _ => {
            // Each message is answered before the next is read.
            let mut stream = respond.send_response(head.body(()).unwrap(), false)?;
            while let Some(data) = chunk(&mut body).await? {
                stream.send_data(data, false)?;
            }
            stream.send_trailers(status("0"))?;
        }
    }
    Ok(())
}

#[test]
fn unary() {
    let grpc = Grpc::start("grpc-unary");
    let mut h2 = grpc.h2();
    for _ in 0..3 {
        let request = grpc.call(&h2, "/unary");
        let answer = h2.ask(request, b"\0\0\0\0\x03abc");
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_slice()),
            (200, &b"\0\0\0\0\x03abc"[..])
        );
        assert_eq!(answer.get("ngrok-error-code"), None, "only the edge says that");
        let trailers = answer.trailers.unwrap();
        assert_eq!(trailers.get("grpc-status").unwrap(), "0");
        assert_eq!(trailers.get("grpc-message").unwrap(), "told");
    }
    let heads = grpc.heads.lock().unwrap();
    let head = &heads[0];
    assert_eq!(head.uri.authority().unwrap().as_str(), grpc.host);
    assert_eq!(head.headers.get("te").unwrap(), "trailers");
    assert_eq!(head.headers.get("grpc-timeout").unwrap(), "5S");
    assert_eq!(head.headers.get("via").unwrap(), "2.0 adit");
    assert_eq!(head.headers.get("x-forwarded-proto").unwrap(), "https");
    assert!(head.headers.get("host").is_none());
}

#[test]
fn messages_pass_one_by_one_in_both_directions() {
    let grpc = Grpc::start("grpc-bidi");
    let mut h2 = grpc.h2();
    let request = grpc.call(&h2, "/bidi");
    let (response, mut stream) = h2.begin(request, false);
    let mut body = h2.wait("the head", response).unwrap().into_body();
    for i in 0..20 {
        let message = Bytes::from(format!("message {i}"));
        stream.send_data(message.clone(), false).unwrap();
        assert_eq!(h2.wait("its echo", chunk(&mut body)).unwrap().unwrap(), message);
    }
    stream.send_data(Bytes::new(), true).unwrap();
    assert_eq!(h2.wait("the end", chunk(&mut body)).unwrap(), None);
    assert_eq!(
        h2.wait("trailers", body.trailers())
            .unwrap()
            .unwrap()
            .get("grpc-status")
            .unwrap(),
        "0"
    );
}

#[test]
fn an_error_without_a_body_is_kept_as_it_is() {
    let grpc = Grpc::start("grpc-error");
    let mut h2 = grpc.h2();
    let request = grpc.call(&h2, "/error");
    let answer = h2.ask(request, b"\0\0\0\0\0");
    assert_eq!(
        (answer.status.as_u16(), answer.get("grpc-status"), answer.body.len()),
        (200, Some("7"), 0)
    );
}

#[test]
fn a_call_that_is_cancelled_is_cancelled_at_the_service() {
    let grpc = Grpc::start("grpc-cancel");
    let mut h2 = grpc.h2();
    let request = grpc.call(&h2, "/wait");
    let (response, mut stream) = h2.begin(request, false);
    let mut body = h2.wait("the head", response).unwrap().into_body();
    assert_eq!(h2.wait("data", chunk(&mut body)).unwrap().unwrap(), "first");
    stream.send_reset(Reason::CANCEL);
    let told = h2.meanwhile(|| grpc.told.lock().unwrap().recv_timeout(Duration::from_secs(5)));
    assert_eq!(told.unwrap(), format!("reset {}", u32::from(Reason::CANCEL)));
    // The connection to the service goes on.
    let request = grpc.call(&h2, "/unary");
    assert_eq!(h2.ask(request, b"x").body, b"x");
}

#[test]
fn a_call_that_the_service_aborts_is_no_success() {
    let grpc = Grpc::start("grpc-abort");
    let mut h2 = grpc.h2();
    let request = grpc.call(&h2, "/abort");
    let (response, _stream) = h2.begin(request, true);
    assert!(h2.wait("the end", whole(response)).is_err());
    let request = grpc.call(&h2, "/unary");
    assert_eq!(h2.ask(request, b"x").body, b"x");
}

#[test]
fn an_endpoint_that_is_offline_is_unavailable() {
    let mut h2 = H2::connect(server(), "grpc-nobody.adit.localhost");
    let request = h2
        .to(Method::POST, "/call")
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let answer = h2.ask(request, b"\0\0\0\0\0");
    assert_eq!(answer.status, 200);
    assert_eq!(
        (answer.get("grpc-status"), answer.code(), answer.get("content-type")),
        (Some("14"), "ERR_NGROK_3200", Some("application/grpc"))
    );
    assert!(answer.get("grpc-message").is_some_and(|m| m.contains("offline")));
    assert!(answer.body.is_empty());
}

#[test]
fn a_service_of_http_1_cannot_be_called() {
    let site = Site::answering(server(), "grpc-http1", &[], |_| ok("x"));
    let mut h2 = site.h2();
    let request = h2
        .to(Method::POST, "/call")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let answer = h2.ask(request, b"\0\0\0\0\0");
    assert_eq!((answer.status.as_u16(), answer.get("grpc-status")), (200, Some("12")));
    assert!(
        answer.get("grpc-message").is_some_and(|m| m.contains("http2")),
        "{answer:?}"
    );
    // gRPC-Web is plain HTTP to us.
    let request = h2
        .to(Method::POST, "/call")
        .header("content-type", "application/grpc-web")
        .body(())
        .unwrap();
    assert_eq!(h2.ask(request, b"\0").text(), "x");
    assert_eq!(site.upstream.seen().len(), 1);
}

#[test]
fn plain_requests_to_an_http_2_service() {
    let grpc = Grpc::start("grpc-plain");
    let mut h1 = Visitor::tls(server(), &grpc.host);
    for _ in 0..3 {
        let answer = h1.ask(format!("POST /plain?q HTTP/1.1\r\nHost: {}\r\nConnection: X-Hop\r\nX-Hop: gone\r\nCookie: a=1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", grpc.host));
        assert_eq!(
            (answer.status(), answer.text().as_str(), answer.get("x-a")),
            (201, "abc", Some("b"))
        );
    }
    let mut h2 = grpc.h2();
    let request = h2.to(Method::PUT, "/plain").body(()).unwrap();
    assert_eq!(h2.ask(request, b"def").text(), "def");
    let heads = grpc.heads.lock().unwrap();
    assert_eq!(
        (
            heads[0].uri.path_and_query().unwrap().as_str(),
            heads[0].headers.get("cookie").unwrap()
        ),
        ("/plain?q", &http::HeaderValue::from_static("a=1"))
    );
    assert!(heads[0].headers.get("x-hop").is_none());
    assert_eq!(heads[0].headers.get("via").unwrap(), "1.1 adit");
}

#[test]
fn large_bodies_through_an_http_2_service() {
    let grpc = Grpc::start("grpc-large");
    let mut h1 = Visitor::tls(server(), &grpc.host);
    let body = vec![b'x'; 3 << 20];
    let mut request = format!(
        "POST /plain HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
        grpc.host,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    assert!(h1.ask(&request).body == body);
}

#[test]
fn a_websocket_to_an_http_2_service_goes_over_http_1() {
    let site = Site::scripted(server(), "grpc-websocket", &["--upstream-protocol", "http2"]);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        site.host
    ));
    let mut conn = site.upstream.accept();
    assert_eq!(conn.request().get("upgrade"), Some("websocket"));
    conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(visitor.receive_head().status(), 101);
}

/// An agent that was told HTTP/2 for a service that speaks HTTP/1: the request succeeds all the same.
#[test]
fn a_service_that_answers_in_http_1_is_served_in_http_1() {
    // Answers whatever comes as an HTTP/1 server answers an unknown preface: with HTTP/1.
    let site = Site::answering(
        server(),
        "grpc-fallback",
        &["--upstream-protocol", "http2"],
        |request| {
            if request.method() == "PRI" {
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec()
            } else {
                ok(&format!("in http/1 {}", request.text()))
            }
        },
    );
    let mut visitor = site.visitor();
    // The body that was sent in vain is sent again.
    let post = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nbody",
        site.host
    );
    assert_eq!(visitor.ask(post).text(), "in http/1 body");
    for _ in 0..3 {
        assert_eq!(visitor.ask(site.get_text("/")).text(), "in http/1 ");
    }
    // Tried once, then known.
    assert_eq!(site.upstream.seen().iter().filter(|r| r.method() == "PRI").count(), 1);
}
