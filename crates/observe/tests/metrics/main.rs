//! The metrics, read from their text by a strict parser.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::SystemTime;

use adit_observe::{
    Activity, AgentClient, AgentSession, AttackKind, BufferAction, BufferHolder, ConnectionProtocol, EndpointFacts,
    EndpointReason, EndpointStatus, EndpointTransition, Format, GlitchKind, HandshakeResult, Listener, Observer,
    Options, Outcome, ParkResult, Protocol, Refusal, RefusalKind, RefusalReason, RequestOutcome, RetryReason, Reuse,
    SessionChange, SessionOutcome, Side, StopCode, StreamFailure, Timings, TlsVersion,
};

mod openmetrics;

use openmetrics::parse;

/// Every metric there is. A change here is a change of what operators rely on.
const CATALOGUE: [(&str, &str); 34] = [
    ("adit_connections", "counter"),
    ("adit_connections_open", "gauge"),
    ("adit_connections_refused", "counter"),
    ("adit_tls_handshakes", "counter"),
    ("adit_tls_handshake_seconds", "histogram"),
    ("adit_bytes", "counter"),
    ("adit_http_requests", "counter"),
    ("adit_http_request_seconds", "histogram"),
    ("adit_http_request_first_byte_seconds", "histogram"),
    ("adit_http_request_edge_seconds", "histogram"),
    ("adit_http_errors", "counter"),
    ("adit_policy_evaluations", "counter"),
    ("adit_policy_denied", "counter"),
    ("adit_policy_seconds", "histogram"),
    ("adit_streams_open", "gauge"),
    ("adit_streams", "counter"),
    ("adit_stream_open_seconds", "histogram"),
    ("adit_upstream_reuse", "counter"),
    ("adit_retries", "counter"),
    ("adit_parked_requests", "gauge"),
    ("adit_parked_seconds", "histogram"),
    ("adit_agent_sessions", "gauge"),
    ("adit_agent_logins", "counter"),
    ("adit_agent_heartbeat_seconds", "histogram"),
    ("adit_endpoints", "gauge"),
    ("adit_endpoints_refused", "counter"),
    ("adit_protocol_glitches", "counter"),
    ("adit_attack_closes", "counter"),
    ("adit_buffers_bytes", "gauge"),
    ("adit_buffers_shed", "counter"),
    ("adit_panics", "counter"),
    ("adit_snapshot_generation", "gauge"),
    ("adit_events_dropped", "counter"),
    ("adit_log_dropped", "counter"),
];

fn observer() -> Observer {
    Observer::new(Options {
        workers: 2,
        ..Options::default()
    })
    .unwrap()
}

fn request(status: u16, outcome: Outcome) -> RequestOutcome<'static> {
    RequestOutcome {
        protocol: Protocol::H2,
        method: b"GET",
        status,
        outcome,
        timings: Timings {
            total_us: 1_500,
            response_us: 500,
            parked_us: 100,
            upstream_first_byte_us: 700,
            ..Timings::default()
        },
        ..RequestOutcome::default()
    }
}

#[test]
fn every_metric_is_there_from_the_start_in_both_formats() {
    let observer = observer();
    for format in [Format::OpenMetrics, Format::Prometheus] {
        let parsed = parse(&observer.metrics(format), format).unwrap();
        let total = if format == Format::Prometheus { "_total" } else { "" };
        let wanted: Vec<_> = CATALOGUE
            .iter()
            .map(|(name, kind)| {
                let suffix = if *kind == "counter" { total } else { "" };
                (format!("{name}{suffix}"), (*kind).to_owned())
            })
            .collect();
        assert_eq!(parsed.families, wanted);
        assert!(parsed.series.values().all(|value| *value == 0.0));
    }
    assert_eq!(observer.metrics_text(), observer.metrics(Format::OpenMetrics));
}

#[test]
fn requests_are_counted_over_all_workers() {
    let observer = observer();
    observer.worker(0).request(&request(200, Outcome::Completed));
    observer.worker(1).request(&request(200, Outcome::Completed));
    observer.control().request(&RequestOutcome {
        error_code: Some("ERR_\"\\\n"),
        error_side: Some(Side::Agent),
        ..request(502, Outcome::AgentLost)
    });
    observer.worker(0).request(&RequestOutcome {
        method: b"PURGE",
        ..request(0, Outcome::Shed)
    });
    observer.worker(0).request(&RequestOutcome {
        upgraded: true,
        ..request(101, Outcome::UpgradedClosed)
    });
    let parsed = parse(&observer.metrics_text(), Format::OpenMetrics).unwrap();
    for (series, value) in [
        (
            "requests_total{protocol=\"h2\",method=\"GET\",code_class=\"2xx\",outcome=\"completed\"}",
            2.0,
        ),
        (
            "requests_total{protocol=\"h2\",method=\"other\",code_class=\"none\",outcome=\"shed\"}",
            1.0,
        ),
        ("errors_total{error_code=\"ERR_\"\\\n\",side=\"agent\"}", 1.0),
        // Not the upgraded one.
        ("request_seconds_count{protocol=\"h2\"}", 4.0),
        ("request_seconds_sum{protocol=\"h2\"}", 0.006),
        ("request_seconds_bucket{protocol=\"h2\",le=\"0.001\"}", 0.0),
        ("request_seconds_bucket{protocol=\"h2\",le=\"0.002\"}", 4.0),
        // Not the one without a response.
        ("request_first_byte_seconds_count{protocol=\"h2\"}", 4.0),
        ("request_first_byte_seconds_sum{protocol=\"h2\"}", 0.004),
        ("request_edge_seconds_sum{protocol=\"h2\"}", 0.0028),
    ] {
        assert_eq!(parsed.value(&format!("adit_http_{series}")), Some(value), "{series}");
    }
}

