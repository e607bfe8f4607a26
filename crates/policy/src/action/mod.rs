//! The actions: for each what it may be given, and what it does.

mod add_headers;
mod basic_auth;
mod circuit_breaker;
mod close_connection;
mod custom_response;
mod deny;
mod forward_internal;
mod headers;
mod later;
mod log;
mod rate_limit;
pub(crate) mod read;
mod redirect;
mod remove_headers;
mod restrict_ips;
pub(crate) mod schema;
mod set_vars;
mod url_check;
mod url_rewrite;

use adit_names::code::ErrorCode;

use crate::document::Phase;
use crate::expr::{Failure, Template};
use crate::step::{Decision, Effect, Exchange, Input};
use crate::value::Value;
use crate::view::View;
use read::Config;
use schema::Spec;

/// Longest text that a template of a field gives.
pub(crate) const MAX_RENDERED: usize = 64 * 1024;
/// Longest body that a template gives.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// Which action of which document: what counters are kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActionKey(pub(crate) u64);

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
}

/// What an action works on.
pub(crate) struct Cx<'c> {
    pub(crate) view: &'c View<'c>,
    pub(crate) exchange: &'c mut Exchange,
    pub(crate) vars: &'c mut Vec<(String, Value)>,
    pub(crate) phase: Phase,
    pub(crate) prefix: &'c str,
    /// `on_http_request[0].actions[0]`
    pub(crate) path: &'c str,
    pub(crate) key: ActionKey,
}

impl Cx<'_> {
    /// Notes an error of the field `field` (`headers.x-a`).
    pub(crate) fn error(&mut self, field: &str, message: impl Into<String>) {
        let path = format!("{}{}.config.{field}", self.prefix, self.path);
        self.exchange.error(path, message.into());
    }

    /// The text of a template; on failure the error is noted and the flow says what follows.
    pub(crate) fn render(&mut self, template: &Template, field: &str, limit: usize) -> Result<String, Flow> {
        let result = self
            .exchange
            .scoped(self.view, self.vars, |scope| template.render(scope, limit));
        result.map_err(|failure| self.failed(field, failure))
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

    /// A refusal: the connection is closed where there is no request yet.
    pub(crate) fn refuse(&self, code: ErrorCode) -> Flow {
        self.refuse_with(code, Vec::new())
    }

    pub(crate) fn refuse_with(&self, code: ErrorCode, headers: Vec<(String, String)>) -> Flow {
        Flow::End(if self.phase == Phase::TcpConnect {
            Decision::Close
        } else {
            Decision::Refuse {
                status: code.status().unwrap_or(403),
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
    (&later::COMPRESS_RESPONSE, None),
    (&later::HTTP_REQUEST, None),
    (&later::JWT_VALIDATION, None),
    (&later::OAUTH, None),
    (&later::OPENID_CONNECT, None),
    (&later::SAML, None),
    (&later::OWASP_CRS_REQUEST, None),
    (&later::OWASP_CRS_RESPONSE, None),
    (&later::REQUEST_BODY_FIND_REPLACE, None),
    (&later::RESPONSE_BODY_FIND_REPLACE, None),
    (&later::SSE_FIND_REPLACE, None),
    (&later::TERMINATE_TLS, None),
    (&later::VERIFY_WEBHOOK, None),
    (&later::CORS, None),
    (&later::MAINTENANCE, None),
    (&later::CONCURRENCY_LIMIT, None),
    (&later::RETRY, None),
    (&later::REQUEST_LIMIT, None),
    (&later::EXT_AUTH, None),
    (&later::REQUEST_PARKING, None),
    (&later::STICKY_SESSION, None),
    (&later::TIMEOUT, None),
    (&later::WEBSOCKET_TCP, None),
];

/// Other names of actions; the second half says whether using one is a warning.
pub(crate) const ALIASES: &[(&str, &str, bool)] = &[
    ("oidc", "openid-connect", false),
    ("webhook-validation", "verify-webhook", true),
];

/// Does this build execute the action of that name? Rules with others are refused where they are written.
#[must_use]
pub fn is_built(name: &str) -> bool {
    find(name).is_some_and(|(_, build)| build.is_some())
}

/// Names of all actions of the language.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    ACTIONS.iter().map(|(spec, _)| spec.name)
}

pub(crate) fn find(name: &str) -> Option<(&'static Spec, Option<Build>)> {
    let name = ALIASES
        .iter()
        .find(|(alias, ..)| *alias == name)
        .map_or(name, |(_, name, _)| *name);
    ACTIONS.iter().find(|(spec, _)| spec.name == name).copied()
}

/// The result variable of an error that did not happen.
pub(crate) fn no_error(code: &'static str, message: &'static str) -> [(&'static str, Value); 2] {
    [(code, Value::from("")), (message, Value::from(""))]
}
