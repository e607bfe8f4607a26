//! `basic-auth` (traffic policy 4.3, RFC 7617).

use adit_names::code::ErrorCode;
use base64::Engine as _;
use subtle::{Choice, ConstantTimeEq as _};

use super::config::{Config, Setting};
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Q, Spec, fine, list, optional, own, required, secret};
use super::{Act, Cx, Flow, MAX_RENDERED};
use crate::document::{Content, Node, Path, Phase};
use crate::exchange::Edit;
use crate::expr::env::Message;
use crate::expr::{Segment, Template};
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "basic-auth",
    own: Own::NOTHING,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        secret(required("credentials", Kind::List(&list(Kind::Own(pair), 1, 100)))),
        optional("realm", Kind::Own(realm)),
        optional("enforce", Kind::Bool),
        own(optional("strip", Kind::Bool)),
    ],
    check: fine,
};

fn realm(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    reader.length(path, node, text, 0, 128)?;
    if !text
        .bytes()
        .all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\')
    {
        reader.wrong(
            ErrorCode::NGROK_2222,
            path,
            node,
            "a realm has printable ASCII characters without quotes and backslashes",
            "use others",
        );
        return None;
    }
    Some(Setting::Text(Template::literal(text)))
}

/// A pair: the template of `user:password`.
fn pair(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let joined;
    let text = if let Content::Map(map) = &node.content {
        for (key, _) in map {
            if key.text != "username" && key.text != "password" {
                let message = format!("unknown field `{}`", key.text);
                reader.wrong(
                    ErrorCode::NGROK_2203,
                    &path.key(&key.text),
                    node,
                    message,
                    "known: username, password",
                );
                return None;
            }
        }
        let part = |name: &str| node.get(name).and_then(Node::text);
        let (Some(user), Some(password)) = (part("username"), part("password")) else {
            let message = "a pair has username and password";
            reader.wrong(ErrorCode::NGROK_2234, path, node, message, "give both");
            return None;
        };
        joined = format!("{user}:{password}");
        joined.as_str()
    } else {
        reader.text(path, node)?
    };
    let template = reader.template(path, node, text)?;
    let Some(literal) = template.as_literal() else {
        let colon = template
            .segments
            .iter()
            .any(|segment| matches!(segment, Segment::Text(text) if text.contains(':')));
        if template.as_program().is_none() && !colon {
            reader.wrong(
                ErrorCode::NGROK_2224,
                path,
                node,
                "the colon between user and password must stand outside of the expressions",
                "write user:${…}",
            );
            return None;
        }
        return Some(Setting::Text(template));
    };
    let Some((user, password)) = literal.split_once(':') else {
        let message = "credentials are user:password";
        reader.wrong(
            ErrorCode::NGROK_2222,
            path,
            node,
            message,
            "put a colon between the two",
        );
        return None;
    };
    if user.len() > 128 || user.chars().any(char::is_control) {
        let message = "the user has more than 128 bytes, or control characters";
        reader.wrong(ErrorCode::NGROK_2257, path, node, message, "use another");
        return None;
    }
    if password.chars().any(char::is_control) {
        let message = "the password has control characters";
        reader.wrong(ErrorCode::NGROK_2258, path, node, message, "use another");
        return None;
    }
    let (code, message) = if password.len() < 8 {
        (ErrorCode::NGROK_2237, "the password has less than 8 bytes")
    } else if password.len() > 128 {
        (ErrorCode::NGROK_2221, "the password has more than 128 bytes")
    } else {
        return Some(Setting::Text(template));
    };
    reader.wrong(code, path, node, message, "use a password of 8 to 128 bytes");
    None
}

#[derive(Debug)]
struct BasicAuth {
    credentials: Vec<Template>,
    realm: String,
    enforce: bool,
    strip: bool,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(BasicAuth {
        credentials: config.templates("credentials"),
        realm: config.literal("realm").unwrap_or("adit").to_owned(),
        enforce: config.bool("enforce", true),
        strip: config.bool("strip", false),
    })
}

/// The pair of a Basic header; two headers are no pair.
fn presented(values: &[String]) -> Option<(String, String)> {
    let [value] = values else { return None };
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

impl BasicAuth {
    /// The configured pair `i`; an expression that brings a colon of its own makes no pair.
    fn pair(&self, cx: &mut Cx<'_>, i: usize, template: &Template) -> Result<Option<String>, Flow> {
        let field = format!("credentials[{i}]");
        if template.as_literal().is_none() && template.as_program().is_none() {
            for segment in &template.segments {
                if let Segment::Program(_) = segment {
                    let one = Template {
                        segments: vec![segment.clone()],
                    };
                    if cx.render(&one, &field, MAX_RENDERED)?.contains(':') {
                        cx.error(&field, "an expression gave a colon: the pair matches nobody");
                        return Ok(None);
                    }
                }
            }
        }
        let text = cx.render(template, &field, MAX_RENDERED)?;
        Ok(text.contains(':').then_some(text))
    }
}

impl Act for BasicAuth {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let values = cx.exchange.scoped(cx.view, cx.vars, |scope| {
            scope.header(Message::Request, "authorization")
        });
        let given = presented(&values);
        let (user, password) = given.clone().unwrap_or_default();
        let mut authorized = Choice::from(0);
        // All pairs, whichever matches: the time says nothing about which.
        for (i, template) in self.credentials.iter().enumerate() {
            let pair = match self.pair(cx, i, template) {
                Ok(pair) => pair,
                Err(flow) => return flow,
            };
            if let Some((known_user, known_password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
                authorized |=
                    known_user.as_bytes().ct_eq(user.as_bytes()) & known_password.as_bytes().ct_eq(password.as_bytes());
            }
        }
        let authorized = given.is_some() && bool::from(authorized);
        let (code, message) = if authorized {
            ("", "")
        } else {
            (ErrorCode::NGROK_3401.as_str(), ErrorCode::NGROK_3401.what())
        };
        cx.exchange.set_results(
            "ngrok.basic_auth",
            [
                ("ngrok.basic_auth.credentials.presented", Value::Bool(given.is_some())),
                ("ngrok.basic_auth.credentials.username", Value::Text(user)),
                ("ngrok.basic_auth.credentials.authorized", Value::Bool(authorized)),
                ("ngrok.basic_auth.error.code", Value::from(code)),
                ("ngrok.basic_auth.error.message", Value::from(message)),
            ],
        );
        if authorized && self.strip {
            cx.fields()
                .retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            cx.exchange.edits.push(Edit::Remove {
                response: false,
                name: "authorization".to_owned(),
            });
        }
        if authorized || !self.enforce {
            return Flow::Next;
        }
        let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", self.realm);
        cx.refuse_with(ErrorCode::NGROK_3401, vec![("www-authenticate".to_owned(), challenge)])
    }
}
