//! What stock clients were recorded to say: every message decodes into its type and encodes to equal
//! JSON (order of keys apart), the agents' as well as the answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use adit_protocol::client_family::ClientFamily;
use adit_protocol::json;
use adit_protocol::message::{
    Auth, AuthResp, Bind, BindResp, HttpOpts, Message, PatchTunnelState, PatchTunnelStateResp, Restart, RestartResp,
    SrvInfo, SrvInfoResp, StartTunnelWithLabel, StartTunnelWithLabelResp, Stop, StopResp, StopTunnel, TcpOpts, TlsOpts,
    Unbind, UnbindResp, Update, UpdateResp,
};
use adit_protocol::proxy_header::ReceivedProxyHeader;
use serde_json::Value;

struct Line {
    client: String,
    version: String,
    from_agent: bool,
    kind: String,
    body: Value,
}

fn lines() -> Vec<Line> {
    include_str!("data/agent-transcripts.jsonl")
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| value[key].as_str().unwrap().to_owned();
            Line {
                client: text("client"),
                version: text("version"),
                from_agent: text("direction") == "agent->server",
                kind: text("stream_type"),
                body: value["body"].clone(),
            }
        })
        .collect()
}

/// Order of keys must not count, so compare with sorted maps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(k, v)| (k.clone(), sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn again<T: Message>(body: &Value) -> Value {
    let message = T::decode(&serde_json::to_vec(body).unwrap()).unwrap();
    serde_json::from_slice(&message.encode()).unwrap()
}

fn by_kind(kind: &str, body: &Value) -> (Value, bool) {
    match kind {
        "Auth" => (again::<Auth>(body), true),
        "AuthResp" => (again::<AuthResp>(body), false),
        "Bind" => (again::<Bind>(body), true),
        "BindResp" => (again::<BindResp>(body), false),
        "Unbind" => (again::<Unbind>(body), true),
        "UnbindResp" => (again::<UnbindResp>(body), false),
        "StartTunnelWithLabel" => (again::<StartTunnelWithLabel>(body), true),
        "StartTunnelWithLabelResp" => (again::<StartTunnelWithLabelResp>(body), false),
        "PatchTunnelState" => (again::<PatchTunnelState>(body), true),
        "PatchTunnelStateResp" => (again::<PatchTunnelStateResp>(body), false),
        "SrvInfo" => (again::<SrvInfo>(body), true),
        "SrvInfoResp" => (again::<SrvInfoResp>(body), false),
        "Stop" => (again::<Stop>(body), false),
        "StopResp" => (again::<StopResp>(body), true),
        "Restart" => (again::<Restart>(body), false),
        "RestartResp" => (again::<RestartResp>(body), true),
        "Update" => (again::<Update>(body), false),
        "UpdateResp" => (again::<UpdateResp>(body), true),
        "StopTunnel" => (again::<StopTunnel>(body), false),
        "Proxy" => (again::<ReceivedProxyHeader>(body), false),
        other => panic!("no such message: {other}"),
    }
}

#[test]
fn all_lines_decode_and_encode_again() {
    let lines = lines();
    assert_eq!(lines.len(), 136);
    for (i, line) in lines.iter().enumerate() {
        let (encoded, from_agent) = by_kind(&line.kind, &line.body);
        assert_eq!(
            line.from_agent,
            from_agent,
            "line {}: {} from the wrong side",
            i + 1,
            line.kind
        );
        assert_eq!(
            sorted(&encoded),
            sorted(&line.body),
            "line {}: {} of {}",
            i + 1,
            line.kind,
            line.client
        );
    }
}

/// The same messages with their field names in another case: Go's decoder would take them. Keys of
/// labels are data; recorded labels have lower-case keys already.
#[test]
fn case_of_field_names_does_not_matter() {
    fn lowered(value: &Value) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(k, v)| (k.to_ascii_lowercase(), lowered(v))).collect(),
            Value::Array(items) => items.iter().map(lowered).collect(),
            other => other.clone(),
        }
    }
    for line in lines()
        .iter()
        .filter(|line| line.kind != "Bind" && line.kind != "BindResp")
    {
        let (encoded, _) = by_kind(&line.kind, &lowered(&line.body));
        // Both spellings of the token mean the same; the plain one is sent where it was unclear.
        let text = sorted(&line.body).to_string().replace("\"Authtoken\"", "\"AuthToken\"");
        let (encoded, wanted): (Value, Value) = (sorted(&encoded), serde_json::from_str(&text).unwrap());
        let absent = |value: &Value| sorted(value).to_string().replace("\"Fingerprint\":null,", "");
        assert_eq!(
            absent(&encoded),
            absent(&sorted(&wanted)),
            "{} of {}",
            line.kind,
            line.client
        );
    }
}

