//! From a visitor's stream to the service behind the endpoint: dial, introduce, copy.

pub(crate) mod copy;
pub(crate) mod dial;
pub(crate) mod inbound;
pub(crate) mod tls;
pub(crate) mod upstream;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use adit_mux::code;
use adit_protocol::control::{ControlMessage, StreamErrorClass, Upstream as Answers, UpstreamState};
use adit_protocol::proxy_header::ReceivedProxyHeader;
use adit_protocol::proxy_protocol::{self, Parse};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Phase, Sink, lock};
use crate::error::Error;
use crate::event::SessionEvent;
use crate::session::{Leg, Patch, Shared};
use copy::{Broken, Service, Visitor, relay};
use dial::{Dialer, Failure};
use inbound::Inbound;
use tls::Termination;

/// A failing upstream is told about at most this often for each endpoint.
const TELL: Duration = Duration::from_secs(5);
/// A reset makes the edge drop what it has not passed on yet. A response that was complete, or a refusal that a
/// service sends before it resets a long upload, gets this much time to be passed on.
const LAST_ANSWER: Duration = Duration::from_millis(100);
/// Bytes of an error's text that the control message carries.
const ERROR_TEXT: usize = 200;

/// An endpoint that is forwarded. Dropping it takes the endpoint back; connections that are open go on.
#[must_use = "dropping a forwarder takes its endpoint back"]
pub struct Forwarder {
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
}

impl Forwarder {
    pub(crate) fn new(shared: Arc<Shared>, endpoint: Arc<Endpoint>) -> Self {
        Self { shared, endpoint }
    }

    /// The public URL, such as `https://app.example.com` or `tcp://tcp.example.com:20007`.
    pub fn url(&self) -> String {
        self.endpoint.bound().url
    }

    /// The endpoint's name.
    pub fn name(&self) -> String {
        self.endpoint.name()
    }

    /// The endpoint's id in this session, as the server's events show it.
    pub fn id(&self) -> String {
        self.endpoint.bound().id
    }

    /// Where the traffic goes.
    pub fn upstream(&self) -> String {
        self.endpoint.upstream()
    }

    /// Replaces the traffic policy without a break; an empty text removes it.
    ///
    /// # Errors
    /// [`Error::Refused`] if the server does not accept it (the old one stays), [`Error::Lost`] if there is no
    /// connection now.
    pub async fn set_policy(&self, policy: impl Into<String>) -> Result<(), Error> {
        self.shared
            .patch(
                &self.endpoint,
                Patch {
                    policy: Some(policy.into()),
                    ..Patch::default()
                },
            )
            .await
    }

    /// Replaces the metadata.
    ///
    /// # Errors
    /// As [`Forwarder::set_policy`].
    pub async fn set_metadata(&self, metadata: impl Into<String>) -> Result<(), Error> {
        self.shared
            .patch(
                &self.endpoint,
                Patch {
                    metadata: Some(metadata.into()),
                    ..Patch::default()
                },
            )
            .await
    }

    /// Replaces the description.
    ///
    /// # Errors
    /// As [`Forwarder::set_policy`].
    pub async fn set_description(&self, text: impl Into<String>) -> Result<(), Error> {
        self.shared
            .patch(
                &self.endpoint,
                Patch {
                    description: Some(text.into()),
                    ..Patch::default()
                },
            )
            .await
    }

    /// Resolves when the endpoint is gone for good.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the server ended it, or what ended the session.
    pub async fn closed(&self) -> Result<(), Error> {
        gone(&self.endpoint).await
    }

