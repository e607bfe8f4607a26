//! The SDK in a process of its own: an endpoint for HTTP (and one for TCP), their URLs in a line of JSON, until it is
//! killed or its input ends.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use ngrok::tunnel::EndpointInfo;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::sdk;
use crate::server::Server;

/// Killed when dropped.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// `more`: `--domain NAME`, `--pool`.
    pub async fn start(server: &Server, upstream: &str, more: &[&str]) -> Result<Self> {
        let info = &server.info;
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "agent",
                "--server",
                &info.https,
                "--token",
                &info.token,
                "--upstream",
                upstream,
                "--ca",
            ])
            .arg(&info.ca_file)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let urls: Value = serde_json::from_str(&line).context("the process's URLs")?;
        let url = urls["http"].as_str().context("the process's URL")?.to_owned();
        Ok(Self { child, url })
    }

    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// What that process does.
pub async fn serve(arguments: &[String]) -> Result<()> {
    let (mut address, mut token, mut ca, mut upstream) = (None, None, None, None);
    let (mut domain, mut pool, mut tcp) = (None, false, None);
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let place = match flag.as_str() {
            "--server" => &mut address,
            "--token" => &mut token,
            "--ca" => &mut ca,
            "--upstream" => &mut upstream,
            "--domain" => &mut domain,
            "--tcp-upstream" => &mut tcp,
            "--pool" => {
                pool = true;
                continue;
            }
            other => bail!("unknown flag {other}"),
        };
        *place = Some(rest.next().with_context(|| format!("{flag} needs a value"))?);
    }
    let session = ngrok::Session::builder()
        .authtoken(token.context("--token")?)
        .server_addr(address.context("--server")?)?
        .root_cas(ca.context("--ca")?)?
        .connect()
        .await?;
    let mut builder = session.http_endpoint();
    if let Some(domain) = domain {
        builder.domain(domain);
    }
    let web = sdk::web(builder.pooling_enabled(pool), upstream.context("--upstream")?).await?;
    let mut urls = json!({ "http": web.url() });
    let mut raw = None;
    if let Some(tcp) = tcp {
        let raw = raw.insert(sdk::forward(&session.tcp_endpoint(), &format!("tcp://{tcp}")).await?);
        urls["tcp"] = raw.url().into();
    }
    println!("{urls}");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