/// Every option that was recorded is seen by the typed views: encoding a view gives back every field
/// that was sent with a value.
#[test]
fn options_are_typed() {
    fn seen_in(sent: &Value, view: &Value, path: &str) {
        match sent {
            Value::Null => {}
            Value::Object(map) => {
                for (key, value) in map {
                    let at = format!("{path}.{key}");
                    let found = view
                        .as_object()
                        .and_then(|v| v.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)));
                    match found {
                        Some((_, found)) => seen_in(value, found, &at),
                        None => assert!(value.is_null(), "{at} is not seen"),
                    }
                }
            }
            other => assert_eq!(other, view, "{path}"),
        }
    }
    let mut seen = 0;
    for line in lines().iter().filter(|line| line.kind == "Bind") {
        let bind = Bind::decode(&serde_json::to_vec(&line.body).unwrap()).unwrap();
        let view = match bind.proto.as_str() {
            "http" | "https" => serde_json::to_value(bind.http_opts().unwrap()).unwrap(),
            "tcp" => serde_json::to_value(bind.tcp_opts().unwrap()).unwrap(),
            "tls" => serde_json::to_value(bind.tls_opts().unwrap()).unwrap(),
            other => panic!("{other}"),
        };
        seen_in(&bind.opts, &view, "Opts");
        seen += 1;
    }
    assert_eq!(seen, 26);
    let full = lines()
        .into_iter()
        .find(|l| l.kind == "Bind" && l.body["Opts"]["OIDC"].is_object())
        .unwrap();
    let bind = Bind::decode(&serde_json::to_vec(&full.body).unwrap()).unwrap();
    let opts: HttpOpts = bind.http_opts().unwrap();
    assert_eq!(
        opts.basic_auth.unwrap().credentials[0].cleartext_password,
        "online1line"
    );
    assert_eq!(opts.oauth.unwrap().allow_domains, ["b.c"]);
    assert_eq!(opts.oidc.unwrap().issuer_url, "https://issuer");
    assert_eq!(opts.webhook_verification.unwrap().secret, "asdf");
    assert_eq!(opts.mutual_tls_ca.unwrap().mutual_tls_ca, "Q0EtUEVNLTFDQS1QRU0tMg==");
    assert_eq!(opts.request_headers.unwrap().add, ["x-req-yup:true"]);
    assert_eq!(opts.ip_restriction.unwrap().deny_cidrs, ["10.1.1.1/32"]);
    assert!((opts.circuit_breaker.unwrap().error_threshold - 0.5).abs() < f64::EPSILON);
    assert!(opts.compression.is_some() && opts.websocket_tcp_converter.is_some() && opts.policy.is_none());
    assert_eq!(opts.user_agent_filter.unwrap().allow, ["ok.*"]);
    assert!(bind.pooling() && bind.bindings().is_empty() && bind.forwards_proto == "http2");
    let tls: TlsOpts = json::from_value(serde_json::json!({"TLSTermination": {}})).unwrap();
    assert!(tls.tls_termination.is_some_and(|t| t.cert.is_empty()));
    let tcp: TcpOpts = json::from_value(serde_json::json!({"addr": null, "PROXYPROTO": 2})).unwrap();
    assert_eq!((tcp.addr.as_str(), tcp.proxy_proto), ("", 2));
}

#[test]
fn families_of_the_recorded_clients() {
    for line in lines().iter().filter(|line| line.kind == "Auth") {
        let auth = Auth::decode(&serde_json::to_vec(&line.body).unwrap()).unwrap();
        let wanted = if line.client == "ngrok-go" {
            ClientFamily::Go
        } else {
            ClientFamily::Rust
        };
        assert_eq!(
            ClientFamily::from_auth(&auth),
            wanted,
            "{} {}",
            line.client,
            line.version
        );
        assert!(!auth.extra.token().is_empty());
        assert_eq!(auth.common_version(), Some("3"));
    }
}
