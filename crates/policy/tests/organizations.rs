//! What one organisation's policies have fetched is another's only where it is everybody's.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use std::sync::Arc;

use adit_names::endpoint_url::Scheme;
use adit_policy::{Decision, Effect, Exchange, Input, Phase, State, Step, Subject, compile};
use world::World;

const KEYS: &[u8] = br#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": "kofElJMJvXDxrspq-cIGGp__ZkbC0zPN5S2PgZuirkI", "y": "ZwzPxZsK0ctlSLHwqwc4rbQvOWcPs2_EnvEufcskgag"}]}"#;

/// Whether the set of this URL has to be fetched for a token that comes to an endpoint of this organisation.
fn has_to_fetch(state: &State, url: &str, organization: &str) -> bool {
    let text = format!(
        "on_http_request: [{{actions: [{{type: jwt-validation, config: {{issuer: {{allow_list: [{{value: a}}]}}, \
         http: {{tokens: [{{type: jwt, method: header, name: authorization, prefix: ''}}]}}, \
         jws: {{allowed_algorithms: [ES256], keys: {{sources: {{additional_jkus: ['{url}']}}}}}}}}}}]}}]"
    );
    let policy = Arc::new(compile(&text, Subject::agent(Scheme::Https)).unwrap());
    // A token of the right form, signed by nobody.
    let mut world = World::new("/", &[("authorization", "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.e30.AAAA")]);
    organization.clone_into(&mut world.endpoint.organization_id);
    let view = world.view(state);
    let (mut run, mut exchange) = (policy.begin(Phase::HttpRequest), Exchange::new());
    let mut asked = false;
    let mut step = run.step(&mut exchange, &view, Input::Begin);
    while let Step::Need(Effect::Keys { url: wanted }) = step {
        assert_eq!((wanted.as_str(), asked), (url, false));
        asked = true;
        step = run.step(&mut exchange, &view, Input::Keys(Ok(KEYS.to_vec())));
    }
    assert!(
        matches!(step, Step::Done(Decision::Refuse { status: 401, .. })),
        "{step:?}"
    );
    asked
}

#[test]
fn key_sets_of_internal_names_are_their_organisations_own() {
    let state = State::default();
    let inside = "https://keys.internal/jwks";
    assert!(has_to_fetch(&state, inside, "ac_1"));
    assert!(!has_to_fetch(&state, inside, "ac_1"), "it is kept");
    assert!(
        has_to_fetch(&state, inside, "ac_2"),
        "somebody else's name is another place"
    );
    assert!(!has_to_fetch(&state, inside, "ac_2"));
    // What is on the internet is the same for all.
    let outside = "https://id.example.com/jwks";
    assert!(has_to_fetch(&state, outside, "ac_1"));
    assert!(!has_to_fetch(&state, outside, "ac_2"));
}
