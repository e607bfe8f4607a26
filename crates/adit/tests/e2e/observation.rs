//! What the server tells about itself: metrics, readiness, one line per exchange, and no secrets in any of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::harness::message::ok;
use crate::harness::{Agent, H2Service, Of, Server, Service, Site, Upstream, Visitor, eventually};

#[test]
fn health_and_readiness() {
    let server = Server::start();
    let health = server.admin("/healthz");
    assert_eq!((health.status(), health.text().as_str()), (200, "ok\n"));
    assert_eq!(server.admin("/readyz").status(), 200);
    assert_eq!(server.admin("/nothing").status(), 404);
    // While it drains it is not ready and still healthy.
    let site = Site::scripted(&server, "readiness", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    server.process.signal("TERM");
    let answer = eventually("not ready", || {
        Some(server.admin("/readyz")).filter(|a| a.status() == 503)
    });
    let missing: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(missing["missing"], serde_json::json!(["draining"]));
    assert_eq!(server.admin("/healthz").status(), 200);
    upstream.send(ok("x"));
    assert_eq!(visitor.receive(Of::Get).status(), 200);
}

/// Families of the text format: type and samples by name, checked as a scraper would.
#[track_caller]
fn parse(text: &str) -> BTreeMap<String, (String, Vec<(String, f64)>)> {
    let mut families: BTreeMap<String, (String, Vec<(String, f64)>)> = BTreeMap::new();
    let mut samples_of = String::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
            assert!(
                families
                    .insert(name.to_owned(), (kind.to_owned(), Vec::new()))
                    .is_none(),
                "twice: {line}"
            );
            name.clone_into(&mut samples_of);
            continue;
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
            continue;
        }
        assert!(!line.starts_with('#') && !line.is_empty(), "{line:?}");
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let name = series.split('{').next().unwrap();
        let (kind, samples) = families
            .get_mut(&samples_of)
            .unwrap_or_else(|| panic!("before its type: {line}"));
        let suffixes: &[&str] = if kind == "histogram" {
            &["_bucket", "_sum", "_count"]
        } else {
            &[""]
        };
        assert!(
            suffixes.iter().any(|s| name == format!("{samples_of}{s}")),
            "{line} in {samples_of}"
        );
        if kind == "counter" {
            assert!(name.ends_with("_total") && value >= 0.0, "{line}");
        }
        if let Some(labels) = series.strip_prefix(name).and_then(|l| l.strip_prefix('{')) {
            let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
            for label in labels.split(',') {
                let (label, text) = label.split_once('=').unwrap_or_else(|| panic!("{line}"));
                assert!(label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
                assert!(text.starts_with('"') && text.ends_with('"'), "{line}");
            }
        }
        assert!(seen.insert(series.to_owned()), "twice: {line}");
        samples.push((series.to_owned(), value));
    }
    families
}

