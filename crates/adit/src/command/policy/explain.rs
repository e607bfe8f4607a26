//! `adit policy explain`: one request, rule by rule.

use std::path::PathBuf;

use adit_policy::case::{self, Asked};

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
        Ok(Asked {
            policy: read(&self.file)?,
            cloud: self.subject.cloud,
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
            body,
            client_ip: self.client_ip.clone(),
            country: self.country.clone(),
            upstream_status: self.upstream_status,
            ..Asked::default()
        })
    }

    pub(super) fn run(self) -> Result<Exit, Failure> {
        let asked = self.asked()?;
        if !asked.url.contains("://") {
            return Err(Failure::usage(format!("{:?} is no absolute URL", asked.url)).fix("write https://HOST/PATH"));
        }
        let explained = case::explain_request(&asked).map_err(|why| {
            Failure::failed(format!("{} cannot be explained", self.file.display()))
                .because(why)
                .fix(format!("adit policy check {}", self.file.display()))
        })?;
        if self.json {
            print(&format!("{}\n", explained.to_json()))?;
        } else {
            print(&explained.to_text())?;
        }
        Ok(Exit::Done)
    }
}
