//! Calls: one URL, its redirects, and the answer within its limits.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_tls::{ClientProfile, Roots};
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::decode::{UNDERSTOOD, decode};
use crate::dial::{Dial, Peer};
use crate::guard::{Guard, Purpose};
use crate::places::{Place, Places, Who};
use crate::reason::Failure;
use crate::redirect::{self, Hop};
use crate::resolve::Resolve;

/// Largest head of an answer in bytes, and most fields in it.
const HEAD: usize = 16 << 10;
const FIELDS: usize = 100;
/// Connections that are kept for each host, and how long.
const KEPT: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(30);
/// Calls at once: of one, and of all.
const EACH: usize = 64;
const ALL: usize = 1024;
/// Longest URL in bytes.
const URL: usize = 8 << 10;

/// Fields that frame a message or belong to a connection.
const OURS: [HeaderName; 9] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// What a client is made of.
pub struct Options {
    /// Who may be asked.
    pub guard: Guard,
    /// Finds addresses.
    pub resolver: Arc<dyn Resolve>,
    /// Whom it trusts to vouch for servers.
    pub roots: Roots,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// On whose word.
    pub purpose: Purpose,
    /// Whose it is, for the bound on calls at once.
    pub who: Who,
    /// Method.
    pub method: Method,
    /// `http://…` or `https://…`, at most 8 KiB.
    pub url: String,
    /// Fields; what frames a message is not among them.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// How many redirects are followed; with 0 a redirect is an answer like others.
    pub max_redirects: u32,
    /// From the begin to the last byte of the answer.
    pub timeout: Duration,
    /// Most bytes of the body, taken out of its coding.
    pub max_body: usize,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Fields.
    pub headers: HeaderMap,
    /// Body, taken out of its coding.
    pub body: Bytes,
    /// Who answered.
    pub peer: IpAddr,
    /// The URL that answered, after redirects.
    pub url: String,
}

type Hyper = legacy::Client<Dial, Full<Bytes>>;

/// The client. Cloning shares its connections.
#[derive(Clone)]
pub struct Client {
    // Connections that one purpose may have are not the other's.
    policy: Hyper,
    service: Hyper,
    places: Places,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client with nothing open.
    ///
    /// # Errors
    /// If the trusted roots cannot be read.
    pub fn new(options: Options) -> Result<Self, adit_tls::Error> {
        let tls = ClientProfile::builder(options.roots).alpn(&["http/1.1"]).build()?;
        let guard = Arc::new(options.guard);
        let client = |purpose| {
            let dial = Dial {
                guard: guard.clone(),
                purpose,
                resolver: options.resolver.clone(),
                tls: tls.clone(),
            };
            legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(KEPT_FOR)
                .pool_max_idle_per_host(KEPT)
                .http1_max_buf_size(HEAD)
                .http1_max_headers(FIELDS)
                .build(dial)
        };
        Ok(Self {
            policy: client(Purpose::Policy),
            service: client(Purpose::Service),
            places: Places::new(EACH, ALL),
        })
    }

    /// A place among the calls at once, for whoever asks in another way than by [`Client::call`].
    ///
    /// # Errors
    /// [`Failure::Busy`].
    pub fn enter(&self, who: Who) -> Result<Place, Failure> {
        self.places.take(who)
    }

    /// Makes a call.
    ///
    /// # Errors
    /// Whatever keeps an answer from being there whole, within its limits. A status is none of that.
    pub async fn call(&self, call: Call) -> Result<Answer, Failure> {
        if call.url.len() > URL {
            return Err(Failure::Url("has more than 8192 bytes"));
        }
        if let Some(name) = OURS.iter().find(|name| call.headers.contains_key(*name)) {
            return Err(Failure::Header(name.to_string()));
        }
        let _place = self.places.take(call.who)?;
        let deadline = Instant::now() + call.timeout;
        let mut hop = Hop {
            method: call.method,
            url: redirect::url(&call.url)?,
            headers: call.headers,
            body: call.body,
        };
        let client = match call.purpose {
            Purpose::Policy => &self.policy,
            Purpose::Service => &self.service,
        };
        let hops = async {
            let mut redirects = 0;
            loop {
                let (answer, next) = ask(client, &hop, call.max_body, call.max_redirects > 0).await?;
                let Some(next) = next else {
                    return Ok(answer);
                };
                redirects += 1;
                if redirects > call.max_redirects {
                    return Err(Failure::TooManyRedirects(call.max_redirects));
                }
                hop = next;
            }
        };
        match timeout_at(deadline, hops).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Timeout(call.timeout)),
        }
    }
}

/// One hop, and where it sends next.
async fn ask(client: &Hyper, hop: &Hop, most: usize, follow: bool) -> Result<(Answer, Option<Hop>), Failure> {
    let uri: Uri = hop.url.as_str().parse().map_err(|_| Failure::Url("is broken"))?;
    let mut request = Request::new(Full::new(hop.body.clone()));
    *request.method_mut() = hop.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = hop.headers.clone();
    let understood = HeaderValue::from_static(UNDERSTOOD);
    request.headers_mut().insert(header::ACCEPT_ENCODING, understood);
    let (mut head, body) = client.request(request).await.map_err(|e| why(&e))?.into_parts();
    let next = if follow {
        hop.next(head.status, &head.headers)?
    } else {
        None
    };
    let body = match Limited::new(body, most).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Failure::TooLarge(most)),
        Err(error) => return Err(Failure::Broken(error.to_string())),
    };
    let body = decode(&mut head.headers, body, most).await?;
    let peer = head.extensions.get::<Peer>();
    let peer = peer.ok_or_else(|| Failure::Broken("nobody knows who answered".to_owned()))?;
    let answer = Answer {
        status: head.status,
        headers: head.headers,
        body,
        peer: peer.0,
        url: hop.url.to_string(),
    };
    Ok((answer, next))
}

/// The reason behind an error of the library.
fn why(error: &legacy::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(this) = cause {
        if let Some(failure) = this.downcast_ref::<Failure>() {
            return failure.clone();
        }
        last = this.to_string();
        cause = this.source();
    }
    Failure::Broken(last)
}
