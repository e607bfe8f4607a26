//! Why there is no answer.

use std::net::IpAddr;
use std::time::Duration;

use crate::address::Kind;

/// Why a call got no answer. Its text names no more than whoever wrote the URL knows, save an address that his own
/// name led to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The URL is not one that can be asked.
    #[error("the URL {0}")]
    Url(&'static str),
    /// A header that is the client's own business, or no header.
    #[error("the header {0} cannot be set")]
    Header(String),
    /// A name below `.internal`: its owner is to be asked another way.
    #[error("{0} is a name of the organisation's own")]
    Internal(String),
    /// The guard does not let it out.
    #[error("{host} leads to {address}, {kind}, which may not be asked; the operator can add it to outbound.allow")]
    Refused {
        /// As in the URL.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// What is wrong with that.
        kind: Kind,
    },
    /// The guard lets nothing out at this port.
    #[error("port {0} may not be asked; the operator can add name and port to outbound.allow")]
    Port(u16),
    /// Policies may ask internal endpoints only.
    #[error("{0} is not internal; the operator can allow it with outbound.policy_external or outbound.allow")]
    External(String),
    /// One of Adit's own listeners.
    #[error("{0} is this server itself")]
    Own(String),
    /// The name has no address.
    #[error("{host} cannot be resolved: {why}")]
    Resolve {
        /// As in the URL.
        host: String,
        /// What the resolver says.
        why: String,
    },
    /// No connection.
    #[error("{host} cannot be reached: {why}")]
    Connect {
        /// As in the URL.
        host: String,
        /// What the system says.
        why: String,
    },
    /// No secure connection.
    #[error("{host} is not who it says: {why}")]
    Tls {
        /// As in the URL.
        host: String,
        /// What is wrong.
        why: String,
    },
    /// It took longer than it may.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The body, decoded, is larger than it may be.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// One redirect too many.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// What came is no answer in HTTP.
    #[error("the answer is broken: {0}")]
    Broken(String),
    /// Too many calls at once, of this caller or of all.
    #[error("too many calls at once")]
    Busy,
}
