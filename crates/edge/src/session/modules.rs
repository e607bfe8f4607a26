//! Options from before traffic policies (agent protocol 3.6, traffic policy 5), read into what the policy is generated
//! from.
//!
//! Nothing is accepted that would not be enforced: what this version does not perform is refused with the code of its
//! row and a text that says so, and so is a wrong value.

use std::sync::{Arc, Mutex, PoisonError};

use adit_names::cidr::Cidr;
use adit_names::code::ErrorCode;
use adit_policy::{Fault, ModuleHeaders, ModuleLogin, Modules, Policy, Subject};
use adit_protocol::message::HttpOpts;
use adit_protocol::message::opts::{BasicAuth, Headers, IpRestriction, OAuth, Oidc, WebhookVerification};
use adit_snapshot::Policies;
use serde_json::Value;

use super::options::no_sealed;
use super::refusal::Refusal;

/// Most headers that are added, or removed.
const HEADERS: usize = 1_000;
/// Longest name of one, in bytes.
const HEADER_NAME: usize = 256;
/// Longest value of one.
const HEADER_VALUE: usize = 8_192;
/// Longest user name, in characters.
const USER: usize = 128;
/// Shortest and longest password.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;

/// Those of an HTTP endpoint. `MutualTLSCA` and a `host:` among the headers are options of the member itself.
///
/// # Errors
/// The code of the option that is wrong.
pub(super) fn of_http(opts: &HttpOpts) -> Result<Modules, Refusal> {
    let mut out = of_networks(opts.ip_restriction.as_ref())?;
    if let Some(filter) = &opts.user_agent_filter {
        out.user_agent_allow.clone_from(&filter.allow);
        out.user_agent_deny.clone_from(&filter.deny);
    }
    if let Some(breaker) = &opts.circuit_breaker {
        let threshold = breaker.error_threshold;
        if !(0.0..=1.0).contains(&threshold) {
            let value = threshold.to_string();
            return Err(Refusal::new(ErrorCode::NGROK_361, &[("value", &value)]));
        }
        out.circuit_breaker = Some(threshold);
    }
    out.basic_auth = credentials(&opts.auth, opts.basic_auth.as_ref())?;
    out.oauth = opts.oauth.as_ref().map(oauth).transpose()?;
    out.oidc = opts.oidc.as_ref().map(oidc).transpose()?;
    out.webhook = opts.webhook_verification.as_ref().map(webhook).transpose()?;
    out.request_headers = headers(opts.request_headers.as_ref(), false)?;
    out.response_headers = headers(opts.response_headers.as_ref(), true)?;
    out.compression = opts.compression.is_some();
    out.websocket_tcp = opts.websocket_tcp_converter.is_some();
    Ok(out)
}

/// Those of an endpoint that is bytes to us.
///
/// # Errors
/// 362 for what is no network; 393 for a list that would refuse everybody.
pub(super) fn of_networks(restriction: Option<&IpRestriction>) -> Result<Modules, Refusal> {
    let Some(restriction) = restriction else {
        return Ok(Modules::default());
    };
    if restriction.allow_cidrs.is_empty() && !restriction.deny_cidrs.is_empty() {
        return Err(Refusal::new(ErrorCode::NGROK_393, &[]));
    }
    let ranges = |list: &[String]| -> Result<Vec<String>, Refusal> {
        // Host bits are dropped, as clients expect it.
        let range = |text: &String| match text.parse::<Cidr>() {
            Ok(range) => Ok(range.to_string()),
            Err(_) => Err(Refusal::new(ErrorCode::NGROK_362, &[("cidr", text)])),
        };
        list.iter().map(range).collect()
    };
    Ok(Modules {
        allow_cidrs: ranges(&restriction.allow_cidrs)?,
        deny_cidrs: ranges(&restriction.deny_cidrs)?,
        ..Modules::default()
    })
}