    /// Takes the endpoint back and waits until the server has confirmed it. Connections that are open go on.
    pub async fn close(self) {
        self.shared.take_back(&self.endpoint);
        let _ = gone(&self.endpoint).await;
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.take_back(&self.endpoint);
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder")
            .field("name", &self.name())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

/// Waits until an endpoint is gone.
pub(crate) async fn gone(endpoint: &Endpoint) -> Result<(), Error> {
    let mut phase = endpoint.phase();
    match phase.wait_for(|phase| matches!(phase, Phase::Gone(_))).await.as_deref() {
        Ok(Phase::Gone(Some(cause))) => Err(cause.clone()),
        _ => Ok(()),
    }
}

/// How the connections of one endpoint are forwarded.
#[derive(Debug)]
pub(crate) struct Forward {
    dialer: Dialer,
    /// An HTTP endpoint: streams are reused by the edge, and ended by it when they are not needed any more.
    requests: bool,
    /// A PROXY header comes in front of the visitor's bytes.
    proxied: bool,
    termination: Option<Termination>,
    health: Mutex<Health>,
}

/// What the last dial found.
#[derive(Debug)]
struct Health {
    answers: Answers,
    at: SystemTime,
    error: String,
    told: Option<Instant>,
}

impl Forward {
    pub(crate) fn new(dialer: Dialer, requests: bool, proxied: bool, termination: Option<Termination>) -> Self {
        let health = Health {
            answers: Answers::Unknown,
            at: SystemTime::UNIX_EPOCH,
            error: String::new(),
            told: None,
        };
        Self {
            dialer,
            requests,
            proxied,
            termination,
            health: Mutex::new(health),
        }
    }

    pub(crate) fn probe_state(&self, id: String) -> UpstreamState {
        let health = lock(&self.health);
        let at = health.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UpstreamState {
            id,
            up: health.answers,
            at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            err: health.error.clone(),
        }
    }

    /// Notes a dial that succeeded; true if it is the first after a failure.
    fn is_up_again(&self) -> bool {
        let mut health = lock(&self.health);
        let failed = !matches!(health.answers, Answers::Ok | Answers::Unknown);
        health.answers = Answers::Ok;
        health.at = SystemTime::now();
        if failed {
            health.error = String::new();
            health.told = None;
        }
        failed
    }

    /// Notes a dial that failed; true if it is to be told.
    fn failed(&self, failure: &Failure) -> bool {
        let mut health = lock(&self.health);
        health.answers = match failure.class {
            StreamErrorClass::Timeout => Answers::Timeout,
            StreamErrorClass::Tls => Answers::Tls,
            _ if failure.refused => Answers::Refused,
            _ => Answers::Unknown,
        };
        health.at = SystemTime::now();
        health.error = clipped(&failure.text);
        let now = Instant::now();
        let tell = health.told.is_none_or(|told| now.duration_since(told) >= TELL);
        if tell {
            health.told = Some(now);
        }
        tell
    }
}

/// Forwards one visitor's stream until it ends.
pub(crate) async fn serve(
    shared: &Shared,
    leg: &Leg,
    endpoint: &Endpoint,
    mut inbound: Inbound,
    header: &ReceivedProxyHeader,
) {
    let Sink::Forward(forward) = &endpoint.sink else { return };
    let terminates = forward.termination.as_ref().filter(|_| header.passthrough_tls);
    // The visitor's own TLS goes to the upstream as it is, whatever the upstream's scheme says.
    let plain = (header.passthrough_tls && terminates.is_none()) || !forward.dialer.speaks_tls();
    let way = Way {
        shared,
        leg,
        endpoint,
        forward,
        plain,
        stream: inbound.id(),
        visitor: visitor_address(header),
    };
    // Before a handshake, the visitor's here or the upstream's, the PROXY header is taken off the plain bytes;
    // otherwise it passes with them.
    let front = if forward.proxied && (terminates.is_some() || !plain) {
        match proxy_header(&mut inbound).await {
            Ok(front) => front,
            Err(_) => return inbound.reset(code::PROTOCOL),
        }
    } else {
        Bytes::new()
    };
    match terminates {
        None => way.go(&mut inbound, &front).await,
        // A visitor whose handshake fails has had his alert; nobody else is concerned.
        Some(termination) => {
            if let Ok(mut secured) = Box::pin(termination.accept(inbound)).await {
                Box::pin(way.go(&mut *secured, &front)).await;
            }
        }
    }
}

/// Takes a whole PROXY header off the front of a stream, if there is one.
pub(crate) async fn proxy_header(inbound: &mut Inbound) -> io::Result<Bytes> {
    let mut wanted = 1;
    loop {
        inbound.fill(wanted).await?;
        match proxy_protocol::parse(inbound.early()) {
            Ok(Parse::Header(header)) => return inbound.take(header.consumed).await,
            Ok(Parse::Absent) => return Ok(Bytes::new()),
            Ok(Parse::Partial) => wanted = inbound.early().len() + 1,
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}

pub(crate) fn visitor_address(header: &ReceivedProxyHeader) -> SocketAddr {
    header
        .client()
        .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
}

/// One visitor's way through this agent.
struct Way<'a> {
    shared: &'a Shared,
    leg: &'a Leg,
    endpoint: &'a Endpoint,
    forward: &'a Forward,
    /// No TLS of this agent's toward the upstream.
    plain: bool,
    stream: u32,
    visitor: SocketAddr,
}

impl Way<'_> {
    async fn go<V: Visitor>(&self, visitor: &mut V, front: &[u8]) {
        let dialer = &self.forward.dialer;
        // Boxed: the states of a dial are large, and the connection that follows may be idle for days.
        let mut service = match Box::pin(dialer.dial(front, self.plain)).await {
            Ok(service) => service,
            Err(failure) => {
                self.failed(&failure);
                return visitor.reset(code::RESET);
            }
        };
        if self.forward.is_up_again() {
            self.shared.events.tell(|| SessionEvent::UpstreamUp {
                name: self.endpoint.name(),
                upstream: dialer.upstream().to_string(),
            });
        }
        if !front.is_empty() && self.plain && service.write_all(front).await.is_err() {
            return visitor.reset(code::RESET);
        }
        match relay(visitor, &mut service, self.forward.requests).await {
            Ok(()) => {}
            // The edge has given up a stream between two requests: for the upstream that is an end like any other.
            Err(Broken::Visitor { answered: true }) if self.forward.requests => {}
            Err(Broken::Visitor { .. }) => service.abort_on_drop(),
            Err(Broken::Upstream) => {
                self.explain(StreamErrorClass::Reset, "the upstream reset the connection");
                if self.forward.requests {
                    // Not longer than the visitor, or the edge, wants it.
                    let gone = poll_fn(|cx| {
                        loop {
                            match std::task::ready!(visitor.poll_chunk(cx)) {
                                Ok(Some(_)) => {}
                                Ok(None) | Err(_) => return std::task::Poll::Ready(()),
                            }
                        }
                    });
                    let _ = tokio::time::timeout(LAST_ANSWER, gone).await;
                }
                visitor.reset(code::RESET);
            }
        }
    }

    fn failed(&self, failure: &Failure) {
        self.explain(failure.class, &failure.text);
        if self.forward.failed(failure) {
            self.shared.events.tell(|| SessionEvent::UpstreamFailed {
                name: self.endpoint.name(),
                upstream: self.forward.dialer.upstream().to_string(),
                visitor: self.visitor,
                error: failure.text.clone(),
            });
        }
    }

    /// Tells the server why the stream is about to be reset.
    fn explain(&self, class: StreamErrorClass, error: &str) {
        self.leg.tell(&ControlMessage::StreamError {
            sid: u64::from(self.stream),
            class,
            addr: self.forward.dialer.upstream().to_string(),
            err: clipped(error),
        });
    }
}

fn clipped(text: &str) -> String {
    text.get(..text.floor_char_boundary(ERROR_TEXT))
        .unwrap_or_default()
        .to_owned()
}