#[test]
fn what_is_open_is_a_gauge_and_guards_close_it() {
    let observer = observer();
    let worker = observer.worker(0);
    let mut first = worker.connection_opened(Listener::Https);
    let second = worker.connection_opened(Listener::Https);
    first.protocol(ConnectionProtocol::Tls);
    first.protocol(ConnectionProtocol::H2);
    let stream = worker.stream_opened(2);
    worker.stream_failed(StreamFailure::Limit, 7);
    let parked = worker.parked();
    worker.buffers(BufferHolder::Visitors, 4096);
    let open = parse(&observer.metrics_text(), Format::OpenMetrics).unwrap();
    for (series, value) in [
        ("adit_connections_open{listener=\"https\",protocol=\"h2\"}", Some(1.0)),
        ("adit_connections_open{listener=\"https\",protocol=\"tls\"}", None),
        (
            "adit_connections_open{listener=\"https\",protocol=\"unknown\"}",
            Some(1.0),
        ),
        ("adit_connections_total{listener=\"https\",protocol=\"tls\"}", Some(1.0)),
        ("adit_connections_total{listener=\"https\",protocol=\"unknown\"}", None),
        ("adit_streams_open", Some(1.0)),
        ("adit_streams_total{result=\"opened\"}", Some(1.0)),
        ("adit_streams_total{result=\"limit\"}", Some(1.0)),
        ("adit_stream_open_seconds_sum{result=\"limit\"}", Some(0.000_007)),
        ("adit_parked_requests", Some(1.0)),
        ("adit_buffers_bytes{holder=\"visitors\"}", Some(4096.0)),
    ] {
        assert_eq!(open.value(series), value, "{series}");
    }
    drop((first, second, stream));
    parked.end(ParkResult::Woken);
    drop(worker.parked());
    worker.parking_full();
    // Given back by another worker than the one that took it.
    observer.worker(1).buffers(BufferHolder::Visitors, -4096);
    let closed = parse(&observer.metrics_text(), Format::OpenMetrics).unwrap();
    for (series, value) in [
        ("adit_connections_open{listener=\"https\",protocol=\"h2\"}", None),
        (
            "adit_connections_total{listener=\"https\",protocol=\"unknown\"}",
            Some(1.0),
        ),
        ("adit_streams_open", Some(0.0)),
        ("adit_parked_requests", Some(0.0)),
        ("adit_parked_seconds_count{result=\"woken\"}", Some(1.0)),
        ("adit_parked_seconds_count{result=\"visitor_left\"}", Some(1.0)),
        ("adit_parked_seconds_count{result=\"full\"}", Some(1.0)),
        ("adit_buffers_bytes{holder=\"visitors\"}", Some(0.0)),
    ] {
        assert_eq!(closed.value(series), value, "{series}");
    }
}

#[test]
fn single_occurrences_are_counted() {
    let observer = observer();
    let worker = observer.worker(1);
    worker.handshake(HandshakeResult::Completed, TlsVersion::of("1.3"), true, 900);
    worker.handshake(HandshakeResult::Refused, TlsVersion::None, false, 5);
    worker.bytes(Listener::Tcp, 10, 20);
    worker.reuse(Reuse::Hit);
    worker.reuse(Reuse::Stale);
    worker.retry(RetryReason::Stale);
    worker.glitch(GlitchKind::Chunk);
    worker.attack_close(AttackKind::RapidReset);
    worker.heartbeat(AgentClient::NgrokGo, 40_000);
    worker.buffers_shed(BufferAction::Reset, 3);
    worker.panicked();
    observer.snapshot_generation(41);
    let parsed = parse(&observer.metrics_text(), Format::OpenMetrics).unwrap();
    for (series, value) in [
        (
            "tls_handshakes_total{result=\"completed\",version=\"1.3\",resumed=\"true\"}",
            1.0,
        ),
        (
            "tls_handshake_seconds_sum{result=\"completed\",version=\"1.3\",resumed=\"true\"}",
            0.0009,
        ),
        (
            "tls_handshakes_total{result=\"refused\",version=\"none\",resumed=\"false\"}",
            1.0,
        ),
        ("bytes_total{listener=\"tcp\",direction=\"in\"}", 10.0),
        ("bytes_total{listener=\"tcp\",direction=\"out\"}", 20.0),
        ("upstream_reuse_total{result=\"hit\"}", 1.0),
        ("upstream_reuse_total{result=\"miss\"}", 0.0),
        ("upstream_reuse_total{result=\"stale\"}", 1.0),
        ("retries_total{reason=\"stale\"}", 1.0),
        ("protocol_glitches_total{kind=\"chunk\"}", 1.0),
        ("attack_closes_total{kind=\"rapid_reset\"}", 1.0),
        (
            "agent_heartbeat_seconds_bucket{client_type=\"ngrok-go\",le=\"0.05\"}",
            1.0,
        ),
        ("buffers_shed_total{action=\"reset\"}", 3.0),
        ("panics_total", 1.0),
        ("snapshot_generation", 41.0),
    ] {
        assert_eq!(parsed.value(&format!("adit_{series}")), Some(value), "{series}");
    }
}