fn credentials(oldest: &str, basic: Option<&BasicAuth>) -> Result<Vec<(String, String)>, Refusal> {
    let mut out = Vec::new();
    if !oldest.is_empty() {
        let (user, password) = oldest.split_once(':').unwrap_or((oldest, ""));
        out.push((user.to_owned(), password.to_owned()));
    }
    for credential in basic.map(|b| b.credentials.as_slice()).unwrap_or_default() {
        if !credential.hashed_password.is_empty() {
            return Err(Refusal::unavailable(
                ErrorCode::NGROK_359,
                "Basic auth with hashed passwords is",
            ));
        }
        out.push((credential.username.clone(), credential.cleartext_password.clone()));
    }
    for (user, password) in &out {
        if user.is_empty() {
            return Err(Refusal::new(ErrorCode::NGROK_359, &[]));
        }
        if user.contains(':') {
            return Err(Refusal::with_text(
                ErrorCode::NGROK_359,
                "Invalid basic-auth credential: the user name has a colon.",
            ));
        }
        let length = user.chars().count();
        if length > USER {
            let values = [("length", length.to_string()), ("max", USER.to_string())];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            return Err(Refusal::new(ErrorCode::NGROK_15008, &values));
        }
        let length = password.len();
        if !PASSWORD.contains(&length) {
            let length = length.to_string();
            return Err(Refusal::new(ErrorCode::NGROK_360, &[("length", &length)]));
        }
    }
    Ok(out)
}

fn oauth(oauth: &OAuth) -> Result<ModuleLogin, Refusal> {
    no_sealed(&oauth.sealed_client_secret)?;
    let code = match (oauth.client_id.is_empty(), oauth.client_secret.is_empty()) {
        (false, true) => Some(ErrorCode::NGROK_383),
        (true, false) => Some(ErrorCode::NGROK_384),
        (true, true) if !oauth.scopes.is_empty() => Some(ErrorCode::NGROK_390),
        (true, true) | (false, false) => None,
    };
    if let Some(code) = code {
        return Err(Refusal::new(code, &[]));
    }
    Ok(ModuleLogin {
        provider: oauth.provider.clone(),
        client_id: oauth.client_id.clone(),
        client_secret: oauth.client_secret.clone(),
        scopes: oauth.scopes.clone(),
        allow_emails: oauth.allow_emails.clone(),
        allow_domains: oauth.allow_domains.clone(),
    })
}

fn oidc(oidc: &Oidc) -> Result<ModuleLogin, Refusal> {
    no_sealed(&oidc.sealed_client_secret)?;
    for (value, code) in [
        (&oidc.client_id, ErrorCode::NGROK_385),
        (&oidc.client_secret, ErrorCode::NGROK_386),
        (&oidc.issuer_url, ErrorCode::NGROK_387),
    ] {
        if value.is_empty() {
            return Err(Refusal::new(code, &[]));
        }
    }
    Ok(ModuleLogin {
        provider: oidc.issuer_url.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: oidc.client_secret.clone(),
        scopes: oidc.scopes.clone(),
        allow_emails: oidc.allow_emails.clone(),
        allow_domains: oidc.allow_domains.clone(),
    })
}

fn webhook(webhook: &WebhookVerification) -> Result<(String, String), Refusal> {
    no_sealed(&webhook.sealed_secret)?;
    if webhook.provider.is_empty() {
        return Err(Refusal::new(ErrorCode::NGROK_363, &[]));
    }
    // What SNS signs is checked with its certificates.
    if webhook.secret.is_empty() && !webhook.provider.eq_ignore_ascii_case("sns") {
        return Err(Refusal::new(ErrorCode::NGROK_15007, &[]));
    }
    Ok((webhook.provider.clone(), webhook.secret.clone()))
}

