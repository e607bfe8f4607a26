//! Which server an agent connects to: flags, then the environment, then the development server of this machine.

use adit_agent::{Ca, Session, SessionBuilder};

use super::dev_server;
use crate::exit::Failure;
use crate::output::failure::note;

/// The flags about the connection.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// The credential [env: ADIT_AUTHTOKEN, NGROK_AUTHTOKEN]
    #[arg(long, value_name = "TOKEN", help_heading = "Connection")]
    authtoken: Option<String>,
    /// The server's connect address, host[:port]; several, separated by commas, in order of preference
    /// [env: ADIT_CONNECT_URL]
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection")]
    connect_url: Option<String>,
    /// The server's certificate authority, PEM; only it is trusted then [env: ADIT_CONNECT_CA]
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    connect_ca: Option<String>,
    /// The name that the server's certificate is verified for, if it is not the host of the address
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    connect_server_name: Option<String>,
    /// A proxy: http://, https:// or socks5://, with user:password@ if needed [env: ADIT_PROXY_URL, https_proxy,
    /// all_proxy]
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    proxy_url: Option<String>,
    /// Do not use the development server that runs on this machine
    #[arg(long, help_heading = "Connection")]
    no_dev: bool,
    /// Ngrok's regions mean nothing here
    #[arg(long, value_name = "REGION", hide = true)]
    region: Option<String>,
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl ConnectionArgs {
    pub(crate) fn builder(&self) -> Result<SessionBuilder, Failure> {
        self.builder_in(
            &|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()),
            dev_server::running,
        )
    }

    fn builder_in(
        &self,
        environment: Environment<'_>,
        running: impl FnOnce() -> Option<dev_server::DevServer>,
    ) -> Result<SessionBuilder, Failure> {
        if self.region.is_some() {
            note("--region has no effect: the server is the one of --connect-url");
        }
        let token = self
            .authtoken
            .clone()
            .or_else(|| environment("ADIT_AUTHTOKEN"))
            .or_else(|| environment("NGROK_AUTHTOKEN"));
        let address = self.connect_url.clone().or_else(|| environment("ADIT_CONNECT_URL"));
        let mut builder = Session::builder();
        match (&address, &token) {
            (None, None) if !self.no_dev => {
                let server = running().ok_or_else(no_server)?;
                note(&format!(
                    "using the development server on this machine ({})",
                    server.directory.display()
                ));
                builder = builder
                    .connect_url(server.address.to_string())
                    .connect_server_name(server.server_name)
                    .authtoken(server.authtoken)
                    .ca(Ca::file(server.ca_file)?);
            }
            (None, _) => return Err(no_server()),
            (Some(_), None) => {
                return Err(Failure::usage("no authtoken is configured")
                    .fix("give --authtoken TOKEN or set ADIT_AUTHTOKEN; the dashboard makes one"));
            }
            (Some(address), Some(token)) => {
                builder = builder.connect_url(address).authtoken(token.trim());
            }
        }
        if let Some(path) = &self.connect_ca {
            builder = builder.ca(Ca::file(path).map_err(|error| Failure::from(error).at("--connect-ca"))?);
        }
        if let Some(name) = &self.connect_server_name {
            builder = builder.connect_server_name(name);
        }
        if let Some(url) = &self.proxy_url {
            builder = builder.proxy_url(url);
        }
        Ok(builder
            .hostname(hostname().unwrap_or_default())
            .environment(environment))
    }
}

fn no_server() -> Failure {
    Failure::usage("no server is configured")
        .because("neither --connect-url nor ADIT_CONNECT_URL is set, and no development server runs on this machine")
        .fix("start one here: adit dev\nor connect to a server: --connect-url connect.tunnels.example.com --authtoken TOKEN")
}

/// The machine's name, shown beside the session to tell agents apart.
fn hostname() -> Option<String> {
    let named = if cfg!(target_os = "linux") {
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok()
    } else {
        std::env::var("COMPUTERNAME")
            .or_else(|_| std::env::var("HOSTNAME"))
            .ok()
    };
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> ConnectionArgs {
        ConnectionArgs {
            authtoken: None,
            connect_url: None,
            connect_ca: None,
            connect_server_name: None,
            proxy_url: None,
            no_dev: false,
            region: None,
        }
    }

    fn dev_server() -> Option<dev_server::DevServer> {
        Some(dev_server::DevServer {
            directory: "/d".into(),
            address: ([127, 0, 0, 1], 8443).into(),
            server_name: "connect.adit.localhost".into(),
            ca_file: "/dev/null".into(),
            authtoken: "dev".into(),
            api_url: "https://api.adit.localhost:8443".into(),
            api_key: "k".into(),
        })
    }

    #[test]
    fn the_development_server_is_used_only_if_nothing_is_configured() {
        let builder = args().builder_in(&|_| None, dev_server).unwrap();
        assert!(format!("{builder:?}").contains("8443"));
        let refused = ConnectionArgs { no_dev: true, ..args() }
            .builder_in(&|_| None, dev_server)
            .unwrap_err();
        assert_eq!(refused.exit, crate::exit::Exit::Usage);
        let environment = |name: &str| (name == "NGROK_AUTHTOKEN").then(|| "t".to_owned());
        assert!(
            args().builder_in(&environment, dev_server).is_err(),
            "a token without an address is not for the development server"
        );
        let given = ConnectionArgs {
            connect_url: Some("connect.example.com".into()),
            ..args()
        };
        assert!(format!("{:?}", given.builder_in(&environment, dev_server).unwrap()).contains("connect.example.com"));
        assert!(
            given
                .builder_in(&|_| None, dev_server)
                .unwrap_err()
                .to_string()
                .contains("authtoken")
        );
    }
}