#[test]
fn metrics_are_well_formed_and_move() {
    let server = Server::start();
    let site = Site::answering(&server, "metrics", &[], |r| {
        if r.target() == "/bad" {
            b"nonsense\r\n\r\n".to_vec()
        } else {
            ok("hello")
        }
    });
    let mut visitor = site.visitor();
    for _ in 0..10 {
        assert_eq!(visitor.ask(site.get_text("/")).status(), 200);
    }
    assert_eq!(visitor.ask(site.get_text("/bad")).status(), 502);
    assert_eq!(site.h2().get("/").status, 200);
    let mut nobody = Visitor::tls(&server, "metrics-nobody.adit.localhost");
    nobody.ask("GET / HTTP/1.1\r\nHost: metrics-nobody.adit.localhost\r\n\r\n");
    let families = eventually("everything is counted", || {
        let answer = server.admin("/metrics");
        assert!(
            answer.get("content-type").unwrap().starts_with("text/plain"),
            "{answer:?}"
        );
        let families = parse(&answer.text());
        let sum = |name: &str, labels: &[&str]| -> f64 {
            families[name]
                .1
                .iter()
                .filter(|(s, _)| labels.iter().all(|l| s.contains(l)))
                .map(|(_, v)| v)
                .sum()
        };
        let requests = |protocol: &str, class: &str| {
            sum(
                "adit_http_requests_total",
                &[&format!("protocol=\"{protocol}\""), &format!("code_class=\"{class}\"")],
            )
        };
        (requests("http/1.1", "2xx") == 10.0
            && requests("h2", "2xx") == 1.0
            && requests("http/1.1", "5xx") == 1.0
            && requests("http/1.1", "4xx") == 1.0
            && sum("adit_http_errors_total", &["ERR_NGROK_3004"]) == 1.0
            && sum("adit_http_errors_total", &["ERR_NGROK_3200"]) == 1.0
            && sum("adit_agent_sessions", &[]) == 1.0
            && sum("adit_endpoints", &["status=\"online\"", "scheme=\"https\""]) == 1.0
            && sum("adit_upstream_reuse_total", &["hit"]) >= 9.0
            && sum("adit_bytes_total", &["https", "out"]) > 0.0
            && sum("adit_tls_handshakes_total", &["completed"]) >= 4.0)
            .then_some(families)
    });
    // Buckets of a histogram grow, and the last one is the count.
    for (name, (kind, samples)) in &families {
        if kind != "histogram" {
            continue;
        }
        let mut by_labels: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (series, value) in samples.iter().filter(|(s, _)| s.starts_with(&format!("{name}_bucket"))) {
            let labels: Vec<_> = series
                .split(['{', ',', '}'])
                .filter(|l| !l.starts_with("le=") && l.contains('='))
                .collect();
            by_labels.entry(labels.join(",")).or_default().push(*value);
        }
        for (labels, buckets) in by_labels {
            assert!(buckets.windows(2).all(|w| w[0] <= w[1]), "{name} {labels} {buckets:?}");
        }
    }
    // OpenMetrics on demand.
    let mut admin = Visitor::plain(server.info.admin);
    let open = admin.ask("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text; version=1.0.0\r\nConnection: close\r\n\r\n");
    assert!(
        open.get("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text"),
        "{open:?}"
    );
    assert!(open.text().ends_with("# EOF\n"));
}

#[test]
fn the_number_of_series_does_not_depend_on_visitors() {
    let server = Server::start();
    let series = || {
        parse(&server.admin("/metrics").text())
            .values()
            .map(|(_, s)| s.len())
            .sum::<usize>()
    };
    let mut visitor = Visitor::tls(&server, "series.adit.localhost");
    visitor.ask("GET / HTTP/1.1\r\nHost: series.adit.localhost\r\n\r\n");
    visitor.ask("POST / HTTP/1.1\r\nHost: x.example\r\nContent-Length: 0\r\n\r\n");
    visitor.ask("PURGE / HTTP/1.1\r\nHost: series.adit.localhost\r\n\r\n");
    let before = eventually("counted", || {
        (server.metric("adit_http_requests_total", &[]) == 3.0).then(series)
    });
    for i in 0..2_000 {
        let request = match i % 3 {
            0 => format!("GET /{i} HTTP/1.1\r\nHost: series.adit.localhost\r\nUser-Agent: agent-{i}\r\n\r\n"),
            1 => format!("POST / HTTP/1.1\r\nHost: name-{i}.example\r\nContent-Length: 0\r\n\r\n"),
            _ => format!("METHOD-{i} / HTTP/1.1\r\nHost: series.adit.localhost\r\n\r\n"),
        };
        visitor.ask(request);
    }
    let after = eventually("counted", || {
        (server.metric("adit_http_requests_total", &[]) == 2_003.0).then(series)
    });
    assert!(after <= before + 4, "{before} → {after}");
}

/// What the log says about events of one type so far.
fn events(server: &Server, kind: &str) -> Vec<Value> {
    let text = server.process.stdout();
    let lines = text
        .lines()
        .filter(|l| l.starts_with('{'))
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    lines
        .filter(|l| l["event_type"] == kind)
        .map(|mut l| l["object"].take())
        .collect()
}

/// Fifty secrets in every place where a visitor may put one.
fn secrets() -> Vec<String> {
    (0..50).map(|i| format!("s3cret{i:03}value")).collect()
}

