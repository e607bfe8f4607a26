//! `adit policy explain`: one request, rule by rule.

use std::fmt::Write as _;
use std::path::PathBuf;

use adit_policy::case::{self, Explanation};
use serde_json::{Map, Value, json};

use super::{For, print, read};
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy; `-` is the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Method and URL: 'GET https://app.example.com/path'
    #[arg(long, value_name = "REQUEST")]
    request: String,
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
    /// Status of the service's answer
    #[arg(long, value_name = "STATUS", default_value = "200")]
    upstream_status: u16,
    #[command(flatten)]
    subject: For,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// The request as a case without expectations.
    fn case(&self) -> Result<Value, Failure> {
        let (method, url) = match self.request.split_once(' ') {
            Some((method, url)) => (method, url.trim()),
            None => ("GET", self.request.as_str()),
        };
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(Failure::usage(format!("{url:?} is no absolute URL")).fix("write https://HOST/PATH"));
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let mut headers: Map<String, Value> = Map::new();
        for header in &self.headers {
            let Some((name, value)) = header.split_once(':') else {
                return Err(Failure::usage(format!("{header:?} is no header")).fix("write 'name: value'"));
            };
            let list = headers.entry(name.trim().to_owned()).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(Value::from(value.trim()));
            }
        }
        let body = match self.body.as_deref() {
            Some(body) => match body.strip_prefix('@') {
                Some(path) => read(std::path::Path::new(path))?,
                None => body.to_owned(),
            },
            None => String::new(),
        };
        let mut conn = Map::new();
        if let Some(ip) = &self.client_ip {
            conn.insert("client_ip".to_owned(), json!(ip));
        }
        if let Some(country) = &self.country {
            conn.insert("geo".to_owned(), json!({"country_code": country}));
        }
        Ok(json!({
            "id": "explain",
            "policy": read(&self.file)?,
            "endpoint": {
                "url": format!("{scheme}://{authority}"),
                "type": if self.subject.cloud { "cloud" } else { "agent" },
            },
            "conn": conn,
            "request": {"method": method, "url": url, "headers": headers, "body": body},
            "upstream": {"status": self.upstream_status},
        }))
    }

    pub(super) fn run(self) -> Result<Exit, Failure> {
        let case = self.case()?;
        let explained = case::explain(&case.to_string()).map_err(|why| {
            Failure::failed(format!("{} cannot be explained", self.file.display()))
                .because(why)
                .fix(format!("adit policy check {}", self.file.display()))
        })?;
        if self.json {
            print(&format!("{}\n", as_json(&explained)))?;
        } else {
            print(&as_text(&explained))?;
        }
        Ok(Exit::Done)
    }
}

fn headers_json(fields: &[(String, String)]) -> Value {
    Value::Array(fields.iter().map(|(name, value)| json!([name, value])).collect())
}

fn as_json(explained: &Explanation) -> Value {
    let verdicts = explained.verdicts.iter().map(|verdict| {
        let values: Map<String, Value> = verdict
            .values
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect();
        json!({
            "path": verdict.path, "id": verdict.id, "name": verdict.name, "action": verdict.action,
            "outcome": verdict.outcome.name(), "values": values,
        })
    });
    let vars: Map<String, Value> = explained
        .vars
        .iter()
        .map(|(name, value)| (name.clone(), value.to_json()))
        .collect();
    json!({
        "verdicts": verdicts.collect::<Vec<_>>(),
        "forwarded": explained.forwarded.as_ref().map(|request| {
            json!({
                "method": request.method, "url": request.target, "host": request.host,
                "headers": headers_json(&request.fields),
            })
        }),
        "forwarded_to": explained.forwarded_to,
        "response": explained.response.as_ref().map(|(status, fields)| {
            json!({"status": status, "headers": headers_json(fields)})
        }),
        "closed": explained.closed,
        "vars": vars,
        "logs": explained.logs.iter().map(adit_policy::Value::to_json).collect::<Vec<_>>(),
        "errors": explained.errors.iter().map(|e| json!({"path": e.path, "message": e.message})).collect::<Vec<_>>(),
        "cost": explained.cost,
    })
}

fn as_text(explained: &Explanation) -> String {
    let mut out = String::new();
    for line in case::trace_lines(&explained.verdicts) {
        let _ = writeln!(out, "{line}");
    }
    for error in &explained.errors {
        let _ = writeln!(out, "error at {}: {}", error.path, error.message);
    }
    for (name, value) in &explained.vars {
        let _ = writeln!(out, "vars.{name} = {}", value.to_json());
    }
    for entry in &explained.logs {
        let _ = writeln!(out, "log {}", entry.to_json());
    }
    if let Some(request) = &explained.forwarded {
        let to = explained.forwarded_to.as_deref().unwrap_or("the service");
        let _ = writeln!(
            out,
            "-> {to}: {} {} (host {})",
            request.method, request.target, request.host
        );
        for (name, value) in &request.fields {
            let _ = writeln!(out, "   {name}: {value}");
        }
    }
    if explained.closed {
        out.push_str("<- the connection is closed\n");
    }
    if let Some((status, fields)) = &explained.response {
        let _ = writeln!(out, "<- {status}");
        for (name, value) in fields {
            let _ = writeln!(out, "   {name}: {value}");
        }
    }
    out
}
