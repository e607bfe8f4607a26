//! Cases that are tagged `snapshot` written anew: what came out is put in the place of what was expected (traffic policy 9).

use std::ops::Range;

use base64::Engine as _;
use serde_json::{Map, Value as Json, json};

use super::drive::Outgoing;
use super::{Options, Outcome, expect, expression, policy, texts};
use crate::body::decode;
use crate::document::{Content, Node, Position, parse};
use crate::value::Value;

/// What became of the snapshots of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// The file as it is to be written; the same as before if nothing was changed.
    pub text: String,
    /// Cases that were written anew.
    pub written: Vec<String>,
    /// Cases that are tagged and failed and cannot be written, and why.
    pub left: Vec<(String, String)>,
}

/// A part of a text, and what stands there instead.
type Edit = (Range<usize>, String);

/// Writes the values that came out into the cases of a file that are tagged `snapshot`, were taken by `select` and failed.
///
/// # Errors
/// What is wrong with the file.
pub fn update(
    text: &str,
    options: Options<'_>,
    select: impl Fn(&str) -> bool,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<Updated, String> {
    let failing = super::run(text, options, &select, &read)?;
    let failing: Vec<&str> = failing
        .iter()
        .filter(|case| matches!(case.outcome, Outcome::Failed(_)))
        .map(|case| case.id.as_str())
        .collect();
    let mut out = Updated {
        text: text.to_owned(),
        ..Updated::default()
    };
    let root = parse(text).map_err(|error| error.message)?.ok_or("the file is empty")?;
    let mut edits = Vec::new();
    for case in root.get("cases").and_then(Node::list).unwrap_or_default() {
        let id = case.get("id").and_then(Node::text).unwrap_or_default();
        let is_tagged = texts(case.get("tags")).iter().any(|tag| tag == "snapshot");
        if !is_tagged || !failing.contains(&id) {
            continue;
        }
        match edits_of(text, case, options, &read) {
            Ok(of_case) => {
                edits.extend(of_case);
                out.written.push(id.to_owned());
            }
            Err(why) => out.left.push((id.to_owned(), why)),
        }
    }
    // From the end on: what is before stays where it is.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, with) in edits {
        if out.text.get(range.clone()).is_some() {
            out.text.replace_range(range, &with);
        }
    }
    let again = super::run(
        &out.text,
        options,
        |id| out.written.iter().any(|known| known == id),
        &read,
    )?;
    for case in again {
        if let Outcome::Failed(wrong) = case.outcome {
            return Err(format!(
                "{}: it fails as it would be written: {}",
                case.id,
                wrong.join("; ")
            ));
        }
    }
    Ok(out)
}

fn edits_of(
    text: &str,
    case: &Node,
    options: Options<'_>,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Vec<Edit>, String> {
    let world = super::world::World::read(case)?;
    if case.get("expr").is_some() || case.get("template").is_some() {
        let node = case.get("value").ok_or("it expects no value")?;
        let value = expression::value(case, &world, options)?;
        return Ok(vec![edit(text, node, &case_value(&value)?)?]);
    }
    let document = match (
        case.get("policy").and_then(Node::text),
        case.get("policy_file").and_then(Node::text),
    ) {
        (Some(text), None) => text.to_owned(),
        (None, Some(path)) => read(path)?,
        _ => return Err("it has no policy".to_owned()),
    };
    let mut edits = Vec::new();
    policy::each_exchange(case, &world, &document, options, &mut |step, out| {
        if let Some(lacks) = &out.lacks {
            return Err(format!("it needs {lacks}"));
        }
        let expected = step.unwrap_or(case).get("expect").ok_or("it expects nothing")?;
        if !expect::all(expected, out).is_empty() {
            edits.push(edit(text, expected, &actual(expected, out)?)?);
        }
        Ok(())
    })?;
    Ok(edits)
}

/// A node's text, replaced by JSON, which is YAML.
fn edit(text: &str, node: &Node, with: &Json) -> Result<Edit, String> {
    let begin = offset(text, node.at).ok_or("its place is not known")?;
    let end = offset(text, end_of(text, node)).ok_or("its place is not known")?;
    let written = text.get(begin..end).ok_or("its place is not known")?;
    if written.contains('&') && !matches!(node.content, Content::Text(..)) || written.starts_with('*') {
        return Err("what it expects is named elsewhere".to_owned());
    }
    Ok((begin..begin + written.trim_end().len(), with.to_string()))
}

