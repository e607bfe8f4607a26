//! Endpoints: every scheme, forwarding and serving in the process, what is refused, closing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use hyper::Request;
use ngrok::Session;
use ngrok::config::{OauthOptions, OidcOptions, Policy, ProxyProto, Scheme, TunnelBuilder};
use ngrok::conn::ConnInfo;
use ngrok::tunnel::{EndpointInfo, TunnelCloser, TunnelInfo};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::cut::Cut;
use crate::harness::{eventually, tests};
use crate::process::Process;
use crate::sdk::{self, Pair};
use crate::server::Server;
use crate::upstream::{self, Service, Serving};
use crate::visitor::{self, Answer, echoes, fetch};

tests![
    an_https_url_works,
    an_http_url_works_and_has_no_tls,
    a_chosen_name_is_given,
    a_tcp_url_works,
    a_tls_url_passes_through_to_the_upstream,
    a_tls_url_ends_at_the_edge_with_a_certificate_of_its_own,
    unix_and_https_upstreams_work,
    a_listener_serves_http_in_the_process,
    the_visitors_address_is_visible,
    the_visitors_ipv6_address_is_visible,
    the_tcp_visitors_address_is_visible,
    proxy_protocol_1_reaches_the_upstream,
    proxy_protocol_2_reaches_the_upstream,
    a_bad_host_is_326,
    the_old_options_are_enforced,
    old_options_and_wrong_policies_are_refused_not_ignored,
    a_policy_is_enforced,
    an_empty_policy_is_accepted_old_and_new,
    a_labelled_endpoint_is_358,
    close_takes_the_endpoint_offline_and_can_be_repeated,
    a_dropped_session_leaves,
    the_same_url_twice_is_334,
    two_pooled_processes_both_serve,
    an_upstream_that_is_down_is_502_with_8012,
];

/// A service online in a session of its own.
struct Online {
    session: Session,
    upstream: Serving,
}

async fn online(server: &Server) -> Result<Online> {
    Ok(Online {
        session: sdk::connect(server).await?,
        upstream: Service::new("").serve().await?,
    })
}

fn said(answer: Answer) -> Result<Value> {
    Ok(serde_json::from_slice(&answer.ok()?.body)?)
}

async fn offline(server: &Server, url: &str) -> Result<()> {
    let answer = fetch(server, url, "/").await?;
    ensure!(
        answer.status == 404 && answer.code() == Some("ERR_NGROK_3200"),
        "status {}",
        answer.status
    );
    Ok(())
}

async fn an_https_url_works(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let web = sdk::web(&on.session.http_endpoint(), &on.upstream.address).await?;
    ensure!(
        web.url().starts_with("https://") && web.proto() == "https",
        "{}",
        web.url()
    );
    let said = said(fetch(&server, web.url(), "/a?b=c").await?)?;
    ensure!(said["path"] == "/a?b=c", "{said}");
    ensure!(said["headers"]["host"] == web.url()["https://".len()..], "{said}");
    Ok(())
}

async fn an_http_url_works_and_has_no_tls(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let web = sdk::web(on.session.http_endpoint().scheme(Scheme::HTTP), &on.upstream.address).await?;
    ensure!(web.url().starts_with("http://"), "{}", web.url());
    ensure!(said(fetch(&server, web.url(), "/p").await?)?["path"] == "/p");
    Ok(())
}

async fn a_chosen_name_is_given(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let web = sdk::web(
        on.session.http_endpoint().domain("rust-chosen.adit.localhost"),
        &on.upstream.address,
    )
    .await?;
    ensure!(
        web.url().starts_with("https://rust-chosen.adit.localhost"),
        "{}",
        web.url()
    );
    fetch(&server, web.url(), "/").await?.ok()?;
    Ok(())
}

async fn a_tcp_url_works(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let upstream = upstream::tcp_echo().await?;
    let raw = sdk::forward(&session.tcp_endpoint(), &format!("tcp://{}", upstream.address)).await?;
    ensure!(raw.url().starts_with("tcp://"), "{}", raw.url());
    // The end of one direction passes through, the other stays open.
    let mut socket = visitor::tcp(raw.url()).await?;
    socket.write_all(b"over tcp").await?;
    socket.shutdown().await?;
    let mut got = String::new();
    socket.read_to_string(&mut got).await?;
    ensure!(got == "over tcp", "{got:?}");
    Ok(())
}

