//! From what was typed to a request. Everything that can be wrong with it is said here, before anything is sent.

use std::io::Read as _;
use std::ops::Range;

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::client::{Request, encoded};
use super::flags::{body_id, file_id, is_common, older, older_id, path_id, query_id, url_id};
use super::operation::{Field, Form, Operation};
use crate::exit::Failure;

/// Largest value that is read from a file.
const MAX: u64 = 1 << 20;

/// A request as it was typed.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) request: Request,
    /// What stands without a flag for the object it is about, and where that is in the target.
    pub(super) object: Option<(String, Range<usize>)>,
}

/// The request of an operation.
pub(super) fn of(operation: &Operation, matches: &ArgMatches) -> Result<Typed, Failure> {
    let mut stdin = Stdin::default();
    let mut additions = matches.try_get_one::<bool>("adit").ok().flatten() == Some(&true);
    let body = body(operation, matches, &mut stdin, &mut additions)?;
    let path = if additions { operation.superset } else { operation.path };
    let mut target = String::new();
    let mut object = None;
    for part in path.split('/').skip(1) {
        target.push('/');
        match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => {
                let value = matches.get_one::<String>(&path_id(name)).map_or("", String::as_str);
                if value.is_empty() {
                    return Err(Failure::usage(format!("the {name} is empty")));
                }
                let start = target.len();
                target.push_str(&encoded(value));
                if name == operation.positional {
                    object = Some((value.to_owned(), start..target.len()));
                }
            }
            None => target.push_str(part),
        }
    }
    let mut request = Request {
        method: operation.method,
        target: with_query(target, &query(operation, matches)),
        fields: Vec::new(),
        body,
    };
    if let Some(revision) = flagged::<String>(matches, "if_match") {
        let revision = revision.trim_matches('"');
        if revision.is_empty() || !revision.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Failure::usage(format!("{revision:?} is no revision: it is a number")).at("--if-match"));
        }
        request.fields.push(("If-Match", format!("\"{revision}\"")));
    }
    if operation.method == "POST" && operation.verb == "create" {
        request.fields.push(("Idempotency-Key", once_key()));
    }
    Ok(Typed { request, object })
}

/// A value if the operation has such a flag.
fn flagged<'m, T: Clone + Send + Sync + 'static>(matches: &'m ArgMatches, id: &str) -> Option<&'m T> {
    matches.try_get_one::<T>(id).ok().flatten()
}

fn query(operation: &Operation, matches: &ArgMatches) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for field in operation.query.iter().filter(|f| !is_common(f)) {
        let id = query_id(field);
        let values: Vec<String> = match field.form {
            Form::Flag => matches.get_one::<bool>(&id).map(bool::to_string).into_iter().collect(),
            Form::Integer => matches.get_one::<i64>(&id).map(i64::to_string).into_iter().collect(),
            Form::Number => matches.get_one::<f64>(&id).map(f64::to_string).into_iter().collect(),
            Form::Integers => matches
                .get_many::<i64>(&id)
                .into_iter()
                .flatten()
                .map(i64::to_string)
                .collect(),
            Form::Map => matches
                .get_many::<(String, String)>(&id)
                .into_iter()
                .flatten()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
            Form::Text | Form::Texts | Form::Objects | Form::Json => {
                matches.get_many::<String>(&id).into_iter().flatten().cloned().collect()
            }
        };
        pairs.extend(values.into_iter().map(|value| (field.name.to_owned(), value)));
    }
    if flagged(matches, "dry_run") == Some(&true) {
        pairs.push(("dry_run".to_owned(), "true".to_owned()));
    }
    if flagged(matches, "wait") == Some(&true) {
        pairs.push(("wait".to_owned(), "applied".to_owned()));
    }
    if let Ok(Some(fields)) = matches.try_get_many::<String>("unset") {
        let fields: Vec<_> = fields.map(|f| f.trim().replace('-', "_")).collect();
        pairs.push(("unset".to_owned(), fields.join(",")));
    }
    pairs
}

/// A target with these parameters behind it.
pub(crate) fn with_query(mut target: String, pairs: &[(String, String)]) -> String {
    for (n, (name, value)) in pairs.iter().enumerate() {
        target.push(if n == 0 { '?' } else { '&' });
        target.push_str(&encoded(name));
        target.push('=');
        target.push_str(&encoded(value));
    }
    target
}