/// The end of a node: of a block its last entry's.
fn end_of(text: &str, node: &Node) -> Position {
    let is_flow = offset(text, node.at)
        .and_then(|at| text.get(at..))
        .is_some_and(|rest| rest.starts_with(['{', '[']));
    let last = match &node.content {
        _ if is_flow => None,
        Content::Map(map) => map.last().map(|(_, value)| value),
        Content::List(list) => list.last(),
        _ => None,
    };
    last.map_or(node.end, |last| end_of(text, last))
}

fn offset(text: &str, at: Position) -> Option<usize> {
    let line = usize::try_from(at.line).ok()?.checked_sub(1)?;
    let begin = match line {
        0 => 0,
        line => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let rest = text.get(begin..)?;
    let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
    rest.char_indices()
        .map(|(at, _)| at)
        .chain([rest.len()])
        .nth(column)
        .map(|at| begin + at)
}

/// A value as cases write it.
fn case_value(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Uint(number) => json!({"uint": number}),
        Value::Bytes(bytes) => json!({"bytes": base64::engine::general_purpose::STANDARD.encode(bytes)}),
        Value::Timestamp(_) | Value::Duration(_) => {
            let kind = if matches!(value, Value::Timestamp(_)) {
                "timestamp"
            } else {
                "duration"
            };
            json!({kind: value.clone().into_text()})
        }
        Value::List(list) => list.iter().map(case_value).collect::<Result<_, _>>()?,
        Value::Map(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let Value::Text(key) = key else {
                    return Err("it has a key that is no text".to_owned());
                };
                out.insert(key.clone(), case_value(value)?);
            }
            Json::Object(out)
        }
        other => other.to_json(),
    })
}

fn text_of(body: &[u8]) -> Json {
    String::from_utf8_lossy(body).into()
}

/// What was expected, with what came out in its place.
fn actual(expected: &Node, out: &Outgoing) -> Result<Json, String> {
    let mut all = Map::new();
    for (key, node) in expected.map().unwrap_or_default() {
        let value = match key.text.as_str() {
            "forwarded" => match &out.forwarded {
                None => json!(false),
                Some((host, request)) => {
                    let mut fields = Map::new();
                    for (part, node) in node.map().unwrap_or_default() {
                        let value = match part.text.as_str() {
                            "method" => json!(request.method),
                            "url" => json!(request.url),
                            "host" => json!(host),
                            "body" => text_of(&request.body),
                            other => {
                                headers(other, node, &request.fields, &mut fields)?;
                                continue;
                            }
                        };
                        fields.insert(part.text.clone(), value);
                    }
                    Json::Object(fields)
                }
            },
            "forwarded_to" => json!(out.forwarded_to.as_deref().ok_or("it was not forwarded")?),
            "response" => response(node, out)?,
            "connection" => json!(if out.alert {
                "tls_alert"
            } else if out.closed {
                "closed"
            } else {
                "open"
            }),
            "results" => {
                let mut fields = Map::new();
                for (name, _) in node.map().unwrap_or_default() {
                    let found = out
                        .exchange
                        .result(&name.text)
                        .ok_or_else(|| format!("there is no result {}", name.text))?;
                    fields.insert(name.text.clone(), case_value(found)?);
                }
                Json::Object(fields)
            }
            "vars" => {
                let mut fields = Map::new();
                for (name, value) in &out.vars {
                    fields.insert(name.clone(), case_value(value)?);
                }
                Json::Object(fields)
            }
            "logs" => out.exchange.logs().iter().map(case_value).collect::<Result<_, _>>()?,
            "policy_errors" => out
                .exchange
                .errors()
                .iter()
                .map(|error| json!({"path": error.path}))
                .collect(),
            "outbound_calls" => {
                let call = |call: &super::effects::Call| json!({"method": call.method, "url": call.url, "body": text_of(&call.body)});
                out.calls.iter().map(call).collect()
            }
            other => return Err(format!("`{other}` is not written")),
        };
        all.insert(key.text.clone(), value);
    }
    Ok(Json::Object(all))
}

