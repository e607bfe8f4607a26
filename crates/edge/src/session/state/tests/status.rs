//! The status of endpoints (edge 2.4, agent protocol 9.6): what exchanges come to, agents that take no streams.

use std::sync::Arc;
use std::time::Duration;

use adit_cluster::{Class, Member, UpstreamFailure};
use adit_observe::{EndpointReason, EndpointStatus};
use adit_protocol::message::PatchTunnelState;

use super::{TOKEN, World, again, events, https, leg, rebind};

const SECOND: Duration = Duration::from_secs(1);
const HOST: &str = "app.adit.example.com";

fn member(w: &World) -> Arc<Member> {
    w.directory.find(Class::Sni, HOST).unwrap().members()[0].clone()
}

/// As the road of a request says it.
fn refuse(w: &mut World) {
    let member = member(w);
    let failure = UpstreamFailure {
        reason: EndpointReason::UpstreamRefused,
        is_connect: true,
        detail: "refused".to_owned(),
    };
    if member.health().failed(w.now.at, failure) {
        w.sessions.observed(&member);
    }
}

fn status(w: &World) -> (EndpointStatus, EndpointReason) {
    let status = member(w).status();
    (status.status, status.reason)
}

#[test]
fn what_exchanges_come_to_is_told_and_survives_a_change_in_place() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let bind = https("app.adit.example.com");
    let answer = w.bind(&first.connection, &bind).unwrap();
    for _ in 0..4 {
        refuse(&mut w);
    }
    let patch = PatchTunnelState {
        tunnel_id: answer.id.clone(),
        metadata: Some("changed".to_owned()),
        ..PatchTunnelState::default()
    };
    w.patch(&first.connection, &patch).unwrap();
    assert_eq!(status(&w), (EndpointStatus::Degraded, EndpointReason::UpstreamRefused));
    // A rebind on the same connection tells nothing new.
    let again_bound = w.bind(&first.connection, &rebind(&bind, &answer)).unwrap();
    assert_eq!(again_bound.id, answer.id);
    w.lose(&first.connection);
    let second = w.login(&again(TOKEN, &first)).unwrap();
    w.bind(&second.connection, &rebind(&bind, &answer)).unwrap();
    w.check();
    assert_eq!(
        events(&mut w.sessions),
        [
            "started",
            "online ok",
            "degraded upstream_refused",
            "offline agent_lost",
            "leg_lost 0",
            "resumed 1",
            // Nothing is known of the upstream of a session that is new.
            "online ok",
        ]
    );
}

#[test]
fn an_agent_that_takes_no_streams_is_degraded_and_then_closed() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    w.bind(&first.connection, &https(HOST)).unwrap();
    let failures = member(&w).legs()[0].failures.clone();
    for id in [2, 4, 6] {
        failures.untaken().add(id);
    }
    assert!(w.sessions.look_for_hung(w.now).is_empty());
    assert_eq!(status(&w).0, EndpointStatus::Online, "three may be chance");
    failures.untaken().add(8);
    for _ in 0..30 {
        assert!(w.sessions.look_for_hung(w.now).is_empty());
        assert_eq!(status(&w), (EndpointStatus::Degraded, EndpointReason::AgentLost));
        w.advance(SECOND);
    }
    // It took one: it was only slow.
    failures.untaken().remove(2);
    assert!(w.sessions.look_for_hung(w.now).is_empty());
    assert_eq!(status(&w).0, EndpointStatus::Online);
    failures.untaken().add(2);
    assert!(w.sessions.look_for_hung(w.now).is_empty());
    w.advance(29 * SECOND);
    assert!(w.sessions.look_for_hung(w.now).is_empty());
    w.advance(SECOND);
    assert_eq!(w.sessions.look_for_hung(w.now).len(), 1, "to be closed");
    w.lose(&first.connection);
    assert!(w.sessions.look_for_hung(w.now).is_empty());
    w.check();
    assert_eq!(
        events(&mut w.sessions),
        [
            "started",
            "online ok",
            "degraded agent_lost",
            "online ok",
            "degraded agent_lost",
            "offline agent_lost",
            "leg_lost 0",
        ]
    );
}

/// What hung is gone with its connection; the other one serves.
#[test]
fn a_session_is_well_again_without_the_leg_that_hung() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let second = w.login(&leg(TOKEN, &first, 1)).unwrap();
    let bind = https(HOST);
    let answer = w.bind(&first.connection, &bind).unwrap();
    w.bind(&second.connection, &rebind(&bind, &answer)).unwrap();
    let failures = member(&w).legs()[1].failures.clone();
    for id in [2, 4, 6, 8] {
        failures.untaken().add(id);
    }
    assert!(w.sessions.look_for_hung(w.now).is_empty());
    assert_eq!(status(&w), (EndpointStatus::Degraded, EndpointReason::AgentLost));
    w.advance(30 * SECOND);
    assert_eq!(w.sessions.look_for_hung(w.now).len(), 1, "to be closed");
    w.lose(&second.connection);
    assert!(w.sessions.look_for_hung(w.now).is_empty());
    assert_eq!(status(&w), (EndpointStatus::Online, EndpointReason::Ok));
    w.check();
}
