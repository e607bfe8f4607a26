//! One request from its head to its response.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::{Actor, Source};
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Body as _;
use serde_json::Value;

use crate::Api;
use crate::access::{Caller, Door};
use crate::answer::{Body, Content, Full, Reply};
use crate::authenticate::{self, Shown};
use crate::authorize::matrix::Matrix;
use crate::error::{ApiError, RETRY_AFTER};
use crate::fresh::now_millis;
use crate::limits::{Left, Place};
use crate::login::cookie::Cookie;
use crate::login::session::{self, Session};
use crate::login::{enrol, same_site};
use crate::query::Query;
use crate::route_table::{Access, Handler, Route};
use crate::route_tree::{self, Values};
use crate::surface::Surface;
use crate::{body, compress, cors};

const OPERATION_ID: HeaderName = HeaderName::from_static("ngrok-operation-id");
/// What goes with a cookie that was just set.
const CSRF: HeaderName = HeaderName::from_static("adit-csrf");
const VERSION: &str = "ngrok-version";
const VERSION_TOO: &str = "adit-version";
/// Characters of a client's name that are kept.
const USER_AGENT: usize = 255;
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What a handler is given: a request that was let in.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Api,
    pub(crate) route: &'static Route,
    /// Who asks.
    pub(crate) caller: Caller,
    /// The organisation whose objects the caller sees, as text.
    pub(crate) organization: String,
    /// The id in the path; empty where that has none.
    pub(crate) id: String,
    /// All that the path names.
    pub(crate) values: Values,
    pub(crate) query: Query,
    /// Path and query as they were asked for.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Value>,
}

impl Call<'_> {
    /// What the path has for a name of its pattern; empty if it has none.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values
            .iter()
            .find(|(n, _)| *n == name)
            .map_or("", |(_, value)| value)
    }
}

/// What is decided about a request before it has an answer, and goes into all answers to it.
#[derive(Default)]
struct Decided {
    left: Option<Left>,
    /// Whose key it is and who shows it, for the record.
    asked: Option<(Id, Actor)>,
    route: Option<&'static Route>,
    surface: Surface,
    /// The session has a new cookie, and what goes with it.
    cookie: Option<(HeaderValue, String)>,
    /// Held until the answer is made.
    _place: Option<Place>,
}

impl Api {
    /// Answers a request that `peer` made. Takes at most the time that a body may take, that an agent has to answer,
    /// and that a change has to reach the store and the nodes.
    pub async fn answer<B>(&self, request: Request<B>, peer: IpAddr) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let operation_id = operation_id();
        let (mut head, body) = request.into_parts();
        head.method = canonical(&head.method);
        let mut body = pin!(body);
        let mut decided = Decided::default();
        let answered = match self.surface(&head.uri, &head.headers) {
            Ok(Surface::Api) if cors::is_preflight(&head.method, &head.headers) => self.preflight(&head, peer),
            Ok(surface) => {
                decided.surface = surface;
                let decide = self.decide(&head, body.as_mut(), peer, &operation_id, &mut decided);
                decide.await.map(Reply::response)
            }
            Err(error) => Err(error),
        };
        let mut response = answered.unwrap_or_else(|error| {
            // A link's token is no matter of the log.
            let secret = decided.route.filter(|route| route.path.contains("{token}"));
            let path = secret.map_or_else(|| head.uri.path(), |route| route.path);
            self.record_refusal(&error, decided.asked.take(), peer, path);
            refusal(&error, &operation_id)
        });
        if !body::read_away(&head, body).await {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        self.finish(&head, &operation_id, decided, response).await
    }

