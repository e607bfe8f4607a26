//! `ext-auth` (traffic policy 6.5): another service decides, asked with the request's head.

use std::time::Duration;

use super::config::{Config, Setting};
use super::fetch::{Origin, field};
use super::schema::{Ends, HOUR, Kind, Own, Protocols, Q, SECOND, Spec, fine, list, optional, required};
use super::{Act, Cx, Flow, MAX_RENDERED, ON_ERROR, headers, url_check};
use crate::document::Phase;
use crate::effect::{Answer, Effect, Fetch, Input};
use crate::expr::env::Message;
use crate::expr::scope::decode;
use crate::expr::{Program, Template};
use crate::state::Passed;
use crate::step::Decision;

pub(super) static SPEC: Spec = Spec {
    name: "ext-auth",
    own: Own::ACTION,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        required("url", Kind::Url),
        optional("method", Kind::OneOf(&["GET", "POST", "HEAD"])),
        optional("forward_headers", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
        optional("copy_headers", Kind::List(&list(Kind::Own(headers::copied), 0, 100))),
        optional("timeout", Kind::Duration(1, 30 * SECOND, 0)),
        ON_ERROR,
        optional("cache_key", Kind::List(&list(Kind::Cel(&[]), 1, 10))),
        optional("cache_ttl", Kind::Duration(0, HOUR, 0)),
    ],
    check: fine,
};

/// What is handed on of an answer that refuses.
const RETURNED: [&str; 4] = ["www-authenticate", "location", "set-cookie", "content-type"];
/// Bytes of the answer.
const MAX_ANSWER: usize = 256 * 1024;

#[derive(Debug)]
struct ExtAuth {
    url: Template,
    method: String,
    forward: Vec<String>,
    copy: Vec<String>,
    timeout: Duration,
    continues: bool,
    cache_key: Vec<Program>,
    cache_ttl: Duration,
}

fn names(config: &Config, name: &str) -> Vec<String> {
    config
        .templates(name)
        .iter()
        .filter_map(|template| template.as_literal().map(str::to_ascii_lowercase))
        .collect()
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let forward = match config.get("forward_headers") {
        Some(_) => names(config, "forward_headers"),
        None => ["authorization", "cookie", "x-forwarded-*"].map(str::to_owned).to_vec(),
    };
    Box::new(ExtAuth {
        url: config.template("url").cloned().unwrap_or_else(|| Template::literal("")),
        method: config.literal("method").unwrap_or("GET").to_owned(),
        forward,
        copy: names(config, "copy_headers"),
        timeout: config.duration("timeout", Duration::from_secs(2)),
        continues: config.literal("on_error") == Some("continue"),
        cache_key: config
            .list("cache_key")
            .iter()
            .filter_map(|item| match &item.setting {
                Setting::Program(program) => Some((**program).clone()),
                _ => None,
            })
            .collect(),
        cache_ttl: config.duration("cache_ttl", Duration::ZERO),
    })
}

impl ExtAuth {
    /// The key of a remembered answer; `None`: nothing is remembered.
    fn key(&self, cx: &mut Cx<'_>) -> Option<String> {
        if self.cache_key.is_empty() || self.cache_ttl.is_zero() {
            return None;
        }
        let mut parts = Vec::new();
        for program in &self.cache_key {
            // A part without a value would make strangers share an answer.
            let part = cx
                .exchange
                .scoped(cx.view, cx.vars, |scope| program.evaluate(scope))
                .ok()?;
            parts.push(part.to_text());
        }
        Some(parts.join("\u{1f}"))
    }

    /// The request goes on with the fields of the answer; what the visitor sent under these names is gone.
    fn pass(&self, cx: &mut Cx<'_>, fields: &Passed) -> Flow {
        for name in &self.copy {
            cx.exchange.remove_request(cx.view, name);
        }
        for (name, value) in fields {
            cx.exchange.add_request(cx.view, name, value.clone());
        }
        Flow::Next
    }

    fn unavailable(&self, cx: &mut Cx<'_>, message: &str) -> Flow {
        cx.error("url", message);
        if self.continues {
            // Nobody vouches for these.
            return self.pass(cx, &Passed::new());
        }
        Flow::End(Decision::Refuse {
            status: 503,
            code: None,
            headers: Vec::new(),
        })
    }

