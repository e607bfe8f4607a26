//! The actions: for each what it may be given, and what it does.

mod add_headers;
mod basic_auth;
mod circuit_breaker;
mod close_connection;
pub(crate) mod compress;
mod concurrency_limit;
mod conditions;
pub(crate) mod config;
pub(crate) mod cors;
mod custom_response;
mod deny;
mod ext_auth;
mod fetch;
mod find_replace;
mod forward_internal;
mod headers;
mod http_request;
mod jwt_validation;
mod log;
mod login;
mod maintenance;
mod owasp;
mod rate_limit;
pub(crate) mod read;
mod redirect;
mod remove_headers;
mod restrict_ips;
pub(crate) mod schema;
mod set_vars;
mod sse_find_replace;
pub(crate) mod terminate_tls;
mod url_check;
mod url_rewrite;
mod verify_webhook;

use std::any::Any;

use adit_names::code::ErrorCode;

use crate::document::{Node, Path, Phase};
use crate::effect::{Effect, Input};
use crate::exchange::{Exchange, Rendered, Trace};
use crate::expr::{Failure, Program, Template};
use crate::step::Decision;
use crate::subject::{Actions, NoFirewall};
use crate::value::Value;
use crate::view::View;
use config::Config;
use read::Reader;
use schema::{Field, Kind, Spec, optional};

/// What an action does when it fails, for those that may go on.
const ON_ERROR: Field = optional("on_error", Kind::OneOf(&["halt", "continue"]));

/// Longest text that a template of a field gives.
pub(crate) const MAX_RENDERED: usize = 64 * 1024;
/// Longest body that a template gives.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// Which action of which document: what counters are kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActionKey(pub(crate) u64);

impl ActionKey {
    /// The key of the same action in a dry run.
    pub(crate) const fn shadow(self) -> Self {
        Self(self.0 ^ 0x5eed_5eed_5eed_5eed)
    }
}

/// What an action keeps while it waits for an effect.
pub(crate) type Pending = Box<dyn Any + Send + Sync>;

/// What an action does next.
#[derive(Debug)]
pub(crate) enum Flow {
    Next,
    End(Decision),
    Need(Effect),
    /// The policy failed: 500 with this code, or a closed connection.
    Broken(ErrorCode),
}

/// An action that can run.
pub(crate) trait Act: std::fmt::Debug + Send + Sync {
    fn run(&self, cx: &mut Cx<'_>) -> Flow;

    /// Goes on with the answer to what was needed.
    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        let _ = input;
        self.run(cx)
    }

    /// How it terminates TLS, if that is what it does.
    fn tls(&self) -> Option<&terminate_tls::Profile> {
        None
    }
}

/// What an action works on.
pub(crate) struct Cx<'c> {
    pub(crate) view: &'c View<'c>,
    pub(crate) exchange: &'c mut Exchange,
    pub(crate) vars: &'c mut Vec<(String, Value)>,
    pub(crate) pending: &'c mut Option<Pending>,
    pub(crate) phase: Phase,
    pub(crate) prefix: &'c str,
    /// `on_http_request[0].actions[0]`
    pub(crate) path: &'c str,
    pub(crate) key: ActionKey,
}