fn response(node: &Node, out: &Outgoing) -> Result<Json, String> {
    let answer = out.response.as_ref().ok_or("there was no response")?;
    let mut fields = Map::new();
    for (part, node) in node.map().unwrap_or_default() {
        let value = match part.text.as_str() {
            "status" => json!(answer.status),
            "body" => text_of(&answer.body),
            "body_json" => serde_json::from_slice(&answer.body).map_err(|_| "the body is not JSON")?,
            "decoded_body" => {
                let encoding = expect::values(&answer.fields, "content-encoding").join(",");
                let body = decode(&encoding, &answer.body, 64 << 20).map_err(|_| "the body cannot be decoded")?;
                text_of(&body)
            }
            "error_code" => json!(
                expect::values(&answer.fields, "ngrok-error-code")
                    .into_iter()
                    .next()
                    .unwrap_or_default()
            ),
            other => {
                headers(other, node, &answer.fields, &mut fields)?;
                continue;
            }
        };
        fields.insert(part.text.clone(), value);
    }
    Ok(Json::Object(fields))
}

/// Fields that are expected, and those that are expected not to be there.
fn headers(part: &str, node: &Node, fields: &[(String, Vec<u8>)], out: &mut Map<String, Json>) -> Result<(), String> {
    let mut put = |name: &str| {
        let headers = out.entry("headers").or_insert_with(|| json!({}));
        headers[name] = json!(expect::values(fields, name));
    };
    let is_there = |name: &str| !expect::values(fields, name).is_empty();
    match part {
        "headers" | "absent" => {
            let named = match node.map() {
                Some(map) => map.iter().map(|(name, _)| name.text.clone()).collect(),
                None => texts(Some(node)),
            };
            let (there, gone): (Vec<_>, Vec<_>) = named.into_iter().partition(|name| is_there(name));
            there.iter().for_each(|name| put(name));
            if !gone.is_empty() {
                let absent = out.entry("absent").or_insert_with(|| json!([]));
                if let Some(list) = absent.as_array_mut() {
                    list.extend(gone.into_iter().map(Json::from));
                }
            }
            Ok(())
        }
        other => Err(format!("`{other}` is not written")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_snapshots_are_written_and_everything_around_them_stays() {
        let text = "version: 1
# The sums.
cases:
- id: sum
  tags: [snapshot]
  expr: 1u + 2u
  value: 4   # for now
- {id: kept, expr: 1 + 1, value: 3}
- id: denied
  tags: [snapshot]
  policy: |
    on_http_request: [{actions: [{type: custom-response, config: {status_code: 418, body: \"é\"}}]}]
  expect:
    response:
      status: 200
      headers: {x-gone: [a]}
      body: no
    forwarded: {method: GET}
# the next one
- id: steps
  tags: [snapshot]
  policy: 'on_http_request: [{actions: [{type: log, config: {metadata: {a: 1}}}]}]'
  steps:
    - {at: 0, expect: {logs: []}}
    - {at: 1, expect: {logs: [{a: 1}]}}
- id: matched
  tags: [snapshot]
  policy: '{}'
  expect: {response: {headers_match: {x-a: b}}}
";
        let read = |_: &str| Err("no file".to_owned());
        let updated = update(text, Options::default(), |_| true, read).unwrap();
        assert_eq!(updated.written, ["sum", "denied", "steps"]);
        assert_eq!(
            updated.left,
            [("matched".to_owned(), "`headers_match` is not written".to_owned())]
        );
        let expected = text
            .replace("value: 4   # for now", "value: {\"uint\":3}   # for now")
            .replace(
                "    response:\n      status: 200\n      headers: {x-gone: [a]}\n      body: no\n    forwarded: {method: GET}\n",
                "    {\"response\":{\"status\":418,\"absent\":[\"x-gone\"],\"body\":\"é\"},\"forwarded\":false}\n",
            )
            .replace("expect: {logs: []}", "expect: {\"logs\":[{\"a\":1}]}");
        assert_eq!(updated.text, expected);
        let again = update(&updated.text, Options::default(), |_| true, read).unwrap();
        assert!(again.written.is_empty() && again.text == updated.text);
    }
}
