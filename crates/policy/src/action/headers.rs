//! Names and values of headers: what may be written, and what may be sent.

use adit_names::code::ErrorCode;

use super::config::{Item, Setting};
use super::read::Reader;
use super::{Cx, Flow};
use crate::document::{Content, Node, Path, Phase};
use crate::expr::Template;

/// Fields that frame or route a message: never set or removed by a policy.
const FRAMING: [&str; 9] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "proxy-connection",
    "expect",
];

/// Most entries of a map of headers.
const MAX_HEADERS: usize = 64;
/// Longest value.
const MAX_VALUE: usize = 8192;

pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Does the field frame or route a message?
pub(super) fn frames(name: &str) -> bool {
    FRAMING.contains(&name)
}

/// The name of a field that is copied from an answer into a request.
pub(super) fn copied(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    name(reader, path, node, text).then(|| Setting::Text(Template::literal(&text.to_ascii_lowercase())))
}

/// May a policy set (or remove) this field at all?
pub(super) fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FRAMING.contains(&name.as_str())
        || name == "user-agent"
        || name == "ngrok-error-code"
        || ["ngrok-auth-", "ngrok-mtls-", "adit-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// May this text be a value? Line breaks are an error, never left out silently.
pub(super) fn is_value(text: &str) -> bool {
    !text.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f)
}

/// Is a name of a header fine? What is not is reported.
pub(super) fn name(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node, name: &str) -> bool {
    let (code, message, fix) = if name.len() > 256 {
        (
            ErrorCode::NGROK_2208,
            "a header name has at most 256 bytes",
            "shorten it",
        )
    } else if !is_token(name) {
        (
            ErrorCode::NGROK_2210,
            "a header name has letters, digits and hyphens",
            "correct the name",
        )
    } else if is_reserved(name) {
        (
            ErrorCode::NGROK_2219,
            "this header frames or routes the message, or says who the visitor is",
            "leave it out",
        )
    } else {
        return true;
    };
    reader.wrong(code, path, node, message, fix);
    false
}

/// Reads a map of names and values.
pub(super) fn read(
    reader: &mut Reader<'_, '_>,
    path: &Path<'_>,
    node: &Node,
    least: usize,
    lists: bool,
) -> Option<Setting> {
    let Content::Map(map) = &node.content else {
        let message = format!("this must be a mapping of names to values, not {}", node.kind());
        reader.wrong(ErrorCode::NGROK_2203, path, node, message, "write name: value");
        return None;
    };
    if map.len() < least {
        reader.wrong(
            ErrorCode::NGROK_2223,
            path,
            node,
            "there are no headers",
            "give at least one",
        );
        return None;
    }
    if map.len() > MAX_HEADERS {
        let message = format!("there may be {MAX_HEADERS} headers");
        reader.wrong(ErrorCode::NGROK_2212, path, node, message, "remove some");
        return None;
    }
    let mut out = Vec::new();
    for (key, node) in map {
        let path = path.key(&key.text);
        if key.text.eq_ignore_ascii_case("ngrok-skip-browser-warning") {
            reader
                .findings
                .warn("no_effect", &path, key.at, "there is no warning page to skip");
            continue;
        }
        if !name(reader, &path, node, &key.text) {
            continue;
        }
        let setting = match &node.content {
            Content::List(list) if lists => {
                let mut values = Vec::new();
                for (i, node) in list.iter().enumerate() {
                    if let Some(template) = value(reader, &path.index(i), node) {
                        values.push(Item {
                            setting: Setting::Text(template),
                        });
                    }
                }
                Setting::List(values)
            }
            _ => match value(reader, &path, node) {
                Some(template) => Setting::Text(template),
                None => continue,
            },
        };
        out.push((key.text.clone(), Item { setting }));
    }
    Some(Setting::Map(out))
}

fn value(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Template> {
    let Some(text) = node.scalar_text() else {
        let message = format!("a header value must be a string, not {}", node.kind());
        reader.wrong(ErrorCode::NGROK_2203, path, node, message, "write a string");
        return None;
    };
    if text.len() > MAX_VALUE {
        let message = format!("a header value has at most {MAX_VALUE} bytes");
        reader.wrong(ErrorCode::NGROK_2209, path, node, message, "shorten it");
        return None;
    }
    let template = reader.template(path, node, text)?;
    if template.as_literal().is_some_and(|text| !is_value(text)) {
        let message = "a header value has no line breaks and control characters";
        reader.wrong(ErrorCode::NGROK_2211, path, node, message, "remove them");
        return None;
    }
    Some(template)
}

impl Cx<'_> {
    /// Renders the values of headers; one that may not be sent breaks the policy.
    pub(super) fn render_headers(&mut self, headers: &[(String, Template)]) -> Result<Vec<(String, String)>, Flow> {
        let mut out = Vec::with_capacity(headers.len());
        for (name, template) in headers {
            let field = format!("headers.{name}");
            let value = self.render(template, &field, super::MAX_RENDERED)?;
            if !is_value(&value) {
                self.error(&field, "the value has line breaks or control characters");
                return Err(Flow::Broken(ErrorCode::NGROK_3900));
            }
            out.push((name.clone(), value));
        }
        Ok(out)
    }

    /// The fields of this phase's message, ready to be changed.
    pub(super) fn fields(&mut self) -> &mut Vec<(String, Vec<u8>)> {
        if self.on_response() {
            self.exchange.response_overlay(self.view)
        } else {
            self.exchange.request_overlay(self.view)
        }
    }

    /// Removes a field of this phase's message. Was it there?
    pub(super) fn remove_field(&mut self, name: &str) -> bool {
        let known = |fields: &Vec<(String, Vec<u8>)>| fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let there = known(self.fields());
        if self.on_response() {
            self.exchange.remove_response(self.view, name);
        } else {
            self.exchange.remove_request(self.view, name);
        }
        there
    }

    pub(super) fn add_field(&mut self, name: &str, value: String) {
        if self.on_response() {
            self.exchange.add_response(self.view, name, value);
        } else {
            self.exchange.add_request(self.view, name, value);
        }
    }

    pub(super) const fn on_response(&self) -> bool {
        matches!(self.phase, Phase::HttpResponse | Phase::EventStreamMessage)
    }
}
