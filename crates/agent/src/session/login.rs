//! The login of a leg: what the agent says of itself, and what it learns (agent protocol 3.2, 3.3, 9.1).

use std::time::Duration;

use adit_protocol::capability::{self, Capabilities, Capability, Grant, Offer};
use adit_protocol::message::{Auth, AuthExtra, AuthResp};
use adit_protocol::typed_stream::StreamType;

use super::incoming::Handlers;
use super::rpc;
use crate::config::{Options, Trust};
use crate::error::{Error, Step};
use crate::reconnect::Random;

/// The server may hold a login for 30 s while very many agents return at once (agent protocol 5.4).
const LOGIN: Duration = Duration::from_secs(45);

/// The largest initial window of a stream that is asked for, bytes; the server grants what its line is worth.
pub(super) const WINDOW: u32 = 4 << 20;

/// What a later login presents to get the same session back.
#[derive(Debug, Clone, Default)]
pub(super) struct Resume {
    pub(super) client_id: String,
    pub(super) cookie: String,
}

/// What tells this program's run from another one with the same token.
#[derive(Debug, Clone)]
pub(super) struct Instance(String);

impl Instance {
    pub(super) fn new(random: &mut Random) -> Self {
        Self(format!("{:016x}{:016x}", random.next(), random.next()))
    }
}

/// A login that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) resume: Resume,
    pub(super) region: String,
    pub(super) version: String,
    pub(super) banner: String,
    /// A text for people, if this agent is older than recommended.
    pub(super) deprecation: Option<String>,
    /// What Adit's own server granted.
    pub(super) grant: Option<Grant>,
}

/// Logs in over a connection that has carried nothing yet.
pub(super) async fn login(
    mux: &adit_mux::Session,
    options: &Options,
    handlers: &Handlers,
    instance: &Instance,
    resume: &Resume,
    leg: u32,
    proxy_type: &str,
) -> Result<Login, Error> {
    let hello = auth(options, handlers, instance, resume, leg, proxy_type);
    let answer: AuthResp = rpc::request(mux, StreamType::Auth, &hello, LOGIN).await?;
    if let Some(text) = answer.error.filter(|text| !text.is_empty()) {
        return Err(Error::refused(Step::Login, &text));
    }
    if answer.client_id.is_empty() {
        return Err(Error::Protocol {
            what: "the login was answered without a session id".to_owned(),
        });
    }
    Ok(Login {
        resume: Resume {
            client_id: answer.client_id,
            cookie: answer.extra.cookie,
        },
        region: answer.extra.region,
        version: answer.extra.version,
        banner: answer.extra.banner,
        deprecation: answer.extra.deprecation_warning.map(|warning| warning.msg),
        grant: answer.extra.adit,
    })
}

fn auth(
    options: &Options,
    handlers: &Handlers,
    instance: &Instance,
    resume: &Resume,
    leg: u32,
    proxy_type: &str,
) -> Auth {
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let first = options.clients.first();
    Auth {
        version: adit_names::version::AGENT_PROTOCOL_VERSIONS
            .iter()
            .map(|&version| version.to_owned())
            .collect(),
        client_id: resume.client_id.clone(),
        extra: AuthExtra {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            auth_token: options.authtoken.0.clone(),
            version: first.map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |client| client.version.clone()),
            hostname: options.hostname.clone().unwrap_or_default(),
            user_agent: options.user_agent(),
            metadata: options.metadata.clone(),
            cookie: resume.cookie.clone(),
            heartbeat_interval: nanos(options.heartbeat_interval),
            heartbeat_tolerance: nanos(options.heartbeat_tolerance),
            stop_unsupported_error: Some(handlers.stop_unsupported()),
            restart_unsupported_error: Some(handlers.restart_unsupported()),
            update_unsupported_error: Some(handlers.update_unsupported()),
            proxy_type: proxy_type.to_owned(),
            mutual_tls: options.identity.is_some(),
            custom_cas: matches!(options.ca.0, Trust::Pem(_)),
            client_type: first.map_or_else(|| "adit-agent".to_owned(), |client| client.name.clone()),
            leg_number: Some(leg),
            adit: Some(offer(instance)),
            ..AuthExtra::default()
        },
    }
}

/// What this agent can do beyond the common protocol: what is not built is not offered.
fn offer(instance: &Instance) -> Offer {
    Offer {
        v: capability::VERSION,
        caps: Capabilities::of(&[
            Capability::Control,
            Capability::Drain,
            Capability::Probe,
            Capability::StreamError,
            Capability::Notice,
            Capability::Window,
        ]),
        instance: instance.0.clone(),
        legs: 2,
        transports: vec!["tls".to_owned()],
        window: WINDOW,
        max_streams: 16_384,
        max_frame: 65_536,
    }
}