async fn a_tls_url_passes_through_to_the_upstream(server: Arc<Server>) -> Result<()> {
    let pair = Pair::of("rust-tls.adit.localhost")?;
    let acceptor = pair.acceptor()?;
    let upstream = upstream::tcp(move |socket| {
        let acceptor = acceptor.clone();
        async move {
            let (mut from, mut to) = tokio::io::split(acceptor.accept(socket).await?);
            tokio::io::copy(&mut from, &mut to).await?;
            Ok(())
        }
    })
    .await?;
    let session = sdk::connect(&server).await?;
    let mut builder = session.tls_endpoint();
    let on = sdk::forward(
        builder.domain("rust-tls.adit.localhost"),
        &format!("tcp://{}", upstream.address),
    )
    .await?;
    echoes(visitor::tls(&server, on.url(), pair.roots()?, &[]).await?, "end to end").await
}

async fn a_tls_url_ends_at_the_edge_with_a_certificate_of_its_own(server: Arc<Server>) -> Result<()> {
    let pair = Pair::of("rust-edge-tls.adit.localhost")?;
    let upstream = upstream::tcp_echo().await?;
    let session = sdk::connect(&server).await?;
    let mut builder = session.tls_endpoint();
    builder
        .domain("rust-edge-tls.adit.localhost")
        .termination(pair.chain_pem.clone().into(), pair.key_pem.clone().into());
    let on = sdk::forward(&builder, &format!("tcp://{}", upstream.address)).await?;
    echoes(
        visitor::tls(&server, on.url(), pair.roots()?, &[]).await?,
        "decrypted at the edge",
    )
    .await
}

async fn unix_and_https_upstreams_work(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("socket");
    let listener = tokio::net::UnixListener::bind(&path)?;
    let unix = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(Service::new("unix").connection(hyper_util::rt::TokioIo::new(socket)));
        }
    });
    let web = sdk::forward(&session.http_endpoint(), &format!("unix:{}", path.display())).await?;
    ensure!(said(fetch(&server, web.url(), "/").await?)?["name"] == "unix");
    unix.abort();
    let acceptor = Pair::of("localhost")?.acceptor()?;
    let secure = upstream::tcp(move |socket| {
        let acceptor = acceptor.clone();
        async move {
            let socket = acceptor.accept(socket).await?;
            Service::new("secure")
                .connection(hyper_util::rt::TokioIo::new(socket))
                .await
        }
    })
    .await?;
    let mut builder = session.http_endpoint();
    let url = format!("https://{}", secure.address);
    let web = sdk::forward(builder.verify_upstream_tls(false), &url).await?;
    ensure!(said(fetch(&server, web.url(), "/").await?)?["name"] == "secure");
    Ok(())
}

async fn a_listener_serves_http_in_the_process(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let mut listener = session.http_endpoint().listen().await?;
    let url = listener.url().to_owned();
    let serving = tokio::spawn(async move {
        while let Ok(Some(conn)) = listener.try_next().await {
            tokio::spawn(Service::new("here").connection(conn));
        }
    });
    ensure!(said(fetch(&server, &url, "/").await?)?["name"] == "here");
    serving.abort();
    Ok(())
}

async fn visible(server: &Server, session: &Session, address: &str) -> Result<()> {
    let upstream = Service::new("").serve().await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let mut request: Request<_> = visitor::request(web.url(), "/")?;
    request.headers_mut().insert("x-forwarded-for", "192.0.2.1".parse()?);
    let answer = visitor::whole(visitor::send(server, web.url(), request).await?).await?;
    let headers = &said(answer)?["headers"];
    ensure!(
        headers["x-forwarded-for"] == address && headers["x-forwarded-proto"] == "https",
        "{headers}"
    );
    Ok(())
}

async fn the_visitors_address_is_visible(server: Arc<Server>) -> Result<()> {
    visible(&server, &sdk::connect(&server).await?, "127.0.0.1").await
}

async fn the_visitors_ipv6_address_is_visible(_: Arc<Server>) -> Result<()> {
    let server = Server::start_on("[::1]").await?;
    // The SDK itself cannot be given an IPv6 address; its visitors can have one.
    let cut = Cut::before(&server.info.https).await?;
    let session = sdk::builder(&server.info, Some(cut.address()))?.connect().await?;
    visible(&server, &session, "::1").await
}