#[test]
fn sessions_and_endpoints_follow_their_activity() {
    let observer = observer();
    let session = Arc::new(AgentSession {
        client_type: AgentClient::NgrokRust,
        ..AgentSession::default()
    });
    let endpoint = Arc::new(EndpointFacts::default());
    let change = |previous, status| {
        observer.activity(Activity::Endpoint(EndpointTransition {
            endpoint: Arc::clone(&endpoint),
            previous,
            status,
            reason: EndpointReason::Ok,
            detail: String::new(),
            members_online: 0,
        }));
    };
    let gauges = || {
        let parsed = parse(&observer.metrics_text(), Format::OpenMetrics).unwrap();
        let endpoints = |status: &str| {
            let labels = format!("scheme=\"https\",status=\"{status}\",type=\"agent\"");
            parsed.value(&format!("adit_endpoints{{{labels}}}")).unwrap_or(0.0)
        };
        let sessions = parsed.value("adit_agent_sessions{client_type=\"ngrok-rust\"}");
        (sessions.unwrap_or(0.0), endpoints("online"), endpoints("offline"))
    };
    observer.activity(Activity::SessionStarted(Arc::clone(&session)));
    change(None, Some(EndpointStatus::Online));
    assert_eq!(gauges(), (1.0, 1.0, 0.0));
    let lost = SessionChange::LegLost { legs: 0 };
    observer.activity(Activity::SessionUpdated(Arc::clone(&session), lost));
    change(Some(EndpointStatus::Online), Some(EndpointStatus::Offline));
    assert_eq!(gauges(), (1.0, 0.0, 1.0));
    let resumed = SessionChange::Resumed { legs: 1 };
    observer.activity(Activity::SessionUpdated(Arc::clone(&session), resumed));
    change(Some(EndpointStatus::Offline), Some(EndpointStatus::Online));
    assert_eq!(gauges(), (1.0, 1.0, 0.0));
    change(Some(EndpointStatus::Online), None);
    observer.activity(Activity::SessionStopped(
        session,
        SessionOutcome {
            stopped_at: SystemTime::now(),
            stop_code: StopCode::ClientClosed,
            error: String::new(),
            bytes_in: 0,
            bytes_out: 0,
            endpoints: Vec::new(),
        },
    ));
    assert_eq!(gauges(), (0.0, 0.0, 0.0));
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    observer.refusal(&Refusal {
        client: AgentClient::NgrokRust,
        ..Refusal::new(RefusalKind::Login, RefusalReason::Authtoken, Listener::Https, ip)
    });
    for kind in [RefusalKind::Bind, RefusalKind::Connection, RefusalKind::Handshake] {
        observer.refusal(&Refusal::new(kind, RefusalReason::Limit, Listener::Http, ip));
    }
    let parsed = parse(&observer.metrics_text(), Format::OpenMetrics).unwrap();
    for (series, value) in [
        ("agent_logins_total{client_type=\"ngrok-rust\",result=\"ok\"}", 1.0),
        ("agent_logins_total{client_type=\"ngrok-rust\",result=\"resumed\"}", 1.0),
        ("agent_logins_total{client_type=\"ngrok-rust\",result=\"refused\"}", 1.0),
        ("endpoints_refused_total{reason=\"limit\"}", 1.0),
        ("connections_refused_total{listener=\"http\",reason=\"limit\"}", 2.0),
    ] {
        assert_eq!(parsed.value(&format!("adit_{series}")), Some(value), "{series}");
    }
}

#[test]
fn format_follows_accept() {
    for (accept, format) in [
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            Format::OpenMetrics,
        ),
        ("text/plain;version=0.0.4", Format::Prometheus),
        ("*/*", Format::Prometheus),
        ("", Format::Prometheus),
    ] {
        assert_eq!(Format::for_accept(accept), format, "{accept}");
    }
}
