//! `redirect` (traffic policy 4.16), and what it shares with `url-rewrite`: a pattern over the URL.

use adit_names::code::ErrorCode;
use regex::Regex;

use super::config::Config;
use super::schema::{Ends, Kind, Own, Protocols, Q, Spec, fine, optional, required};
use super::{Act, Cx, Flow, MAX_RENDERED};
use crate::document::Phase;
use crate::expr::{Template, functions};
use crate::step::Decision;
use crate::url;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "redirect",
    own: Own::NOTHING,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        optional("from", Kind::Regex),
        required("to", Kind::Template(0, 8192)),
        optional("status_code", Kind::IntOf(&[301, 302, 303, 307, 308])),
        optional("headers", Kind::Headers(0, false)),
    ],
    check: fine,
};

/// `from` and `to`.
#[derive(Debug)]
pub(super) struct Replacement {
    /// `None`: the whole URL.
    from: Option<(Template, Option<Regex>)>,
    to: Template,
}

/// What became of the URL.
pub(super) struct Replaced {
    pub(super) subject: String,
    /// `None`: nothing matched.
    pub(super) result: Option<String>,
    /// Whole match and groups of the first match.
    pub(super) matches: Vec<Value>,
}

impl Replacement {
    pub(super) fn build(config: &Config) -> Self {
        Self {
            from: config.template("from").map(|template| {
                let regex = template
                    .as_literal()
                    .and_then(|text| functions::compile_pattern(text).ok());
                (template.clone(), regex)
            }),
            to: config.template("to").cloned().unwrap_or_else(|| Template::literal("")),
        }
    }

    pub(super) fn apply(&self, cx: &mut Cx<'_>) -> Result<Replaced, Flow> {
        let subject = cx
            .exchange
            .scoped(cx.view, cx.vars, |scope| scope.url())
            .unwrap_or_default();
        // All templates first, then the work.
        let pattern = match &self.from {
            Some((template, None)) => Some(cx.render(template, "from", MAX_RENDERED)?),
            _ => None,
        };
        let to = cx.render(&self.to, "to", MAX_RENDERED)?;
        let compiled;
        let regex = match (&self.from, pattern) {
            (Some((_, Some(regex))), _) => regex,
            (Some(_), Some(pattern)) => match functions::compile_pattern(&pattern) {
                Ok(regex) => {
                    compiled = regex;
                    &compiled
                }
                Err(error) => {
                    cx.error("from", format!("the result is no regular expression: {error}"));
                    return Err(Flow::Broken(ErrorCode::NGROK_3901));
                }
            },
            _ => {
                return Ok(Replaced {
                    matches: vec![Value::from(subject.as_str())],
                    subject,
                    result: Some(to),
                });
            }
        };
        let Some(first) = regex.captures(&subject) else {
            return Ok(Replaced {
                subject,
                result: None,
                matches: Vec::new(),
            });
        };
        let matches = first
            .iter()
            .map(|group| Value::from(group.map_or("", |group| group.as_str())))
            .collect();
        // Before it is made: many short matches and a long replacement grow fast.
        let count = regex.find_iter(&subject).count();
        if count.saturating_mul(to.len()).saturating_add(subject.len()) > 16 * MAX_RENDERED {
            cx.error("to", "the result is too long");
            return Err(Flow::Broken(ErrorCode::NGROK_3900));
        }
        let result = regex.replace_all(&subject, to.as_str()).into_owned();
        Ok(Replaced {
            subject,
            result: Some(result),
            matches,
        })
    }
}

#[derive(Debug)]
struct Redirect {
    replacement: Replacement,
    status: u16,
    headers: Vec<(String, Template)>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(Redirect {
        replacement: Replacement::build(config),
        status: u16::try_from(config.int("status_code", 302)).unwrap_or(302),
        headers: config.headers("headers"),
    })
}

/// The absolute URL of a `Location` field, if the text can be one.
fn location(base: &str, text: &str) -> Option<String> {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return None;
    }
    let url = url::encode_illegal(&url::resolve(base, text));
    let parts = url::parts(&url);
    let web = parts
        .scheme
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    let host = parts
        .authority
        .is_some_and(|authority| !url::split_authority(authority).0.is_empty());
    (web && host && url.len() <= 8192).then_some(url)
}

impl Act for Redirect {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let replaced = match self.replacement.apply(cx) {
            Ok(replaced) => replaced,
            Err(flow) => return flow,
        };
        let headers = match cx.render_headers(&self.headers) {
            Ok(headers) => headers,
            Err(flow) => return flow,
        };
        let target = match &replaced.result {
            Some(text) => match location(&replaced.subject, text) {
                Some(url) => Some(url),
                None => {
                    cx.error("to", "the result is no http or https URL");
                    return Flow::Broken(ErrorCode::NGROK_3900);
                }
            },
            None => None,
        };
        let target = target.filter(|url| *url != replaced.subject);
        cx.exchange.set_results(
            "ngrok.redirect",
            [
                ("ngrok.redirect.matches", Value::List(replaced.matches)),
                ("ngrok.redirect.url", Value::Text(target.clone().unwrap_or_default())),
                ("ngrok.redirect.error.code", Value::from("")),
                ("ngrok.redirect.error.message", Value::from("")),
            ],
        );
        let Some(url) = target else { return Flow::Next };
        let mut all = vec![("location".to_owned(), url)];
        all.extend(headers);
        Flow::End(Decision::Respond {
            status: self.status,
            headers: all,
            body: Vec::new(),
            continues: false,
        })
    }
}