fn headers(headers: Option<&Headers>, of_response: bool) -> Result<ModuleHeaders, Refusal> {
    let mut out = ModuleHeaders::default();
    let Some(headers) = headers else { return Ok(out) };
    let (form, name_code) = if of_response {
        (ErrorCode::NGROK_371, ErrorCode::NGROK_373)
    } else {
        (ErrorCode::NGROK_370, ErrorCode::NGROK_372)
    };
    for list in [&headers.add, &headers.remove] {
        if list.len() > HEADERS {
            let values = [("count", list.len().to_string()), ("max", HEADERS.to_string())];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            return Err(Refusal::new(ErrorCode::NGROK_376, &values));
        }
    }
    let check_name = |name: &str| {
        if name.len() > HEADER_NAME {
            let max = HEADER_NAME.to_string();
            return Err(Refusal::new(ErrorCode::NGROK_377, &[("name", name), ("max", &max)]));
        }
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Refusal::new(name_code, &[("name", name)]));
        }
        Ok(())
    };
    let mut replaces_host = false;
    for entry in &headers.add {
        let Some((name, value)) = entry.split_once(':') else {
            return Err(Refusal::new(form, &[("value", entry)]));
        };
        let (name, value) = (name.trim(), value.trim());
        check_name(name)?;
        if !of_response && name.eq_ignore_ascii_case("host") {
            replaces_host = true;
            continue;
        }
        if value.len() > HEADER_VALUE {
            let max = HEADER_VALUE.to_string();
            return Err(Refusal::new(ErrorCode::NGROK_378, &[("name", name), ("max", &max)]));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            let shown = value.escape_debug().to_string();
            let values = [("value", shown.as_str()), ("error", "it has control characters")];
            return Err(Refusal::new(ErrorCode::NGROK_374, &values));
        }
        let is_other = |(known, _): &(String, String)| known != name && known.eq_ignore_ascii_case(name);
        if out.add.iter().any(is_other) {
            return Err(Refusal::new(ErrorCode::NGROK_375, &[("name", name)]));
        }
        out.add.push((name.to_owned(), value.to_owned()));
    }
    for name in &headers.remove {
        let name = name.trim();
        check_name(name)?;
        if !of_response && name.eq_ignore_ascii_case("host") {
            if !replaces_host {
                return Err(Refusal::new(ErrorCode::NGROK_398, &[("name", name)]));
            }
            continue;
        }
        out.remove.push(name.to_owned());
    }
    Ok(out)
}

/// Names of generated rules, the code for what is wrong with them, and what they are.
const RULES: &[(&str, ErrorCode, &str)] = &[
    (
        "ip restriction",
        ErrorCode::NGROK_362,
        "The restriction of visitors' networks is",
    ),
    ("user agent filter", ErrorCode::NGROK_9026, "The user agent filter is"),
    ("circuit breaker", ErrorCode::NGROK_361, "The circuit breaker is"),
    ("basic auth", ErrorCode::NGROK_359, "Basic auth is"),
    ("oauth", ErrorCode::NGROK_365, "Login by OAuth is"),
    ("openid-connect", ErrorCode::NGROK_385, "Login by OpenID Connect is"),
    ("webhook verification", ErrorCode::NGROK_364, "Webhook verification is"),
    ("request headers", ErrorCode::NGROK_372, "Changing request headers is"),
    (
        "websocket to tcp",
        ErrorCode::NGROK_9026,
        "The converter of WebSockets to TCP is",
    ),
    ("response headers", ErrorCode::NGROK_373, "Changing response headers is"),
    ("compression", ErrorCode::NGROK_9026, "Compression is"),
];

/// Compiles a generated document; one without rules is none.
///
/// # Errors
/// The code of the option whose rule cannot be performed or is wrong.
pub(super) fn compile(
    policies: &Mutex<Policies>,
    document: &Value,
    subject: Subject<'_>,
) -> Result<Option<Arc<Policy>>, Refusal> {
    if document.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(None);
    }
    let mut policies = policies.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = policies.compile(&document.to_string(), subject);
    compiled.map(Some).map_err(|faults| refused(document, faults.first()))
}

fn refused(document: &Value, fault: Option<&Fault>) -> Refusal {
    // `on_http_request[2].actions[0]…`
    let rule = fault.and_then(|fault| {
        let (phase, rest) = fault.path.split_once('[')?;
        let (index, _) = rest.split_once(']')?;
        document
            .get(phase)?
            .get(index.parse::<usize>().ok()?)?
            .get("name")?
            .as_str()
    });
    let row = RULES.iter().find(|(name, ..)| Some(*name) == rule);
    let (name, code, what) = row.copied().unwrap_or(("", ErrorCode::NGROK_9026, "An option is"));
    match fault {
        Some(fault) if fault.code != ErrorCode::ADIT_2210 => Refusal::with_text(
            code,
            format!("The option for {name} is wrong: {}. {}.", fault.message, fault.fix),
        ),
        _ => Refusal::unavailable(code, what),
    }
}
