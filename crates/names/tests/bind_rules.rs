//! What a credential may bind: each form of rule allowed and refused (agent protocol 5.8).

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use adit_names::endpoint_url::{Address, Binding, EndpointUrl, Scheme};
use adit_names::{Acl, BindRule, CanonicalHost, ErrorCode};
use proptest::prelude::*;

fn url(text: &str) -> EndpointUrl {
    let binding = if text.contains(".internal") {
        Binding::Internal
    } else {
        Binding::Public
    };
    EndpointUrl::from_canonical(text, binding).unwrap()
}

#[test]
fn each_form() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "*",
            &["https://a.b", "tcp://t.b:1", "udp://t.b:1", "http://x.internal"],
            &[],
        ),
        ("bind:*", &["https://a.b", "tcp://t.b:1"], &[]),
        (
            "bind:App.example.com",
            &[
                "https://app.example.com",
                "http://app.example.com",
                "tls://app.example.com",
                "https://app.example.com:8443",
            ],
            &[
                "https://b.app.example.com",
                "https://example.com",
                "tcp://app.example.com:1",
                "udp://app.example.com:1",
            ],
        ),
        (
            "bind:*.example.com",
            &[
                "https://a.example.com",
                "https://a.b.example.com",
                "https://*.example.com",
                "https://*.b.example.com",
            ],
            &[
                "https://example.com",
                "https://aexample.com",
                "tcp://tcp.example.com:20000",
                "https://example.com.evil.net",
            ],
        ),
        (
            "bind:tcp.example.com:20007",
            &["tcp://tcp.example.com:20007", "udp://tcp.example.com:20007"],
            &["tcp://tcp.example.com:20008", "https://tcp.example.com:20007"],
        ),
        (
            "bind:tcp://*:20000-20100",
            &["tcp://a.b:20000", "tcp://c.d:20100"],
            &["tcp://a.b:19999", "tcp://a.b:20101", "udp://a.b:20000", "https://a.b"],
        ),
        ("bind:tcp://*", &["tcp://a.b:1"], &["udp://a.b:1", "https://a.b"]),
        (
            "bind:https://*.example.com",
            &["https://a.example.com", "https://a.example.com:8443"],
            &["http://a.example.com", "tls://a.example.com"],
        ),
        (
            "bind:tls://db.example.com:443",
            &["tls://db.example.com"],
            &["tls://db.example.com:8443"],
        ),
        (
            "bind:*.internal",
            &["https://a.internal", "tcp://a.b.internal:5432"],
            &["https://a.example.com", "tcp://tcp.example.com:5432"],
        ),
        (
            "bind:db.internal:5432",
            &["tcp://db.internal:5432", "tls://db.internal:5432"],
            &["tcp://db.internal:5433"],
        ),
        (
            "bind:tcp.example.com:*",
            &["tcp://tcp.example.com:20000", "tcp://tcp.example.com:65535"],
            &["https://tcp.example.com", "tcp://other.example.com:20000"],
        ),
        ("bind:edge=edghts_1", &[], &["https://a.b"]),
    ];
    for (rule, allowed, refused) in cases {
        let acl = Acl::parse([rule]).unwrap();
        for text in *allowed {
            assert!(acl.allows(&url(text)), "{rule} refuses {text}");
        }
        for text in *refused {
            assert!(!acl.allows(&url(text)), "{rule} allows {text}");
        }
    }
}

#[test]
fn empty_allows_and_rules_add_up() {
    assert!(Acl::default().allows(&url("https://a.b")) && Acl::default().is_empty());
    let acl = Acl::parse(["bind:a.example.com", "bind:tcp://*:1-2"]).unwrap();
    assert!(acl.allows(&url("https://a.example.com")) && acl.allows(&url("tcp://x.y:2")));
    assert!(!acl.allows(&url("https://b.example.com")));
}

#[test]
fn labels() {
    let acl = Acl::parse(["bind:edge=edghts_1", "bind:env=*"]).unwrap();
    assert!(acl.allows_label("edge", "edghts_1") && acl.allows_label("env", "prod"));
    assert!(!acl.allows_label("edge", "edghts_2") && !acl.allows_label("Env", "prod"));
    assert!(!Acl::parse(["bind:a.example.com"]).unwrap().allows_label("a", "b"));
    assert!(Acl::parse(["bind:*"]).unwrap().allows_label("a", "b"));
    let acl = Acl::parse(["bind:*=bar"]).unwrap();
    assert!(acl.allows_label("a", "bar") && acl.allows_label("*", "bar") && !acl.allows_label("a", "b"));
    assert!(Acl::parse(["bind:*=*"]).unwrap().allows_label("a", "b"));
}

