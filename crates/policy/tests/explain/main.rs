//! What explanations say: every rule, what it read, what its actions asked for, and no secret.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bounds;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl, Scheme};
use adit_policy::case::{Around, Asked, Explanation, Hop, Layer, Live, Outside, explain};
use adit_policy::{Answer, EffectFault, Endpoint, Fetch, IpPolicy, Subject, Tables, compile};
use serde_json::{Value, json};

fn asked(policy: &str, url: &str) -> Asked {
    Asked {
        policy: Some(policy.to_owned()),
        url: url.to_owned(),
        upstream_status: 200,
        ..Asked::default()
    }
}

fn rule<'e>(explained: &'e Value, path: &str) -> &'e Value {
    let rules = explained["rules"].as_array().unwrap();
    let found = rules.iter().find(|rule| rule["path"] == path);
    found.unwrap_or_else(|| panic!("no {path} in {explained:#}"))
}

fn told(explained: &Explanation) -> Value {
    explained.to_json()
}

#[test]
fn every_rule_is_told_with_what_it_read() {
    let policy = "on_http_request:
  - {name: never, expressions: ['false'], actions: [{type: deny}]}
  - expressions: [\"req.method == 'GET'\", \"req.url.path.startsWith('/b') || (conn.client_port > 0 && req.host == 'x')\"]
    actions: [{type: deny}]
  - actions:
      - {type: add-headers, config: {headers: {x-a: 'p=${req.url.path}', authorization: 'Basic eDp5'}}}
      - {type: custom-response, config: {status_code: 418, body: 'no ${req.method}'}}
  - {id: late, actions: [{type: deny}]}
on_http_response:
  - actions: [{type: add-headers, config: {headers: {x-b: '1'}}}]
";
    let explained = explain(&asked(policy, "https://app.example.com/a"), &Around::default()).unwrap();
    let json = told(&explained);
    let never = rule(&json, "on_http_request[0]");
    assert_eq!(
        (&never["outcome"], &never["name"]),
        (&json!("not_matched"), &json!("never"))
    );
    let second = rule(&json, "on_http_request[1]");
    assert_eq!(second["outcome"], "not_matched");
    assert_eq!(second["expression"]["index"], 1);
    let values = &second["values"];
    assert_eq!(values["req.url.path"], "/a");
    assert_eq!(values["req.url.path.startsWith('/b')"], false);
    assert_eq!(values["(conn.client_port > 0 && req.host == 'x')"], false);
    assert_eq!(
        (&values["conn.client_port > 0"], &values["req.host == 'x'"]),
        (&json!(true), &json!(false))
    );
    let third = rule(&json, "on_http_request[2]");
    assert_eq!(third["outcome"], "matched");
    let (added, answered) = (&third["actions"][0], &third["actions"][1]);
    assert_eq!(
        (&added["outcome"], &added["config"]["headers.x-a"]),
        (&json!("next"), &json!("p=/a"))
    );
    assert_eq!(added["config"]["headers.authorization"], "***");
    assert_eq!(added["results"]["ngrok.add_headers.headers_added"]["x-a"], "p=/a");
    assert_eq!(
        (&answered["outcome"], &answered["config"]["body"]),
        (&json!("respond"), &json!("no GET"))
    );
    let late = rule(&json, "on_http_request[3]");
    assert_eq!((&late["outcome"], &late["id"]), (&json!("skipped"), &json!("late")));
    assert_eq!(rule(&json, "on_http_response[0]")["outcome"], "matched");
    assert_eq!(
        (&json["response"]["status"], &json["response"]["body"]),
        (&json!(418), &json!("no GET"))
    );
    assert_eq!(json["forwarded"], Value::Null);
    assert_eq!(json["cost"]["limit"], 10_000);
    let text = explained.to_text();
    assert!(
        text.contains("on_http_request[3]: skipped: a rule before it ended the chain"),
        "{text}"
    );
    assert!(text.contains("    conn.client_port > 0 = true"), "{text}");
}

#[test]
fn connections_are_told_as_they_are_before_a_byte_of_them() {
    let policy = "on_tcp_connect:
  - {expressions: [\"conn.tls.version == '1.3'\"], actions: [{type: deny}]}
  - {expressions: [\"conn.tls.sni == 'db.example.com'\"], actions: [{type: restrict-ips, config: {allow: [198.51.0.0/16]}}]}
";
    let of = |ip: &str| {
        let asked = Asked {
            client_ip: Some(ip.to_owned()),
            ..asked(policy, "tls://db.example.com")
        };
        told(&explain(&asked, &Around::default()).unwrap())
    };
    let passed = of("198.51.100.1");
    assert_eq!(
        rule(&passed, "on_tcp_connect[0]")["outcome"],
        "not_matched",
        "there was no handshake"
    );
    assert_eq!(rule(&passed, "on_tcp_connect[1]")["actions"][0]["outcome"], "next");
    assert_eq!(
        (&passed["forwarded"], &passed["closed"]),
        (&json!({"host": "db.example.com"}), &json!(false))
    );
    let refused = of("10.1.1.1");
    assert_eq!(
        (&refused["forwarded"], &refused["closed"]),
        (&Value::Null, &json!(true))
    );
    let tcp = "on_tcp_connect: [{actions: [{type: close-connection}]}]";
    let closed = told(&explain(&asked(tcp, "tcp://db.example.com:5432"), &Around::default()).unwrap());
    assert_eq!(closed["closed"], true);
    assert!(
        explain(
            &asked("on_http_request: []\non_tcp_connect: [{}]", "tcp://a:1"),
            &Around::default()
        )
        .is_err()
    );
}

/// Names with a secret.
struct Names;

const SECRET: &str = "hush-hush-hush";

impl Tables for Names {
    fn secret(&self, vault: &str, name: &str) -> Option<&str> {
        (vault == "v" && name == "s").then_some(SECRET)
    }
    fn ip_policy(&self, _: &str) -> Option<&IpPolicy> {
        None
    }
}

/// Somebody outside.
#[derive(Default)]
struct World {
    asked: Mutex<Vec<(Fetch, bool)>>,
}

impl Outside for World {
    fn fetch(&self, fetch: &Fetch, service: bool) -> Result<Answer, EffectFault> {
        self.asked.lock().unwrap().push((fetch.clone(), service));
        Ok(Answer {
            status: 201,
            headers: vec![("set-cookie".to_owned(), b"a=b".to_vec())],
            body: format!("you said {SECRET}").into_bytes(),
            ..Answer::default()
        })
    }
}

const CALLS: &str = "on_http_request:
  - actions:
      - type: http-request
        config: {url: \"https://api.example.com/?k=${secrets.get('v', 's')}\", headers: {authorization: 'Bearer abc', x-k: \"${secrets.get('v', 's')}\"}}
      - {type: http-request, config: {url: 'http://in.internal/'}}
      - {type: add-headers, config: {headers: {x-said: '${actions.ngrok.http_request.res.body}'}}}
";

#[test]
fn effects_are_performed_only_where_that_is_asked_for_and_secrets_are_not_told() {
    let without = explain(&asked(CALLS, "https://app.example.com/"), &Around::default()).unwrap();
    let json = told(&without);
    let effect =
        |json: &Value, action: usize| rule(json, "on_http_request[0]")["actions"][action]["effects"][0].clone();
    let first = effect(&json, 0);
    assert_eq!(
        (&first["kind"], &first["performed"]),
        (&json!("request"), &json!(false))
    );
    let message = first["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("not performed"), "{message}");
    assert!(json["notes"][0].as_str().unwrap().contains("v/s"), "{json:#}");

    let world = World::default();
    let around = Around {
        outside: Some(&world),
        names: Some(Arc::new(Names)),
        ..Around::default()
    };
    let with = explain(&asked(CALLS, "https://app.example.com/"), &around).unwrap();
    let json = told(&with);
    let sent = world.asked.lock().unwrap().clone();
    assert_eq!(sent.len(), 1, "internal names never leave");
    assert_eq!(
        (sent[0].0.url.as_str(), sent[0].1),
        ("https://api.example.com/?k=hush-hush-hush", false)
    );
    let first = effect(&json, 0);
    assert_eq!(
        (&first["performed"], &first["answer"]["status"]),
        (&json!(true), &json!(201))
    );
    assert_eq!(first["asked"]["url"], "https://api.example.com/?k=***");
    assert_eq!(first["asked"]["headers"]["authorization"], "***");
    assert_eq!(first["answer"]["headers"]["set-cookie"], "***");
    assert_eq!(first["answer"]["body"], "you said ***");
    assert_eq!(effect(&json, 1)["performed"], false);
    let (text, json) = (with.to_text(), json.to_string());
    assert!(!text.contains("hush") && !json.contains("hush"), "{text}\n{json}");
    assert!(
        text.contains("asks GET https://api.example.com/?k=***: 201 from"),
        "{text}"
    );
}

/// A server with a cloud endpoint that forwards to an agent's, both with guardrails.
struct Server {
    first: Arc<Hop>,
    second: Arc<Hop>,
}

fn hop(url: &str, binding: Binding, own: &str, guardrail: Layer, cloud: bool) -> Arc<Hop> {
    let url = EndpointUrl::from_canonical(url, binding).unwrap();
    let subject = Subject {
        internal: binding == Binding::Internal,
        ..if cloud {
            Subject::cloud(Scheme::Https)
        } else {
            Subject::agent(Scheme::Https)
        }
    };
    let own = Layer::own(Some(Arc::new(compile(own, subject).unwrap())));
    Arc::new(Hop {
        facts: Endpoint {
            id: "ep_1".to_owned(),
            kind: if cloud { "cloud" } else { "agent" },
            ..Endpoint::of_url(&url, "ac_1", "")
        },
        layers: vec![guardrail, own],
        cloud,
        internal: binding == Binding::Internal,
    })
}

fn guardrail(id: &str, text: &str) -> Layer {
    let policy = compile(text, Subject::guardrail()).unwrap();
    Layer {
        prefix: format!("{id}."),
        name: "wall".to_owned(),
        guardrail: true,
        ..Layer::own(Some(Arc::new(policy)))
    }
}

impl Live for Server {
    fn first(&self) -> Arc<Hop> {
        self.first.clone()
    }

    fn open(&self, url: &str, _: &[Arc<Hop>]) -> Result<Arc<Hop>, EffectFault> {
        let code = ErrorCode::NGROK_3200;
        let missing = || EffectFault {
            code,
            message: code.what().to_owned(),
        };
        (url == "https://in.internal:443")
            .then(|| self.second.clone())
            .ok_or_else(missing)
    }
}

#[test]
fn a_live_chain_is_gone_through_from_the_outermost_guardrail_to_the_last_endpoint_and_back() {
    let mark = |name: &str| {
        format!("on_http_response: [{{actions: [{{type: add-headers, config: {{headers: {{x-way: {name}}}}}}}]}}]")
    };
    let ask = "on_http_request: [{expressions: [\"endpoint.id == '' && conn.client_ip != ''\"], actions: [{type: log, config: {metadata: {a: b}}}]}]\n";
    let dry = Layer {
        dry_run: true,
        ..guardrail("gr_2", "on_http_request: [{actions: [{type: deny}]}]")
    };
    let forward = |to: &str| {
        format!(
            "on_http_request: [{{actions: [{{type: forward-internal, config: {{url: 'https://{to}'}}}}]}}]\n{}",
            mark("cloud")
        )
    };
    let server = |to: &str| Server {
        first: hop(
            "https://app.example.com",
            Binding::Public,
            &forward(to),
            guardrail("gr_1", &format!("{ask}{}", mark("outer"))),
            true,
        ),
        second: hop(
            "https://in.internal",
            Binding::Internal,
            &mark("agent"),
            dry.clone(),
            false,
        ),
    };
    let asked = Asked {
        policy: None,
        url: "https://app.example.com/".to_owned(),
        upstream_status: 200,
        ..Asked::default()
    };
    let live = server("in.internal");
    let around = Around {
        live: Some(&live),
        ..Around::default()
    };
    let explained = explain(&asked, &around).unwrap();
    let json = told(&explained);
    let layers: Vec<_> = json["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (&l["endpoint"], &l["guardrail"]))
        .collect();
    let (app, inside) = (json!("https://app.example.com"), json!("https://in.internal"));
    assert_eq!(
        layers,
        [
            (&app, &json!("gr_1")),
            (&app, &Value::Null),
            (&inside, &json!("gr_2")),
            (&inside, &Value::Null)
        ]
    );
    assert_eq!(
        rule(&json, "gr_1.on_http_request[0]")["outcome"],
        "matched",
        "no member was chosen: {json:#}"
    );
    let dry = rule(&json, "gr_2.on_http_request[0]");
    assert_eq!(dry["actions"][0]["outcome"], "would_deny");
    let order: Vec<_> = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["layer"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [0, 1, 2, 3, 1, 0], "in by 0 to 2, back by 3, 1 and 0");
    let way: Vec<_> = json["response"]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|h| h[0] == "x-way")
        .map(|h| &h[1])
        .collect();
    assert_eq!(way, ["agent", "cloud", "outer"]);
    assert_eq!(json["forwarded_to"], "https://in.internal:443");
    assert!(
        explained
            .to_text()
            .contains("# guardrail gr_2 \"wall\", dry run around https://in.internal")
    );

    // A target that is not there, and a guardrail that cannot be run.
    let lost = server("gone.internal");
    let around = Around {
        live: Some(&lost),
        ..Around::default()
    };
    let json = told(&explain(&asked, &around).unwrap());
    assert_eq!(json["response"]["status"], 404);
    let effect = &json["rules"][1]["actions"][0]["effects"][0];
    assert_eq!(
        (&effect["performed"], &effect["error"]["code"]),
        (&json!(true), &json!("ERR_NGROK_3200"))
    );
    let mut broken = (*live.first).clone();
    broken.layers[0].policy = None;
    let live = Server {
        first: Arc::new(broken),
        second: live.second,
    };
    let around = Around {
        live: Some(&live),
        ..Around::default()
    };
    let explained = explain(&asked, &around).unwrap();
    assert_eq!(told(&explained)["response"]["status"], 500);
    assert!(
        explained
            .to_text()
            .contains("the policy of gr_1 cannot be run: nobody passes")
    );
}

#[test]
fn an_address_is_looked_up_where_nothing_else_is_said() {
    struct Places;
    impl Tables for Places {
        fn secret(&self, _: &str, _: &str) -> Option<&str> {
            None
        }
        fn ip_policy(&self, _: &str) -> Option<&IpPolicy> {
            None
        }
        fn intelligence(&self, ip: IpAddr) -> Option<Arc<adit_policy::Intelligence>> {
            (ip == IpAddr::from([198, 51, 100, 1])).then(|| {
                Arc::new(adit_policy::Intelligence {
                    location: vec![("country_code".to_owned(), "NZ".to_owned())],
                    ..adit_policy::Intelligence::default()
                })
            })
        }
    }
    let policy = "on_http_request: [{expressions: [\"conn.geo.country_code == 'NZ'\"], actions: [{type: deny}]}]";
    let around = Around {
        names: Some(Arc::new(Places)),
        ..Around::default()
    };
    let status = |country: Option<&str>| {
        let asked = Asked {
            client_ip: Some("198.51.100.1".to_owned()),
            country: country.map(str::to_owned),
            ..asked(policy, "https://app.example.com/")
        };
        told(&explain(&asked, &around).unwrap())["response"]["status"].clone()
    };
    assert_eq!((status(None), status(Some("DE"))), (json!(403), json!(200)));
}
