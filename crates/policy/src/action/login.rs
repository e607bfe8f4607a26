//! `oauth`, `openid-connect`, `saml` (traffic policy 4.13): checked here; whether a visitor is signed in, and where to
//! send one who is not, is asked with an effect.

use adit_names::code::ErrorCode;

use super::config::{Config, Item, Setting, Tree};
use super::jwt_validation::key_url;
use super::read::Reader;
use super::schema::{Ends, HOUR, Kind, MINUTE, Own, Protocols, Q, Spec, fine, list, optional, own, required, secret};
use super::{Act, Cx, Flow, MAX_BODY};
use crate::document::{Node, Path, Phase};
use crate::effect::{Effect, Input, Login, Session};
use crate::expr::env::Message;
use crate::step::Decision;
use crate::value::Value;

const fn spec(name: &'static str, fields: &'static [super::schema::Field]) -> Spec {
    Spec {
        name,
        own: Own::values(&[("provider", "custom")]),
        phases: Q,
        protocols: Protocols::Https,
        ends: Ends::Never,
        fields,
        check: fine,
    }
}

/// Fields that all logins have.
macro_rules! login {
    ($($first:expr),* $(,)?) => {
        &[
            $($first,)*
            optional("auth_id", Kind::Text(1, 64)),
            optional("scopes", Kind::List(&list(Kind::Text(1, 512), 0, 100))),
            optional("authz_url_params", Kind::Tree),
            optional("max_session_duration", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("idle_session_timeout", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("idle_session_duration", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("userinfo_refresh_interval", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("allow_cors_preflight", Kind::Bool),
            optional("auth_cookie_domain", Kind::Text(1, 253)),
            own(optional("allow", Kind::Tree)),
            own(optional("unauthenticated", Kind::OneOf(&["auto", "redirect", "401"]))),
            own(optional("pass_tokens", Kind::Bool)),
            own(optional("headers", Kind::OneOf(&["default", "legacy", "none"]))),
            own(optional("base_url", Kind::Url)),
            own(optional("tenant", Kind::Text(1, 256))),
        ]
    };
}

pub(super) static OAUTH: Spec = Spec {
    check: both_or_neither,
    ..spec(
        "oauth",
        login![
            required(
                "provider",
                Kind::OneOf(&[
                    "amazon",
                    "facebook",
                    "github",
                    "gitlab",
                    "google",
                    "linkedin",
                    "microsoft",
                    "twitch",
                    "custom",
                ]),
            ),
            optional("client_id", Kind::Template(1, 1024)),
            secret(optional("client_secret", Kind::Template(1, 1024))),
        ],
    )
};

pub(super) static OPENID_CONNECT: Spec = spec(
    "openid-connect",
    login![
        required("issuer_url", Kind::Own(key_url)),
        required("client_id", Kind::Template(1, 1024)),
        secret(required("client_secret", Kind::Template(1, 1024))),
    ],
);

pub(super) static SAML: Spec = spec(
    "saml",
    login![
        required("idp_metadata", Kind::Template(1, 256 * 1024)),
        optional("force_authn", Kind::Bool),
        optional("allow_idp_initiated", Kind::Bool),
        optional("authorized_groups", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
        optional("entity_id", Kind::Template(1, 1024)),
        optional("nameid_format", Kind::Text(1, 256)),
    ],
);

fn both_or_neither(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    super::pair(reader, config, path, node, "client_id", "client_secret");
}

#[derive(Debug)]
struct Action {
    /// Its name below `actions.ngrok.`.
    name: &'static str,
    auth_id: String,
    preflight: bool,
    config: Vec<(String, Item)>,
}

fn build(name: &'static str, config: &Config) -> Box<dyn Act> {
    Box::new(Action {
        name,
        auth_id: config.literal("auth_id").unwrap_or_default().to_owned(),
        preflight: config.bool("allow_cors_preflight", false),
        config: config
            .fields
            .iter()
            .map(|(name, item)| ((*name).to_owned(), item.clone()))
            .collect(),
    })
}

pub(super) fn oauth(config: &Config, _: Phase) -> Box<dyn Act> {
    build("oauth", config)
}

pub(super) fn openid_connect(config: &Config, _: Phase) -> Box<dyn Act> {
    build("oidc", config)
}

pub(super) fn saml(config: &Config, _: Phase) -> Box<dyn Act> {
    build("saml", config)
}

/// A setting as a value, its templates evaluated.
fn value(cx: &mut Cx<'_>, field: &str, setting: &Setting) -> Result<Value, Flow> {
    Ok(match setting {
        Setting::Bool(value) => Value::Bool(*value),
        Setting::Int(value) => Value::Int(*value),
        Setting::Number(value) => Value::Double(*value),
        Setting::Duration(value) => Value::Duration(i64::try_from(value.as_nanos()).unwrap_or(i64::MAX)),
        Setting::Text(template) => Value::Text(cx.render(template, field, MAX_BODY)?),
        Setting::Program(_) => Value::Null,
        Setting::List(list) => {
            let mut out = Vec::with_capacity(list.len());
            for (at, item) in list.iter().enumerate() {
                out.push(value(cx, &format!("{field}[{at}]"), &item.setting)?);
            }
            Value::List(out)
        }
        Setting::Map(map) => {
            let mut out = Vec::with_capacity(map.len());
            for (key, item) in map {
                let value = value(cx, &format!("{field}.{key}"), &item.setting)?;
                out.push((Value::from(key.as_str()), value));
            }
            Value::Map(out)
        }
        Setting::Tree(tree) => tree_value(cx, field, tree)?,
    })
}

fn tree_value(cx: &mut Cx<'_>, field: &str, tree: &Tree) -> Result<Value, Flow> {
    let result = cx.exchange.scoped(cx.view, cx.vars, |scope| {
        super::set_vars::evaluate(tree, scope, MAX_BODY)
    });
    result.map_err(|failure| cx.failed(field, failure))
}

impl Action {
    /// Results are named by where they stand, and names of results are known when the program is written.
    fn set_results(&self, cx: &mut Cx<'_>, results: Vec<(String, Value)>, code: &str, message: &str) {
        let mut out: Vec<(&'static str, Value)> = Vec::new();
        for (name, value) in results {
            let path = format!("ngrok.{}.{name}", self.name);
            if let Some(name) = crate::expr::results::login_result(&path) {
                out.push((name, value));
            }
        }
        for (name, value) in [("error.code", code), ("error.message", message)] {
            let path = format!("ngrok.{}.{name}", self.name);
            if let Some(name) = crate::expr::results::login_result(&path) {
                out.push((name, Value::from(value)));
            }
        }
        cx.exchange.set_results(&format!("ngrok.{}", self.name), out);
    }
}

impl Act for Action {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        if self.preflight {
            let preflight = cx
                .view
                .request
                .as_ref()
                .is_some_and(|request| request.method == "OPTIONS")
                && cx.exchange.scoped(cx.view, cx.vars, |scope| {
                    scope.has_header(Message::Request, "origin")
                        && scope.has_header(Message::Request, "access-control-request-method")
                });
            if preflight {
                return Flow::Next;
            }
        }
        let mut config = Vec::with_capacity(self.config.len());
        for (name, item) in &self.config {
            match value(cx, name, &item.setting) {
                Ok(value) => config.push((Value::from(name.as_str()), value)),
                Err(flow) => return flow,
            }
        }
        Flow::Need(Effect::Session(Box::new(Login {
            action: self.name,
            auth_id: self.auth_id.clone(),
            config: Value::Map(config),
        })))
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        let Input::Session(session) = input else {
            return self.run(cx);
        };
        match *session {
            Session::Valid { results, headers } => {
                self.set_results(cx, results, "", "");
                for (name, _) in &headers {
                    cx.exchange.remove_request(cx.view, name);
                }
                for (name, value) in headers {
                    if super::headers::is_value(&value) {
                        cx.exchange.add_request(cx.view, &name, value);
                    }
                }
                Flow::Next
            }
            Session::Answer { status, headers, body } => Flow::End(Decision::Respond {
                status,
                headers,
                body,
                continues: false,
            }),
            Session::Failed(fault) => {
                self.set_results(cx, Vec::new(), fault.code.as_str(), &fault.message);
                cx.error("", fault.message);
                let status = match fault.code {
                    ErrorCode::NGROK_743 => 503,
                    code => code.status().unwrap_or(500),
                };
                cx.refuse_as(status, fault.code)
            }
        }
    }
}
