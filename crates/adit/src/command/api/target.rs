//! Which API a control command asks, and with which key: flags, then the environment, then the configuration file,
//! then the development server of this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use adit_agent::{Ca, Connector};

use super::client::{Base, Client};
use crate::command::config::file::{self, AgentFile};
use crate::command::config::first_line;
use crate::command::dev_server;
use crate::exit::Failure;
use crate::output::failure::note;

/// The flags about the API.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct TargetArgs {
    /// The API key; `-` reads it from stdin [env: ADIT_API_KEY, NGROK_API_KEY]
    #[arg(long, value_name = "KEY", help_heading = "Connection", allow_hyphen_values = true)]
    pub(crate) api_key: Option<String>,
    /// A file with the API key
    #[arg(long, value_name = "FILE", help_heading = "Connection", conflicts_with = "api_key")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The API's address [env: ADIT_API_URL, NGROK_API_URL]
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    pub(crate) api_url: Option<String>,
    /// The server's certificate authority, PEM; only it is trusted then [env: ADIT_CONNECT_CA]
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) api_ca: Option<PathBuf>,
    /// Configuration files, later ones over earlier ones [env: ADIT_CONFIG, NGROK_CONFIG]
    #[arg(long, value_name = "FILE", value_delimiter = ',', help_heading = "Connection")]
    pub(crate) config: Vec<PathBuf>,
    /// Longest wait for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, help_heading = "Connection")]
    pub(crate) timeout: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse::<f64>() {
        Ok(n) if (0.001..=86_400.0).contains(&n) => Ok(Duration::from_secs_f64(n)),
        _ => Err("a number of seconds, up to a day".to_owned()),
    }
}

/// An API and how to get there.
#[derive(Clone, Debug)]
struct Target {
    base: Base,
    at: Option<SocketAddr>,
    key: String,
    ca: Option<PathBuf>,
}

impl TargetArgs {
    /// A client for it; nothing is sent yet.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        if self.api_key.as_deref().is_some_and(|key| key != "-") {
            note(
                "a key on the command line can be seen by others on this machine: ADIT_API_KEY or --api-key-file keep it apart",
            );
        }
        let target = self.target(&file::environment, dev_server::running)?;
        let ca = match &target.ca {
            None => Ca::system(),
            Some(path) => Ca::file(path)?,
        };
        let connector = Connector::new(ca, file::environment)?;
        Client::new(connector, target.base, target.at, Some(target.key), self.timeout)
    }

    fn target(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
        running: impl FnOnce() -> Option<dev_server::DevServer>,
    ) -> Result<Target, Failure> {
        let given = match (&self.api_key, &self.api_key_file) {
            (Some(key), _) if key == "-" => Some(first_line()?),
            (Some(key), _) => Some(key.clone()),
            (None, Some(path)) => Some(
                std::fs::read_to_string(path)
                    .map_err(|e| Failure::usage(format!("{} cannot be read: {e}", path.display())))?,
            ),
            (None, None) => None,
        };
        let file = AgentFile::merged(&file::chosen(&self.config, environment))?;
        let either = |first: &str, second: &str| environment(first).or_else(|| environment(second));
        let key = given
            .or_else(|| either("ADIT_API_KEY", "NGROK_API_KEY"))
            .or(file.api_key);
        let connect = environment("ADIT_CONNECT_URL").or(file.connect_url);
        let url = self
            .api_url
            .clone()
            .or_else(|| either("ADIT_API_URL", "NGROK_API_URL"))
            .or(file.api_url)
            .or_else(|| connect.as_deref().and_then(api_of));
        let ca = self
            .api_ca
            .clone()
            .or_else(|| environment("ADIT_CONNECT_CA").map(PathBuf::from))
            .or_else(|| {
                file.connect_cas
                    .filter(|cas| cas != "trusted" && cas != "host")
                    .map(PathBuf::from)
            });
        match (url, key) {
            (Some(url), Some(key)) => Ok(Target {
                base: Base::parse(url.trim())?,
                at: None,
                key: key.trim().to_owned(),
                ca,
            }),
            (Some(url), None) => Err(Failure::usage(format!("no API key is configured for {url}"))
                .fix("set ADIT_API_KEY, or keep it: adit config add-api-key KEY")),
            (None, key) => {
                let server = running().ok_or_else(no_server)?;
                Ok(Target {
                    base: Base::parse(&server.api_url)?,
                    at: Some(server.address),
                    key: key.unwrap_or(server.api_key).trim().to_owned(),
                    ca: ca.or(Some(server.ca_file)),
                })
            }
        }
    }
}

