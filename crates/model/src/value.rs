//! One value against its field's form.

use std::collections::HashSet;

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

use crate::field::{Field, Form, Writable};
use crate::problem::{MAX_PROBLEMS, Problem, shown};
use crate::timestamp;

/// Most bytes of a key, and of a value, in a map of texts.
const MAP_KEY: usize = 255;
const MAP_VALUE: usize = 4096;

/// Stands for an entry of a list or map: it has no numbers of its own.
const ENTRY: Field = Field::set("", Form::Text(0), "");

/// Reads values of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    /// Adit's additions may be given.
    pub(crate) additions: bool,
}

impl Reader {
    /// The value in the form in which it is stored, or `None` and what is wrong with it. Null is the caller's
    /// business.
    pub(crate) fn read(self, field: &Field, path: &str, value: &Value, found: &mut Vec<Problem>) -> Option<Value> {
        let wrong_type = |allowed: &str| Problem::wrong(path, format!("it must be {allowed}, not {}", name_of(value)));
        let result = match field.form {
            Form::Text(most) => match value {
                Value::String(text) => check_text(field, path, text, most).map(|()| value.clone()),
                _ => Err(wrong_type("text")),
            },
            Form::Choice(choices) => match value {
                Value::String(text) if choices.contains(&text.as_str()) => Ok(value.clone()),
                Value::String(text) => Err(no_choice(field, path, text, choices)),
                _ => Err(wrong_type("text")),
            },
            Form::Flag => match value {
                Value::Bool(_) => Ok(value.clone()),
                _ => Err(wrong_type("true or false")),
            },
            Form::Integer(least, most) => match value.as_i64() {
                Some(number) if (least..=most).contains(&number) => Ok(value.clone()),
                Some(number) => Err(Problem::new(field.error.unwrap_or(ErrorCode::NGROK_215), path)
                    .value("error", format!("{number} is not from {least} to {most}"))
                    .value("value", number.to_string())),
                None => Err(wrong_type(&format!("a whole number from {least} to {most}"))),
            },
            Form::Id(prefixes) => match value {
                Value::String(text) if text.is_empty() => Ok(value.clone()),
                Value::String(text) => {
                    check_id(field.error, path, text, prefixes).map(|id| Value::from(id.to_string()))
                }
                _ => Err(wrong_type("an id")),
            },
            Form::Timestamp => match value {
                Value::String(text) if text.is_empty() && !field.required => {
                    Ok(if field.nullable { Value::Null } else { value.clone() })
                }
                Value::String(text) => match timestamp::canonical(text) {
                    Some((text, _)) => Ok(Value::from(text)),
                    None => Err(Problem::new(field.error.unwrap_or(ErrorCode::NGROK_241), path).shown("value", text)),
                },
                _ => Err(wrong_type("a timestamp")),
            },
            Form::Ids(prefixes, most) => match value {
                Value::Array(list) => ids(field, path, list, prefixes, most),
                _ => Err(wrong_type("a list of ids")),
            },
            Form::Texts(most, each) => match value {
                Value::Array(list) => texts(field, path, list, most, each),
                _ => Err(wrong_type("a list of texts")),
            },
            Form::Map(most) => match value {
                Value::Object(map) => check_map(field, path, map, most).map(|()| value.clone()),
                _ => Err(wrong_type("an object of texts")),
            },
            Form::Object(fields) => match value {
                Value::Object(map) => return self.object(fields, path, map, found),
                _ => Err(wrong_type("an object")),
            },
            Form::Objects(fields, most) => match value {
                Value::Array(list) if list.len() > most => Err(too_many(field, path, list.len(), most)),
                Value::Array(list) => return self.objects(fields, path, list, found),
                _ => Err(wrong_type("a list of objects")),
            },
            Form::Any => Ok(value.clone()),
        };
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                found.push(problem);
                None
            }
        }
    }

    fn objects(self, fields: &[Field], path: &str, list: &[Value], found: &mut Vec<Problem>) -> Option<Value> {
        let mut out = Vec::with_capacity(list.len());
        for (at, value) in list.iter().enumerate() {
            let path = format!("{path}[{at}]");
            match value {
                Value::Object(map) => out.push(self.object(fields, &path, map, found)),
                _ => {
                    found.push(Problem::wrong(
                        path,
                        format!("it must be an object, not {}", name_of(value)),
                    ));
                    out.push(None);
                }
            }
        }
        out.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn object(self, fields: &[Field], path: &str, map: &Map<String, Value>, found: &mut Vec<Problem>) -> Option<Value> {
        let before = found.len();
        let writable = |field: &&Field| field.writable != Writable::Never && (self.additions || !field.addition);
        let names: Vec<_> = fields.iter().filter(writable).map(|field| field.name).collect();
        let unknown = map.keys().filter(|key| !names.contains(&key.as_str()));
        for key in unknown.take(MAX_PROBLEMS) {
            found.push(
                Problem::new(ErrorCode::NGROK_214, format!("{path}.{}", shown(key)))
                    .detail("supported", names.join(", ")),
            );
        }
        let mut out = Map::new();
        for field in fields.iter().filter(writable) {
            let path = format!("{path}.{}", field.name);
            let value = map.get(field.name).filter(|value| !value.is_null());
            if let Some(problem) = absence(field, &path, value, true) {
                found.push(problem);
            } else if let Some(value) = value {
                if let Some(value) = self.read(field, &path, value, found) {
                    out.insert(field.name.to_owned(), value);
                }
            } else {
                out.insert(field.name.to_owned(), field.default_value());
            }
        }
        (found.len() == before).then_some(Value::Object(out))
    }
}

