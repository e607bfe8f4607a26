//! What reads bytes from outside, for the fuzzer.

use std::sync::Arc;

use adit_names::endpoint_url::Scheme;

use crate::compile::Policy;
use crate::document::Phase;
use crate::effect::Input;
use crate::exchange::Exchange;
use crate::expr::{Budget, Overlay, Program, Scope, Template};
use crate::state::State;
use crate::step::{Decision, Step};
use crate::subject::{Actions, Owner, Subject};
use crate::value::Value;
use crate::view::{Connection, Endpoint, NoTables, Request, Response, View};

pub use crate::jwt::fuzz as jwt;
pub use crate::webhook::fuzz as webhook;

/// A document for every kind of endpoint.
pub fn document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for owner in [Owner::Agent, Owner::Cloud, Owner::Guardrail, Owner::Generated] {
        for scheme in [Scheme::Https, Scheme::Tcp] {
            let subject = Subject {
                owner,
                actions: Actions::Language,
                ..Subject::agent(scheme)
            };
            match crate::check(text, subject) {
                Ok(_) => {
                    if let Ok(policy) = crate::compile(text, subject) {
                        looked_at(&Arc::new(policy));
                    }
                    let converted = crate::convert(text, subject).unwrap_or_default();
                    assert!(
                        converted == "{}\n" || crate::check(&converted, subject).is_ok(),
                        "what is converted is right: {converted}"
                    );
                }
                Err(faults) => assert!(!faults.is_empty(), "a refusal says why"),
            }
        }
    }
}

/// What is left alone at a look is left alone by a run.
fn looked_at(policy: &Arc<Policy>) {
    scoped(|view| {
        let view = View {
            response: None,
            ..*view
        };
        if policy.leaves_alone(&view) {
            let mut exchange = Exchange::new();
            let step = policy
                .begin(Phase::HttpRequest)
                .step(&mut exchange, &view, Input::Begin);
            assert_eq!(step, Step::Done(Decision::Pass));
            assert!(exchange.edits().is_empty() && exchange.errors().is_empty() && exchange.verdicts().is_empty());
        }
    });
}

fn scoped(f: impl FnOnce(&View<'_>)) {
    let endpoint = Endpoint {
        scheme: Scheme::Https,
        host: "app.example.com".to_owned(),
        port: 443,
        url: "https://app.example.com".to_owned(),
        id: "ep_1".to_owned(),
        name: String::new(),
        metadata: String::new(),
        kind: "agent",
        agent_id: String::new(),
        organization_id: String::new(),
        organization_name: String::new(),
    };
    let client = std::net::SocketAddr::from(([203, 0, 113, 10], 51_000));
    let connection = Connection::new(client, std::net::SocketAddr::from(([198, 51, 100, 1], 443)));
    let fields = vec![
        ("x-a".to_owned(), b"1".to_vec()),
        ("cookie".to_owned(), b"a=b; c".to_vec()),
        ("user-agent".to_owned(), vec![0xe4]),
    ];
    let state = State::default();
    let view = View {
        now: 1_768_478_400_000_000,
        seed: 1,
        connection: &connection,
        endpoint: &endpoint,
        request: Some(Request {
            id: "r",
            method: "GET",
            version: "HTTP/1.1",
            scheme: Scheme::Https,
            authority: "app.example.com",
            target: "/a?b=c&b=%20",
            fields: &fields,
            content_length: Some(3),
            received_at: 0,
        }),
        response: Some(Response {
            status: 200,
            fields: &fields,
            content_length: None,
            origin: "upstream",
            received_at: 0,
        }),
        tables: &NoTables,
        state: &state,
    };
    f(&view);
}

fn scope<'s>(view: &'s View<'s>, overlay: &'s Overlay, budget: &'s Budget, vars: &'s [(String, Value)]) -> Scope<'s> {
    Scope {
        view,
        overlay,
        vars,
        results: &[],
        extra: &[],
        bodies: None,
        facts: None,
        budget,
        draws: 0.into(),
    }
}

/// An expression: what compiles gives the same in both tiers, and what the quick parser takes the other one does too.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    crate::expr::parsers_agree(text);
    let Ok((program, _)) = Program::compile(text, Phase::HttpResponse, &[]) else {
        return;
    };
    scoped(|view| {
        let overlay = Overlay::default();
        let vars = [("x".to_owned(), Value::from("x"))];
        let run = |cel| program.is_true_in(&scope(view, &overlay, &Budget::default(), &vars), cel);
        assert_eq!(run(false), run(true), "{text}");
        let value = |cel| program.evaluate_in(&scope(view, &overlay, &Budget::default(), &vars), cel);
        // NaN is not itself.
        assert_eq!(format!("{:?}", value(false)), format!("{:?}", value(true)), "{text}");
    });
}

/// A string with expressions in it.
pub fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok((template, _)) = Template::compile(text, Phase::HttpResponse, &[]) else {
        return;
    };
    scoped(|view| {
        let (overlay, budget) = (Overlay::default(), Budget::default());
        let rendered = template.render(&scope(view, &overlay, &budget, &[]), 4096);
        assert!(
            rendered.is_ok_and(|text| text.len() <= 4096) || !text.is_empty(),
            "limits hold"
        );
    });
}
