//! `maintenance` (traffic policy 6.5): a page, or JSON, for everybody but a few.

use adit_names::code::ErrorCode;

use super::config::{Config, Item, Setting, Tree};
use super::custom_response::media_type;
use super::read::{Reader, parse_duration};
use super::schema::{Ends, Field, Kind, Own, Protocols, Q, Spec, fine, list, optional};
use super::{Act, Cx, Flow, MAX_BODY, MAX_RENDERED, restrict_ips, set_vars};
use crate::document::{Node, Path, Phase};
use crate::expr::env::Message;
use crate::expr::{Program, Template};
use crate::step::Decision;
use adit_names::cidr::Cidr;

const WHO: &[Field] = &[
    optional("cidrs", Kind::List(&list(Kind::Cidr, 0, 1000))),
    optional("expressions", Kind::List(&list(Kind::Cel(&[]), 0, 32))),
];

pub(super) static SPEC: Spec = Spec {
    name: "maintenance",
    own: Own::ACTION,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::UnlessAllow,
    fields: &[
        optional("status_code", Kind::Int(400, 599)),
        optional("page", Kind::Template(0, 256 * 1024)),
        optional("json", Kind::Tree),
        optional("retry_after", Kind::Own(retry_after)),
        optional("allow", Kind::Record(WHO)),
    ],
    check: fine,
};

fn time(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.timestamp_micros())
}

fn retry_after(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = node.scalar_text().unwrap_or_default();
    if parse_duration(text).is_none() && time(text).is_none() {
        reader.wrong(
            ErrorCode::NGROK_2222,
            path,
            node,
            "this is neither a duration nor a time",
            "write 10m or 2026-01-15T12:00:00Z",
        );
        return None;
    }
    Some(Setting::Text(Template::literal(text)))
}

#[derive(Debug)]
enum RetryAfter {
    Seconds(u64),
    /// Microseconds since the Unix epoch.
    At(i64),
}

#[derive(Debug)]
struct Maintenance {
    status: u16,
    page: Option<Template>,
    json: Option<Tree>,
    retry_after: Option<RetryAfter>,
    cidrs: Vec<(Template, Option<Cidr>)>,
    expressions: Vec<Program>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let allow = |name: &str| {
        config
            .get("allow")
            .and_then(|allow| allow.field(name))
            .map_or(&[][..], Item::list)
    };
    Box::new(Maintenance {
        status: u16::try_from(config.int("status_code", 503)).unwrap_or(503),
        page: config.template("page").cloned(),
        json: match config.get("json").map(|item| &item.setting) {
            Some(Setting::Tree(tree)) => Some(tree.clone()),
            _ => None,
        },
        retry_after: config
            .literal("retry_after")
            .and_then(|text| match parse_duration(text) {
                Some(millis) => Some(RetryAfter::Seconds(millis.div_ceil(1000))),
                None => time(text).map(RetryAfter::At),
            }),
        cidrs: allow("cidrs")
            .iter()
            .filter_map(|item| {
                let template = item.text()?.clone();
                let range = template.as_literal().and_then(|text| restrict_ips::range(text).ok());
                Some((template, range))
            })
            .collect(),
        expressions: allow("expressions")
            .iter()
            .filter_map(|item| match &item.setting {
                Setting::Program(program) => Some((**program).clone()),
                _ => None,
            })
            .collect(),
    })
}

impl Maintenance {
    fn passes(&self, cx: &mut Cx<'_>) -> Result<bool, Flow> {
        let ip = cx.view.connection.client_ip;
        for (at, (template, range)) in self.cidrs.iter().enumerate() {
            let range = match range {
                Some(range) => Some(*range),
                None => {
                    let text = cx.render(template, &format!("allow.cidrs[{at}]"), MAX_RENDERED)?;
                    text.parse().ok()
                }
            };
            if range.is_some_and(|range| range.contains(ip)) {
                return Ok(true);
            }
        }
        for (at, program) in self.expressions.iter().enumerate() {
            let verdict = cx.exchange.scoped(cx.view, cx.vars, |scope| program.is_true(scope));
            match verdict {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(_) => cx.error(&format!("allow.expressions[{at}]"), "the expression has no value"),
            }
        }
        Ok(false)
    }
}

impl Act for Maintenance {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        match self.passes(cx) {
            Ok(true) => return Flow::Next,
            Ok(false) => {}
            Err(flow) => return flow,
        }
        let accepts = cx
            .exchange
            .scoped(cx.view, cx.vars, |scope| {
                scope.header(Message::Request, "accept").join(",")
            })
            .to_ascii_lowercase();
        // JSON for those who ask for it and not for pages.
        let wants_json = accepts.contains("json") && !accepts.contains("text/html");
        let mut headers = Vec::new();
        let body = match (&self.page, &self.json) {
            (_, Some(json)) if wants_json || self.page.is_none() => {
                let value = cx
                    .exchange
                    .scoped(cx.view, cx.vars, |scope| set_vars::evaluate(json, scope, MAX_RENDERED));
                match value {
                    Ok(value) => {
                        headers.push(("content-type".to_owned(), "application/json".to_owned()));
                        value.to_json().to_string().into_bytes()
                    }
                    Err(failure) => return cx.failed("json", failure),
                }
            }
            (Some(page), _) => match cx.render(page, "page", MAX_BODY) {
                Ok(page) => {
                    let page = page.into_bytes();
                    let kind = match media_type(&page) {
                        Some("text/plain; charset=utf-8") if page.contains(&b'<') => Some("text/html; charset=utf-8"),
                        kind => kind,
                    };
                    headers.extend(kind.map(|kind| ("content-type".to_owned(), kind.to_owned())));
                    page
                }
                Err(flow) => return flow,
            },
            (None, _) => Vec::new(),
        };
        let seconds = self.retry_after.as_ref().map(|retry| match retry {
            RetryAfter::Seconds(seconds) => *seconds,
            RetryAfter::At(time) => {
                let left = u64::try_from(time - cx.view.now).unwrap_or(0);
                left.div_ceil(1_000_000)
            }
        });
        headers.extend(seconds.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
        Flow::End(Decision::Respond {
            status: self.status,
            headers,
            body,
            continues: true,
        })
    }
}