#[test]
fn one_line_per_exchange_that_tells_what_the_client_saw_and_no_secret() {
    let server = Server::start_with(&["--access-log", "json"]);
    let site = Site::answering(&server, "logged", &[], |r| match r.target() {
        "/bad" => b"nonsense\r\n\r\n".to_vec(),
        _ => ok(&r.text()),
    });
    let secrets = secrets();
    let mut expected = Vec::new();
    let mut visitor = site.visitor();
    for (i, secret) in secrets.iter().enumerate() {
        let (target, fields) = match i % 8 {
            0 => (format!("/?access_token={secret}"), String::new()),
            1 => (format!("/?x=1&PASSWORD={secret}&code={secret}"), String::new()),
            2 => ("/".to_owned(), format!("Authorization: Bearer {secret}\r\n")),
            3 => ("/".to_owned(), format!("Cookie: session={secret}\r\n")),
            4 => ("/".to_owned(), format!("X-Api-Key: {secret}\r\n")),
            5 => (
                "/".to_owned(),
                format!("X-My-Token: {secret}\r\nX-My-Secret: {secret}\r\n"),
            ),
            6 => (
                format!("/?sig={secret}&signature={secret}&key={secret}&secret={secret}"),
                String::new(),
            ),
            _ => (format!("/?adit_share={secret}&token={secret}"), String::new()),
        };
        let body = "b".repeat(i);
        let answer = visitor.ask(format!(
            "POST {target} HTTP/1.1\r\nHost: {}\r\n{fields}Content-Length: {i}\r\n\r\n{body}",
            site.host
        ));
        assert_eq!(answer.status(), 200);
        expected.push((200, i, i));
    }
    assert_eq!(visitor.ask(site.get_text("/bad")).status(), 502);
    let mut nobody = Visitor::tls(&server, "logged-nobody.adit.localhost");
    let size = nobody
        .ask("GET / HTTP/1.1\r\nHost: logged-nobody.adit.localhost\r\n\r\n")
        .body
        .len();

    let lines = eventually("all lines", || {
        Some(events(&server, "http_request_complete.v0")).filter(|lines| lines.len() >= 52)
    });
    assert_eq!(lines.len(), 52);
    let number = |line: &Value, at: &str| {
        line.pointer(at)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("{at}: {line}")) as usize
    };
    let mut told: Vec<_> = lines
        .iter()
        .filter(|l| l["http"]["request"]["method_original"] == "POST")
        .map(|l| {
            (
                number(l, "/http/response/status_code"),
                number(l, "/http/request/body_length"),
                number(l, "/http/response/body_length"),
            )
        })
        .collect();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
    let by_code = |code: &str| {
        lines
            .iter()
            .find(|l| l["error_code"] == code)
            .unwrap_or_else(|| panic!("no {code} in {lines:?}"))
    };
    assert_eq!(number(by_code("ERR_NGROK_3004"), "/http/response/status_code"), 502);
    let offline = by_code("ERR_NGROK_3200");
    assert_eq!(
        (
            number(offline, "/http/response/status_code"),
            number(offline, "/http/response/body_length")
        ),
        (404, size)
    );
    let mut ids = BTreeSet::new();
    for line in &lines {
        let id = line["request_id"].as_str().unwrap();
        assert!(id.starts_with("rq_") && ids.insert(id.to_owned()), "{line}");
        assert_eq!(
            (&line["conn"]["client_ip"], &line["protocol"]),
            (&"127.0.0.1".into(), &"http/1.1".into()),
            "{line}"
        );
    }

    let everything = format!(
        "{}\n{}\n{}\n{}",
        server.process.stdout(),
        server.process.stderr(),
        server.admin("/metrics").text(),
        site.agent.process.stdout()
    );
    for secret in &secrets {
        assert!(
            !everything.contains(secret.as_str()),
            "{secret} is shown: {:?}",
            everything.lines().find(|l| l.contains(secret.as_str()))
        );
    }
    let token = server.info.text("authtoken").to_owned();
    let log: String = server.process.stdout().lines().filter(|l| l.starts_with('{')).collect();
    assert!(!log.contains(&token) && !site.agent.process.stdout().contains(&token));
}

