//! Refusals: what comes in ([`Refusal`], borrowed, one per case) and what goes out ([`RefusalSummary`], one
//! per second at first, then per minute, for all that are alike).

use std::net::IpAddr;
use std::time::SystemTime;

use crate::label::{AgentClient, Listener, RefusalKind, RefusalReason};

/// Something was refused. Counted in the metrics at once; as an event merged with its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// What it was about.
    pub kind: RefusalKind,
    /// Why.
    pub reason: RefusalReason,
    /// Listener it came by.
    pub listener: Listener,
    /// Address it came from.
    pub client_ip: IpAddr,
    /// Published error code (`ERR_…`); empty if there is none. Must not be made from what was received.
    pub error_code: &'a str,
    /// Rule or credential that refused; empty if none.
    pub rule: &'a str,
    /// The guardrail that refused (`gr_…`); empty if none did.
    pub guardrail: &'a str,
    /// The organisation whose restriction it was, or whose endpoint a guardrail stands around; empty for what belongs to
    /// none for sure.
    pub organization: &'a str,
    /// Identifier or URL of the endpoint, if it is one of ours; empty if none.
    pub endpoint: &'a str,
    /// Client of a login; [`AgentClient::Other`] for everything else.
    pub client: AgentClient,
    /// Example for who reads the event (server name, user agent, text of the error), cut at 256 bytes; the
    /// first of a second is kept.
    pub detail: &'a str,
    /// The visitor's certificate that was not accepted, or that there was none.
    pub certificate: Option<RefusedCertificate<'a>>,
}

/// A certificate that was not accepted in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedCertificate<'a> {
    /// Who it says it is; empty if there was none.
    pub subject: &'a str,
    /// Its serial number in hexadecimal digits; likewise.
    pub serial: &'a str,
    /// What is wrong: `missing`, `expired`, `not_yet_valid`, `revoked`, `revocation_unknown`, `unknown_issuer`,
    /// `wrong_purpose`, `bad_signature` or `invalid`.
    pub reason: &'static str,
}

impl Refusal<'_> {
    /// A refusal of which only this much is known; fill in the rest by `..`.
    #[must_use]
    pub const fn new(kind: RefusalKind, reason: RefusalReason, listener: Listener, client_ip: IpAddr) -> Self {
        Self {
            kind,
            reason,
            listener,
            client_ip,
            error_code: "",
            rule: "",
            guardrail: "",
            organization: "",
            endpoint: "",
            client: AgentClient::Other,
            detail: "",
            certificate: None,
        }
    }
}

/// Refusals that were alike: same kind, reason, code, rule, guardrail, organisation, endpoint and prefix of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalSummary {
    /// What they were about.
    pub kind: RefusalKind,
    /// Why.
    pub reason: RefusalReason,
    /// Published error code; empty if there is none.
    pub error_code: Box<str>,
    /// Rule or credential; empty if none.
    pub rule: Box<str>,
    /// The guardrail that refused; empty if none did.
    pub guardrail: Box<str>,
    /// The organisation whose restriction it was, or whose endpoint was asked for; empty for what belongs to none for sure.
    pub organization: Box<str>,
    /// Endpoint; empty if none.
    pub endpoint: Box<str>,
    /// The /24 (IPv4) or /48 (IPv6) they came from, by its first address; `None` if there were too many
    /// different ones to keep apart.
    pub prefix: Option<IpAddr>,
    /// How many.
    pub count: u64,
    /// When the first came.
    pub since: SystemTime,
    /// Address of the first.
    pub example_ip: IpAddr,
    /// Listener of the first.
    pub example_listener: Listener,
    /// Detail of the first.
    pub example: Box<str>,
    /// The visitor's certificate of the first; only of those.
    pub certificate: Option<CertificateSummary>,
}

/// What is kept of a [`RefusedCertificate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Who it says it is; empty if there was none.
    pub subject: Box<str>,
    /// Its serial number; likewise.
    pub serial: Box<str>,
    /// What is wrong with it.
    pub reason: &'static str,
}