async fn the_tcp_visitors_address_is_visible(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let mut listener = session.tcp_endpoint().listen().await?;
    let mut socket = visitor::tcp(listener.url()).await?;
    socket.write_all(b"hello").await?;
    let conn = listener.try_next().await?.context("no connection")?;
    ensure!(
        conn.remote_addr() == socket.local_addr()?,
        "{} for {}",
        conn.remote_addr(),
        socket.local_addr()?
    );
    Ok(())
}

/// What comes before the visitor's bytes at a tcp upstream; the visitor's port, the endpoint's port.
async fn proxy_header(server: &Server, version: ProxyProto) -> Result<(Vec<u8>, u16, u16)> {
    const SENT: &[u8] = b"first bytes";
    let (sender, mut received) = mpsc::channel(1);
    let upstream = upstream::tcp(move |mut socket| {
        let sender = sender.clone();
        async move {
            let mut got = Vec::new();
            while !got.ends_with(SENT) && socket.read_buf(&mut got).await? > 0 {}
            sender.send(got).await?;
            Ok(())
        }
    })
    .await?;
    let session = sdk::connect(server).await?;
    let mut builder = session.tcp_endpoint();
    let raw = sdk::forward(builder.proxy_proto(version), &format!("tcp://{}", upstream.address)).await?;
    let mut socket = visitor::tcp(raw.url()).await?;
    socket.write_all(SENT).await?;
    let mut got = received.recv().await.context("nothing came")?;
    ensure!(got.ends_with(SENT), "{got:?}");
    got.truncate(got.len() - SENT.len());
    Ok((got, socket.local_addr()?.port(), socket.peer_addr()?.port()))
}

async fn proxy_protocol_1_reaches_the_upstream(server: Arc<Server>) -> Result<()> {
    let (got, source, port) = proxy_header(&server, ProxyProto::V1).await?;
    let due = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {source} {port}\r\n");
    ensure!(got == due.as_bytes(), "{:?}", String::from_utf8_lossy(&got));
    Ok(())
}

async fn proxy_protocol_2_reaches_the_upstream(server: Arc<Server>) -> Result<()> {
    let (got, source, port) = proxy_header(&server, ProxyProto::V2).await?;
    let mut due = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01".to_vec();
    due.extend([source.to_be_bytes(), port.to_be_bytes()].concat());
    ensure!(got == due, "{got:02x?}");
    Ok(())
}

async fn a_bad_host_is_326(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    sdk::listen_refused(session.http_endpoint().domain("1.21 gigawatts"), "ERR_NGROK_326").await
}

async fn the_old_options_are_enforced(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let mut builder = on.session.http_endpoint();
    builder
        .basic_auth("user", "long enough")
        .circuit_breaker(0.9)
        .allow_cidr("127.0.0.0/8")
        .request_header("x-added", "${1}")
        .response_header("x-from", "edge");
    let web = sdk::web(&builder, &on.upstream.address).await?;
    ensure!(fetch(&server, web.url(), "/").await?.status == 401, "let in without a password");
    let mut request = visitor::request(web.url(), "/")?;
    let authorization = "Basic dXNlcjpsb25nIGVub3VnaA==".parse()?;
    request.headers_mut().insert("authorization", authorization);
    let answer = visitor::whole(visitor::send(&server, web.url(), request).await?).await?;
    ensure!(answer.headers.get("x-from").is_some_and(|v| v == "edge"), "{answer:?}");
    ensure!(said(answer)?["headers"]["x-added"] == "${1}", "the header was not added");
    Ok(())
}

async fn old_options_and_wrong_policies_are_refused_not_ignored(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let http = || session.http_endpoint();
    let wrong = r#"{"on_http_request":[{"actions":[{"type":"denied"}]}]}"#;
    let old = r#"{"inbound":[{"name":"n","actions":[{"type":"denied"}]}]}"#;
    sdk::listen_refused(http().basic_auth("user", "short"), "ERR_NGROK_360").await?;
    sdk::listen_refused(http().circuit_breaker(1.5), "ERR_NGROK_361").await?;
    sdk::listen_refused(http().deny_cidr("10.0.0.0/8"), "ERR_NGROK_393").await?;
    sdk::listen_refused(http().webhook_verification("nobody", "secret"), "ERR_NGROK_364").await?;
    sdk::listen_refused(http().oauth(OauthOptions::new("google")), "ERR_NGROK_365").await?;
    sdk::listen_refused(
        http().oidc(OidcOptions::new("https://issuer.example", "id", "secret")),
        "ERR_NGROK_385",
    )
    .await?;
    sdk::listen_refused(http().traffic_policy(wrong), "ERR_NGROK_9026").await?;
    sdk::listen_refused(http().policy(old)?, "ERR_NGROK_9026").await
}

