//! Labels of connections: by which listener they came, how they were secured, why they were refused.

use super::{Label, labels};

labels! {
    /// Which listener a connection came by (edge 1.1).
    pub enum Listener {
        /// The TLS listener, `listen.https`:
        Https = "https",
        /// The plain listener, `listen.http`:
        Http = "http",
        /// The agents' own address, `listen.connect`:
        Connect = "connect",
        /// A port of a `tcp://` endpoint:
        Tcp = "tcp",
        /// The admin port, `listen.admin`:
        Admin = "admin",
    }

    /// What a connection turned out to carry. `Unknown` until its first bytes have told.
    pub enum ConnectionProtocol {
        /// Not told apart (yet):
        Unknown = "unknown",
        /// HTTP/1.0 or HTTP/1.1:
        Http1 = "http1",
        /// HTTP/2:
        H2 = "h2",
        /// Raw TCP of a `tcp://` endpoint:
        Tcp = "tcp",
        /// TLS passed through or terminated for a `tls://` endpoint:
        Tls = "tls",
        /// An agent's session:
        Agent = "agent",
        /// API, dashboard or identity provider names:
        Control = "control",
    }

    /// How a TLS handshake with a visitor or an agent ended.
    pub enum HandshakeResult {
        /// Established:
        Completed = "completed",
        /// We sent an alert before ServerHello (name unknown or missing, no certificate):
        Refused = "refused",
        /// The handshake failed (no common parameters, an alert of the peer, bad records):
        Failed = "failed",
        /// The visitor's certificate was missing or not accepted:
        ClientCertificate = "client_certificate",
        /// Not done in time:
        Timeout = "timeout",
        /// The peer closed the connection:
        Closed = "closed",
    }

    /// Version of TLS; `none` when none was agreed.
    pub enum TlsVersion {
        /// None agreed:
        None = "none",
        /// TLS 1.2 (RFC 5246):
        V12 = "1.2",
        /// TLS 1.3 (RFC 8446):
        V13 = "1.3",
    }

    /// What a refusal was about; says which event and which counter it becomes.
    pub enum RefusalKind {
        /// A connection, before or instead of a handshake:
        Connection = "connection",
        /// A TLS handshake:
        Handshake = "handshake",
        /// An agent's login:
        Login = "login",
        /// An endpoint an agent asked for:
        Bind = "bind",
        /// A violation of a protocol on an accepted connection:
        Protocol = "protocol",
        /// An agent, by its organisation's restriction of addresses:
        IpRestriction = "ip_restriction",
        /// Nobody yet: the restriction would, were it enforced:
        IpRestrictionWarning = "ip_restriction_warning",
        /// An exchange or connection, by a guardrail:
        Guardrail = "guardrail",
    }

    /// Why something was refused.
    pub enum RefusalReason {
        /// Overload:
        Shed = "shed",
        /// Limit of connections of an address:
        ConnectionsPerIp = "connections_per_ip",
        /// Rate of new connections of an address:
        AcceptsPerIp = "accepts_per_ip",
        /// Concurrent handshakes of an address:
        HandshakesPerIp = "handshakes_per_ip",
        /// Concurrent handshakes of the node:
        Handshakes = "handshakes",
        /// The kernel could not give a descriptor or memory:
        AcceptError = "accept_error",
        /// PROXY header wrong, or from who may not send one:
        ProxyHeader = "proxy_header",
        /// First byte not in time:
        FirstByteTimeout = "first_byte_timeout",
        /// First byte of no protocol spoken here:
        UnknownProtocol = "unknown_protocol",
        /// Plain HTTP on the TLS port:
        PlainOnTls = "plain_on_tls",
        /// ClientHello unreadable or too long:
        ClientHello = "client_hello",
        /// ClientHello not in time:
        ClientHelloTimeout = "client_hello_timeout",
        /// No server name:
        ServerNameMissing = "server_name_missing",
        /// Server name nobody serves:
        ServerNameUnknown = "server_name_unknown",
        /// No certificate for the name:
        CertificateMissing = "certificate_missing",
        /// Handshake failed:
        HandshakeFailed = "handshake_failed",
        /// Handshake not in time:
        HandshakeTimeout = "handshake_timeout",
        /// Client certificate missing or not accepted:
        ClientCertificate = "client_certificate",
        /// IP rule:
        IpRule = "ip_rule",
        /// Endpoint without a member (TCP, TLS):
        Offline = "offline",
        /// No place left to park:
        ParkingFull = "parking_full",
        /// Named ingress closed or unknown:
        Ingress = "ingress",
        /// Authtoken not valid:
        Authtoken = "authtoken",
        /// Credential revoked:
        Revoked = "revoked",
        /// Rate of logins:
        LoginRate = "login_rate",
        /// Login not in time:
        LoginTimeout = "login_timeout",
        /// Version or kind of the client:
        Client = "client",
        /// Resume not possible:
        Resume = "resume",
        /// The credential's ACL:
        Acl = "acl",
        /// The URL is another's:
        Claimed = "claimed",
        /// The URL is not valid or not of this server:
        Url = "url",
        /// No port free, or ports are not offered:
        Port = "port",
        /// A policy or option that is not accepted:
        Policy = "policy",
        /// Another limit:
        Limit = "limit",
        /// A rule of the protocol:
        Protocol = "protocol",
        /// The server drains:
        Draining = "draining",
        /// Fault of this server:
        Internal = "internal",
        /// Anything else:
        Other = "other",
    }

    /// A pattern of abuse for which a connection was closed (edge 1.7).
    pub enum AttackKind {
        /// Head or body sent too slowly:
        Slow = "slow",
        /// HTTP/2 streams reset in numbers:
        RapidReset = "rapid_reset",
        /// HTTP/2 CONTINUATION without end:
        Continuation = "continuation",
        /// HTTP/2 frames without progress:
        FrameFlood = "frame_flood",
        /// Refused requests on one connection:
        BadRequests = "bad_requests",
    }

    /// What was done because the budget of bytes held for others was short (edge 1.6).
    pub enum BufferAction {
        /// A stream whose consumer read nothing was reset:
        Reset = "reset",
    }

    /// Who holds bytes for somebody else (edge 1.6, `limits.buffers`).
    pub enum BufferHolder {
        /// Streams of agents' sessions:
        Sessions = "sessions",
        /// Send queues of visitors:
        Visitors = "visitors",
        /// Parked requests:
        Parked = "parked",
    }
}

impl TlsVersion {
    /// From its short text (`"1.3"`); anything unknown is [`Self::None`].
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text {
            "1.2" => Self::V12,
            "1.3" => Self::V13,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_texts_agree() {
        for (at, reason) in RefusalReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), at);
            assert_eq!(RefusalReason::text(at), reason.as_str());
        }
        assert_eq!(RefusalReason::text(RefusalReason::COUNT), "");
    }
}