#[test]
fn connections_of_tcp_endpoints_have_a_line_too() {
    let server = Server::start_with(&["--access-log", "json"]);
    let service = Service::start(|_| ok("hello"));
    let agent = Agent::tcp(&server, service.address()).start();
    let mut visitor = Visitor::plain(format!("127.0.0.1:{}", agent.port()).parse().unwrap());
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = visitor.ask(request);
    visitor.finish();
    visitor.rest();
    let line = eventually("its line", || events(&server, "tcp_connection_closed.v0").pop());
    assert_eq!(line["conn"]["bytes_in"], request.len(), "{line}");
    assert_eq!(
        line["conn"]["bytes_out"],
        answer.head.len() + answer.body.len(),
        "{line}"
    );
}

/// Opened streams so far, and those that are open.
fn streams(server: &Server) -> (f64, f64) {
    (
        server.metric("adit_streams_total", &["opened"]),
        server.metric("adit_streams_open", &[]),
    )
}

#[test]
fn streams_are_counted_from_their_opening_to_their_end() {
    let server = Server::start();
    assert_eq!(streams(&server), (0.0, 0.0));
    // HTTP/1: one stream for all requests, open as long as it is kept for the next one.
    let site = Site::answering(&server, "streams-h1", &[], |_| ok("x"));
    let mut visitor = site.visitor();
    for _ in 0..10 {
        assert_eq!(visitor.ask(site.get_text("/")).status(), 200);
    }
    assert_eq!(streams(&server), (1.0, 1.0));
    eventually("it is given up", || (streams(&server) == (1.0, 0.0)).then_some(()));

    // HTTP/2 to the service: one stream for all visitors, for as long as the service keeps it.
    let service = H2Service::start(|_, mut respond| async move {
        let answer = respond.send_response(http::Response::new(()), true);
        assert!(answer.is_ok());
    });
    let host = server.host("streams-h2");
    let agent = Agent::http(&server, service.address())
        .url(&format!("https://{host}"))
        .args(["--app-protocol", "http2"])
        .start();
    for _ in 0..3 {
        let mut visitor = Visitor::tls(&server, &host);
        assert_eq!(
            visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).status(),
            200
        );
    }
    assert_eq!(streams(&server), (2.0, 1.0));
    drop(service);
    eventually("the service has closed", || {
        (streams(&server) == (2.0, 0.0)).then_some(())
    });
    drop(agent);

    // TCP, and TLS passed through: one a connection.
    let upstream = Upstream::bind();
    let tcp = Agent::tcp(&server, upstream.address()).start();
    let tls = Agent::tls(&server, upstream.address())
        .url(&format!("tls://{}", server.host("streams-tls")))
        .start();
    let visitor = Visitor::plain(format!("127.0.0.1:{}", tcp.port()).parse().unwrap());
    let conn = upstream.accept();
    assert_eq!(streams(&server), (3.0, 1.0));
    let profile = adit_tls::ClientProfile::builder(adit_tls::Roots::Insecure)
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        let shaking = scope.spawn(|| {
            let name = server.host("streams-tls");
            Visitor::handshake(server.info.https, &name, &profile).map(|_| ())
        });
        let hello = upstream.accept();
        assert_eq!(streams(&server), (4.0, 2.0));
        drop(hello);
        assert!(shaking.join().unwrap().is_err());
    });
    drop((visitor, conn));
    eventually("all have ended", || (streams(&server) == (4.0, 0.0)).then_some(()));
    drop((tcp, tls));
}

