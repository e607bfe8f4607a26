//! `docs/guides/policies`: each policy of a page is given to an agent, or stands around its endpoint as a guardrail; each
//! `$ curl` below it is asked, and what the page shows must come back.

use std::fmt::Write as _;

use crate::harness::message::response;
use crate::harness::{Message, Server, Site};

/// The name that the pages have for the reader's endpoint.
const NAME: &str = "app.tunnels.example.com";

macro_rules! pages {
    ($($(#[$only:meta])? $test:ident $page:literal)*) => {
        $($(#[$only])?
        #[test]
        fn $test() {
            runs($page, include_str!(concat!("../../../../docs/guides/policies/", $page, ".md")));
        })*

        #[test]
        fn every_page_is_run() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/policies");
            let mut found: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name != "README.md")
                .collect();
            found.sort();
            assert_eq!(found, [$(concat!($page, ".md")),*]);
        }
    };
}

pages! {
    access "access"
    answers "answers"
    browsers "browsers"
    #[cfg(feature = "waf")]
    firewall "firewall"
    guardrails "guardrails"
    headers_and_paths "headers-and-paths"
    limits "limits"
    retries "retries"
    variables "variables"
    webhooks "webhooks"
    websockets "websockets"
}

/// A policy of a page, and what is shown of it.
struct Example<'p> {
    /// Stands around the endpoint.
    guardrail: &'p str,
    policy: &'p str,
    calls: Vec<Call>,
}

/// One command and what the page shows of its answer.
struct Call {
    command: String,
    expected: Vec<String>,
}

fn examples(page: &str) -> Vec<Example<'_>> {
    let mut examples: Vec<Example<'_>> = Vec::new();
    for block in page.split("\n```").filter(|b| {
        ["yaml\n", "yaml guardrail\n", "console\n"]
            .iter()
            .any(|kind| b.starts_with(kind))
    }) {
        let (kind, text) = block.split_once('\n').unwrap();
        let open = examples
            .last_mut()
            .filter(|e| !e.guardrail.is_empty() && e.calls.is_empty());
        match (kind, open) {
            ("yaml", Some(example)) => {
                example.policy = text;
                continue;
            }
            ("yaml" | "yaml guardrail", _) => {
                let (guardrail, policy) = if kind == "yaml" { ("", text) } else { (text, "") };
                examples.push(Example {
                    guardrail,
                    policy,
                    calls: Vec::new(),
                });
                continue;
            }
            _ => {}
        }
        let calls = &mut examples.last_mut().expect("a policy stands before its calls").calls;
        for line in text.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => calls.push(Call {
                    command: command.to_owned(),
                    expected: Vec::new(),
                }),
                None => calls.last_mut().unwrap().expected.push(line.to_owned()),
            }
        }
    }
    examples
}

#[track_caller]
fn runs(page: &str, text: &str) {
    let examples = examples(text);
    assert!(!examples.is_empty());
    let folder = tempfile::tempdir().unwrap();
    for (n, example) in examples.iter().enumerate() {
        assert!(!example.calls.is_empty(), "example {n} of {page} shows nothing");
        let file = folder.path().join(format!("{n}.yml"));
        std::fs::write(&file, example.policy).unwrap();
        let flags = ["--traffic-policy-file", file.to_str().unwrap()];
        let server = Server::shared("guides");
        let site = Site::answering(server, &format!("{page}-{n}"), &flags, service);
        if !example.guardrail.is_empty() {
            let body = serde_json::json!({
                "name": format!("{page}-{n}"),
                "policy": example.guardrail,
                "scope": {"domains": [site.host]},
                "mode": "enforce",
            });
            let (status, made) = crate::api::post(server, "/adit/guardrails?wait=applied", &body.to_string());
            assert_eq!(status, 201, "{made}");
        }
        for call in &example.calls {
            let request = request(&call.command, &site.host);
            let answer = site.visitor().ask(&request);
            let mut expected = call.expected.iter().map(|line| line.replace(NAME, &site.host));
            let status = expected.next().unwrap();
            let place = format!("{page}, {}\n{request}\n{answer:?}", call.command);
            assert_eq!(format!("HTTP/1.1 {}", answer.status()), status, "{place}");
            for line in expected.by_ref().take_while(|line| !line.is_empty()) {
                let (name, value) = line.split_once(": ").unwrap();
                assert_eq!(answer.get(name), Some(value), "{place}");
            }
            let body = answer.text();
            for line in expected {
                assert!(body.lines().any(|l| l == line), "{line:?} is not in the body: {place}");
            }
        }
    }
}

/// The service of the pages: it shows what reached it, and fails at `/status/…` as it is told.
fn service(request: &Message) -> Vec<u8> {
    let mut seen = format!("{} {}\n", request.method(), request.target());
    seen.push_str(
        &request
            .head_text()
            .lines()
            .skip(1)
            .fold(String::new(), |mut lines, line| {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                writeln!(lines, "{}:{value}", name.to_ascii_lowercase()).unwrap();
                lines
            }),
    );
    let status = request.target().strip_prefix("/status/").unwrap_or("200 OK");
    response(status, "", seen.as_bytes())
}

/// What `curl` would send.
fn request(command: &str, host: &str) -> String {
    let mut words = words(command).into_iter();
    assert_eq!(words.next().as_deref(), Some("curl"));
    let (mut method, mut target, mut fields, mut body) = (None, None, String::new(), None);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value");
        match word.as_str() {
            "-i" => {}
            "-X" => method = Some(value()),
            "-H" => writeln!(fields, "{}\r", value()).unwrap(),
            "-d" => body = Some(value()),
            "-u" => {
                use base64::Engine as _;
                let encoded = base64::engine::general_purpose::STANDARD.encode(value());
                writeln!(fields, "Authorization: Basic {encoded}\r").unwrap();
            }
            url => {
                let path = url.strip_prefix("https://").and_then(|u| u.strip_prefix(NAME));
                target = Some(path.unwrap_or_else(|| panic!("{url} is not on {NAME}")).to_owned());
            }
        }
    }
    let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
    if let Some(body) = &body {
        write!(
            fields,
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        )
        .unwrap();
    }
    format!(
        "{method} {} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{}",
        target.expect("a URL"),
        body.unwrap_or_default()
    )
}

/// Words of a shell, with single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    assert!(!quoted, "a quote is open: {line}");
    words
}
