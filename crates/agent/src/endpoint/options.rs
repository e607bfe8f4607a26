//! The field `Opts` of a bind (agent protocol 3.6 to 3.8), always with all its keys, as the SDKs send it.

use serde_json::{Map, Value, json};

pub(crate) const TRAFFIC_POLICY: &str = "TrafficPolicy";

/// Options of `http` and `https`.
pub(crate) fn http() -> Map<String, Value> {
    object(json!({
        "URL": "", "Domain": "", "Hostname": "", "Subdomain": "", "Auth": "", "HostHeaderRewrite": false, "LocalURLScheme": "",
        "ProxyProto": 0, "Compression": null, "CircuitBreaker": null, "IPRestriction": null, "BasicAuth": null, "OAuth": null,
        "OIDC": null, "WebhookVerification": null, "MutualTLSCA": null, "RequestHeaders": null, "ResponseHeaders": null,
        "WebsocketTCPConverter": null, "UserAgentFilter": null, "TrafficPolicy": null
    }))
}

/// Options of `tcp`.
pub(crate) fn tcp() -> Map<String, Value> {
    object(json!({ "URL": "", "Addr": "", "ProxyProto": 0, "IPRestriction": null, "TrafficPolicy": null }))
}

/// Options of `tls`.
pub(crate) fn tls() -> Map<String, Value> {
    object(json!({
        "URL": "", "Domain": "", "Hostname": "", "Subdomain": "", "ProxyProto": 0, "MutualTLSAtAgent": false, "MutualTLSAtEdge": null,
        "TLSTermination": null, "IPRestriction": null, "TrafficPolicy": null
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Edits the member `key` of `opts`, which is made an object if it is none yet.
pub(crate) fn nested(opts: &mut Map<String, Value>, key: &str, edit: impl FnOnce(&mut Map<String, Value>)) {
    let mut inner = match opts.remove(key) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    };
    edit(&mut inner);
    opts.insert(key.to_owned(), Value::Object(inner));
}

/// Appends to the list `key` of an object.
pub(crate) fn push(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    match map.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(list) => list.push(value.into()),
        other => *other = Value::Array(vec![value.into()]),
    }
}
