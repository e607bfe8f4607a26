//! The one error of this crate: what failed, on whose side, whether trying again can help, and what to do.
//!
//! Each variant keeps its parts as plain text, so that an error can be cloned, sent in an event and shown
//! twice. The server's own codes (`ERR_NGROK_…`, `ERR_ADIT_…`) are passed on as they came.

use std::fmt;
use std::time::Duration;

use adit_names::ErrorCode;

/// On whose side the cause of an [`Error`] lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Side {
    /// Something this program was told: an address, a token's form, a file.
    Configuration,
    /// This machine: no name resolution, no route.
    Agent,
    /// The way to the server: refused or silent connections, intercepted TLS.
    Network,
    /// The proxy on the way to the server.
    Proxy,
    /// The server: it refused, or spoke another protocol.
    Server,
    /// The service that is forwarded to.
    Upstream,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "configuration",
            Self::Agent => "agent",
            Self::Network => "network",
            Self::Proxy => "proxy",
            Self::Server => "server",
            Self::Upstream => "upstream",
        })
    }
}

/// What the server was asked when it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The login of the session.
    Login,
    /// Offering an endpoint.
    Bind,
    /// Changing an endpoint that is online.
    Patch,
    /// Taking an endpoint back.
    Unbind,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "login",
            Self::Bind => "bind",
            Self::Patch => "change",
            Self::Unbind => "unbind",
        })
    }
}

/// Everything that can go wrong in this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that this program was given cannot be used.
    #[error("{what}")]
    Configuration {
        /// The value and what is wrong with it.
        what: String,
        /// What to do.
        fix: String,
        /// The documented code, if the cause has one.
        code: Option<&'static str>,
    },
    /// The name of the server (or proxy) has no address.
    #[error("the name {host} could not be resolved: {cause}")]
    Resolve {
        /// The name asked for.
        host: String,
        /// The resolver's words.
        cause: String,
    },
    /// No connection to any of the addresses.
    #[error("cannot connect to {address}: {cause}")]
    Connect {
        /// `host:port` as configured.
        address: String,
        /// The causes, one per address tried, joined.
        cause: String,
        /// True if the machine itself has no way out (no route, network down).
        local: bool,
    },
    /// The proxy refused or spoke something else.
    #[error("the proxy {proxy} {what}")]
    Proxy {
        /// The proxy, without credentials.
        proxy: String,
        /// What it did.
        what: String,
        /// What to do.
        fix: String,
    },
    /// The server's certificate is not trusted here.
    #[error("the certificate of {host} is not trusted: {cause}")]
    Untrusted {
        /// The name that was verified.
        host: String,
        /// The verifier's reason.
        cause: String,
    },
    /// The TLS handshake failed for another reason.
    #[error("TLS with {host} failed: {cause}")]
    Tls {
        /// The peer's name.
        host: String,
        /// The reason.
        cause: String,
    },
    /// A step took longer than its limit.
    #[error("{what}: no answer in {} s", after.as_secs_f32())]
    Timeout {
        /// The step.
        what: String,
        /// The limit.
        after: Duration,
    },
    /// The peer answered something that is not the agent protocol.
    #[error("the server does not speak the agent protocol: {what}")]
    Protocol {
        /// What came.
        what: String,
    },
    /// The server refused a request, in its own words.
    #[error("{text}")]
    Refused {
        /// What was asked.
        step: Step,
        /// The server's words, without the line of the code.
        text: String,
        /// The server's code, such as `ERR_NGROK_107`.
        code: Option<String>,
    },
    /// The connection to the server ended.
    #[error("the connection to the server was lost: {cause}")]
    Lost {
        /// Why, as far as known.
        cause: String,
    },
    /// The session or endpoint was closed by this program.
    #[error("the session is closed")]
    Closed,
    /// An endpoint was stopped by the server (an administrator, a rule).
    #[error("the endpoint was stopped by the server: {text}")]
    Stopped {
        /// The server's words.
        text: String,
        /// The server's code.
        code: Option<String>,
    },
}

impl Error {
    pub(crate) fn configuration(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Configuration {
            what: what.into(),
            fix: fix.into(),
            code: None,
        }
    }

    pub(crate) fn lost(cause: impl Into<String>) -> Self {
        Self::Lost { cause: cause.into() }
    }

    /// A refusal in the form of the protocol: text lines, and one line that is the code.
    pub(crate) fn refused(step: Step, answer: &str) -> Self {
        let (text, code) = split_code(answer);
        Self::Refused { step, text, code }
    }