async fn a_policy_is_enforced(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let policy = r#"{"on_http_request":[{"expressions":["req.url.path == '/no'"],"actions":[{"type":"deny","config":{"status_code":418}}]}]}"#;
    let web = sdk::web(on.session.http_endpoint().traffic_policy(policy), &on.upstream.address).await?;
    ensure!(fetch(&server, web.url(), "/no").await?.status == 418, "not denied");
    fetch(&server, web.url(), "/yes").await?.ok()?;
    Ok(())
}

async fn an_empty_policy_is_accepted_old_and_new(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    for builder in [
        on.session.http_endpoint().traffic_policy("on_http_request: []"),
        on.session.http_endpoint().policy(Policy::new())?,
    ] {
        let web = sdk::web(builder, &on.upstream.address).await?;
        fetch(&server, web.url(), "/").await?.ok()?;
    }
    Ok(())
}

async fn a_labelled_endpoint_is_358(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    sdk::listen_refused(session.labeled_tunnel().label("edge", "edghts_1"), "ERR_NGROK_358").await
}

async fn close_takes_the_endpoint_offline_and_can_be_repeated(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let mut web = sdk::web(&on.session.http_endpoint(), &on.upstream.address).await?;
    let (url, id) = (web.url().to_owned(), web.id().to_owned());
    fetch(&server, &url, "/").await?.ok()?;
    web.close().await?;
    eventually(Duration::from_secs(5), "offline after close", || offline(&server, &url)).await?;
    // The crate itself sends Unbind once more when a listener that was closed is dropped.
    on.session.close_tunnel(&id).await?;
    on.session.close_tunnel(&id).await?;
    Ok(())
}

async fn a_dropped_session_leaves(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let mut session = on.session;
    let web = sdk::web(&session.http_endpoint(), &on.upstream.address).await?;
    let url = web.url().to_owned();
    fetch(&server, &url, "/").await?.ok()?;
    drop(web);
    eventually(Duration::from_secs(5), "offline after the drop of its listener", || {
        offline(&server, &url)
    })
    .await?;
    session.close().await?;
    Ok(())
}

async fn the_same_url_twice_is_334(server: Arc<Server>) -> Result<()> {
    let on = online(&server).await?;
    let other = Process::start(&server, &on.upstream.address, &["--domain", "rust-once.adit.localhost"]).await?;
    sdk::listen_refused(
        on.session.http_endpoint().domain("rust-once.adit.localhost"),
        "ERR_NGROK_334",
    )
    .await?;
    fetch(&server, &other.url, "/").await?.ok()?;
    Ok(())
}

async fn two_pooled_processes_both_serve(server: Arc<Server>) -> Result<()> {
    const NAME: &str = "rust-pool.adit.localhost";
    let theirs = Service::new("theirs").serve().await?;
    let mine = Service::new("mine").serve().await?;
    let other = Process::start(&server, &theirs.address, &["--domain", NAME, "--pool"]).await?;
    let session = sdk::connect(&server).await?;
    let mut builder = session.http_endpoint();
    let web = sdk::web(builder.domain(NAME).pooling_enabled(true), &mine.address).await?;
    ensure!(web.url() == other.url, "{} and {}", web.url(), other.url);
    let mut seen = HashSet::new();
    for _ in 0..200 {
        seen.insert(said(fetch(&server, web.url(), "/").await?)?["name"].to_string());
        if seen.len() == 2 {
            return Ok(());
        }
    }
    anyhow::bail!("200 requests were served by {seen:?} alone")
}

async fn an_upstream_that_is_down_is_502_with_8012(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let web = sdk::web(&session.http_endpoint(), upstream::closed_port().await?).await?;
    let answer = fetch(&server, web.url(), "/").await?;
    ensure!(
        answer.status == 502 && answer.code() == Some("ERR_NGROK_8012"),
        "{answer:?}"
    );
    Ok(())
}