/// Where the API of a server is whose connect address is known: `connect.` becomes `api.`.
fn api_of(connect: &str) -> Option<String> {
    let first = connect.split(',').next()?.trim();
    let first = first.strip_prefix("https://").unwrap_or(first).trim_end_matches('/');
    let rest = first.strip_prefix("connect.")?;
    Some(format!("https://api.{}", rest.strip_suffix(":443").unwrap_or(rest)))
}

fn no_server() -> Failure {
    Failure::usage("no server is configured")
        .because("neither --api-url nor ADIT_API_URL is set, and no development server runs on this machine")
        .fix("start one here: adit dev\nor name one: --api-url https://api.tunnels.example.com, with its key in ADIT_API_KEY")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dev() -> Option<dev_server::DevServer> {
        Some(dev_server::DevServer {
            directory: "/d".into(),
            address: ([127, 0, 0, 1], 8443).into(),
            server_name: "connect.adit.localhost".into(),
            ca_file: "/d/ca.pem".into(),
            authtoken: "dev".into(),
            api_url: "https://api.adit.localhost:8443".into(),
            api_key: "devkey".into(),
        })
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_files() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("adit.yml");
        std::fs::write(
            &config,
            "version: 3\nagent:\n  api_key: f\n  connect_url: connect.t.example.com:443\n",
        )
        .unwrap();
        let args = TargetArgs {
            config: vec![config],
            ..TargetArgs::default()
        };
        let nothing = |_: &str| None;
        let found = args.target(&nothing, dev).unwrap();
        assert_eq!(
            (found.base.authority.as_str(), found.key.as_str()),
            ("api.t.example.com", "f")
        );
        assert_eq!((found.at, found.ca), (None, None));
        let environment = |name: &str| match name {
            "NGROK_API_KEY" => Some("n".to_owned()),
            "ADIT_API_URL" => Some("https://api.e.example.com:9/".to_owned()),
            "ADIT_CONNECT_CA" => Some("/ca".to_owned()),
            _ => None,
        };
        let found = args.target(&environment, dev).unwrap();
        assert_eq!(
            (found.base.authority.as_str(), found.key.as_str()),
            ("api.e.example.com:9", "n")
        );
        assert_eq!(found.ca, Some("/ca".into()));
        let args = TargetArgs {
            api_key: Some("a".into()),
            api_url: Some("https://API.a.example.com/x/".into()),
            ..args
        };
        let found = args.target(&environment, dev).unwrap();
        assert_eq!(
            (found.base.authority.as_str(), found.key.as_str()),
            ("api.a.example.com", "a")
        );
        assert_eq!(found.base.prefix, "/x");
    }

    #[test]
    fn the_development_server_is_used_only_if_no_server_is_named() {
        let none = TargetArgs {
            config: vec!["/dev/null".into()],
            ..TargetArgs::default()
        };
        let found = none.target(&|_| None, dev).unwrap();
        assert_eq!(
            (found.key.as_str(), found.at),
            ("devkey", Some(([127, 0, 0, 1], 8443).into()))
        );
        assert!(none.target(&|_| None, || None).is_err());
        let named = TargetArgs {
            api_url: Some("https://api.example.com".into()),
            ..none
        };
        let refused = named.target(&|_| None, dev).unwrap_err();
        assert_eq!(refused.exit, crate::exit::Exit::Usage);
        assert!(refused.what.contains("no API key"), "{refused}");
    }

    #[test]
    fn a_key_does_not_travel_in_the_clear() {
        for url in [
            "http://api.example.com",
            "ftp://x",
            "https://",
            "https://a b",
            "https://u@h",
            "https://h?q",
        ] {
            assert!(Base::parse(url).is_err(), "{url}");
        }
        let base = Base::parse("http://127.0.0.1:80").unwrap();
        assert!(!base.secure);
        let base = Base::parse("https://api.adit.localhost:8443").unwrap();
        assert_eq!(base.own("https://API.adit.localhost:8443/x?y"), Some("/x?y"));
        for other in [
            "https://api.adit.localhost:84430/x",
            "http://api.adit.localhost:8443/x",
            "https://evil/x",
            "/x",
        ] {
            assert_eq!(base.own(other), None, "{other}");
        }
    }
}
