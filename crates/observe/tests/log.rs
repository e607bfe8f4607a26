//! The access log from outside: what its lines say, and that nobody waits for it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use adit_observe::{
    AccessLog, Activity, AgentSession, ConnectionOutcome, ConnectionTimings, Decided, Destination, EndpointFacts,
    EndpointReason, EndpointStatus, EndpointTransition, Listener, Observer, Options, Outcome, PolicyFacts,
    PolicyVerdict, Protocol, Refusal, RefusalKind, RefusalReason, Relayed, RequestOutcome, Side, Target, Timings,
    Visitor,
};
use serde_json::{Value, json};

/// Longest wait for what must happen; never reached unless it does not.
const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

/// A destination that tells when it is written to, and waits until it may return.
struct Stuck {
    entered: SyncSender<()>,
    release: Receiver<()>,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.entered.send(());
        // Ends with an error when the test drops the other end: a stuck pipe that breaks at last.
        self.release
            .recv()
            .map(|()| bytes.len())
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn observer(access_log: AccessLog) -> (Observer, Written) {
    let written = Written::default();
    let observer = Observer::new(Options {
        node: "edge-1".to_owned(),
        workers: 1,
        access_log,
        log_to: Destination::Writer(Box::new(written.clone())),
        redact: Vec::new(),
        actions: Vec::new(),
        activity_tap: None,
    })
    .unwrap();
    (observer, written)
}

fn visitor() -> Visitor<'static> {
    Visitor {
        listener: Listener::Https,
        client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
        l4_ip: "::ffff:203.0.113.7".parse().unwrap(),
        server: Some(SocketAddr::from(([192, 0, 2, 1], 443))),
        connected_at: UNIX_EPOCH + Duration::from_micros(1_795_532_400_123_456),
        sni: "app.example.com",
        alpn: "h2",
        tls_version: "1.3",
        cipher_suite: "TLS_AES_128_GCM_SHA256",
        resumed: true,
        ..Visitor::default()
    }
}

fn target() -> Target<'static> {
    Target {
        organization_id: "ac_1",
        endpoint_id: "ep_1",
        endpoint_url: "https://app.example.com",
        session_id: "ts_1",
        credential_id: "cr_1",
        agent_version: "ngrok-rust/0.19.0",
        upstream_url: "http://localhost:8080",
    }
}

fn request() -> RequestOutcome<'static> {
    RequestOutcome {
        visitor: visitor(),
        target: target(),
        request_id: "rq_1",
        protocol: Protocol::H2,
        method: b"POST",
        host: b"app.example.com",
        path: b"/a%2Fb",
        query: b"x=1&token=abcd",
        user_agent: b"curl/8.0 \x1b[2J\xc2\x9b\xff",
        status: 200,
        outcome: Outcome::Completed,
        attempts: 1,
        reused: true,
        bytes_in: 3,
        bytes_out: 12,
        timings: Timings {
            head_us: 40,
            policy_request_us: 3,
            stream_open_us: 2,
            upstream_first_byte_us: 2140,
            response_us: 60,
            total_us: 2260,
            ..Timings::default()
        },
        ..RequestOutcome::default()
    }
}