    /// The server's or Adit's documented code, such as `ERR_NGROK_334`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Configuration { code, .. } => *code,
            Self::Refused { code, .. } | Self::Stopped { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// On whose side the cause lies.
    pub fn side(&self) -> Side {
        match self {
            Self::Configuration { .. } | Self::Closed => Side::Configuration,
            Self::Resolve { .. } => Side::Agent,
            Self::Connect { local: true, .. } => Side::Agent,
            Self::Connect { .. }
            | Self::Untrusted { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Lost { .. } => Side::Network,
            Self::Proxy { .. } => Side::Proxy,
            Self::Protocol { .. } | Self::Refused { .. } | Self::Stopped { .. } => Side::Server,
        }
    }

    /// Whether the same call may succeed later without a change here (agent protocol 5.4).
    pub fn retryable(&self) -> bool {
        match self {
            Self::Configuration { .. } | Self::Untrusted { .. } | Self::Closed | Self::Stopped { .. } => false,
            Self::Refused {
                step: Step::Login,
                code,
                ..
            } => !known(code).is_some_and(ErrorCode::stops_agent),
            Self::Refused { code, .. } => known(code).is_some_and(ErrorCode::retryable),
            _ => true,
        }
    }

    /// The next step for a person, if one can be named.
    pub fn fix(&self) -> Option<String> {
        match self {
            Self::Configuration { fix, .. } | Self::Proxy { fix, .. } => Some(fix.clone()),
            Self::Resolve { host, .. } => Some(format!("check the spelling of {host} and this machine's name resolution")),
            Self::Connect { local: true, .. } => Some("check this machine's network connection".to_owned()),
            Self::Connect { .. } => Some("check that the server runs, its address and port, and whether a proxy is needed (ADIT_PROXY_URL)".to_owned()),
            Self::Untrusted { .. } => Some("give the authority's file: --connect-ca FILE or ADIT_CONNECT_CA; if TLS is intercepted on this network, ask for an exception".to_owned()),
            Self::Protocol { .. } => Some("check that the address is the server's connect name, not an endpoint or the dashboard".to_owned()),
            // The advice that belongs to a code is about its usual cause, and this is another one.
            Self::Refused { text, .. } if text.contains("not available in this version") => None,
            Self::Refused { code, .. } | Self::Stopped { code, .. } => known(code).map(|code| code.fix().to_owned()),
            Self::Tls { .. } | Self::Timeout { .. } | Self::Lost { .. } | Self::Closed => None,
        }
    }
}

fn known(code: &Option<String>) -> Option<ErrorCode> {
    code.as_deref().and_then(ErrorCode::lookup)
}

/// Takes the line that is a code out of an answer's text (agent protocol 3.1 rule 5).
fn split_code(answer: &str) -> (String, Option<String>) {
    let mut code = None;
    let mut text = String::with_capacity(answer.len());
    for line in answer.lines() {
        let trimmed = line.trim();
        if code.is_none() && is_code(trimmed) {
            code = Some(trimmed.to_owned());
        } else if !trimmed.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line.trim_end());
        }
    }
    (text, code)
}

fn is_code(line: &str) -> bool {
    ["ERR_NGROK_", "ERR_ADIT_"]
        .iter()
        .filter_map(|prefix| line.strip_prefix(prefix))
        .any(|number| !number.is_empty() && number.len() <= 6 && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_line_is_taken_out_of_the_text() {
        let error = Error::refused(
            Step::Login,
            "authentication failed: the authtoken is not valid\n\nERR_NGROK_107\n",
        );
        assert_eq!(error.to_string(), "authentication failed: the authtoken is not valid");
        assert_eq!(error.code(), Some("ERR_NGROK_107"));
        assert!(!error.retryable());
        assert!(error.fix().is_some());
        let plain = Error::refused(Step::Bind, "no");
        assert_eq!((plain.to_string().as_str(), plain.code()), ("no", None));
    }

    #[test]
    fn what_is_permanent() {
        for code in [105, 106, 107, 4018, 118, 122, 300, 121, 811] {
            assert!(
                !Error::refused(Step::Login, &format!("x\n\nERR_NGROK_{code}\n")).retryable(),
                "{code}"
            );
        }
        for code in ["ERR_NGROK_128", "ERR_NGROK_108", "ERR_ADIT_1105", "ERR_ADIT_1103"] {
            assert!(
                Error::refused(Step::Login, &format!("x\n\n{code}\n")).retryable(),
                "{code}"
            );
        }
        assert!(Error::refused(Step::Bind, "x\n\nERR_ADIT_1206\n").retryable());
        assert!(!Error::refused(Step::Bind, "x\n\nERR_NGROK_316\n").retryable());
    }
}
