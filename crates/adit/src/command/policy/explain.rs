//! `adit policy explain`: one request or connection, rule by rule.

use std::path::PathBuf;

use adit_policy::case::{self, Around, Asked, Outside, explanation_text};
use serde_json::{Map, Value, json};

use super::{ask, firewall, print, read};
use crate::command::api::target::TargetArgs;
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy; `-` is the standard input. With --endpoint it stands in the place of the endpoint's own
    #[arg(value_name = "FILE", required_unless_present = "endpoint")]
    file: Option<PathBuf>,
    /// Method and URL: 'GET https://app.example.com/path'; of a connection its URL: tcp://app.example.com:5432
    #[arg(long, value_name = "REQUEST")]
    request: String,
    /// The endpoint that is asked, by its id ep_… or its URL, with its guardrails; the server explains
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Send the requests that policies send: from the server with --endpoint, else from this machine
    #[arg(long)]
    effects: bool,
    /// A header: 'name: value'
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The body, or @FILE
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// Address of the visitor
    #[arg(long, value_name = "ADDRESS")]
    client_ip: Option<String>,
    /// Country of the visitor, two letters
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Server name that the visitor asks for; the URL's host if nothing is given
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// Version of TLS that the visitor offers at most
    #[arg(long, value_name = "VERSION", value_parser = ["1.2", "1.3"])]
    tls_version: Option<String>,
    /// Status of the service's answer
    #[arg(long, value_name = "STATUS", default_value = "200")]
    upstream_status: u16,
    /// The endpoint is a cloud endpoint: a rule has to end every request
    #[arg(long, conflicts_with = "endpoint")]
    cloud: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    target: TargetArgs,
}

impl Args {
    fn asked(&self) -> Result<Asked, Failure> {
        let (method, url) = match self.request.split_once(' ') {
            Some((method, url)) => (method, url.trim()),
            None => ("", self.request.as_str()),
        };
        let mut headers = Vec::new();
        for header in &self.headers {
            let Some((name, value)) = header.split_once(':') else {
                return Err(Failure::usage(format!("{header:?} is no header")).fix("write 'name: value'"));
            };
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let body = match self.body.as_deref() {
            Some(body) => match body.strip_prefix('@') {
                Some(path) => read(std::path::Path::new(path))?,
                None => body.to_owned(),
            },
            None => String::new(),
        };
        let mut tls = Map::new();
        for (name, value) in [("sni", &self.sni), ("version", &self.tls_version)] {
            if let Some(value) = value {
                tls.insert(name.to_owned(), Value::from(value.as_str()));
            }
        }
        Ok(Asked {
            policy: self.file.as_deref().map(read).transpose()?,
            cloud: self.cloud,
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
            body,
            client_ip: self.client_ip.clone(),
            country: self.country.clone(),
            tls,
            upstream_status: self.upstream_status,
            ..Asked::default()
        })
    }

    pub(super) fn run(self) -> Result<Exit, Failure> {
        let asked = self.asked()?;
        if !asked.url.contains("://") {
            return Err(Failure::usage(format!("{:?} is no absolute URL", asked.url)).fix("write https://HOST/PATH"));
        }
        let explained = match &self.endpoint {
            Some(endpoint) => self.live(endpoint, &asked)?,
            None => self.here(&asked)?,
        };
        if self.json {
            print(&format!("{explained}\n"))?;
        } else {
            print(&explanation_text(&explained))?;
        }
        Ok(Exit::Done)
    }

    /// By the document alone.
    fn here(&self, asked: &Asked) -> Result<Value, Failure> {
        let outside = if self.effects { Some(from_here()?) } else { None };
        let around = Around {
            outside: outside.as_deref(),
            inspector: firewall::of(asked.policy.as_deref().unwrap_or_default()),
            ..Around::default()
        };
        let explained = case::explain(asked, &around).map_err(|why| {
            let file = self
                .file
                .as_deref()
                .unwrap_or_else(|| std::path::Path::new("-"))
                .display();
            Failure::failed(format!("{file} cannot be explained"))
                .because(why)
                .fix(format!("adit policy check {file}"))
        })?;
        Ok(explained.to_json())
    }

    /// By the server that has the endpoint.
    fn live(&self, endpoint: &str, asked: &Asked) -> Result<Value, Failure> {
        let mut headers: Map<String, Value> = Map::new();
        for (name, value) in &asked.headers {
            let list = headers.entry(name.clone()).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(value.as_str().into());
            }
        }
        let mut request = json!({
            "url": asked.url,
            "client": {"ip": asked.client_ip, "country": asked.country, "tls": asked.tls},
        });
        let given = [
            ("method", !asked.method.is_empty(), Value::from(asked.method.as_str())),
            ("headers", !headers.is_empty(), Value::Object(headers)),
            ("body", !asked.body.is_empty(), Value::from(asked.body.as_str())),
        ];
        for (name, _, value) in given.into_iter().filter(|(_, is_given, _)| *is_given) {
            request[name] = value;
        }
        let mut body = json!({
            "endpoint": endpoint, "effects": self.effects, "request": request, "upstream_status": asked.upstream_status,
        });
        if let Some(policy) = &asked.policy {
            body["traffic_policy"] = policy.as_str().into();
        }
        ask(&self.target, self.json, "/adit/policy/explain", &body)
    }
}

/// Sends requests from this machine, under the guard that servers send them under.
#[cfg(feature = "server")]
fn from_here() -> Result<Box<dyn Outside>, Failure> {
    let outside = adit_server::explain::FromHere::new();
    let outside = outside.map_err(|why| Failure::failed("requests cannot be sent from here").because(why))?;
    Ok(Box::new(outside))
}

#[cfg(not(feature = "server"))]
fn from_here() -> Result<Box<dyn Outside>, Failure> {
    Err(
        Failure::usage("this program was built without the server, whose guarded client sends such requests")
            .fix("use --endpoint: the server sends them"),
    )
}