#[test]
fn json_line_of_a_request_has_the_names_of_the_event() {
    let (observer, written) = observer(AccessLog::Json);
    observer.worker(0).request(&request());
    observer.worker(0).request(&RequestOutcome {
        visitor: Visitor {
            tls_version: "",
            sni: "",
            alpn: "",
            resumed: false,
            ..visitor()
        },
        target: Target::default(),
        secure: false,
        method: b"",
        path: b"*",
        query: b"",
        user_agent: b"",
        status: 0,
        outcome: Outcome::RefusedLimit,
        error_code: Some("ERR_ADIT_4001"),
        error_side: Some(Side::Visitor),
        glitches: 1,
        ..request()
    });
    assert!(observer.flush(LONG));
    let lines = written.lines();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].is_ascii() || !lines[0].contains(char::is_control),
        "{}",
        lines[0]
    );
    let mut line: Value = serde_json::from_str(&lines[0]).unwrap();
    let at = line["event_timestamp"].take();
    assert_eq!(at.as_str().unwrap().len(), "2026-11-24T15:00:00.123456Z".len());
    assert_eq!(
        line,
        json!({"event_type": "http_request_complete.v0", "event_timestamp": null, "object": {
            "request_id": "rq_1", "organization_id": "ac_1", "node": "edge-1", "listener": "https",
            "protocol": "h2", "outcome": "completed", "attempts": 1,
            "endpoint": {"id": "ep_1", "url": "https://app.example.com"},
            "agent": {"session_id": "ts_1", "credential_id": "cr_1", "version": "ngrok-rust/0.19.0"},
            "upstream_url": "http://localhost:8080", "l4_ip": "203.0.113.7",
            "conn": {"client_ip": "203.0.113.7", "server_ip": "192.0.2.1", "server_name": "app.example.com",
                "server_port": 443, "start_ts": "2026-11-24T15:00:00.123456Z"},
            "tls": {"version": "1.3", "cipher_suite": "TLS_AES_128_GCM_SHA256"},
            "sni": "app.example.com", "alpn": "h2", "resumed": true,
            "http": {
                "request": {"method": "post", "method_original": "POST",
                    "url": {"scheme": "https", "host": "app.example.com", "path": "/a%2Fb",
                        "query": "x=1&token=[redacted:4]",
                        "raw": "https://app.example.com/a%2Fb?x=1&token=[redacted:4]"},
                    "user_agent": "curl/8.0 \u{1b}[2J\u{9b}\u{fffd}", "body_length": 3},
                "response": {"status_code": 200, "body_length": 12}},
            "backend": {"connection_reused": true},
            "timing": {"head_us": 40, "policy_request_us": 3, "policy_response_us": 0, "parked_us": 0, "queue_us": 0,
                "stream_open_us": 2, "upstream_first_byte_us": 2140, "response_us": 60, "total_us": 2260},
        }})
    );
    let line: Value = serde_json::from_str(&lines[1]).unwrap();
    let object = &line["object"];
    assert_eq!(object["error_code"], "ERR_ADIT_4001");
    assert_eq!(object["error_side"], "visitor");
    assert_eq!(object["glitches"], 1);
    assert_eq!(object["http"]["request"]["url"]["raw"], "http://app.example.com");
    for absent in ["endpoint", "agent", "tls", "sni", "resumed", "upgraded", "truncated"] {
        assert!(object.get(absent).is_none(), "{absent}");
    }
    assert!(object["http"].get("response").is_none());
}

/// What policies decided stands where events have it, control characters and all.
#[test]
fn lines_say_what_policies_decided() {
    let mut facts = PolicyFacts::default();
    facts.verdict(&PolicyVerdict {
        phase: "on_http_request",
        rule: "office \x1b[2J",
        action: "restrict-ips",
        verdict: "deny",
        ended: "deny",
        guardrail: "gr_1",
        values: r#"{"req.url.path":"/x"}"#,
        ..PolicyVerdict::default()
    });
    facts.decision(Decided::IpPolicy, "block", "");
    facts.decision(Decided::Compression, "gzip", "");
    facts.error("on_http_request[0].expressions[0]", "no such key");
    facts.log("{\"a\":\"\\u001b[2J\"}");
    facts.logs_dropped(2);
    let facts = facts.finished();
    let outcome = RequestOutcome {
        visitor: Visitor {
            client_cert_cn: "dev 1",
            client_cert_serial: "beef",
            ..visitor()
        },
        policies: facts.view(),
        ..request()
    };
    let (json, written) = observer(AccessLog::Json);
    json.worker(0).request(&outcome);
    json.worker(0).connection(&ConnectionOutcome {
        policies: facts.view(),
        ..ConnectionOutcome::default()
    });
    assert!(json.flush(LONG));
    let lines = written.lines();
    for line in &lines {
        assert!(!line.contains(char::is_control), "{line}");
        let line: Value = serde_json::from_str(line).unwrap();
        let object = &line["object"];
        assert_eq!(
            object["policy"],
            json!({
                "verdicts": [{"phase": "on_http_request", "rule": "office \u{1b}[2J", "action": "restrict-ips",
                    "verdict": "deny", "ended": "deny", "guardrail": true, "guardrail_id": "gr_1", "values": {"req.url.path": "/x"}}],
                "errors": [{"path": "on_http_request[0].expressions[0]", "message": "no such key"}],
            })
        );
        assert_eq!(
            object["traffic_policy"],
            json!({"logs": [{"metadata": {"a": "\u{1b}[2J"}}], "logs_dropped": 2})
        );
        assert_eq!(
            (&object["ip_policy"], &object["compression"]),
            (&json!({"decision": "block"}), &json!({"algorithm": "gzip"}))
        );
    }
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        line["object"]["tls"]["client_cert"],
        json!({"serial_number": "beef", "subject": {"cn": "dev 1"}})
    );
    let (pretty, written) = observer(AccessLog::Pretty);
    pretty.worker(0).request(&outcome);
    assert!(pretty.flush(LONG));
    let line = &written.lines()[0];
    assert!(line.ends_with(" by office \\u{1b}[2J restrict-ips"), "{line}");
}