    /// Adds what all answers have.
    async fn finish(
        &self,
        asked: &Parts,
        operation_id: &str,
        decided: Decided,
        response: Response<Body>,
    ) -> Response<Body> {
        let mut response = compress::compress(&asked.headers, response).await;
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(operation_id) {
            headers.insert(OPERATION_ID, value);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(left) = decided.left {
            headers.insert(LIMIT, left.limit.into());
            headers.insert(REMAINING, left.remaining.into());
            headers.insert(RESET, left.reset.into());
        }
        if let Some((cookie, csrf)) = decided.cookie
            && !headers.contains_key(header::SET_COOKIE)
        {
            headers.insert(header::SET_COOKIE, cookie);
            if let Ok(csrf) = HeaderValue::try_from(csrf) {
                headers.insert(CSRF, csrf);
            }
        }
        if decided.surface == Surface::Api
            && let Some(origin) = cors::origin(&self.told.cors_origins, &asked.headers)
        {
            cors::allow(headers, origin);
        }
        if asked.method == Method::HEAD {
            // The length stays: it says what a GET would get.
            if let Some(length) = response.body().size_hint().exact() {
                response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            }
            *response.body_mut() = Body::Whole(Bytes::new());
        }
        response
    }

    async fn decide<B>(
        &self,
        head: &Parts,
        body: Pin<&mut B>,
        peer: IpAddr,
        operation_id: &str,
        decided: &mut Decided,
    ) -> Result<Reply, ApiError>
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.outer_door(peer)?;
        let path = decided.surface.path(head.uri.path())?;
        let (route, values) = route_tree::find(&head.method, path)?;
        decided.route = Some(route);
        let caller = self.admit(route, head, peer, operation_id, decided).await?;
        let query = Query::parse(head.uri.query(), route.parameters)?;
        if query.one("force") == Some("true") {
            caller.is_recent()?;
        }
        let id = values.iter().find(|(name, _)| *name == "id");
        let call = Call {
            api: self,
            route,
            organization: caller.organization.to_string(),
            caller,
            id: id.map_or_else(String::new, |(_, id)| id.clone()),
            values,
            query,
            target: match head.uri.query() {
                Some(query) => format!("{path}?{query}"),
                None => path.to_owned(),
            },
            headers: head.headers.clone(),
            body: body::read(&head.method, &head.headers, body).await?,
        };
        match route.handler {
            Handler::Now(answer) => answer(&call),
            Handler::Later(answer) => answer(&call).await,
        }
    }

    /// What may be asked at a path, for a page of another origin. Needs no key.
    fn preflight(&self, head: &Parts, peer: IpAddr) -> Result<Response<Body>, ApiError> {
        self.outer_door(peer)?;
        self.counters.open_request(peer, self.nodes(), Instant::now())?;
        cors::preflight(head.uri.path(), &head.headers)
    }

