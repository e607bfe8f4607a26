//! What a stored guardrail says beside its scope and its policy. What cannot be read is told, so that whoever applies it
//! can fail closed.

use std::time::Duration;

use serde_json::Value;

use crate::object::Object;
use crate::timestamp;

/// Whether it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It decides.
    Enforce,
    /// It only tells whom it would refuse.
    DryRun,
    /// It does nothing.
    Off,
}

/// The mode; `None` if it cannot be read.
#[must_use]
pub fn mode(object: &Object) -> Option<Mode> {
    Some(match object.text("mode") {
        "enforce" => Mode::Enforce,
        "dry_run" => Mode::DryRun,
        "off" => Mode::Off,
        _ => return None,
    })
}

/// Lower ones go first within a scope.
#[must_use]
pub fn priority(object: &Object) -> u64 {
    object.body.get("priority").and_then(Value::as_u64).unwrap_or(100)
}

/// A rule that does not hold for an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Canonical URL of the endpoint.
    pub url: Box<str>,
    /// Id of the rule.
    pub rule: Box<str>,
    /// When it ends, microseconds since the Unix epoch.
    pub until: Option<i64>,
}

/// Its exceptions; one that cannot be read is none.
#[must_use]
pub fn exceptions(object: &Object) -> Box<[Exception]> {
    let list = object.body.get("exceptions").and_then(Value::as_array);
    let read = |exception: &Value| {
        let text = |name: &str| exception.get(name).and_then(Value::as_str).unwrap_or_default();
        let until = match text("expires_at") {
            "" => None,
            at => Some(timestamp::micros(at)?),
        };
        Some(Exception {
            url: text("endpoint_url").into(),
            rule: text("rule_id").into(),
            until,
        })
    };
    list.into_iter().flatten().filter_map(read).collect()
}

/// From when on endpoints that run must meet what is required, microseconds since the Unix epoch.
#[must_use]
pub fn grace(object: &Object) -> i64 {
    let from = timestamp::micros(object.text("required_at")).unwrap_or(object.updated_at);
    let grace = object.body.get("grace").and_then(Value::as_u64).unwrap_or(86_400);
    let grace = i64::try_from(Duration::from_secs(grace).as_micros()).unwrap_or(i64::MAX);
    from.saturating_add(grace)
}
