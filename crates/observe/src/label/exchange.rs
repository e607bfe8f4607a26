//! Labels of exchanges: how a request was made, how it went and whose fault it was.

use super::{Label, labels};

labels! {
    /// The HTTP version of an exchange, as the visitor spoke it.
    pub enum Protocol {
        /// HTTP/1.0 (RFC 1945):
        Http10 = "http/1.0",
        /// HTTP/1.1 (RFC 9112):
        Http11 = "http/1.1",
        /// HTTP/2 (RFC 9113):
        H2 = "h2",
    }

    /// Class of a method: the nine registered ones (RFC 9110 section 9, RFC 5789) and the rest.
    pub enum Method {
        /// RFC 9110 section 9.3.1:
        Get = "GET",
        /// RFC 9110 section 9.3.2:
        Head = "HEAD",
        /// RFC 9110 section 9.3.3:
        Post = "POST",
        /// RFC 9110 section 9.3.4:
        Put = "PUT",
        /// RFC 5789:
        Patch = "PATCH",
        /// RFC 9110 section 9.3.5:
        Delete = "DELETE",
        /// RFC 9110 section 9.3.7:
        Options = "OPTIONS",
        /// RFC 9110 section 9.3.6:
        Connect = "CONNECT",
        /// RFC 9110 section 9.3.8:
        Trace = "TRACE",
        /// Any other token:
        Other = "other",
    }

    /// First digit of the status; `none` when no response began.
    pub enum CodeClass {
        /// No response:
        None = "none",
        /// Informational (a switch of protocols):
        Informational = "1xx",
        /// Successful:
        Success = "2xx",
        /// Redirection:
        Redirect = "3xx",
        /// Fault of the client:
        Client = "4xx",
        /// Fault of a server:
        Server = "5xx",
    }

    /// How an exchange or a relayed connection ended (edge 11.1).
    pub enum Outcome {
        /// Both sides finished:
        Completed = "completed",
        /// The visitor went before the end:
        ClientAborted = "client_aborted",
        /// The upstream broke off:
        UpstreamAborted = "upstream_aborted",
        /// The agent's session was lost:
        AgentLost = "agent_lost",
        /// A policy or an IP rule refused:
        RefusedPolicy = "refused_policy",
        /// A limit or a rule of the protocol refused:
        RefusedLimit = "refused_limit",
        /// The edge answered with an error of its own:
        ErrorEdge = "error_edge",
        /// A deadline passed:
        Timeout = "timeout",
        /// An upgraded connection (WebSocket) ended:
        UpgradedClosed = "upgraded_closed",
        /// Refused because the node is overloaded:
        Shed = "shed",
    }

    /// Whose fault an error is.
    pub enum Side {
        /// The visitor:
        Visitor = "visitor",
        /// This server:
        Edge = "edge",
        /// The agent:
        Agent = "agent",
        /// The service behind the agent:
        Upstream = "upstream",
        /// An identity provider:
        Provider = "provider",
    }

    /// Why no stream to an agent could be opened.
    pub enum StreamFailure {
        /// The session is at its limit of streams:
        Limit = "limit",
        /// The agent refused it:
        Refused = "refused",
        /// The session was lost meanwhile:
        SessionLost = "session_lost",
        /// Not accepted in time:
        Timeout = "timeout",
    }

    /// Whether an idle stream to the upstream could be used again.
    pub enum Reuse {
        /// An idle stream was used:
        Hit = "hit",
        /// There was none, or none allowed for this request:
        Miss = "miss",
        /// It was used and found closed:
        Stale = "stale",
    }

    /// Why an exchange was tried again (edge 7.8).
    pub enum RetryReason {
        /// The peer refused the stream unprocessed:
        Refused = "refused",
        /// A reused stream was closed before any response byte:
        Stale = "stale",
        /// The session was lost before any response byte:
        SessionLost = "session_lost",
        /// The session is at its limit of streams:
        Limit = "limit",
        /// The agent drains:
        Draining = "draining",
        /// HTTP/2 was asked of the upstream, HTTP/1 answered:
        ProtocolFallback = "protocol_fallback",
        /// The endpoint's policy wanted another try:
        Policy = "policy",
    }

    /// How the wait of a parked request ended (edge 2.7).
    pub enum ParkResult {
        /// A member came (back):
        Woken = "woken",
        /// The wait was over first:
        Timeout = "timeout",
        /// The visitor left:
        VisitorLeft = "visitor_left",
        /// The endpoint went for good:
        Gone = "gone",
        /// No place was free (no wait began):
        Full = "full",
    }

    /// A violation of a protocol that was refused or put right by closing (edge 1.8).
    pub enum GlitchKind {
        /// Request head that is not RFC 9112:
        MalformedHead = "malformed_head",
        /// Content-Length and Transfer-Encoding at odds:
        ConflictingLength = "conflicting_length",
        /// Host missing, double or invalid:
        Host = "host",
        /// Chunk framing:
        Chunk = "chunk",
        /// Ambiguous path:
        Path = "path",
        /// Target too long:
        TargetTooLong = "target_too_long",
        /// Head too large or too many fields:
        HeadTooLarge = "head_too_large",
        /// Body over the limit:
        BodyTooLarge = "body_too_large",
        /// CONNECT or TRACE:
        Method = "method",
        /// Expectation other than `100-continue`:
        Expectation = "expectation",
        /// Unknown major version:
        Version = "version",
        /// Upgrade that cannot be:
        Upgrade = "upgrade",
        /// Head or body too slow:
        Slow = "slow",
        /// Body shorter than announced:
        ShortBody = "short_body",
        /// Plain HTTP on the TLS port:
        PlainOnTls = "plain_on_tls",
        /// Not HTTP where HTTP is expected:
        NotHttp = "not_http",
        /// ClientHello that cannot be read:
        ClientHello = "client_hello",
        /// PROXY header wrong, or from who may not send one:
        ProxyHeader = "proxy_header",
        /// HTTP/2 rules (RFC 9113):
        H2 = "h2",
        /// Response head of an upstream that is not RFC 9112:
        UpstreamHead = "upstream_head",
        /// Response body of an upstream (framing, bytes after the end):
        UpstreamBody = "upstream_body",
        /// Rules of the agent's session or its multiplexing:
        Session = "session",
        /// Anything else:
        Other = "other",
    }
}

impl Method {
    /// Class of a method as received; methods are case-sensitive (RFC 9110 section 9.1).
    #[must_use]
    pub fn of(method: &[u8]) -> Self {
        match method {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"PATCH" => Self::Patch,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"CONNECT" => Self::Connect,
            b"TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }
}

impl CodeClass {
    /// Class of a status; 0 and anything outside 100–599 is [`Self::None`].
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            100..=199 => Self::Informational,
            200..=299 => Self::Success,
            300..=399 => Self::Redirect,
            400..=499 => Self::Client,
            500..=599 => Self::Server,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_statuses() {
        assert_eq!(CodeClass::of(0), CodeClass::None);
        assert_eq!(CodeClass::of(101), CodeClass::Informational);
        assert_eq!(CodeClass::of(204), CodeClass::Success);
        assert_eq!(CodeClass::of(599), CodeClass::Server);
        assert_eq!(CodeClass::of(600), CodeClass::None);
    }
}