    /// Who asks, if he may ask this at all.
    async fn admit(
        &self,
        route: &Route,
        head: &Parts,
        peer: IpAddr,
        operation_id: &str,
        decided: &mut Decided,
    ) -> Result<Caller, ApiError> {
        let headers = &head.headers;
        let is_dashboard = decided.surface == Surface::Dashboard;
        let user_agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        let user_agent = user_agent.unwrap_or_default().chars().take(USER_AGENT).collect();
        let mut nobody = Caller::nobody(peer, user_agent, operation_id.to_owned());
        if is_dashboard {
            nobody.source = Source::Dashboard;
        }
        let (now, nodes) = (Instant::now(), self.nodes());
        if route.access == Access::Browser && !is_dashboard {
            return Err(ApiError::new(ErrorCode::ADIT_2003, &[("path", route.path)])
                .detail("hint", "people sign in at the dashboard's host"));
        }
        if matches!(route.access, Access::Everybody | Access::Browser) {
            self.counters.open_request(peer, nodes, now)?;
            if is_dashboard {
                same_site::check_origin(&head.method, headers, &self.dashboard)?;
            }
            return Ok(nobody);
        }
        self.counters.may_try(peer, now)?;
        let shown = authenticate::shown(self, decided.surface, headers);
        let shown = shown.await.inspect_err(|error| {
            // Only what could be guessing counts. A page of another site can have requests sent, and shows no cookie.
            let is_guess = match error.code() {
                ErrorCode::NGROK_202 | ErrorCode::NGROK_203 => true,
                ErrorCode::ADIT_2101 => Cookie::of(headers).is_some(),
                _ => false,
            };
            if is_guess {
                self.counters.failed(peer, now);
            }
        })?;
        let (id, organization, owner) = shown.names();
        decided.left = self.counters.request(id, nodes, now)?;
        decided._place = self.counters.place(id, nodes)?;
        let actor = nobody.with_credential(id, owner);
        decided.asked = Some((organization, actor.clone()));
        let caller = match shown {
            Shown::Key(key) => {
                self.door_of_key(&nobody, &key)?;
                nobody.with_key(&self.told.access, &key)?
            }
            Shown::Session(session, cookie) => {
                self.door(Door::Dashboard, organization, actor, peer)?;
                same_site::check_origin(&head.method, headers, &self.dashboard)?;
                same_site::check_token(&head.method, headers, &cookie)?;
                // Who is refused has not used it.
                let mut caller = nobody.with_session(&self.told.access, (*session).clone())?;
                let (session, renewed) = self.used(*session).await?;
                decided.cookie = renewed;
                caller.session = Some(Arc::new(session));
                enrol::may(self, &caller, route)?;
                caller
            }
        };
        decided.asked = Some((caller.organization, caller.actor()));
        // Adit's own paths have no versions, and the dashboard's is that of the server it came from.
        if !route.path.starts_with("/adit/") && !is_dashboard {
            check_version(headers)?;
        }
        if let Access::With(permission) = route.access {
            caller.require(permission)?;
            if Matrix::get().needs_recent(permission) && !matches!(head.method, Method::GET | Method::HEAD) {
                caller.is_recent()?;
            }
        }
        Ok(caller)
    }

    /// Notes that a session is used; with the new cookie that it has got, and what goes with that.
    async fn used(&self, mut session: Session) -> Result<(Session, Option<(HeaderValue, String)>), ApiError> {
        let (mark, lasts) = {
            let tables = self.told.access.read();
            let organization = tables.organization(&session.home());
            let lasts = organization.map(|o| o.sessions).unwrap_or_default();
            (tables.mark_of_rights(session.user), lasts)
        };
        if session.is_over(lasts) {
            session::end(&self.stored()?.store, &session).await?;
            return Err(ApiError::new(ErrorCode::ADIT_2101, &[]));
        }
        let cookie = session.touch(&self.stored()?.store, &mark, lasts).await?;
        let renewed = match cookie {
            Some(cookie) => Some((cookie.set(session.left(lasts))?, cookie.csrf())),
            None => None,
        };
        Ok((session, renewed))
    }
}

/// Methods in any case: some clients name them as their language spells them.
fn canonical(method: &Method) -> Method {
    let upper = method.as_str().to_ascii_uppercase();
    match Method::from_bytes(upper.as_bytes()) {
        Ok(known) => known,
        Err(_) => method.clone(),
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

fn refusal(error: &ApiError, operation_id: &str) -> Response<Body> {
    if error.status().is_server_error() {
        tracing::warn!(operation_id, code = error.code().as_str(), "a request was not answered");
    }
    let full = Full {
        status: error.status(),
        content: Content::Json(error.json(operation_id)),
        headers: Vec::new(),
    };
    let mut response = Reply::from(full).response();
    let headers = response.headers_mut();
    if error.status() == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if error.code() == ErrorCode::ADIT_2002
        && let Some(allow) = error.detail_of("supported").and_then(|t| t.parse().ok())
    {
        headers.insert(header::ALLOW, allow);
    }
    if let Some(seconds) = error.detail_of(RETRY_AFTER).and_then(|t| t.parse().ok()) {
        headers.insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// A name for this request, in logs and answers.
fn operation_id() -> String {
    let mut random = [0; 16];
    // Without randomness two ids may be alike; nothing but logs depends on them.
    let _ = aws_lc_rs::rand::fill(&mut random);
    Id::at_millis(Prefix::Operation, now_millis(), random).to_string()
}
