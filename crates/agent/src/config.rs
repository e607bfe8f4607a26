//! What a connection to a server needs to know: addresses, trust, credential, proxy, timing.
//!
//! Only values: nothing here reads the process's environment unless a function that is handed in does.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::dial::address::Address;
use crate::dial::proxies::Proxies;
use crate::dial::proxy::Proxy;
use crate::error::Error;

/// Whom to trust as the server's certificate authority.
#[derive(Clone, Default)]
pub struct Ca(pub(crate) Trust);

#[derive(Clone, Default)]
pub(crate) enum Trust {
    #[default]
    System,
    Pem(Arc<[u8]>),
}

impl Ca {
    /// What this machine's platform trusts. The default.
    pub fn system() -> Self {
        Self(Trust::System)
    }

    /// Only the certificates in this PEM text.
    pub fn pem(text: impl Into<Vec<u8>>) -> Self {
        Self(Trust::Pem(text.into().into()))
    }

    /// Only the certificates in this PEM file, which is read now.
    ///
    /// # Errors
    /// [`Error::Configuration`] if it cannot be read.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, Error> {
        read_file(path.as_ref(), "the file with the certificate authority").map(Self::pem)
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Trust::System => f.write_str("Ca(system)"),
            Trust::Pem(text) => write!(f, "Ca(pem, {} bytes)", text.len()),
        }
    }
}

/// A certificate chain with its key, for terminating TLS here or for showing to the server.
#[derive(Clone, Debug)]
pub struct Identity(pub(crate) adit_tls::Identity);

impl Identity {
    /// From PEM texts: the chain, end entity first, and the key.
    ///
    /// # Errors
    /// [`Error::Configuration`] if they cannot be used or do not belong together.
    pub fn pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Error> {
        adit_tls::Identity::from_pem(chain.as_ref(), key.as_ref())
            .map(Self)
            .map_err(|error| {
                Error::configuration(
                    format!("certificate and key cannot be used: {error}"),
                    "give a PEM chain and the key that belongs to its first certificate",
                )
            })
    }

    /// From PEM files.
    ///
    /// # Errors
    /// [`Error::Configuration`] if they cannot be read or used.
    pub fn files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        let chain = read_file(chain.as_ref(), "the certificate file")?;
        let key = read_file(key.as_ref(), "the key file")?;
        Self::pem(chain, key)
    }
}

pub(crate) fn read_file(path: &Path, what: &str) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        Error::configuration(
            format!("{what} {} cannot be read: {error}", path.display()),
            "check the path and its permissions",
        )
    })
}

/// A text that no `Debug` shows.
#[derive(Clone, Default)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "Secret(none)"
        } else {
            "Secret(…)"
        })
    }
}

/// A program that stands on this library, for the user agent.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) comment: Option<String>,
}

/// Everything that [`SessionBuilder`](crate::SessionBuilder) collects about the connection.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) authtoken: Secret,
    pub(crate) addresses: Vec<Address>,
    pub(crate) server_name: Option<String>,
    pub(crate) ca: Ca,
    pub(crate) identity: Option<Identity>,
    pub(crate) proxies: Proxies,
    pub(crate) metadata: String,
    pub(crate) clients: Vec<Client>,
    pub(crate) hostname: Option<String>,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) heartbeat_tolerance: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            authtoken: Secret::default(),
            addresses: Vec::new(),
            server_name: None,
            ca: Ca::default(),
            identity: None,
            proxies: Proxies::default(),
            metadata: String::new(),
            clients: Vec::new(),
            hostname: None,
            heartbeat_interval: Duration::from_secs(10),
            heartbeat_tolerance: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// Fills what is not set from an environment: `ADIT_CONNECT_URL`, `ADIT_CONNECT_CA`, `ADIT_AUTHTOKEN`
    /// (then `NGROK_AUTHTOKEN`), `ADIT_PROXY_URL`, and the usual proxy variables.
    pub(crate) fn fill_from(&mut self, get: &dyn Fn(&str) -> Option<String>) -> Result<(), Error> {
        let set = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        if self.authtoken.0.is_empty()
            && let Some(token) = set("ADIT_AUTHTOKEN").or_else(|| set("NGROK_AUTHTOKEN"))
        {
            self.authtoken = Secret(token.trim().to_owned());
        }
        if self.addresses.is_empty()
            && let Some(list) = set("ADIT_CONNECT_URL")
        {
            self.addresses = Address::parse_list(&list)?;
        }
        if matches!(self.ca.0, Trust::System)
            && let Some(path) = set("ADIT_CONNECT_CA")
        {
            self.ca = Ca::file(path)?;
        }
        let mut proxies = Proxies::of_environment(get)?;
        proxies.given = match self.proxies.given.take() {
            None => set("ADIT_PROXY_URL").map(|url| Proxy::parse(&url)).transpose()?,
            given => given,
        };
        self.proxies = proxies;
        Ok(())
    }

    /// `myapp/1.0 (a comment) adit-agent/0.1.0`, most specific first (agent protocol 3.2).
    pub(crate) fn user_agent(&self) -> String {
        let mut text = String::new();
        for client in &self.clients {
            text.push_str(&client.name);
            text.push('/');
            text.push_str(&client.version);
            if let Some(comment) = &client.comment {
                text.push_str(" (");
                text.push_str(comment);
                text.push(')');
            }
            text.push(' ');
        }
        text.push_str("adit-agent/");
        text.push_str(env!("CARGO_PKG_VERSION"));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_wins_over_the_environment() {
        let environment = |name: &str| match name {
            "ADIT_AUTHTOKEN" => Some("adit".to_owned()),
            "NGROK_AUTHTOKEN" => Some("ngrok".to_owned()),
            "ADIT_CONNECT_URL" => Some("a.example,b.example:1".to_owned()),
            _ => None,
        };
        let mut options = Options::default();
        options.fill_from(&environment).unwrap();
        assert_eq!((options.authtoken.0.as_str(), options.addresses.len()), ("adit", 2));
        let mut options = Options {
            authtoken: Secret("own".into()),
            ..Options::default()
        };
        options.fill_from(&environment).unwrap();
        assert_eq!(options.authtoken.0, "own");
        let mut options = Options::default();
        options
            .fill_from(&|name| (name == "NGROK_AUTHTOKEN").then(|| "ngrok".to_owned()))
            .unwrap();
        assert_eq!(options.authtoken.0, "ngrok");
        assert!(!format!("{options:?}").contains("ngrok"));
    }

    #[test]
    fn the_user_agent_names_the_program_first() {
        let clients = vec![Client {
            name: "myapp".into(),
            version: "9.9".into(),
            comment: Some("a comment".into()),
        }];
        let options = Options {
            clients,
            ..Options::default()
        };
        assert_eq!(
            options.user_agent(),
            format!("myapp/9.9 (a comment) adit-agent/{}", env!("CARGO_PKG_VERSION"))
        );
    }
}