/// The problem of a required field that is missing or empty. `whole`: it must be given now.
pub(crate) fn absence(field: &Field, path: &str, value: Option<&Value>, whole: bool) -> Option<Problem> {
    if !field.required {
        return None;
    }
    let absent = match value {
        None => whole,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    };
    absent.then(|| {
        let code = field.missing.unwrap_or(ErrorCode::NGROK_215);
        let problem = Problem::new(code, path)
            .value("error", "it is required")
            .value("value", "")
            .value("domain", "");
        match field.form {
            Form::Choice(choices) => problem.value("supported", choices.join(", ")),
            _ => problem,
        }
    })
}

fn check_text(field: &Field, path: &str, text: &str, most: usize) -> Result<(), Problem> {
    if text.contains('\0') {
        return Err(Problem::wrong(path, "it has a zero byte"));
    }
    if text.len() > most {
        return Err(too_long(field, path, text, most));
    }
    let one_line = matches!(field.name, "description" | "name");
    if one_line && text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Problem::wrong(path, "it has control characters"));
    }
    Ok(())
}

fn too_long(field: &Field, path: &str, text: &str, most: usize) -> Problem {
    let size = text.len();
    let problem = match field.error {
        Some(code) => Problem::new(code, path).value("size", size.to_string()),
        None => Problem::new(ErrorCode::ADIT_2013, path).value("size", format!("{size} bytes")),
    };
    let given = if field.secret.is_some() { "" } else { text };
    problem
        .shown("value", given)
        .shown("domain", given)
        .value("max", most.to_string())
        .value("error", format!("it has {size} bytes, at most {most} are allowed"))
        .detail("limit", most.to_string())
}

fn too_many(field: &Field, path: &str, size: usize, most: usize) -> Problem {
    Problem::new(field.error.unwrap_or(ErrorCode::ADIT_2013), path)
        .value(
            "size",
            if field.error.is_some() {
                size.to_string()
            } else {
                format!("{size} entries")
            },
        )
        .value("max", most.to_string())
        .value("error", format!("it has {size} entries, at most {most} are allowed"))
        .detail("limit", most.to_string())
}

