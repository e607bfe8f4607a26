//! Tools for traffic policies (control plane 6.5, traffic policy 6.2): what `adit policy` does offline, with what the
//! organisation and this server have. Nothing is written, and nobody is called unless an explanation is to do so.
//!
//! The work is the crate `policy`'s, as are the texts and the JSON. It is done beside the control thread, since it may take
//! as long as it is allowed to: a few at once, each within its time.

mod body;
mod explain;
mod places;
pub(crate) mod references;

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Scheme;
use adit_policy::case::{self, Counting, Counts};
use adit_policy::{Actions, Fault, Report, Subject};
use serde_json::{Value, json};

use crate::answer::{Content, Full, Reply};
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Answer;
use body::Object;
pub(crate) use explain::explain;
pub use explain::{Explains, Whose};
use places::Places;

/// What is worked on without waiting for anybody.
static PLACES: Places = Places::new();
/// How long the cases of one request, or an explanation, may take together; looked at before each exchange, and before each
/// run of a policy that is explained.
const TIME: Duration = Duration::from_secs(5);
/// A policy for endpoints of this URL, where nothing else is said.
const URL: &str = "https://app.example.com";

/// `POST /adit/policy/check`: what is wrong with a document, as it would be refused where it is written.
pub(crate) fn check<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let body = Object::body(call, &["traffic_policy", "url", "binding", "type"])?;
        let text: Arc<str> = body.required("traffic_policy")?.into();
        let subject = subject(&body, call.api.told.installation.actions)?;
        let of = text.clone();
        let asked = beside(call, move || {
            let asked = references::Asked::default();
            let report = Report::of(&of, subject.with_references(&asked));
            (report.errors.is_empty().then_some(asked), report)
        });
        let (asked, report) = asked.await?;
        let Some(asked) = asked else {
            return Ok(Reply::Json(report.to_json()));
        };
        let found = references::look_up(call, call.caller.organization, asked).await?;
        let found = found.read_by(call);
        let report = beside(call, move || Report::of(&text, subject.with_references(&found))).await?;
        Ok(Reply::Json(report.to_json()))
    })
}

/// `POST /adit/policy/test`: runs cases; `traffic_policy` is what a `policy_file` of a case stands for.
pub(crate) fn test<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let body = Object::body(call, &["traffic_policy", "cases"])?;
        let cases = body.required("cases")?.to_owned();
        let policy = body.text("traffic_policy")?.map(str::to_owned);
        let firewall = call.api.firewall.clone();
        let ran = beside(call, move || {
            let until = Instant::now() + TIME;
            let read = |path: &str| {
                let missing = || format!("{path}: give its text as traffic_policy");
                policy.clone().ok_or_else(missing)
            };
            let options = case::Options {
                inspector: firewall.as_deref(),
                ..case::Options::default()
            };
            let ran = case::run(&cases, options, |_| Instant::now() < until, read);
            (ran, Instant::now() < until)
        });
        let (ran, in_time) = ran.await?;
        let ran = ran.map_err(|why| body.wrong("cases", &why))?;
        if !in_time {
            return Err(ApiError::new(ErrorCode::ADIT_2203, &[]).detail("field", "cases"));
        }
        let mut counts = Counts::default();
        for case in &ran {
            counts.add(case, Counting::default());
        }
        let mut answer = counts.to_json();
        answer["cases"] = ran.iter().map(case::Case::to_json).collect();
        Ok(Reply::Json(answer))
    })
}

/// `POST /adit/policy/convert`: an old document in the form of today.
pub(crate) fn convert<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let body = Object::body(call, &["traffic_policy", "url", "binding", "type"])?;
        let text = body.required("traffic_policy")?.to_owned();
        let subject = subject(&body, Actions::Language)?;
        let converted = beside(call, move || adit_policy::convert(&text, subject)).await?;
        let converted = converted.map_err(|faults| refused(&faults))?;
        Ok(Reply::Json(json!({"traffic_policy": converted})))
    })
}

/// `GET /adit/policy/schema`: the JSON Schema of the document. Open, since editors have no keys.
pub(crate) fn schema(_: &Call<'_>) -> Result<Reply, ApiError> {
    let mut full = Full::done();
    full.status = http::StatusCode::OK;
    full.content = Content::Fixed("application/json; charset=utf-8", adit_policy::SCHEMA);
    Ok(full.into())
}

/// The refusal of a document: its first fault, with all of them in `details.errors`.
pub(crate) fn refused(faults: &[Fault]) -> ApiError {
    let Some(first) = faults.first() else {
        return ApiError::internal("a policy was refused without a reason");
    };
    let all: Vec<Value> = faults.iter().map(Fault::to_json).collect();
    ApiError::with_text(first.code, format!("{first}."))
        .detail("field", "traffic_policy")
        .detail("path", first.path.as_str())
        .detail("line", first.line.to_string())
        .detail("column", first.column.to_string())
        .detail("errors", Value::from(all).to_string())
}

/// Does it on another thread, when there is a place for the caller's organisation.
///
/// # Errors
/// 503 if there is none within some seconds.
pub(crate) async fn beside<T: Send + 'static>(
    call: &Call<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    PLACES.take(call.caller.organization, work).await
}

/// For what a document is.
fn subject(body: &Object<'_>, actions: Actions) -> Result<Subject<'static>, ApiError> {
    let url = body.text("url")?.unwrap_or(URL);
    let scheme = url.split_once("://").and_then(|(scheme, _)| Scheme::from_name(scheme));
    let scheme = scheme.ok_or_else(|| body.wrong("url", "it begins with none of http, https, tls, tcp"))?;
    let internal = match body.text("binding")? {
        None => host(url).ends_with(".internal"),
        Some("public" | "kubernetes") => false,
        Some("internal") => true,
        Some(_) => return Err(body.wrong("binding", "it is none of public, internal, kubernetes")),
    };
    let kind = if is_cloud(body)? {
        Subject::cloud
    } else {
        Subject::agent
    };
    Ok(Subject {
        internal,
        actions,
        ..kind(scheme)
    })
}

fn is_cloud(body: &Object<'_>) -> Result<bool, ApiError> {
    match body.text("type")? {
        None | Some("agent") => Ok(false),
        Some("cloud") => Ok(true),
        Some(_) => Err(body.wrong("type", "it is neither agent nor cloud")),
    }
}

/// The host of a URL, without its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}
