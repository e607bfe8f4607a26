//! What explanations do not say, do not change and do not take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_names::endpoint_url::Binding;
use adit_policy::case::{Around, Asked, Layer, Options, Outcome, Outside, Unmet, explain};
use adit_policy::{Answer, EffectFault, Fetch, Selector};
use serde_json::{Value, json};

use super::{CALLS, Names, SECRET, Server, World, asked, guardrail, hop, rule, told};

/// What stands around an exchange of a server and somebody outside.
fn around<'a>(live: &'a Server, outside: &'a World) -> Around<'a> {
    Around {
        live: Some(live),
        outside: Some(outside),
        ..Around::default()
    }
}

fn of_server(guardrail: Layer) -> Server {
    let own = "on_http_request: [{expressions: [\"req.method == 'PUT'\"], actions: [{type: deny}]}]";
    let first = hop(
        "https://app.example.com",
        Binding::Public,
        own,
        guardrail.clone(),
        false,
    );
    let second = hop("https://in.internal", Binding::Internal, own, guardrail, false);
    Server { first, second }
}

fn at_endpoint() -> Asked {
    Asked {
        policy: None,
        ..asked("", "https://app.example.com/")
    }
}

#[test]
fn of_a_guardrail_of_somebody_else_is_told_what_came_of_its_rules_and_nothing_is_sent_for_it() {
    let text = "on_http_request:
  - {id: ours, name: of us, expressions: [\"hasReqHeader('x-inner-circle') && req.method == 'sesame'\"], actions: [{type: deny}]}
  - on_expression_error: skip
    expressions: [\"int('inner-circle' + req.method) == 1\"]
    actions: [{type: deny}]
  - actions:
      - {type: http-request, config: {url: \"https://api.example.com/?k=${secrets.get('v', 's')}\", headers: {x-inner-circle: a}}}
      - {type: log, config: {metadata: {inner-circle: \"${req.url.path}\"}}}
  - {id: wall, expressions: [\"'inner-circle' != req.method\"], actions: [{type: deny, config: {status_code: 451}}]}
";
    let own = guardrail("gr_1", text);
    let foreign = Layer {
        foreign: true,
        ..own.clone()
    };
    let (server, world) = (of_server(foreign), World::default());
    let explained = explain(&at_endpoint(), &around(&server, &world)).unwrap();
    let json = told(&explained);
    assert_eq!(json["response"]["status"], 451, "it is what a visitor gets: {json:#}");
    let first = rule(&json, "gr_1.on_http_request[0]");
    assert_eq!((&first["id"], &first["name"]), (&json!("ours"), &json!("of us")));
    let outcomes: Vec<_> = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["outcome"])
        .collect();
    assert_eq!(
        outcomes,
        ["not_matched", "error", "matched", "matched", "skipped"],
        "{json:#}"
    );
    for path in ["[0]", "[1]", "[2]", "[3]"] {
        let rule = rule(&json, &format!("gr_1.on_http_request{path}"));
        assert_eq!(
            (&rule["expression"], &rule["values"], &rule["actions"], &rule["message"]),
            (&Value::Null, &json!({}), &json!([]), &json!("")),
        );
    }
    assert_eq!(json["logs"], json!([]));
    assert!(
        json["notes"][0]
            .as_str()
            .unwrap()
            .starts_with("gr_1 is not your organisation's"),
        "{json:#}"
    );
    let (text, all) = (explained.to_text(), json.to_string());
    for hidden in ["inner-circle", "sesame", "api.example.com"] {
        assert!(!all.contains(hidden) && !text.contains(hidden), "{hidden}: {json:#}");
    }
    assert!(world.asked.lock().unwrap().is_empty(), "nobody was asked");
    // Their own is told whole, and what it asks for is sent.
    let server = of_server(own);
    let json = told(&explain(&at_endpoint(), &around(&server, &world)).unwrap());
    assert_eq!(world.asked.lock().unwrap().len(), 1);
    assert!(json["rules"].to_string().contains("sesame") && json["logs"].to_string().contains("inner-circle"));
}

#[test]
fn what_a_guardrail_requires_is_asked_of_every_endpoint() {
    let requires = |in_force| Layer {
        unmet: Some(Unmet {
            what: "an action basic-auth is missing".to_owned(),
            in_force,
        }),
        ..guardrail("gr_1", "{}")
    };
    let world = World::default();
    let of = |server: &Server| told(&explain(&at_endpoint(), &around(server, &world)).unwrap());
    let refused = of(&of_server(requires(true)));
    assert_eq!(refused["response"]["status"], 503, "{refused:#}");
    assert!(
        refused["response"]["headers"].to_string().contains("ERR_ADIT_5030"),
        "{refused:#}"
    );
    assert_eq!(rule(&refused, "on_http_request[0]")["outcome"], "skipped");
    let note = "gr_1 requires of https://app.example.com: an action basic-auth is missing; what comes to it";
    assert_eq!(refused["notes"], json!([format!("{note} is refused")]));
    let later = of(&of_server(requires(false)));
    assert_eq!(later["response"]["status"], 200);
    assert_eq!(later["notes"], json!([format!("{note} will be refused")]));
    // Behind another, which answers for it.
    let forward = "on_http_request: [{actions: [{type: forward-internal, config: {url: 'https://in.internal'}}]}]
on_http_response: [{actions: [{type: add-headers, config: {headers: {x-way: outer}}}]}]";
    let chain = Server {
        first: hop(
            "https://app.example.com",
            Binding::Public,
            forward,
            guardrail("gr_2", "{}"),
            false,
        ),
        ..of_server(requires(true))
    };
    let refused = of(&chain);
    assert_eq!(refused["response"]["status"], 503, "{refused:#}");
    assert!(
        refused["response"]["headers"].to_string().contains("x-way"),
        "{refused:#}"
    );
    assert!(
        refused["notes"].to_string().contains("requires of https://in.internal"),
        "{refused:#}"
    );
    // One that is not about the connection requires nothing of it.
    let elsewhere = Layer {
        selector: Some(Selector::compile("conn.client_ip == '192.0.2.1'").unwrap()),
        ..requires(true)
    };
    let passed = of(&of_server(elsewhere));
    assert_eq!(
        (&passed["response"]["status"], &passed["notes"]),
        (&json!(200), &json!([]))
    );
}

#[test]
fn a_secret_is_not_told_where_a_body_is_cut() {
    struct Long;
    impl Outside for Long {
        fn fetch(&self, _: &Fetch, _: bool) -> Result<Answer, EffectFault> {
            Ok(Answer {
                status: 200,
                body: format!("{}{SECRET}", "a".repeat(2048 - 6)).into_bytes(),
                ..Answer::default()
            })
        }
    }
    let around = Around {
        outside: Some(&Long),
        names: Some(Arc::new(Names)),
        ..Around::default()
    };
    let begin = "b".repeat(2048 - 4);
    let policy = format!(
        "on_http_request: [{{actions: [{{type: http-request, config: {{method: POST, url: 'https://api.example.com/', body: \"{begin}${{secrets.get('v', 's')}}\"}}}}]}}]"
    );
    let json = told(&explain(&asked(&policy, "https://app.example.com/"), &around).unwrap());
    let effect = &rule(&json, "on_http_request[0]")["actions"][0]["effects"][0];
    assert_eq!(effect["performed"], true, "{json:#}");
    for side in ["asked", "answer"] {
        let body = effect[side]["body"].as_str().unwrap();
        assert!(body.len() > 2000 && !body.contains("hu"), "{side}: {}", &body[2000..]);
    }
}

/// Uses more than `n` times `n` elements, and is false but for what is more.
fn dear(n: usize, more: &str) -> String {
    let list = vec!["1"; n].join(", ");
    format!("[{list}].exists(x, [{list}].exists(y, x + y == size(req.method))) {more}")
}

#[test]
fn telling_changes_nothing_of_what_is_told() {
    let policy = format!(
        "on_http_request:
  - {{expressions: [\"{}\"], actions: [{{type: deny}}]}}
  - {{expressions: [\"rand.double() > 2.0 || rand.double() > 3.0\"], actions: [{{type: deny}}]}}
  - {{expressions: [\"{}\"], actions: [{{type: deny}}]}}
  - actions: [{{type: custom-response, config: {{body: \"${{rand.double()}}\"}}}}]
",
        dear(75, "|| req.method == 'PUT'"),
        dear(45, ""),
    );
    let json = told(&explain(&asked(&policy, "https://app.example.com/"), &Around::default()).unwrap());
    assert_eq!(json["errors"], json!([]), "{json:#}");
    assert_eq!(rule(&json, "on_http_request[2]")["outcome"], "not_matched");
    let used = json["cost"]["elements"]["on_http_request"].as_u64().unwrap();
    assert!((5_000..10_000).contains(&used), "{used}");
    let parts = &rule(&json, "on_http_request[0]")["values"];
    assert_eq!(parts["req.method == 'PUT'"], false, "{parts:#}");
    // As without telling.
    let body = json["response"]["body"].as_str().unwrap();
    let cases = json!({"version": 1, "cases": [{
        "id": "same", "policy": policy, "endpoint": {"url": "https://app.example.com"},
        "request": {"url": "https://app.example.com/"}, "expect": {"response": {"body": body}},
    }]});
    let read = |_: &str| Err(String::new());
    let ran = adit_policy::case::run(&cases.to_string(), Options::default(), |_| true, read).unwrap();
    assert_eq!(ran[0].outcome, Outcome::Passed);
}

#[test]
fn an_explanation_ends_in_time() {
    let rules = format!(
        "  - {{expressions: [\"{}\"], actions: [{{type: deny}}]}}\n",
        dear(10, "|| false")
    );
    let policy = format!("on_http_request:\n{rules}");
    let within = |time: Duration| {
        let around = Around {
            until: Some(Instant::now() + time),
            ..Around::default()
        };
        explain(&asked(&policy, "https://app.example.com/"), &around)
    };
    assert_eq!(
        within(Duration::ZERO).unwrap_err(),
        "this needs more time, which is not there"
    );
    assert!(within(Duration::from_secs(600)).is_ok());
    // Also where the time ends at a guardrail whose request is answered slowly.
    struct Slow(Instant);
    impl Outside for Slow {
        fn fetch(&self, _: &Fetch, _: bool) -> Result<Answer, EffectFault> {
            while Instant::now() < self.0 {
                std::thread::yield_now();
            }
            Ok(Answer::default())
        }
    }
    let until = Instant::now() + Duration::from_millis(200);
    let slow = Slow(until);
    let around = Around {
        outside: Some(&slow),
        until: Some(until),
        ..Around::default()
    };
    let late = explain(&asked(CALLS, "https://app.example.com/"), &around).unwrap_err();
    assert_eq!(late, "this needs more time, which is not there");
}
