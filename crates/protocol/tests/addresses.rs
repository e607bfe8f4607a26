//! The table of addresses: every place and form in which a bind can name one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use adit_names::endpoint_url::{Address, Binding, EndpointUrl, UrlRules};
use adit_names::{CanonicalHost, ErrorCode};
use adit_protocol::bind_address::select;
use adit_protocol::message::{Bind, Presence};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn host(name: &str) -> CanonicalHost {
    CanonicalHost::any_depth(name).unwrap()
}

fn rules(installation: &str) -> UrlRules {
    match installation {
        "server" | "stock" => UrlRules::new(host("adit.example.com")).unwrap(),
        "dev" => UrlRules {
            private_suffixes: ["localhost", "test", "lan", "home.arpa"].map(host).to_vec(),
            https_ports: vec![8443],
            http_ports: vec![8080],
            ..UrlRules::new(host("adit.localhost")).unwrap()
        },
        other => panic!("{other}"),
    }
}

/// A text from the table: escapes, and long values that nobody wants to read there.
fn text(cell: &str) -> String {
    cell.replace("\\t", "\t")
        .replace("\\n", "\n")
        .replace("<64>", &"a".repeat(64))
        .replace("<253>", &("a.".repeat(126) + "com"))
        .replace("<2048>", &"a".repeat(2048))
}

fn binding_of(url: &str, bindings: &str) -> Binding {
    match bindings {
        "" if url.contains(".internal") => Binding::Internal,
        "" => Binding::Public,
        name => Binding::from_name(name).unwrap(),
    }
}

struct Row {
    bind: Bind,
    cookie: Option<EndpointUrl>,
    udp: bool,
    rules: UrlRules,
}

impl Row {
    fn read(installation: &str, proto: &str, fields: &str, bindings: &str) -> Self {
        let mut bind = Bind {
            proto: proto.to_owned(),
            ..Bind::default()
        };
        let mut opts = Map::new();
        let mut cookie = None;
        for field in fields.split(';').filter(|field| !field.is_empty()) {
            let (key, value) = field.split_once('=').unwrap();
            match key {
                "id" => bind.id = value.to_owned(),
                "cookie" => cookie = Some(EndpointUrl::from_canonical(value, Binding::Public).unwrap()),
                _ => _ = opts.insert(key.to_owned(), Value::from(text(value))),
            }
        }
        bind.opts = Value::Object(opts);
        bind.extra.bindings = Presence::Value(
            bindings
                .split(',')
                .filter(|b| !b.is_empty())
                .map(str::to_owned)
                .collect(),
        );
        Self {
            bind,
            cookie,
            udp: installation != "stock",
            rules: rules(installation),
        }
    }

    fn outcome(&self) -> String {
        match select(&self.bind, self.cookie.as_ref(), self.udp, &self.rules) {
            Ok(chosen) => match chosen.address {
                Address::Url(url) => url.to_string(),
                Address::RandomName { scheme, port } => format!("random {scheme} {port}"),
                Address::RandomPort { scheme, host } => format!("port {scheme} {host}"),
            },
            Err(error) => {
                assert!(!error.to_string().is_empty());
                let code = error.code();
                format!("{}{}", if code.is_own() { 'A' } else { 'N' }, code.number())
            }
        }
    }
}

#[test]
fn every_row() {
    let mut rows = 0;
    let mut wrong = Vec::new();
    for (number, line) in include_str!("data/addresses.txt").lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let [installation, proto, fields, bindings, wanted] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("line {}: {line}", number + 1)
        };
        rows += 1;
        let outcome = Row::read(installation, proto, fields, bindings).outcome();
        if outcome != wanted {
            wrong.push(format!("line {}: {line}\n    but it is {outcome}", number + 1));
            continue;
        }
        // What comes out is canonical: asked for again, or read back, it stays as it is.
        if outcome.contains("://") {
            let again = Row::read(installation, proto, &format!("URL={outcome}"), bindings).outcome();
            assert_eq!(again, outcome, "line {}", number + 1);
            let url = EndpointUrl::from_canonical(&outcome, binding_of(&outcome, bindings)).unwrap();
            assert_eq!(url.to_string(), outcome, "line {}", number + 1);
        }
    }
    assert!(wrong.is_empty(), "{} of {rows}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= 200, "only {rows} rows");
}

#[test]
fn refusals_name_the_part_and_not_the_password() {
    let message = |fields: &str| {
        let row = Row::read("server", "https", fields, "");
        select(&row.bind, None, false, &row.rules).unwrap_err().to_string()
    };
    assert_eq!(
        message("URL=https://a.example.com/x"),
        "Invalid URL https://a.example.com/x, path /x is not allowed"
    );
    assert_eq!(
        message("URL=https://a.example.com/"),
        "Invalid URL, a trailing '/' is not allowed. Did you mean https://a.example.com?"
    );
    let text = message("URL=https://user:secret@a.example.com/x");
    assert!(
        text.contains("userinfo user is not allowed") && !text.contains("secret"),
        "{text}"
    );
    let text = message("URL=user:secret@a.example.com");
    assert!(text.contains("userinfo user") && !text.contains("secret"), "{text}");
    assert!(message(&format!("URL=https://a.example.com/{}", "x".repeat(1000))).len() < 400);
}

#[test]
fn open_addresses_are_filled() {
    let rules = rules("server");
    let name = Address::RandomName {
        scheme: adit_names::Scheme::Https,
        port: 443,
    };
    let url = name
        .fill(&rules, || Some("amber-river-k7mzq2ab".to_owned()), || None)
        .unwrap();
    assert_eq!(url.to_string(), "https://amber-river-k7mzq2ab.adit.example.com");
    let port = Address::RandomPort {
        scheme: adit_names::Scheme::Tcp,
        host: host("tcp.adit.example.com"),
    };
    assert_eq!(
        port.clone().fill(&rules, || None, || Some(20_001)).unwrap().to_string(),
        "tcp://tcp.adit.example.com:20001"
    );
    assert_eq!(port.fill(&rules, || None, || None), None);
}

#[test]
fn a_wrong_type_is_301() {
    let mut row = Row::read("server", "https", "", "");
    row.bind.opts = serde_json::json!({"url": 5});
    assert_eq!(
        select(&row.bind, None, false, &row.rules).unwrap_err().code(),
        ErrorCode::NGROK_301
    );
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_taken_is_canonical(
        url in "(https://|HTTPS://|tcp://|)?(\\*\\.)?[a-z0-9.:/@?#_\u{fc}-]{0,30}(\\.com|\\.internal)?(:[0-9]{0,6})?/?",
        dev in any::<bool>(),
    ) {
        let installation = if dev { "dev" } else { "server" };
        for proto in ["https", "tcp"] {
            let mut row = Row::read(installation, proto, "", "");
            row.bind.opts = serde_json::json!({ "URL": url });
            let outcome = row.outcome();
            if outcome.contains("://") {
                row.bind.opts = serde_json::json!({ "URL": outcome });
                prop_assert_eq!(row.outcome(), outcome);
            }
        }
    }
}