#[test]
fn json_line_of_a_connection_has_the_names_of_the_event() {
    let (observer, written) = observer(AccessLog::Json);
    observer.worker(0).connection(&ConnectionOutcome {
        visitor: visitor(),
        target: target(),
        request_id: "rq_2",
        protocol: Relayed::Tls,
        outcome: Outcome::ClientAborted,
        attempts: 1,
        bytes_in: 5,
        bytes_out: 7,
        timings: ConnectionTimings {
            total_us: 9,
            ..ConnectionTimings::default()
        },
        ..ConnectionOutcome::default()
    });
    assert!(observer.flush(LONG));
    let line: Value = serde_json::from_str(&written.lines()[0]).unwrap();
    assert_eq!(line["event_type"], "tcp_connection_closed.v0");
    let object = &line["object"];
    assert_eq!(object["protocol"], "tls");
    assert_eq!(object["conn"]["bytes_in"], 5);
    assert_eq!(object["conn"]["bytes_out"], 7);
    assert_eq!(object["conn"]["end_ts"], line["event_timestamp"]);
    assert_eq!(
        object["timing"],
        json!({"tls_us": 0, "policy_request_us": 0, "parked_us": 0, "stream_open_us": 0, "total_us": 9})
    );
}

#[test]
fn pretty_lines_are_for_terminals_and_keep_them_whole() {
    let (observer, written) = observer(AccessLog::Pretty);
    observer.worker(0).request(&request());
    observer.worker(0).request(&RequestOutcome {
        path: b"/\x1b]0;title\x07\r\nfake \xe2\x80\xae",
        query: b"",
        status: 404,
        outcome: Outcome::ErrorEdge,
        error_code: Some("ERR_NGROK_3200"),
        error_side: Some(Side::Agent),
        ..request()
    });
    assert!(observer.flush(LONG));
    let lines = written.lines();
    let line = |at: usize| lines[at].split_once(' ').unwrap().1;
    assert_eq!(lines.len(), 2);
    assert_eq!(
        line(0),
        "200 POST https://app.example.com/a%2Fb?x=1&token=[redacted:4] 2.3ms 12B 203.0.113.7"
    );
    assert_eq!(
        line(1),
        "404 POST https://app.example.com/\\u{1b}]0;title\\u{7}\\r\\nfake \\u{202e} 2.3ms 12B \
         203.0.113.7 error_edge ERR_NGROK_3200 (agent)"
    );
}

#[test]
fn without_a_log_records_are_counted_and_nothing_is_written() {
    let (observer, written) = observer(AccessLog::Off);
    for _ in 0..10 {
        observer.worker(0).request(&request());
    }
    observer.activity(Activity::SessionStarted(Arc::new(AgentSession::default())));
    assert!(observer.flush(LONG));
    assert_eq!(observer.records(), 10);
    assert!(written.lines().is_empty());
}

/// The drain goes to sleep between the requests or not: each line comes, without a flush.
#[test]
fn a_single_request_is_logged_soon_after_any_pause() {
    let (entered, arrivals) = sync_channel(0);
    let (release, wait) = sync_channel(0);
    let stuck = Stuck { entered, release: wait };
    let observer = Observer::new(Options {
        workers: 1,
        access_log: AccessLog::Json,
        log_to: Destination::Writer(Box::new(stuck)),
        ..Options::default()
    })
    .unwrap();
    for _ in 0..5 {
        observer.worker(0).request(&request());
        arrivals.recv_timeout(LONG).unwrap();
        release.send(()).unwrap();
    }
}

#[test]
fn a_destination_that_never_returns_blocks_no_worker() {
    let (entered, arrivals) = sync_channel(1);
    let (release, wait) = sync_channel::<()>(0);
    let observer = Observer::new(Options {
        workers: 1,
        access_log: AccessLog::Json,
        log_to: Destination::Writer(Box::new(Stuck { entered, release: wait })),
        ..Options::default()
    })
    .unwrap();
    let worker = observer.worker(0);
    worker.request(&request());
    arrivals.recv_timeout(LONG).unwrap();
    // From here on nothing is written any more. Far more than all queues hold passes all the same.
    let total = 100_000_u64;
    for _ in 0..total {
        worker.request(&request());
    }
    assert!(!observer.flush(Duration::from_millis(1)), "the destination is stuck");
    let lost = |queue: &str| -> u64 {
        let series = format!("adit_log_dropped_total{{queue=\"{queue}\"}} ");
        let text = observer.metrics_text();
        let line = text.lines().find_map(|line| line.strip_prefix(&series)).unwrap();
        line.parse().unwrap()
    };
    // Every one of them is counted in the metrics, and every line that is lost as well.
    let text = observer.metrics_text();
    assert!(
        text.contains(&format!("code_class=\"2xx\",outcome=\"completed\"}} {}\n", total + 1)),
        "{text}"
    );
    assert!(lost("ring") + lost("lines") > 0);
    // The pipe breaks: what waited is lost too.
    drop((release, arrivals));
    assert!(observer.flush(LONG));
    let lost = lost("ring") + lost("lines") + lost("write");
    assert_eq!(
        lost,
        total + 1,
        "nothing was written, so everything is lost and counted"
    );
}

