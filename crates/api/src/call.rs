//! One request from its head to its response.

use std::net::IpAddr;

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde_json::Value;

use crate::Api;
use crate::access::Caller;
use crate::authenticate::authenticate;
use crate::body;
use crate::error::ApiError;
use crate::query::Query;
use crate::route_table::{self, Access, Handler, Route};

const OPERATION_ID: HeaderName = HeaderName::from_static("ngrok-operation-id");
const VERSION: &str = "ngrok-version";
const VERSION_TOO: &str = "adit-version";
/// Characters of a client's name that are kept.
const USER_AGENT: usize = 255;

/// What a handler is given: a request that was let in.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Api,
    /// Who asks.
    #[allow(dead_code, reason = "what handlers of stored resources use")]
    pub(crate) caller: Caller,
    /// The organisation whose objects the caller sees, as text.
    pub(crate) organization: String,
    /// The id in the path.
    pub(crate) id: String,
    pub(crate) query: Query,
    /// Path and query as they were asked for.
    pub(crate) target: String,
    pub(crate) body: Option<Value>,
}

/// What a handler answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// 200 with this body.
    Json(Value),
    /// 204.
    Done,
}

impl Api {
    /// Answers a request. Takes at most the time that a body may take and that an agent has to answer.
    /// `peer` is where the request comes from.
    pub async fn answer<B>(&self, request: Request<B>, peer: IpAddr) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let operation_id = operation_id();
        let head_only = request.method() == Method::HEAD;
        let mut response = match self.decide(request, peer, &operation_id).await {
            Ok(Reply::Json(json)) => json_response(StatusCode::OK, &json),
            Ok(Reply::Done) => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Err(error) => refusal(&error, &operation_id),
        };
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(&operation_id) {
            headers.insert(OPERATION_ID, value);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if head_only {
            // The length stays: it says what a GET would get.
            let length = Body::size_hint(response.body()).exact().unwrap_or(0);
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            *response.body_mut() = Full::default();
        }
        response
    }

    async fn decide<B>(&self, request: Request<B>, peer: IpAddr, operation_id: &str) -> Result<Reply, ApiError>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        self.check_host(&head.uri, &head.headers)?;
        let (route, id) = route_table::find(&head.method, head.uri.path())?;
        let caller = self.admit(route, &head.headers, peer, operation_id)?;
        let query = Query::parse(head.uri.query(), route.parameters)?;
        let call = Call {
            api: self,
            organization: caller.organization.to_string(),
            caller,
            id,
            query,
            target: head
                .uri
                .path_and_query()
                .map_or_else(String::new, |t| t.as_str().to_owned()),
            body: body::read(&head.method, &head.headers, body).await?,
        };
        match route.handler {
            Handler::Now(answer) => answer(&call),
            Handler::Later(answer) => answer(&call).await,
        }
    }

    /// A connection to the API is for the API: whoever asks for another host on it was misled.
    fn check_host(&self, uri: &http::Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let field = headers.get(header::HOST).and_then(|v| v.to_str().ok());
        let authority = uri.authority().map(http::uri::Authority::as_str).or(field);
        let host = authority.map(|a| a.rsplit_once(':').map_or(a, |(host, _)| host).trim_end_matches('.'));
        if host.is_some_and(|h| h.eq_ignore_ascii_case(&self.host)) {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::ADIT_4210, &[]))
    }

    /// Who asks, if he may ask this at all.
    fn admit(&self, route: &Route, headers: &HeaderMap, ip: IpAddr, operation_id: &str) -> Result<Caller, ApiError> {
        let user_agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        let user_agent = user_agent.unwrap_or_default().chars().take(USER_AGENT).collect();
        let nobody = Caller::nobody(ip, user_agent, operation_id.to_owned());
        let Access::With(permission) = route.access else {
            return Ok(nobody);
        };
        let key = authenticate(&self.told.access, headers)?;
        let caller = nobody.with_key(&self.told.access, &key)?;
        // Adit's own paths have no versions.
        if !route.path.starts_with("/adit/") {
            check_version(headers)?;
        }
        caller.require(permission)?;
        Ok(caller)
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = headers.get(VERSION).or_else(|| headers.get(VERSION_TOO));
    let value = value.ok_or_else(|| ApiError::new(ErrorCode::NGROK_218, &[]))?;
    if value == "2" {
        return Ok(());
    }
    let shown = value.to_str().unwrap_or("given");
    Err(ApiError::new(ErrorCode::NGROK_217, &[("version", shown)]))
}

fn json_response(status: StatusCode, json: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(json.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

fn refusal(error: &ApiError, operation_id: &str) -> Response<Full<Bytes>> {
    let mut response = json_response(error.status(), &error.json(operation_id));
    let headers = response.headers_mut();
    if error.status() == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if error.code() == ErrorCode::ADIT_2002
        && let Some(allow) = error.detail_of("supported").and_then(|t| t.parse().ok())
    {
        headers.insert(header::ALLOW, allow);
    }
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // What is left of the body is not read.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A name for this request, in logs and answers.
fn operation_id() -> String {
    let millis = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(0));
    let mut random = [0; 16];
    // Without randomness two ids may be alike; nothing but logs depends on them.
    let _ = aws_lc_rs::rand::fill(&mut random);
    Id::at_millis(Prefix::Operation, millis, random).to_string()
}
