//! `POST /adit/policy/explain`: what policies do with one request or connection, rule by rule.
//!
//! Without a server's help it is what a document does by itself. An `endpoint` is explained with its guardrails and the
//! endpoints that it forwards to, as they are on this node; with `effects` the requests that policies send are sent,
//! through the client that sends those of visitors.

use std::time::{Duration, Instant};

use adit_model::Object;
use adit_model::kind::endpoint;
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl, Scheme};
use adit_names::id::{Id, Prefix};
use adit_policy::case::{Around, Asked, Explanation};
use adit_policy::{Actions, Subject, case};
use serde_json::Value;

use super::body::Object as Fields;
use super::places::Places;
use super::{TIME, beside, is_cloud, refused};
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::live;
use crate::route_table::Answer;

/// Explanations that wait for answers from outside.
static OUTSIDE: Places = Places::new();
/// How much longer one may take that does.
const WAITS: Duration = Duration::from_secs(10);

/// What explanations need of the node that serves the API.
pub trait Explains: Send + Sync {
    /// The id of the cloud endpoint at this URL of an organisation.
    fn cloud_at(&self, organization: &str, url: &EndpointUrl) -> Option<String>;

    /// Explains; takes the thread for as long as that takes, with effects up to some seconds.
    ///
    /// # Errors
    /// Why it cannot be, in words.
    fn explain(&self, asked: &Asked, whose: &Whose) -> Result<Explanation, String>;
}

/// On whose behalf something is explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// The organisation (`ac_…`).
    pub organization: String,
    /// The endpoint that is explained with its guardrails, by its id (`ep_…`) and URL; `None`: a document by itself.
    pub endpoint: Option<(String, EndpointUrl)>,
    /// What the organisation has by name may be used, without the values of secrets.
    pub names: bool,
    /// Which secrets there are may be known.
    pub secrets: bool,
    /// Which certificate authorities there are may be known.
    pub authorities: bool,
    /// Network effects are performed, with the values of secrets.
    pub effects: bool,
    /// When it has to be over.
    pub until: Option<Instant>,
}

/// What whoever is shown a live endpoint's policies must be able to see and change himself.
const FOR_ENDPOINTS: [&str; 3] = ["endpoints:update", "guardrails:read", "ip_policies:read"];
/// What whoever has requests sent could have sent by a policy of his own.
const FOR_EFFECTS: [&str; 3] = ["endpoints:update", "vault_secrets:read", "ip_policies:read"];

/// `POST /adit/policy/explain`.
pub(crate) fn explain<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let known = [
            "traffic_policy",
            "type",
            "request",
            "upstream_status",
            "endpoint",
            "effects",
        ];
        let body = Fields::body(call, &known)?;
        let asked = asked(&body)?;
        let mut whose = whose(call, &body).await?;
        let explains = call.api.explains.clone();
        if explains.is_none() && (whose.endpoint.is_some() || whose.effects) {
            return Err(ApiError::unavailable("this node serves no visitors"));
        }
        let effects = whose.effects;
        let work = move || {
            let until = Instant::now() + if effects { TIME + WAITS } else { TIME };
            whose.until = Some(until);
            // What is wrong with the document is said with its places.
            check(&asked, whose.endpoint.is_some())?;
            let around = Around {
                until: whose.until,
                ..Around::default()
            };
            let explained = match &explains {
                Some(explains) => explains.explain(&asked, &whose),
                None => case::explain(&asked, &around),
            };
            Ok((explained, Instant::now() < until))
        };
        let explained = if effects {
            OUTSIDE.take(call.caller.organization, work).await
        } else {
            beside(call, work).await
        };
        let (explained, in_time) = explained?.map_err(|faults: Vec<_>| refused(&faults))?;
        if explained.is_err() && !in_time {
            return Err(ApiError::new(ErrorCode::ADIT_2203, &[]).detail("field", "request"));
        }
        let explained = explained.map_err(|why| body.wrong("request", &why))?;
        Ok(Reply::Json(explained.to_json()))
    })
}

/// Whether the document can be a policy at all.
fn check(asked: &Asked, in_place_of_endpoint: bool) -> Result<(), Vec<adit_policy::Fault>> {
    // Which one it stands in the place of is known to the node alone.
    let Some(text) = asked.policy.as_deref().filter(|_| !in_place_of_endpoint) else {
        return Ok(());
    };
    let kind = if asked.cloud { Subject::cloud } else { Subject::agent };
    let subject = Subject {
        actions: Actions::Language,
        ..kind(scheme(&asked.url).unwrap_or(Scheme::Https))
    };
    adit_policy::check(text, subject).map(drop)
}

fn scheme(url: &str) -> Option<Scheme> {
    url.split_once("://").and_then(|(scheme, _)| Scheme::from_name(scheme))
}