fn body(
    operation: &Operation,
    matches: &ArgMatches,
    stdin: &mut Stdin,
    additions: &mut bool,
) -> Result<Option<Vec<u8>>, Failure> {
    if operation.method == "GET" || operation.method == "DELETE" {
        return Ok(None);
    }
    let mut whole = match flagged::<String>(matches, "data") {
        None => Map::new(),
        Some(text) => {
            let text = match text.strip_prefix('@') {
                Some(path) => stdin.file(path, "--data")?,
                None => text.clone(),
            };
            match serde_json::from_str(&text) {
                Ok(Value::Object(map)) => map,
                Ok(_) => return Err(Failure::usage("--data is no JSON object")),
                Err(e) => return Err(Failure::usage(format!("--data is no JSON: {e}"))),
            }
        }
    };
    for field in operation.body {
        if let Some(value) = given(field, matches, stdin)? {
            *additions |= field.addition;
            put(&mut whole, field.name, value);
        }
    }
    for name in older(operation) {
        if let Some(text) = flagged::<String>(matches, &older_id(name)) {
            put(&mut whole, name, text.as_str().into());
        }
    }
    serde_json::to_vec(&whole)
        .map(Some)
        .map_err(|e| Failure::failed(format!("the body: {e}")))
}

/// The value of a field, if one was given.
fn given(field: &Field, matches: &ArgMatches, stdin: &mut Stdin) -> Result<Option<Value>, Failure> {
    let id = body_id(field);
    if flagged::<String>(matches, &url_id(field)).is_some() {
        let what = format!(
            "--{}-url is not available in this version",
            field.name.replace('_', "-")
        );
        let fix = format!("fetch it, and give it with --{}-file -", field.name.replace('_', "-"));
        return Err(Failure::usage(what).fix(fix));
    }
    let flag = || format!("--{}", field.name.replace('_', "-"));
    let all = |id: &str| matches.get_many::<String>(id).map(|v| v.cloned().collect::<Vec<_>>());
    let no_json = |e: serde_json::Error| Failure::usage(format!("{} is no JSON: {e}", flag()));
    Ok(match field.form {
        Form::Text => {
            if let Some(text) = matches.get_one::<String>(&id) {
                Some(text.as_str().into())
            } else if let Some(path) = matches.get_one::<String>(&file_id(field)) {
                Some(stdin.file(path, &format!("{}-file", flag()))?.into())
            } else {
                None
            }
        }
        Form::Flag => matches.get_one::<bool>(&id).map(|v| (*v).into()),
        Form::Integer => matches.get_one::<i64>(&id).map(|v| (*v).into()),
        Form::Number => matches.get_one::<f64>(&id).map(|v| (*v).into()),
        Form::Integers => matches
            .get_many::<i64>(&id)
            .map(|v| v.copied().map(Value::from).collect::<Vec<_>>().into()),
        Form::Texts => all(&id).map(|values| {
            let parts = values.iter().flat_map(|v| v.split(',')).map(str::trim);
            parts
                .filter(|p| !p.is_empty())
                .map(Value::from)
                .collect::<Vec<_>>()
                .into()
        }),
        Form::Map => matches.get_many::<(String, String)>(&id).map(|pairs| {
            let pairs = pairs.filter(|(key, _)| !key.is_empty());
            Value::Object(pairs.map(|(key, value)| (key.clone(), value.as_str().into())).collect())
        }),
        Form::Objects => match all(&id) {
            None => None,
            Some(values) => {
                let mut list = Vec::new();
                for value in values.iter().filter(|v| !v.trim().is_empty()) {
                    match object(value).map_err(no_json)? {
                        Value::Array(items) => list.extend(items),
                        one => list.push(one),
                    }
                }
                Some(list.into())
            }
        },
        Form::Json => match matches.get_one::<String>(&id) {
            None => None,
            Some(text) => Some(serde_json::from_str(text).map_err(no_json)?),
        },
    })
}