fn no_choice(field: &Field, path: &str, text: &str, choices: &[&str]) -> Problem {
    let supported = choices.join(", ");
    Problem::new(field.error.unwrap_or(ErrorCode::NGROK_215), path)
        .shown("value", text)
        .value("error", format!("it must be one of {supported}"))
        .value("supported", supported.clone())
        .detail("supported", supported)
}

/// An id of one of these kinds. The numbers are those of control plane 1.2.
fn check_id(error: Option<ErrorCode>, path: &str, text: &str, prefixes: &[Prefix]) -> Result<Id, Problem> {
    let parsed = text.parse::<Id>();
    if let Ok(id) = parsed
        && prefixes.contains(&id.prefix())
    {
        return Ok(id);
    }
    let names: Vec<_> = prefixes.iter().map(|prefix| format!("{}_", prefix.as_str())).collect();
    let code = error.unwrap_or(match (prefixes, parsed) {
        ([Prefix::IpPolicy], _) => ErrorCode::NGROK_229,
        ([Prefix::CertificateAuthority], _) => ErrorCode::NGROK_228,
        (_, Err(_)) => ErrorCode::NGROK_223,
        ([_], Ok(_)) => ErrorCode::NGROK_227,
        (_, Ok(_)) => ErrorCode::NGROK_243,
    });
    let noun = prefixes
        .first()
        .and_then(|prefix| crate::catalogue::by_prefix(*prefix))
        .map_or("object", |kind| kind.noun);
    Err(Problem::new(code, path)
        .shown("value", text)
        .value("prefix", names.join(", "))
        .value("kind", noun)
        .value("error", format!("it must begin with {}", names.join(" or "))))
}

fn ids(field: &Field, path: &str, list: &[Value], prefixes: &[Prefix], most: usize) -> Result<Value, Problem> {
    if list.len() > most {
        return Err(too_many(field, path, list.len(), most));
    }
    let mut seen = HashSet::new();
    let mut out = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        let path = format!("{path}[{at}]");
        let Value::String(text) = value else {
            return Err(Problem::wrong(
                path,
                format!("it must be an id, not {}", name_of(value)),
            ));
        };
        let id = check_id(None, &path, text, prefixes)?;
        if !seen.insert(*id.bytes()) {
            return Err(Problem::wrong(path, "the same id stands in the list twice"));
        }
        out.push(Value::from(id.to_string()));
    }
    Ok(Value::Array(out))
}

fn texts(field: &Field, path: &str, list: &[Value], most: usize, each: usize) -> Result<Value, Problem> {
    if list.len() > most {
        return Err(too_many(field, path, list.len(), most));
    }
    for (at, value) in list.iter().enumerate() {
        let path = format!("{path}[{at}]");
        match value {
            Value::String(text) if text.contains('\0') => return Err(Problem::wrong(path, "it has a zero byte")),
            Value::String(text) if text.len() > each => return Err(too_long(&ENTRY, &path, text, each)),
            Value::String(_) => {}
            _ => return Err(Problem::wrong(path, format!("it must be text, not {}", name_of(value)))),
        }
    }
    Ok(Value::Array(list.to_vec()))
}

fn check_map(field: &Field, path: &str, map: &Map<String, Value>, most: usize) -> Result<(), Problem> {
    if map.len() > most {
        return Err(too_many(field, path, map.len(), most));
    }
    for (key, value) in map {
        let path = format!("{path}.{}", shown(key));
        match value {
            _ if key.is_empty() || key.len() > MAP_KEY || key.contains('\0') => {
                return Err(Problem::wrong(
                    path,
                    format!("a key has 1 to {MAP_KEY} bytes, none of them zero"),
                ));
            }
            Value::String(text) if text.contains('\0') => return Err(Problem::wrong(path, "it has a zero byte")),
            Value::String(text) if text.len() > MAP_VALUE => return Err(too_long(&ENTRY, &path, text, MAP_VALUE)),
            Value::String(_) => {}
            _ => return Err(Problem::wrong(path, format!("it must be text, not {}", name_of(value)))),
        }
    }
    Ok(())
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