/// What the caller asks about and may have.
async fn whose(call: &Call<'_>, body: &Fields<'_>) -> Result<Whose, ApiError> {
    let wants_effects = body.flag("effects")?;
    let all = |permissions: &[&str]| {
        let missing = permissions.iter().find(|permission| !call.caller.reach(permission).all);
        missing.map_or(Ok(()), |permission| Err(call.caller.lacks(permission)))
    };
    if wants_effects {
        all(&FOR_EFFECTS)?;
    }
    let endpoint = match body.text("endpoint")? {
        None => None,
        Some(text) => {
            all(&FOR_ENDPOINTS)?;
            Some(named(call, body, text).await?)
        }
    };
    Ok(Whose {
        organization: call.organization.clone(),
        endpoint,
        names: call.caller.reach("ip_policies:read").all,
        secrets: call.caller.reach("vault_secrets:read").all,
        authorities: call.caller.reach("certificate_authorities:read").all,
        effects: wants_effects,
        until: None,
    })
}

/// The endpoint that is named by its id or URL.
async fn named(call: &Call<'_>, body: &Fields<'_>, text: &str) -> Result<(String, EndpointUrl), ApiError> {
    let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "endpoint"), ("id", text)]);
    if text.starts_with("ep_") {
        let id = text.parse::<Id>().ok().filter(|id| id.prefix() == Prefix::Endpoint);
        let id = id.ok_or_else(missing)?;
        if let Some(found) = live::endpoint_named(call.api, &call.organization, text) {
            return Ok(found);
        }
        let found = call.api.stored()?.store.get(id).await?;
        let is_ours = |o: &Object| o.kind == "endpoint" && o.organization == call.caller.organization;
        let url = found.filter(is_ours).and_then(|object| endpoint::url(&object));
        return url.map(|url| (text.to_owned(), url)).ok_or_else(missing);
    }
    let wrong = || body.wrong("endpoint", "it is neither an id ep_… nor the URL of an endpoint");
    let host = super::host(text).to_ascii_lowercase();
    let binding = if host.ends_with(".internal") {
        Binding::Internal
    } else {
        Binding::Public
    };
    let url = EndpointUrl::from_canonical(text.trim_end_matches('/'), binding).map_err(|_| wrong())?;
    if let Some(found) = live::endpoint_named(call.api, &call.organization, &url.to_string()) {
        return Ok(found);
    }
    let explains = call.api.explains.as_ref();
    let id = explains.and_then(|explains| explains.cloud_at(&call.organization, &url));
    id.map(|id| (id, url)).ok_or_else(missing)
}

/// The request or connection that policies are to be explained with.
fn asked(body: &Fields<'_>) -> Result<Asked, ApiError> {
    let request = body.inner("request.", &["method", "url", "headers", "body", "client"])?;
    let request = request.ok_or_else(|| body.wrong("request", "it has to be given"))?;
    let policy = match body.text("endpoint")? {
        Some(_) => body.text("traffic_policy")?,
        None => Some(body.required("traffic_policy")?),
    };
    let mut asked = Asked {
        policy: policy.map(str::to_owned),
        cloud: is_cloud(body)?,
        method: request.text("method")?.unwrap_or_default().to_owned(),
        url: request.required("url")?.to_owned(),
        body: request.text("body")?.unwrap_or_default().to_owned(),
        upstream_status: 200,
        ..Asked::default()
    };
    let has_requests = !matches!(scheme(&asked.url), Some(Scheme::Tcp | Scheme::Tls | Scheme::Udp));
    let of_requests = ["method", "headers", "body"];
    if let Some(field) = of_requests
        .iter()
        .find(|field| !has_requests && request.any(field).is_some())
    {
        return Err(request.wrong(field, "a connection that is not HTTP has none"));
    }
    if let Some(status) = body.any("upstream_status") {
        let status = status.as_u64().filter(|s| (100..=599).contains(s));
        let status = status.and_then(|s| u16::try_from(s).ok());
        asked.upstream_status = status.ok_or_else(|| body.wrong("upstream_status", "it is no status"))?;
    }
    if let Some(headers) = request.any("headers") {
        let no_headers = || request.wrong("headers", "it maps names to strings or lists of strings");
        for (name, value) in headers.as_object().ok_or_else(no_headers)? {
            let values = match value {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            for value in values {
                let value = value.as_str().ok_or_else(no_headers)?;
                asked.headers.push((name.clone(), value.to_owned()));
            }
        }
    }
    if let Some(client) = request.inner("request.client.", &["ip", "country", "cert", "identity", "tls"])? {
        asked.client_ip = client.text("ip")?.map(str::to_owned);
        asked.country = client.text("country")?.map(str::to_owned);
        asked.identity = client.any("identity").cloned();
        if let Some(tls) = client.inner("request.client.tls.", &["sni", "version", "alpn"])? {
            for field in ["sni", "version", "alpn"] {
                if let Some(text) = tls.text(field)? {
                    asked.tls.insert(field.to_owned(), text.into());
                }
            }
        }
        if let Some(certificate) = client.any("cert") {
            asked.tls.insert("client_cert".to_owned(), certificate.clone());
        }
    }
    Ok(asked)
}
