//! What is said when everything is ready: the public URL, a line that can be pasted, how to connect agents.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::places::shown;

/// What the banner tells.
pub(super) struct Banner<'a> {
    pub(super) version: &'a str,
    pub(super) took: Duration,
    pub(super) public_url: Option<&'a str>,
    pub(super) upstream: &'a str,
    pub(super) https: SocketAddr,
    pub(super) connect_addr: &'a str,
    pub(super) authtoken: &'a str,
    pub(super) ca_file: &'a Path,
    pub(super) data_dir: &'a Path,
    pub(super) terminal: bool,
}

impl Banner<'_> {
    pub(super) fn render(&self) -> String {
        let mut out = String::new();
        let ca = shown(self.ca_file, self.terminal);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "Adit {}  development server  ready in {:.1} s\n",
            self.version,
            self.took.as_secs_f32()
        );
        if let Some(url) = self.public_url {
            let _ = writeln!(out, "  Public URL     {url}  ->  {}", self.upstream);
            if let Some(curl) = curl(url, self.https, &ca) {
                let _ = writeln!(out, "  Try it         {curl}");
            }
        }
        let _ = writeln!(
            out,
            "  Another agent  adit http 8000        (finds this server by itself)"
        );
        let _ = writeln!(
            out,
            "  Browser trust  adit dev trust        (once, then restart the browser)\n"
        );
        out.push_str(&self.languages(&ca));
        let _ = writeln!(
            out,
            "\nCtrl-C stops. State is kept in {}",
            shown(self.data_dir, self.terminal)
        );
        out
    }

    /// The lines that a program with one of the open SDKs needs.
    fn languages(&self, ca: &str) -> String {
        let (addr, token) = (self.connect_addr, self.authtoken);
        let mut out = String::new();
        let _ = writeln!(
            out,
            "  SDKs           address {addr}, authority {ca}, and in the environment"
        );
        let _ = writeln!(out, "                 NGROK_AUTHTOKEN={token}");
        let _ = writeln!(
            out,
            "    Rust         .authtoken_from_env().server_addr(\"{addr}\")?.root_cas(\"{ca}\")?"
        );
        let _ = writeln!(
            out,
            "    Python       ngrok.forward(8000, authtoken_from_env=True, server_addr=\"{addr}\", root_cas=\"{ca}\")"
        );
        let _ = writeln!(
            out,
            "    JavaScript   ngrok.forward({{ addr: 8000, authtoken_from_env: true, server_addr: \"{addr}\", root_cas: \"{ca}\" }})"
        );
        let _ = writeln!(
            out,
            "    Go           ngrok.WithAgentConnectURL(\"{addr}\"), ngrok.WithAgentConnectCAs(pool with {ca})"
        );
        out
    }
}

/// A `curl` line that works as it stands: without DNS and without trust.
fn curl(url: &str, https: SocketAddr, ca: &str) -> Option<String> {
    let host = url.strip_prefix("https://")?.split([':', '/']).next()?;
    let address = match https.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        ip => ip.to_string(),
    };
    let port = https.port();
    Some(format!("curl --cacert {ca} --resolve {host}:{port}:{address} {url}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curl_line_needs_neither_dns_nor_trust() {
        let line = curl(
            "https://a.adit.localhost:8443",
            "0.0.0.0:8443".parse().unwrap(),
            "/x/ca.pem",
        )
        .unwrap();
        assert_eq!(
            line,
            "curl --cacert /x/ca.pem --resolve a.adit.localhost:8443:127.0.0.1 https://a.adit.localhost:8443/"
        );
        assert_eq!(curl("tcp://a:1", "127.0.0.1:1".parse().unwrap(), ""), None);
    }
}