    fn request(&self, cx: &mut Cx<'_>) -> Result<Fetch, Flow> {
        let url = cx.render(&self.url, "url", MAX_RENDERED)?;
        if let Err(message) = url_check::http(&url) {
            return Err(self.unavailable(cx, &message));
        }
        let mut out: Vec<(String, String)> = Vec::new();
        let forward = &self.forward;
        cx.exchange.scoped(cx.view, cx.vars, |scope| {
            scope.fields(Message::Request, &mut |name, value| {
                let name = name.to_ascii_lowercase();
                let wanted = forward.iter().any(|wanted| match wanted.strip_suffix('*') {
                    Some(prefix) => name.starts_with(prefix),
                    None => *wanted == name,
                });
                // These are ours to say.
                let ours = matches!(
                    name.as_str(),
                    "host"
                        | "x-forwarded-method"
                        | "x-forwarded-uri"
                        | "x-forwarded-host"
                        | "x-forwarded-proto"
                        | "x-forwarded-for"
                );
                if wanted && !ours && !headers::frames(&name) {
                    out.push((name, decode(value)));
                }
            });
        });
        let view = cx.view;
        if let Some(request) = &view.request {
            for (name, value) in [
                ("x-forwarded-method", request.method),
                ("x-forwarded-uri", request.target),
                ("x-forwarded-host", request.authority),
                ("x-forwarded-proto", request.scheme.as_str()),
            ] {
                out.push((name.to_owned(), value.to_owned()));
            }
        }
        out.extend(Origin::of(cx).headers("ext-auth"));
        Ok(Fetch {
            method: self.method.clone(),
            url,
            headers: out,
            body: Vec::new(),
            delay: Duration::ZERO,
            timeout: self.timeout,
            max_response: MAX_ANSWER,
        })
    }

    fn answered(&self, cx: &mut Cx<'_>, answer: Answer, key: Option<String>) -> Flow {
        match answer.status {
            200..=299 => {
                let mut fields = Passed::new();
                for name in &self.copy {
                    for (known, value) in &answer.headers {
                        if known.eq_ignore_ascii_case(name) {
                            fields.push((name.clone(), decode(value)));
                        }
                    }
                }
                if let Some(key) = key {
                    let ttl = i64::try_from(self.cache_ttl.as_micros()).unwrap_or(i64::MAX);
                    let until = cx.view.now.saturating_add(ttl);
                    let key = (cx.view.endpoint.url.as_str(), key.as_str());
                    cx.view
                        .state
                        .passed
                        .put(cx.key, key, fields.clone(), until, cx.view.now);
                }
                self.pass(cx, &fields)
            }
            401 | 403 | 300..=399 => {
                let mut fields = Vec::new();
                for name in RETURNED {
                    for (known, value) in &answer.headers {
                        let value = decode(value);
                        if known.eq_ignore_ascii_case(name) && headers::is_value(&value) {
                            fields.push((name.to_owned(), value));
                        }
                    }
                }
                if field(&answer, "content-type").is_none() && !answer.body.is_empty() {
                    fields.push(("content-type".to_owned(), "application/octet-stream".to_owned()));
                }
                Flow::End(Decision::Respond {
                    status: answer.status,
                    headers: fields,
                    body: answer.body,
                    continues: false,
                })
            }
            status => self.unavailable(cx, &format!("the service answered with status {status}")),
        }
    }
}

impl Act for ExtAuth {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let key = self.key(cx);
        if let Some(key) = &key {
            let place = (cx.view.endpoint.url.as_str(), key.as_str());
            if let Some(fields) = cx.view.state.passed.get(cx.key, place, cx.view.now) {
                return self.pass(cx, &fields);
            }
        }
        match self.request(cx) {
            Ok(request) => {
                cx.keep(key);
                Flow::Need(Effect::Fetch(Box::new(request)))
            }
            Err(flow) => flow,
        }
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        let Some(key) = cx.kept::<Option<String>>() else {
            return self.run(cx);
        };
        match input {
            Input::Fetched(Ok(answer)) => self.answered(cx, answer, key),
            Input::Fetched(Err(fault)) => self.unavailable(cx, &fault.message),
            _ => self.run(cx),
        }
    }
}