/// JSON, or `key=value,key=value`.
fn object(text: &str) -> Result<Value, serde_json::Error> {
    if text.trim_start().starts_with(['{', '[']) || !text.contains('=') {
        return serde_json::from_str(text);
    }
    let pairs = text.split(',').filter_map(|part| part.split_once('='));
    Ok(Value::Object(
        pairs
            .map(|(key, value)| (key.trim().to_owned(), value.into()))
            .collect(),
    ))
}

/// Sets a field by its path; what is in the way of a path is replaced.
fn put(map: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            map.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = map.entry(first).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

/// Files, and stdin, which can be read once.
#[derive(Debug, Default)]
struct Stdin {
    used: bool,
}

impl Stdin {
    fn file(&mut self, path: &str, flag: &str) -> Result<String, Failure> {
        let wrong = |what: String| Failure::usage(what).at(flag);
        let mut text = String::new();
        let read = if path == "-" {
            if std::mem::replace(&mut self.used, true) {
                return Err(wrong("stdin can be read by one flag only".to_owned()));
            }
            std::io::stdin().take(MAX + 1).read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(MAX + 1).read_to_string(&mut text))
        };
        read.map_err(|e| wrong(format!("{path} cannot be read: {e}")))?;
        if text.len() as u64 > MAX {
            return Err(wrong(format!("{path} has more than {MAX} bytes")));
        }
        Ok(text)
    }
}

/// A key that no other call has: 128 bits from the hasher's random seeds.
fn once_key() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let half = || RandomState::new().hash_one(std::process::id());
    let now = jiff::Timestamp::now().as_nanosecond();
    format!("adit-{now:x}-{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::command::Command;

    fn asked(line: &[&str]) -> Result<(String, Value), Failure> {
        let line = ["adit", "api"].iter().chain(line);
        let Command::Api(args) = crate::Cli::try_parse_from(line).unwrap().command else {
            panic!("another command");
        };
        let Typed { request, .. } = of(args.operation, &args.matches)?;
        Ok((request.target, serde_json::from_slice(&request.body.unwrap()).unwrap()))
    }

    #[test]
    fn maps_fields_within_fields_and_lists_of_objects() {
        let (target, body) = asked(&[
            "agent-ingresses",
            "create",
            "--domain",
            "connect.example.com",
            "--min-agent-version",
            "ngrok-go=2.0=x",
            "--min-agent-version",
            "adit=1",
            "--certificate-management-policy.authority",
            "letsencrypt",
        ])
        .unwrap();
        // One of these is an addition of ours.
        assert_eq!(target, "/adit/agent_ingresses");
        let wanted = json!({
            "domain": "connect.example.com",
            "min_agent_version": {"ngrok-go": "2.0=x", "adit": "1"},
            "certificate_management_policy": {"authority": "letsencrypt"},
        });
        assert_eq!(body, wanted);
        let (_, body) = asked(&["agent-ingresses", "update", "x", "--min-agent-version", ""]).unwrap();
        assert_eq!(body, json!({"min_agent_version": {}}));
        let (target, body) = asked(&[
            "reserved-domains",
            "update",
            "x",
            "--resolves-to",
            "value=eu",
            "--resolves-to",
            "{\"value\":\"us\"}",
            "--resolves-to",
            "[{\"value\":\"ap\"},{\"value\":\"in\"}]",
        ])
        .unwrap();
        assert_eq!(target, "/reserved_domains/x");
        assert_eq!(
            body,
            json!({"resolves_to": [{"value": "eu"}, {"value": "us"}, {"value": "ap"}, {"value": "in"}]})
        );
        let (_, body) = asked(&["ip-restrictions", "update", "x", "--enforced=false"]).unwrap();
        assert_eq!(body, json!({"enforced": false}));
    }

    #[test]
    fn older_fields_are_sent_and_what_cannot_be_done_is_refused() {
        let (target, body) = asked(&["credentials", "create", "--owner-email", "eva@example.com"]).unwrap();
        assert_eq!(
            (target.as_str(), body),
            ("/credentials", json!({"owner_email": "eva@example.com"}))
        );
        let refused = asked(&[
            "endpoints",
            "update",
            "x",
            "--traffic-policy-url",
            "https://example.com",
        ])
        .unwrap_err();
        assert!(
            refused.what.contains("--traffic-policy-url") && refused.fix.is_some(),
            "{refused:?}"
        );
    }
}
