//! `cors` (traffic policy 6.5): answers preflights, and says on responses who may read them.

use std::time::Duration;

use adit_names::code::ErrorCode;

use super::config::Config;
use super::read::Reader;
use super::schema::{Ends, HOUR, Kind, Own, Protocols, Q, Spec, list, optional, required};
use super::{Act, Cx, Flow, headers};
use crate::document::{Node, Path, Phase};
use crate::expr::env::Message;
use crate::step::Decision;

pub(super) static SPEC: Spec = Spec {
    name: "cors",
    own: Own::ACTION,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        required("allow_origins", Kind::List(&list(Kind::Text(1, 2048), 1, 1000))),
        optional("allow_methods", Kind::List(&list(Kind::Text(1, 64), 0, 100))),
        optional("allow_headers", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
        optional("expose_headers", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
        optional("allow_credentials", Kind::Bool),
        optional("max_age", Kind::Duration(0, 24 * HOUR, 0)),
    ],
    check,
};

/// Fields of a response that say who may read it; preflights have more.
pub(crate) const FIELDS: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
];

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let star = config
        .templates("allow_origins")
        .iter()
        .any(|origin| origin.as_literal() == Some("*"));
    if star && config.bool("allow_credentials", false) {
        let at = node.get("allow_credentials").unwrap_or(node);
        let message = "credentials cannot be allowed to every origin";
        reader.wrong(
            ErrorCode::NGROK_2222,
            &path.key("allow_credentials"),
            at,
            message,
            "name the origins instead of *",
        );
    }
    for name in ["allow_methods", "allow_headers", "expose_headers"] {
        for (at, template) in config.templates(name).iter().enumerate() {
            if !template.as_literal().is_some_and(headers::is_token) {
                let nodes = node.get(name).and_then(Node::list).unwrap_or_default();
                let here = nodes.get(at).unwrap_or(node);
                reader.wrong(
                    ErrorCode::NGROK_2222,
                    &path.key(name).index(at),
                    here,
                    "this is no name",
                    "use letters, digits and hyphens",
                );
            }
        }
    }
}

#[derive(Debug)]
struct Cors {
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    expose: Vec<String>,
    credentials: bool,
    max_age: Duration,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let texts = |name: &str| -> Vec<String> {
        config
            .templates(name)
            .iter()
            .filter_map(|template| template.as_literal().map(str::to_owned))
            .collect()
    };
    let methods = match config.get("allow_methods") {
        Some(_) => texts("allow_methods"),
        None => ["GET", "HEAD", "POST"].map(str::to_owned).to_vec(),
    };
    Box::new(Cors {
        origins: texts("allow_origins"),
        methods,
        headers: texts("allow_headers"),
        expose: texts("expose_headers"),
        credentials: config.bool("allow_credentials", false),
        max_age: config.duration("max_age", Duration::from_secs(600)),
    })
}

impl Cors {
    /// What `Access-Control-Allow-Origin` says to this origin.
    fn allows(&self, origin: &str) -> Option<String> {
        if !headers::is_value(origin) {
            return None;
        }
        self.origins.iter().find_map(|known| {
            if known == "*" {
                return Some("*".to_owned());
            }
            let fits = match known.split_once("://*.") {
                Some((scheme, domain)) => origin
                    .strip_prefix(scheme)
                    .and_then(|rest| rest.strip_prefix("://"))
                    .and_then(|host| host.strip_suffix(domain))
                    .and_then(|labels| labels.strip_suffix('.'))
                    .is_some_and(|labels| {
                        !labels.is_empty()
                            && labels
                                .bytes()
                                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
                    }),
                None => known == origin,
            };
            fits.then(|| origin.to_owned())
        })
    }
}

impl Act for Cors {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let (origin, preflight) = cx.exchange.scoped(cx.view, cx.vars, |scope| {
            (
                scope.header(Message::Request, "origin").into_iter().next(),
                scope.has_header(Message::Request, "access-control-request-method"),
            )
        });
        let Some(origin) = origin else { return Flow::Next };
        let preflight = preflight
            && cx
                .view
                .request
                .as_ref()
                .is_some_and(|request| request.method == "OPTIONS");
        let Some(allowed) = self.allows(&origin) else {
            if preflight {
                return Flow::End(Decision::Refuse {
                    status: 403,
                    code: None,
                    headers: vec![("vary".to_owned(), "Origin".to_owned())],
                });
            }
            // The upstream's own fields do not speak for a stranger either.
            cx.exchange.cors = vec![("vary", "Origin".to_owned())];
            return Flow::Next;
        };
        let mut fields = vec![("access-control-allow-origin", allowed.clone())];
        if allowed != "*" {
            fields.push(("vary", "Origin".to_owned()));
        }
        if self.credentials {
            fields.push(("access-control-allow-credentials", "true".to_owned()));
        }
        if preflight {
            fields.push(("access-control-allow-methods", self.methods.join(", ")));
            if !self.headers.is_empty() {
                fields.push(("access-control-allow-headers", self.headers.join(", ")));
            }
            fields.push(("access-control-max-age", self.max_age.as_secs().to_string()));
            return Flow::End(Decision::Respond {
                status: 204,
                headers: fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
                body: Vec::new(),
                continues: false,
            });
        }
        if !self.expose.is_empty() {
            fields.push(("access-control-expose-headers", self.expose.join(", ")));
        }
        cx.exchange.cors = fields;
        Flow::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_whole() {
        let cors = Cors {
            origins: vec!["https://a.example".to_owned(), "https://*.b.example".to_owned()],
            methods: Vec::new(),
            headers: Vec::new(),
            expose: Vec::new(),
            credentials: false,
            max_age: Duration::ZERO,
        };
        for origin in ["https://a.example", "https://x.b.example", "https://x.y.b.example"] {
            assert_eq!(cors.allows(origin).as_deref(), Some(origin));
        }
        for origin in [
            "http://a.example",
            "https://a.example.evil",
            "https://b.example",
            "https://evil-b.example",
            "https://evil/x.b.example",
            "https://.b.example",
            "null",
        ] {
            assert_eq!(cors.allows(origin), None, "{origin}");
        }
    }
}