#[test]
fn activity_reaches_subscribers_and_the_log() {
    let (observer, written) = observer(AccessLog::Json);
    let mut subscription = observer.subscribe_activity();
    let change = |id: &str, previous, status| EndpointTransition {
        endpoint: Arc::new(EndpointFacts {
            id: id.to_owned(),
            url: "https://app.example.com".to_owned(),
            upstream_url: "http://localhost:8080".to_owned(),
            ..EndpointFacts::default()
        }),
        previous,
        status,
        reason: EndpointReason::AgentLost,
        detail: String::new(),
        members_online: 1,
    };
    for (id, previous, status) in [
        ("ep_0", None, Some(EndpointStatus::Online)),
        ("ep_1", Some(EndpointStatus::Online), Some(EndpointStatus::Offline)),
        ("ep_2", Some(EndpointStatus::Offline), None),
        ("ep_3", Some(EndpointStatus::Online), None),
    ] {
        observer.activity(Activity::Endpoint(change(id, previous, status)));
    }
    let types: Vec<_> = std::iter::from_fn(|| subscription.try_next())
        .map(|event| event.activity.event_type().unwrap())
        .collect();
    // The third is only counted: that it is offline was told before.
    assert_eq!(
        types,
        ["endpoint_online.v0", "endpoint_offline.v0", "endpoint_offline.v0"]
    );
    assert!(observer.flush(LONG));
    let lines: Vec<Value> = written
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["event_type"], "endpoint_online.v0");
    let object = &lines[1]["object"];
    for (name, value) in [
        ("id", "ep_1"),
        ("proto", "https"),
        ("status", "offline"),
        ("previous_status", "online"),
        ("reason", "agent_lost"),
        ("node", "edge-1"),
    ] {
        assert_eq!(object[name], value, "{name}");
    }
}

#[test]
fn a_slow_subscriber_misses_what_it_cannot_hold_and_knows() {
    let (observer, _) = observer(AccessLog::Off);
    let mut subscription = observer.subscribe_activity();
    for _ in 0..1024 + 100 {
        observer.activity(Activity::SessionStarted(Arc::new(AgentSession::default())));
    }
    assert_eq!(std::iter::from_fn(|| subscription.try_next()).count(), 1024);
    assert_eq!(subscription.missed(), 100);
    assert!(
        observer
            .metrics_text()
            .contains("adit_events_dropped_total{queue=\"activity\"} 100\n")
    );
}

#[test]
fn a_flood_of_refusals_is_one_event_per_reason() {
    let (observer, written) = observer(AccessLog::Json);
    let mut subscription = observer.subscribe_activity();
    let worker = observer.worker(0);
    for each in 0..100_000_u32 {
        let [.., last] = each.to_be_bytes();
        let ip = IpAddr::V4(Ipv4Addr::new(198, 51, 100, last));
        let reason = if each % 2 == 0 {
            RefusalReason::Shed
        } else {
            RefusalReason::ConnectionsPerIp
        };
        worker.refusal(&Refusal {
            detail: "app.example.com",
            ..Refusal::new(RefusalKind::Connection, reason, Listener::Https, ip)
        });
    }
    assert!(observer.flush(LONG));
    let mut counts = std::collections::BTreeMap::<&str, (u64, u32)>::new();
    while let Some(event) = subscription.try_next() {
        let Activity::Refused(summary) = &event.activity else {
            panic!("{event:?}")
        };
        let entry = counts.entry(summary.reason.as_str()).or_default();
        entry.0 += summary.count;
        entry.1 += 1;
    }
    for reason in [RefusalReason::Shed, RefusalReason::ConnectionsPerIp] {
        let (count, events) = counts[reason.as_str()];
        assert_eq!(count, 50_000);
        // One; a second if the machine was so slow that the flood took longer than its second.
        assert!(events <= 2, "{events}");
    }
    let line: Value = serde_json::from_str(&written.lines()[0]).unwrap();
    assert_eq!(line["event_type"], "connection_refused.v0");
    assert_eq!(line["object"]["prefix"], "198.51.100.0/24");
    assert_eq!(line["object"]["example"], "app.example.com");
}

#[test]
fn what_was_observed_is_written_when_the_observer_ends() {
    let (observer, written) = observer(AccessLog::Json);
    let worker = observer.worker(0);
    worker.request(&request());
    drop(observer);
    assert_eq!(written.lines().len(), 1);
    // A worker may outlive it; what it says is counted and goes nowhere.
    worker.request(&request());
    assert_eq!(written.lines().len(), 1);
}
