//! Labels of agents' sessions and endpoints.

use super::{Label, labels};

labels! {
    /// The library an agent is built with, from the user agent it names.
    pub enum AgentClient {
        /// Adit's agent:
        Adit = "adit-agent",
        /// The Rust SDK:
        NgrokRust = "ngrok-rust",
        /// The Go SDK:
        NgrokGo = "ngrok-go",
        /// The Python SDK:
        NgrokPython = "ngrok-python",
        /// The JavaScript SDK:
        NgrokJavascript = "ngrok-javascript",
        /// The Java SDK:
        NgrokJava = "ngrok-java",
        /// Any other:
        Other = "other",
    }

    /// Why an agent's session ended.
    pub enum StopCode {
        /// The client said so:
        ClientClosed = "client_closed",
        /// Heartbeats were missed:
        HeartbeatTimeout = "heartbeat_timeout",
        /// Another session took its place:
        Replaced = "replaced",
        /// The server drained:
        Drained = "drained",
        /// The credential was revoked:
        Revoked = "revoked",
        /// An IP rule:
        IpRule = "ip_rule",
        /// Its ingress was closed:
        IngressClosed = "ingress_closed",
        /// Its node was lost:
        NodeLost = "node_lost",
        /// A remote command:
        Command = "command",
        /// Anything else, see the error:
        Error = "error",
    }

    /// Scheme of an endpoint's URL.
    pub enum EndpointScheme {
        /// `https://`:
        Https = "https",
        /// `http://`:
        Http = "http",
        /// `tls://`:
        Tls = "tls",
        /// `tcp://`:
        Tcp = "tcp",
    }

    /// Status of an endpoint (edge 2.4).
    pub enum EndpointStatus {
        /// Serves:
        Online = "online",
        /// Serves, with failures:
        Degraded = "degraded",
        /// Claimed, but no session serves it:
        Offline = "offline",
    }

    /// Kind of an endpoint.
    pub enum EndpointType {
        /// Offered by an agent:
        Agent = "agent",
        /// Lives in the server:
        Cloud = "cloud",
    }
}

impl AgentClient {
    /// From the user agent of the login: products joined by spaces, most specific first, of which the first
    /// known one counts (`my-app/1.0 ngrok-python/1.7.0 ngrok-rust/0.18.0` is Python).
    #[must_use]
    pub fn of(user_agent: &str) -> Self {
        user_agent
            .split_ascii_whitespace()
            .filter_map(|product| product.split_once('/'))
            .find_map(|(name, _)| match name {
                "adit-agent" => Some(Self::Adit),
                "ngrok-rust" => Some(Self::NgrokRust),
                "ngrok-go" => Some(Self::NgrokGo),
                "ngrok-python" => Some(Self::NgrokPython),
                "ngrok-javascript" => Some(Self::NgrokJavascript),
                "ngrok-java" => Some(Self::NgrokJava),
                _ => None,
            })
            .unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_of_a_user_agent_is_the_most_specific_known_product() {
        for (user_agent, client) in [
            (
                "myapp/9.9 (a comment) ngrok-python/1.7.0 ngrok-rust/0.18.0",
                AgentClient::NgrokPython,
            ),
            ("ngrok-go/2.1.1", AgentClient::NgrokGo),
            ("adit-agent/0.1.0", AgentClient::Adit),
            ("ngrok-go", AgentClient::Other),
            ("", AgentClient::Other),
        ] {
            assert_eq!(AgentClient::of(user_agent), client, "{user_agent}");
        }
    }
}
