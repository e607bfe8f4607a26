//! Any sequence of events keeps the tables, the claims and the directory in agreement, and in the end nothing
//! is left.

use std::time::Duration;

use adit_protocol::message::{BindResp, PatchTunnelState, Unbind};
use proptest::prelude::*;

use super::{Accepted, NARROW_TOKEN, OTHER_TOKEN, TOKEN, World, again, auth, https, leg, pooled, rebind, tcp};

const AGENTS: usize = 4;
const NAMES: [&str; 5] = [
    "a.adit.example.com",
    "b.adit.example.com",
    "*.example.org",
    "x.example.org",
    "db.internal",
];

#[derive(Clone, Debug)]
enum Event {
    /// A new session, or with its cookie the old one.
    Login {
        agent: usize,
        resume: bool,
    },
    Leg {
        agent: usize,
        number: u32,
    },
    Lose {
        agent: usize,
        leg: usize,
    },
    Bind {
        agent: usize,
        leg: usize,
        name: usize,
        pooled: bool,
    },
    Rebind {
        agent: usize,
        leg: usize,
        which: usize,
    },
    Unbind {
        agent: usize,
        which: usize,
    },
    Patch {
        agent: usize,
        which: usize,
        pooled: bool,
    },
    Advance {
        seconds: u64,
    },
    Stop {
        agent: usize,
    },
    Revoke,
    Drain,
    PortTaken {
        port: u16,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let agent = 0..AGENTS;
    let which = 0_usize..4;
    prop_oneof![
        3 => (agent.clone(), any::<bool>()).prop_map(|(agent, resume)| Event::Login { agent, resume }),
        2 => (agent.clone(), 0_u32..5).prop_map(|(agent, number)| Event::Leg { agent, number }),
        3 => (agent.clone(), 0_usize..3).prop_map(|(agent, leg)| Event::Lose { agent, leg }),
        8 => (agent.clone(), 0_usize..3, 0..NAMES.len() + 2, any::<bool>())
            .prop_map(|(agent, leg, name, pooled)| Event::Bind { agent, leg, name, pooled }),
        5 => (agent.clone(), 0_usize..3, which.clone()).prop_map(|(agent, leg, which)| Event::Rebind { agent, leg, which }),
        2 => (agent.clone(), which.clone()).prop_map(|(agent, which)| Event::Unbind { agent, which }),
        1 => (agent.clone(), which, any::<bool>()).prop_map(|(agent, which, pooled)| Event::Patch { agent, which, pooled }),
        3 => (0_u64..40).prop_map(|seconds| Event::Advance { seconds }),
        1 => agent.prop_map(|agent| Event::Stop { agent }),
        1 => Just(Event::Revoke),
        1 => Just(Event::Drain),
        1 => (20_000_u16..20_010).prop_map(|port| Event::PortTaken { port }),
    ]
}

#[derive(Default)]
struct Agent {
    legs: Vec<Accepted>,
    last: Option<Accepted>,
    bound: Vec<(adit_protocol::message::Bind, BindResp)>,
}

fn token(agent: usize) -> &'static str {
    match agent {
        0 | 1 => TOKEN,
        2 => OTHER_TOKEN,
        _ => NARROW_TOKEN,
    }
}

fn step(w: &mut World, agents: &mut [Agent], event: &Event) {
    match *event {
        Event::Login { agent, resume } => {
            let auth = match agents[agent].last.as_ref().or_else(|| agents[agent].legs.last()) {
                Some(last) if resume => again(token(agent), last),
                _ => auth(token(agent)),
            };
            if let Ok(accepted) = w.login(&auth) {
                agents[agent].legs.push(accepted);
            }
        }
        Event::Leg { agent, number } => {
            let Some(first) = agents[agent].legs.last() else {
                return;
            };
            if let Ok(accepted) = w.login(&leg(token(agent), first, number)) {
                agents[agent].legs.push(accepted);
            }
        }
        Event::Lose { agent, leg } => {
            if leg < agents[agent].legs.len() {
                let lost = agents[agent].legs.remove(leg);
                w.lose(&lost.connection);
                agents[agent].last = Some(lost);
            }
        }
        Event::Bind {
            agent,
            leg,
            name,
            pooled: share,
        } => {
            let bind = match NAMES.get(name) {
                Some(host) => https(host),
                None if name == NAMES.len() => https(""),
                None => tcp(""),
            };
            let bind = if share { pooled(bind) } else { bind };
            let Some(connection) = agents[agent].legs.get(leg).map(|l| l.connection.clone()) else {
                return;
            };
            if let Ok(answer) = w.bind(&connection, &bind) {
                agents[agent].bound.push((bind, answer));
            }
        }
        Event::Rebind { agent, leg, which } => {
            let a = &agents[agent];
            if let (Some(l), Some((bind, answer))) = (a.legs.get(leg), a.bound.iter().rev().nth(which)) {
                let (connection, bind) = (l.connection.clone(), rebind(bind, answer));
                if let Ok(back) = w.bind(&connection, &bind) {
                    assert_eq!(back.id, bind.id);
                }
            }
        }
        Event::Unbind { agent, which } => {
            let a = &agents[agent];
            if let (Some(l), Some((_, answer))) = (a.legs.last(), a.bound.iter().rev().nth(which)) {
                let unbind = Unbind {
                    id: answer.id.clone(),
                    ..Unbind::default()
                };
                let _ = w.sessions.unbind(&l.connection, &unbind);
            }
        }
        Event::Patch { agent, which, pooled } => {
            let a = &agents[agent];
            if let (Some(l), Some((_, answer))) = (a.legs.last(), a.bound.iter().rev().nth(which)) {
                let patch = PatchTunnelState {
                    tunnel_id: answer.extra.tunnel_id.clone(),
                    pooling_enabled: Some(pooled),
                    ..PatchTunnelState::default()
                };
                let _ = w.patch(&l.connection, &patch);
            }
        }
        Event::Advance { seconds } => w.advance(Duration::from_secs(seconds)),
        Event::Stop { agent } => {
            if let Some(l) = agents[agent].legs.last() {
                let wall = w.now.wall;
                let _ =
                    w.sessions
                        .stop_session(&l.connection.session, adit_names::code::ErrorCode::ADIT_1210, "", wall);
            }
        }
        Event::Revoke => {
            let config = w
                .config
                .clone()
                .with_credentials([super::credential("cr_1", "ac_1", TOKEN, &[])]);
            w.sessions.enforce(&config, w.now);
        }
        Event::Drain => {
            w.sessions.drain();
        }
        Event::PortTaken { port } => {
            let mut in_use = w.ports.in_use.lock().unwrap();
            if !in_use.remove(&port) {
                in_use.insert(port);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn tables_claims_and_directory_agree(events in prop::collection::vec(event(), 1..60)) {
        let mut w = World::new();
        let mut agents: Vec<Agent> = (0..AGENTS).map(|_| Agent::default()).collect();
        for event in &events {
            step(&mut w, &mut agents, event);
            w.check();
        }
        for agent in &agents {
            for leg in &agent.legs {
                w.lose(&leg.connection);
            }
        }
        w.check();
        w.advance(Duration::from_secs(301));
        w.check_empty();
    }
}