impl Cx<'_> {
    /// Keeps something until the effect that is asked for is answered.
    pub(crate) fn keep<S: Any + Send + Sync>(&mut self, state: S) {
        *self.pending = Some(Box::new(state));
    }

    /// What was kept.
    pub(crate) fn kept<S: Any>(&mut self) -> Option<S> {
        self.pending.take()?.downcast().ok().map(|state| *state)
    }

    /// Notes an error of the field `field` (`headers.x-a`), or of the whole action.
    pub(crate) fn error(&mut self, field: &str, message: impl Into<String>) {
        let path = if field.is_empty() {
            format!("{}{}", self.prefix, self.path)
        } else {
            format!("{}{}.config.{field}", self.prefix, self.path)
        };
        self.exchange.error(path, message.into());
    }

    /// The text of a template; on failure the error is noted and the flow says what follows.
    pub(crate) fn render(&mut self, template: &Template, field: &str, limit: usize) -> Result<String, Flow> {
        let result = self
            .exchange
            .scoped(self.view, self.vars, |scope| template.render(scope, limit));
        match result {
            Ok(text) => {
                self.exchange.note_rendered(field, &text);
                Ok(text)
            }
            Err(failure) => Err(self.failed(field, failure)),
        }
    }

    pub(crate) fn failed(&mut self, field: &str, failure: Failure) -> Flow {
        match failure {
            Failure::Error(message) => {
                self.error(field, message);
                Flow::Broken(ErrorCode::NGROK_3900)
            }
            Failure::Budget => {
                self.error(field, "the phase has used up its elements");
                Flow::Broken(ErrorCode::ADIT_5204)
            }
        }
    }

    /// The parts of a key of buckets. What cannot be told is one bucket: nobody escapes by leaving a header out.
    pub(crate) fn bucket_key(&mut self, programs: &[Program]) -> Vec<String> {
        let mut parts = Vec::with_capacity(programs.len());
        for (at, program) in programs.iter().enumerate() {
            let part = self
                .exchange
                .scoped(self.view, self.vars, |scope| program.evaluate(scope))
                .map(|value| value.into_text());
            let part = part.unwrap_or_else(|_| {
                self.error(&format!("bucket_key[{at}]"), "the part of the key has no value");
                String::new()
            });
            if self.exchange.trace == Trace::Full {
                self.exchange.note_rendered(&format!("bucket_key[{at}]"), &part);
            }
            parts.push(part);
        }
        parts
    }

    /// A refusal: the connection is closed where there is no request yet.
    pub(crate) fn refuse(&self, code: ErrorCode) -> Flow {
        self.refuse_with(code, Vec::new())
    }

    pub(crate) fn refuse_with(&self, code: ErrorCode, headers: Vec<(String, String)>) -> Flow {
        self.refused(code.status().unwrap_or(403), code, headers)
    }

    /// A refusal with another status than the code has by itself.
    pub(crate) fn refuse_as(&self, status: u16, code: ErrorCode) -> Flow {
        self.refused(status, code, Vec::new())
    }

    fn refused(&self, status: u16, code: ErrorCode, headers: Vec<(String, String)>) -> Flow {
        Flow::End(if self.phase == Phase::TcpConnect {
            Decision::Close
        } else {
            Decision::Refuse {
                status,
                code: Some(code),
                headers,
            }
        })
    }
}

/// How a configuration becomes an action.
pub(crate) type Build = fn(&Config, Phase) -> Box<dyn Act>;

/// Every action of the language; those without a second half are not built yet.
pub(crate) static ACTIONS: &[(&Spec, Option<Build>)] = &[
    (&add_headers::SPEC, Some(add_headers::build)),
    (&remove_headers::SPEC, Some(remove_headers::build)),
    (&basic_auth::SPEC, Some(basic_auth::build)),
    (&circuit_breaker::SPEC, Some(circuit_breaker::build)),
    (&close_connection::SPEC, Some(close_connection::build)),
    (&custom_response::SPEC, Some(custom_response::build)),
    (&deny::SPEC, Some(deny::build)),
    (&forward_internal::SPEC, Some(forward_internal::build)),
    (&log::SPEC, Some(log::build)),
    (&rate_limit::SPEC, Some(rate_limit::build)),
    (&redirect::SPEC, Some(redirect::build)),
    (&restrict_ips::SPEC, Some(restrict_ips::build)),
    (&set_vars::SPEC, Some(set_vars::build)),
    (&url_rewrite::SPEC, Some(url_rewrite::build)),
    (&compress::SPEC, Some(compress::build)),
    (&http_request::SPEC, Some(http_request::build)),
    (&jwt_validation::SPEC, Some(jwt_validation::build)),
    (&login::OAUTH, Some(login::oauth)),
    (&login::OPENID_CONNECT, Some(login::openid_connect)),
    (&login::SAML, Some(login::saml)),
    (&owasp::REQUEST, Some(owasp::build)),
    (&owasp::RESPONSE, Some(owasp::build)),
    (&find_replace::REQUEST, Some(find_replace::build)),
    (&find_replace::RESPONSE, Some(find_replace::build)),
    (&sse_find_replace::SPEC, Some(sse_find_replace::build)),
    (&terminate_tls::SPEC, Some(terminate_tls::build)),
    (&verify_webhook::SPEC, Some(verify_webhook::build)),
    (&cors::SPEC, Some(cors::build)),
    (&maintenance::SPEC, Some(maintenance::build)),
    (&concurrency_limit::SPEC, Some(concurrency_limit::build)),
    (&conditions::RETRY, Some(conditions::retry)),
    (&conditions::REQUEST_LIMIT, Some(conditions::request_limit)),
    (&ext_auth::SPEC, Some(ext_auth::build)),
    (&conditions::REQUEST_PARKING, Some(conditions::request_parking)),
    (&conditions::STICKY_SESSION, Some(conditions::sticky_session)),
    (&conditions::TIMEOUT, Some(conditions::timeout)),
    (&conditions::WEBSOCKET_TCP, Some(conditions::websocket_tcp)),
];