#[test]
fn every_line_says_which_node_and_which_endpoint() {
    let server = Server::start_with(&["--access-log", "json"]);
    let site = Site::answering(&server, "names-itself", &[], |r| match r.target() {
        "/bad" => b"nonsense\r\n\r\n".to_vec(),
        _ => ok("x"),
    });
    assert_eq!(site.get("/").status(), 200);
    assert_eq!(site.get("/bad").status(), 502);
    assert_eq!(site.h2().get("/").status, 200);
    let upstream = Upstream::bind();
    let tcp = Agent::tcp(&server, upstream.address()).start();
    let tls = Agent::tls(&server, upstream.address())
        .url(&format!("tls://{}", server.host("names-itself-too")))
        .args(["--terminate-at", "edge"])
        .start();
    let port = format!("127.0.0.1:{}", tcp.port()).parse().unwrap();
    for mut visitor in [
        Visitor::plain(port),
        Visitor::tls(&server, &server.host("names-itself-too")),
    ] {
        drop(upstream.accept());
        visitor.finish();
        visitor.rest();
    }
    let mut online = Vec::new();
    for (kind, url, lines) in [
        ("http_request_complete.v0", site.agent.url.clone(), 3),
        ("tcp_connection_closed.v0", tcp.url, 1),
        ("tcp_connection_closed.v0", tls.url, 1),
    ] {
        let of_url = |l: &Value| l["endpoint"]["url"] == url;
        let found = eventually("its lines", || {
            let found: Vec<_> = events(&server, kind).into_iter().filter(of_url).collect();
            (found.len() == lines).then_some(found)
        });
        let bound = events(&server, "endpoint_online.v0");
        let bound = bound.iter().find(|e| e["url"] == url).unwrap();
        online.push(bound["node"].clone());
        for line in found {
            assert_eq!(line["endpoint"]["id"], bound["id"], "{line}");
            assert!(
                line["request_id"].as_str().is_some_and(|id| id.starts_with("rq_")),
                "{line}"
            );
            assert_eq!(line["node"], bound["node"], "{line}");
            assert_eq!(line["organization_id"], bound["organization_id"], "{line}");
        }
    }
    assert!(online.iter().all(|node| node.as_str().is_some_and(|n| !n.is_empty())));
    // Nobody served it, and still it is known whose it was.
    let Site { agent, host, .. } = site;
    assert_eq!(agent.stop().code(), 0);
    let mut nobody = Visitor::tls(&server, &host);
    nobody.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let line = eventually("its line", || {
        let lines = events(&server, "http_request_complete.v0");
        lines.into_iter().find(|l| l["error_code"] == "ERR_NGROK_3200")
    });
    assert_eq!(line["node"], online[0], "{line}");
}

#[test]
fn a_session_says_at_its_end_how_much_it_has_carried() {
    let server = Server::start_with(&["--access-log", "json"]);
    let site = Site::answering(&server, "carried", &[], |_| ok(&"o".repeat(100_000)));
    let mut visitor = site.visitor();
    let body = "i".repeat(60_000);
    let answer = visitor.ask(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 60000\r\n\r\n{body}",
        site.host
    ));
    assert_eq!(answer.body.len(), 100_000);
    let Site { agent, .. } = site;
    assert_eq!(agent.stop().code(), 0);
    let end = eventually("the end of the session", || {
        events(&server, "agent_session_stop.v0").pop()
    });
    // Besides the bodies there are heads, logins and heartbeats, and no more than that.
    let carried = |name: &str| end[name].as_u64().unwrap();
    assert!((100_000..120_000).contains(&carried("bytes_in")), "{end}");
    assert!((60_000..80_000).contains(&carried("bytes_out")), "{end}");
}

/// Nobody reads the log: not one request waits for it.
#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    use std::process::{Command, Stdio};
    let directory = crate::harness::server::Directory::new();
    // stdout is a pipe that is full at once: its reader sleeps.
    let mut command = Command::new("sh");
    let dev = directory.dev_on_free_ports();
    let words: Vec<String> = dev.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    command
        .args([
            "-c",
            r#"mkfifo "$0/log"; (exec 3<"$0/log"; while [ -d "$0" ]; do sleep 1; done) & exec "$@" >"$0/log""#,
        ])
        .arg(directory.path())
        .arg(crate::harness::server::ADIT)
        .args(words)
        .args(["--access-log", "json"])
        .env("HOME", directory.path())
        .stdin(Stdio::null());
    let process = crate::harness::Process::start(&mut command);
    eventually("dev.json", || {
        directory.path().join("data/dev.json").exists().then_some(())
    });
    let server = Server::of(process, directory);
    let site = Site::answering(&server, "unread-log", &[], |_| ok("x"));
    let mut visitor = site.visitor();
    // More than any pipe holds.
    for i in 0..3_000 {
        assert_eq!(
            visitor
                .ask(site.get_text(&format!("/{i}?{}", "q".repeat(200))))
                .status(),
            200
        );
    }
}
