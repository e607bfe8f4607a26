//! Where visitors' bytes go: the forms of an upstream address (agent protocol 8.5).

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::dial::address::{Address, is_local_name, is_private};
use crate::error::Error;

/// How the service behind an endpoint is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub(crate) target: Target,
    /// TLS to the service.
    pub(crate) tls: bool,
    /// `h2c://`: HTTP/2 with prior knowledge.
    pub(crate) http2: bool,
    scheme: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Tcp(Address),
    Unix(PathBuf),
}

/// Which scheme an address without one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Default {
    Http,
    Tcp,
}

impl Upstream {
    /// Reads an address for an HTTP endpoint: `8080`, `443` (means `https://localhost:443`), `host`,
    /// `host:port`, `http://…`, `https://…`, `h2c://…`, `tcp://…`, `tls://…`, `unix:PATH`.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the code `ERR_ADIT_1505`.
    pub fn http(text: &str) -> Result<Self, Error> {
        Self::parse(text, Default::Http)
    }

    /// The same for TCP and TLS endpoints, where an address without a scheme means `tcp://`.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the code `ERR_ADIT_1505`.
    pub fn tcp(text: &str) -> Result<Self, Error> {
        Self::parse(text, Default::Tcp)
    }

    pub(crate) fn parse(text: &str, default: Default) -> Result<Self, Error> {
        let wrong = |why: &str, fix: &str| Error::Configuration {
            what: format!("the upstream {text:?} {why}"),
            fix: fix.to_owned(),
            code: Some("ERR_ADIT_1505"),
        };
        let forms = "give a port, host:port, or a URL with http, https, tcp, tls or unix";
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(wrong("names no socket", "give the path: unix:/run/app.sock"));
            }
            if cfg!(not(unix)) {
                return Err(wrong("is a Unix socket, which this system does not have", forms));
            }
            return Ok(Self {
                target: Target::Unix(PathBuf::from(path)),
                tls: false,
                http2: false,
                scheme: "unix",
            });
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let (scheme, port) = match (scheme.as_deref(), default) {
            (Some("http"), _) => ("http", Some(80)),
            (Some("https"), _) => ("https", Some(443)),
            (Some("h2c"), _) => ("h2c", Some(80)),
            (Some("tcp"), _) => ("tcp", None),
            (Some("tls"), _) => ("tls", None),
            (None, Default::Http) if rest == "443" => ("https", Some(443)),
            (None, Default::Http) => ("http", Some(80)),
            (None, Default::Tcp) => ("tcp", None),
            (Some("file"), _) => {
                return Err(wrong(
                    "is a folder: serving files is not available in this version",
                    "run a file server and give its port",
                ));
            }
            (Some(_), _) => return Err(wrong("has a scheme that cannot be forwarded to", forms)),
        };
        let rest = match rest.strip_suffix('/') {
            Some(rest) if matches!(scheme, "http" | "https" | "h2c") => rest,
            _ => rest,
        };
        if rest.contains(['/', '?', '#']) {
            return Err(wrong(
                "has a path: paths are passed on as the visitor wrote them",
                "give only host and port; a url-rewrite action changes paths",
            ));
        }
        if rest.contains('@') {
            return Err(wrong(
                "has a user in front of the host",
                "leave it out: requests are passed on as they are",
            ));
        }
        let address = if rest.is_empty() && scheme == "https" {
            Address {
                host: "localhost".to_owned(),
                port: 443,
            }
        } else if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) {
            let port = rest
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| wrong("is no port (1 to 65535)", forms))?;
            Address {
                host: "localhost".to_owned(),
                port,
            }
        } else {
            let rest = if rest.starts_with(':') {
                format!("localhost{rest}")
            } else {
                rest.to_owned()
            };
            Address::split(&rest, port).map_err(|why| wrong(why, forms))?
        };
        Ok(Self {
            target: Target::Tcp(address),
            tls: matches!(scheme, "https" | "tls"),
            http2: scheme == "h2c",
            scheme,
        })
    }

    /// True if the address is this machine or a private network: nobody there has a certificate that the
    /// platform trusts, so it is verified only if asked (agent protocol 4.3).
    pub(crate) fn is_private(&self) -> bool {
        match &self.target {
            Target::Unix(_) => true,
            Target::Tcp(address) => {
                is_local_name(&address.host) || address.host.parse::<IpAddr>().is_ok_and(is_private)
            }
        }
    }

    /// What tells it apart among the services of one machine: the port here, host and port elsewhere.
    pub(crate) fn short_name(&self) -> String {
        match &self.target {
            Target::Unix(path) => path
                .file_name()
                .map_or_else(|| "socket".to_owned(), |name| name.to_string_lossy().into_owned()),
            Target::Tcp(address)
                if address
                    .known()
                    .is_some_and(|found| found.iter().all(|a| a.ip().is_loopback())) =>
            {
                address.port.to_string()
            }
            Target::Tcp(address) => format!("{}-{}", address.host, address.port),
        }
    }

    /// The host and port, as a `Host` header or an error shows them.
    pub(crate) fn authority(&self) -> String {
        match &self.target {
            Target::Unix(_) => "localhost".to_owned(),
            Target::Tcp(address) => {
                let default = matches!((self.scheme, address.port), ("http" | "h2c", 80) | ("https", 443));
                if default && !address.host.contains(':') {
                    address.host.clone()
                } else {
                    address.to_string()
                }
            }
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Tcp(address) => write!(f, "{}://{address}", self.scheme),
            Target::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, default: Default) -> String {
        Upstream::parse(text, default).map_or_else(|error| error.to_string(), |upstream| upstream.to_string())
    }

    #[test]
    fn forms() {
        for (text, http, tcp) in [
            ("8080", "http://localhost:8080", "tcp://localhost:8080"),
            ("443", "https://localhost:443", "tcp://localhost:443"),
            (":3000", "http://localhost:3000", "tcp://localhost:3000"),
            ("app:3000", "http://app:3000", "tcp://app:3000"),
            ("[::1]:3000", "http://[::1]:3000", "tcp://[::1]:3000"),
            ("http://h", "http://h:80", "http://h:80"),
            ("HTTPS://h/", "https://h:443", "https://h:443"),
            ("https://", "https://localhost:443", "https://localhost:443"),
            ("tls://h:5432", "tls://h:5432", "tls://h:5432"),
            ("h2c://h:50051", "h2c://h:50051", "h2c://h:50051"),
        ] {
            assert_eq!(shown(text, Default::Http), http, "{text}");
            assert_eq!(shown(text, Default::Tcp), tcp, "{text}");
        }
        assert_eq!(shown("app", Default::Http), "http://app:80");
        #[cfg(unix)]
        for text in ["unix:/run/a.sock", "unix:///run/a.sock"] {
            assert_eq!(shown(text, Default::Http), "unix:/run/a.sock");
        }
        for wrong in [
            "",
            "tcp://h",
            "http://h/p",
            "ftp://h",
            "file:///srv",
            "0",
            "70000",
            "http://u@h",
            "unix:",
            "a b",
        ] {
            assert!(
                shown(wrong, Default::Http).starts_with("the upstream"),
                "{wrong:?}: {}",
                shown(wrong, Default::Http)
            );
        }
        assert!(shown("app", Default::Tcp).contains("port"));
        assert_eq!(Upstream::http("x y").unwrap_err().code(), Some("ERR_ADIT_1505"));
    }

    #[test]
    fn which_are_verified() {
        for private in [
            "https://localhost",
            "https://10.0.0.1",
            "https://[fd00::1]:1",
            "https://app.localhost",
            "https://127.0.0.1:1",
        ] {
            assert!(Upstream::http(private).unwrap().is_private(), "{private}");
        }
        assert!(!Upstream::http("https://app.example.com").unwrap().is_private());
        assert!(!Upstream::http("https://8.8.8.8").unwrap().is_private());
    }
}