/// Other names of actions; the second half says whether using one is a warning.
pub(crate) const ALIASES: &[(&str, &str, bool)] = &[
    ("oidc", "openid-connect", false),
    ("webhook-validation", "verify-webhook", true),
];

/// What the edge performs as a whole; of the others it would do a part or nothing.
const PERFORMED: &[&str] = &[
    "add-headers",
    "basic-auth",
    "circuit-breaker",
    "close-connection",
    "concurrency-limit",
    "compress-response",
    "cors",
    "custom-response",
    "deny",
    "ext-auth",
    "forward-internal",
    "http-request",
    "jwt-validation",
    "log",
    "owasp-crs-request",
    "owasp-crs-response",
    "rate-limit",
    "redirect",
    "remove-headers",
    "request-body-find-replace",
    "request-limit",
    "request-parking",
    "response-body-find-replace",
    "restrict-ips",
    "retry",
    "set-vars",
    "sse-find-replace",
    "sticky-session",
    "terminate-tls",
    "timeout",
    "url-rewrite",
    "verify-webhook",
    "websocket-tcp",
];

/// Does this build execute the action of that name without help of a firewall? Rules with others are refused where they
/// are written.
#[must_use]
pub fn is_built(name: &str) -> bool {
    is_built_for(name, Actions::Built)
}

pub(crate) fn is_built_for(name: &str, actions: Actions) -> bool {
    match actions {
        Actions::Edge => PERFORMED.contains(&name),
        Actions::EdgeWithout(_) => PERFORMED.contains(&name) && !asks_firewall(name),
        Actions::Built => find(name).is_some() && !asks_firewall(name),
        Actions::BuiltWithWaf | Actions::Language => find(name).is_some(),
    }
}

fn asks_firewall(name: &str) -> bool {
    matches!(name, "owasp-crs-request" | "owasp-crs-response")
}

/// What is said of an action that is not built, and what to do.
pub(crate) fn why_not_built(name: &str, actions: Actions) -> (String, &'static str) {
    let built = format!("`{name}` is not built into this server");
    match actions {
        Actions::EdgeWithout(NoFirewall::NotLoaded) if asks_firewall(name) => (
            format!("`{name}` is not available: this server has not loaded its web application firewall"),
            "remove it, or have the rules installed or named by policy.waf.rules: the server's log says what is missing",
        ),
        _ if asks_firewall(name) => (
            built,
            "remove it, or use a server that is built with the web application firewall (feature waf)",
        ),
        _ => (built, "use another action"),
    }
}

/// Names of all actions of the language.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    ACTIONS.iter().map(|(spec, _)| spec.name)
}

/// The place of an action among [`names`].
pub(crate) fn number(name: &str) -> u8 {
    let at = names().position(|known| known == name);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

pub(crate) fn find(name: &str) -> Option<(&'static Spec, Option<Build>)> {
    let name = ALIASES
        .iter()
        .find(|(alias, ..)| *alias == name)
        .map_or(name, |(_, name, _)| *name);
    ACTIONS.iter().find(|(spec, _)| spec.name == name).copied()
}

/// What the templates of an action came to, as it is told: `config.<field>`, without fields that hold secrets.
pub(crate) fn shown(name: &str, rendered: Option<Rendered>) -> Vec<(String, Value)> {
    let fields = find(name).map_or(&[][..], |(spec, _)| spec.fields);
    let shown = |(field, text): (String, String)| {
        let top = field.split(['.', '[']).next().unwrap_or_default();
        let is_secret = fields.iter().any(|known| known.name == top && known.secret);
        let value = if is_secret { "***".to_owned() } else { text };
        (format!("config.{field}"), Value::Text(value))
    };
    rendered
        .map(|all| all.into_iter().map(shown).collect())
        .unwrap_or_default()
}

/// The result variable of an error that did not happen.
pub(crate) fn no_error(code: &'static str, message: &'static str) -> [(&'static str, Value); 2] {
    [(code, Value::from("")), (message, Value::from(""))]
}

/// Two fields of which neither stands alone.
fn pair(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node, a: &str, b: &str) {
    for (given, missing) in [(a, b), (b, a)] {
        if config.get(given).is_some() && config.get(missing).is_none() {
            let message = format!("`{given}` is given without `{missing}`");
            reader.wrong(
                ErrorCode::NGROK_2240,
                &path.key(missing),
                node,
                message,
                "give both, or neither",
            );
        }
    }
}
