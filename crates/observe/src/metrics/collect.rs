//! The catalogue of metrics: every name with its help and labels, in one list.

use std::collections::BTreeMap;

use super::cells::Cells;
use super::policies::PolicyMetrics;
use super::text::{Format, Text, pair};

/// A value of the node that somebody else keeps; it is read when somebody asks for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeValue {
    /// 1 as long as no part of the audit log was found broken.
    AuditIntact,
    /// Bytes of activity that wait for the log.
    SpoolBytes,
    /// Activities that were not kept, since there was no room for them.
    SpoolDropped,
    /// 1 while the store does not answer.
    StoreAway,
    /// Bytes of SQLite's log, which grows while a long read is on its way.
    StoreLogBytes,
}

impl NodeValue {
    /// Name and help of those that are gauges of their own.
    const fn gauge(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::AuditIntact => (
                "adit_audit_intact",
                "1 as long as no part of the audit log was found broken.",
            ),
            Self::SpoolBytes => ("adit_event_spool_bytes", "Bytes of activity that wait for the log."),
            Self::SpoolDropped => return None,
            Self::StoreAway => ("adit_store_away", "1 while the store does not answer."),
            Self::StoreLogBytes => (
                "adit_store_log_bytes",
                "Bytes of SQLite's own log, which grows while a long read is on its way.",
            ),
        })
    }
}

/// What is not in the workers' cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeValues {
    pub(crate) kept: BTreeMap<NodeValue, u64>,
    pub(crate) snapshot_generation: u64,
    pub(crate) log_lines_dropped: u64,
    pub(crate) log_lines_failed: u64,
    pub(crate) ring_dropped_lines: u64,
    pub(crate) activity_dropped: u64,
}

/// Writes all metrics.
pub(crate) fn collect(format: Format, cells: &[&Cells], node: &NodeValues, policies: &PolicyMetrics) -> String {
    let mut text = Text::new(format, cells);
    connections(&mut text);
    requests(&mut text);
    errors(&mut text, cells);
    policies.write(&mut text);
    streams(&mut text);
    agents(&mut text);
    text.counters(
        "adit_protocol_glitches",
        "Violations of a protocol that were refused or let pass, by kind.",
        &["kind"],
        |cells| &cells.glitches,
    );
    text.counters(
        "adit_attack_closes",
        "Connections closed for a pattern of abuse.",
        &["kind"],
        |cells| &cells.attacks,
    );
    text.gauges(
        "adit_buffers_bytes",
        "Bytes held for somebody else, by who holds them.",
        &["holder"],
        |cells| &cells.buffers,
    );
    text.counters(
        "adit_buffers_shed",
        "Times that something was given up because too many bytes were held for others.",
        &["action"],
        |cells| &cells.buffers_shed,
    );
    text.counters(
        "adit_panics",
        "Panics that were caught; each cost one connection.",
        &[],
        |cells| &cells.panics,
    );
    text.gauge(
        "adit_snapshot_generation",
        "Position of the configuration this node serves.",
        node.snapshot_generation,
    );
    for (value, now) in &node.kept {
        if let Some((name, help)) = value.gauge() {
            text.gauge(name, help, *now);
        }
    }
    dropped(&mut text, cells, node);
    text.finish()
}

fn connections(text: &mut Text<'_>) {
    let labels = &["listener", "protocol"];
    text.counters("adit_connections", "Connections accepted.", labels, |cells| {
        &cells.connections
    });
    text.gauges("adit_connections_open", "Connections open.", labels, |cells| {
        &cells.connections_open
    });
    text.counters(
        "adit_connections_refused",
        "Connections and handshakes refused.",
        &["listener", "reason"],
        |cells| &cells.connections_refused,
    );
    let labels = &["result", "version", "resumed"];
    text.counters(
        "adit_tls_handshakes",
        "TLS handshakes with visitors and agents.",
        labels,
        |cells| &cells.handshakes,
    );
    text.histograms(
        "adit_tls_handshake_seconds",
        "Duration of TLS handshakes from the ClientHello.",
        labels,
        |cells| &cells.handshake_seconds,
    );
    text.counters(
        "adit_bytes",
        "Bytes of visitors' connections, seen from the visitor.",
        &["listener", "direction"],
        |cells| &cells.bytes,
    );
}