#[test]
fn rules_that_cannot_be_read() {
    for rule in [
        "",
        "bind:",
        "a.example.com",
        "bind:a b.com",
        "bind:shop",
        "bind:*.",
        "bind:ftp://a.b",
        "bind:a.b:0",
        "bind:a.b:2-1",
        "bind:a.b:x",
        "bind:=x",
        "bind:x=",
        "bind:a.*.com",
        "bind:1.2.3.4:5",
    ] {
        assert!(Acl::parse([rule]).is_err(), "{rule:?} was taken");
    }
    assert!(Acl::parse(vec!["*"; 1001]).is_err());
}

#[test]
fn refusals_have_their_number() {
    let host = CanonicalHost::for_endpoint("tcp.example.com").unwrap();
    assert_eq!(
        Acl::refusal(&Address::RandomPort {
            scheme: Scheme::Tcp,
            host
        }),
        ErrorCode::NGROK_356
    );
    assert_eq!(
        Acl::refusal(&Address::RandomName {
            scheme: Scheme::Https,
            port: 443
        }),
        ErrorCode::NGROK_316
    );
    assert_eq!(Acl::refusal(&Address::Url(url("tcp://a.b:1"))), ErrorCode::NGROK_308);
    assert_eq!(Acl::refusal(&Address::Url(url("https://a.b"))), ErrorCode::NGROK_316);
}

/// A rule as the test knows it: what it means is written here once more, from the table of forms and without the code
/// under test.
#[derive(Clone, Debug)]
struct Rule {
    scheme: Option<&'static str>,
    host: &'static str,
    ports: Option<(u16, u16)>,
}

impl Rule {
    fn text(&self) -> String {
        let scheme = self.scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
        let ports = match self.ports {
            None => String::new(),
            Some((1, u16::MAX)) => ":*".to_owned(),
            Some((first, last)) if first == last => format!(":{first}"),
            Some((first, last)) => format!(":{first}-{last}"),
        };
        format!("bind:{scheme}{}{ports}", self.host)
    }

    fn covers(&self, scheme: &str, host: &str, port: u16) -> bool {
        let is_internal = host.ends_with(".internal");
        let of_scheme = match (self.scheme, self.ports) {
            (Some(wanted), _) => wanted == scheme,
            (None, _) if is_internal => true,
            (None, Some(_)) => ["tcp", "udp"].contains(&scheme),
            (None, None) => ["http", "https", "tls"].contains(&scheme),
        };
        let of_host = match self.host.strip_prefix("*.") {
            _ if self.host == "*" => true,
            Some(above) => host.strip_suffix(above).is_some_and(|rest| rest.ends_with('.')),
            None => host == self.host,
        };
        of_scheme && of_host && self.ports.is_none_or(|(first, last)| (first..=last).contains(&port))
    }
}

const SCHEMES: &[&str] = &["http", "https", "tls", "tcp", "udp"];
const PORTS: &[u16] = &[80, 443, 5432, 20_000, 20_007];

/// Rules that can be written: a range and any host stand only behind a scheme.
fn rule() -> impl Strategy<Value = Rule> {
    let hosts = vec![
        "a.example.com",
        "example.com",
        "b.a.example.com",
        "*.example.com",
        "*.a.example.com",
        "db.internal",
        "*.internal",
        "*",
    ];
    let ports = prop_oneof![
        2 => Just(None),
        2 => prop::sample::select(PORTS).prop_map(|port| Some((port, port))),
        1 => Just(Some((1, u16::MAX))),
        1 => Just(Some((5_000, 20_003))),
    ];
    let scheme = prop::option::of(prop::sample::select(SCHEMES));
    (scheme, prop::sample::select(hosts), ports).prop_filter_map("it cannot be written", |(scheme, host, ports)| {
        let is_range = ports.is_some_and(|(first, last)| first != last && last != u16::MAX);
        (scheme.is_some() || !(is_range || host == "*")).then_some(Rule { scheme, host, ports })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn rules_mean_what_their_table_says(
        rules in prop::collection::vec(rule(), 1..3),
        scheme in prop::sample::select(SCHEMES),
        host in prop::sample::select(vec![
            "a.example.com", "example.com", "b.a.example.com", "*.example.com", "xexample.com", "db.internal", "other.net",
        ]),
        port in prop::sample::select(PORTS),
    ) {
        let texts: Vec<String> = rules.iter().map(Rule::text).collect();
        let acl = Acl::parse(texts.iter().map(String::as_str)).unwrap();
        let default = match scheme { "http" => Some(80), "https" | "tls" => Some(443), _ => None };
        let shown = if default == Some(port) { String::new() } else { format!(":{port}") };
        let url = url(&format!("{scheme}://{host}{shown}"));
        let meant = rules.iter().any(|rule| rule.covers(scheme, host, port));
        prop_assert_eq!(acl.allows(&url), meant, "{:?} and {}", texts, url);
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_rules_read_back(text in "(bind:)?((https|tcp)://)?(\\*\\.)?[a-z.=*]{0,12}(:[0-9]{1,5})?(-[0-9]{1,5})?") {
        if let Ok(rule) = text.parse::<BindRule>() {
            prop_assert_eq!(rule.to_string().parse::<BindRule>().unwrap(), rule);
        }
    }
}