fn requests(text: &mut Text<'_>) {
    text.counters(
        "adit_http_requests",
        "HTTP exchanges that ended.",
        &["protocol", "method", "code_class", "outcome"],
        |cells| &cells.requests,
    );
    text.histograms(
        "adit_http_request_seconds",
        "First byte of the request's head to the end of the exchange, without upgraded ones.",
        &["protocol"],
        |cells| &cells.request_seconds,
    );
    text.histograms(
        "adit_http_request_first_byte_seconds",
        "First byte of the request's head to the first byte of the response.",
        &["protocol"],
        |cells| &cells.first_byte_seconds,
    );
    text.histograms(
        "adit_http_request_edge_seconds",
        "Time of an exchange without parking and without waiting for the upstream.",
        &["protocol"],
        |cells| &cells.edge_seconds,
    );
}

fn errors(text: &mut Text<'_>, cells: &[&Cells]) {
    let mut sums = BTreeMap::<String, u64>::new();
    for cells in cells {
        cells.errors.read(|code, side, count| {
            let mut labels = String::new();
            pair("error_code", code, &mut labels);
            pair("side", side.as_str(), &mut labels);
            *sums.entry(labels).or_default() += count;
        });
    }
    text.head_counter(
        "adit_http_errors",
        "Exchanges and connections that ended with an error code.",
    );
    for (labels, count) in sums {
        text.sample("adit_http_errors", "_total", &labels, count);
    }
}

fn streams(text: &mut Text<'_>) {
    text.gauges("adit_streams_open", "Streams to agents that are open.", &[], |cells| {
        &cells.streams_open
    });
    text.counters(
        "adit_streams",
        "Streams to agents, by how opening ended.",
        &["result"],
        |cells| &cells.streams,
    );
    text.histograms(
        "adit_stream_open_seconds",
        "Time to open a stream to an agent.",
        &["result"],
        |cells| &cells.stream_open_seconds,
    );
    text.counters(
        "adit_upstream_reuse",
        "Requests by whether an idle stream to the upstream was used again.",
        &["result"],
        |cells| &cells.reuse,
    );
    text.counters("adit_retries", "Further tries of exchanges.", &["reason"], |cells| {
        &cells.retries
    });
    text.gauges(
        "adit_parked_requests",
        "Requests that wait for a member to return.",
        &[],
        |cells| &cells.parked_now,
    );
    text.histograms(
        "adit_parked_seconds",
        "How long requests waited for a member to return.",
        &["result"],
        |cells| &cells.parked_seconds,
    );
}

fn agents(text: &mut Text<'_>) {
    text.gauges(
        "adit_agent_sessions",
        "Sessions of agents.",
        &["client_type"],
        |cells| &cells.sessions,
    );
    text.counters(
        "adit_agent_logins",
        "Logins of agents.",
        &["client_type", "result"],
        |cells| &cells.logins,
    );
    text.histograms(
        "adit_agent_heartbeat_seconds",
        "Round trip of heartbeats of agents.",
        &["client_type"],
        |cells| &cells.heartbeat_seconds,
    );
    text.gauges("adit_endpoints", "Endpoints.", &["scheme", "status", "type"], |cells| {
        &cells.endpoints
    });
    text.counters(
        "adit_endpoints_refused",
        "Endpoints refused to agents.",
        &["reason"],
        |cells| &cells.endpoints_refused,
    );
}

fn dropped(text: &mut Text<'_>, cells: &[&Cells], node: &NodeValues) {
    let ring: u64 = cells.iter().map(|cells| cells.ring_dropped.read(0)).sum();
    text.head_counter("adit_events_dropped", "Events dropped because a queue was full.");
    let spool = node.kept.get(&NodeValue::SpoolDropped).copied();
    let spool = spool.map(|count| ("spool", count));
    for (queue, count) in [("ring", ring), ("activity", node.activity_dropped)]
        .into_iter()
        .chain(spool)
    {
        text.sample("adit_events_dropped", "_total", &format!("queue=\"{queue}\""), count);
    }
    text.head_counter(
        "adit_log_dropped",
        "Log lines dropped because a queue was full or writing failed.",
    );
    for (queue, count) in [
        ("ring", node.ring_dropped_lines),
        ("lines", node.log_lines_dropped),
        ("write", node.log_lines_failed),
    ] {
        text.sample("adit_log_dropped", "_total", &format!("queue=\"{queue}\""), count);
    }
}
