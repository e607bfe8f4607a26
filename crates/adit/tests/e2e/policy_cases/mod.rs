//! The cases of the policy suite over the real server: an agent offers an endpoint with each case's policy, visitors send
//! its requests over TLS from the addresses that they say, and services, log and API are compared with what it expects.
//! The server's time of day stands still where the case is.

mod case;
mod checks;
pub(crate) mod clock;
mod compare;
mod played;
mod words;
mod work;
mod world;

use std::collections::BTreeMap;
use std::sync::PoisonError;

use case::{Case, Kind};
use world::World;

/// Cases that are run and right: of policies at work, of checks, of expressions and templates.
const RIGHT: [(Kind, usize); 3] = [(Kind::Work, 343), (Kind::Check, 117), (Kind::Word, 318)];

/// Why others are not run, and how many they are.
const NOT_RUN: &[(&str, usize)] = &[
    ("certificates of visitors have a test of their own", 7),
    ("it asks for other names than that of its endpoint", 2),
    ("it is asked over HTTP/2", 1),
    ("it looks at what only the engine sees", 12),
    ("it needs the firewall", 7),
    ("nobody can sign in yet", 18),
    ("the edge has no page for maintenance yet", 2),
];

/// Cases that were run and right, by their kinds, and what is wrong with others.
type Ran = (Vec<(Kind, usize)>, Vec<(String, Vec<String>)>);

fn run(mut all: Vec<Case>) -> Ran {
    let world = World::start(&all);
    let mut made = checks::Made::new(&world);
    for case in &mut all {
        made.references(case);
    }
    let of = |kind: Kind| all.iter().filter(move |case| case.kind() == kind);
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for kind in [Kind::Work, Kind::Check, Kind::Word] {
        let cases: Vec<&Case> = of(kind).collect();
        let ran = match kind {
            Kind::Work => work::run(&world, &cases),
            Kind::Check => cases.iter().map(|case| (case.id.clone(), made.check(case))).collect(),
            Kind::Word => {
                let noon = case::micros("2026-01-15T12:00:00Z");
                world.clock.lock().unwrap_or_else(PoisonError::into_inner).set(noon);
                let (refused, valued): (Vec<&Case>, Vec<&Case>) = cases
                    .iter()
                    .copied()
                    .partition(|case| case.whole["expect"].get("errors").is_some());
                let mut ran = words::run(&world, &valued);
                ran.extend(refused.iter().map(|case| (case.id.clone(), made.refuses(case))));
                ran
            }
        };
        right.push((kind, ran.iter().filter(|(_, wrong)| wrong.is_empty()).count()));
        wrong.extend(ran.into_iter().filter(|(_, wrong)| !wrong.is_empty()));
    }
    (right, wrong)
}

#[track_caller]
fn nothing_is_wrong(wrong: &[(String, Vec<String>)]) {
    let told: Vec<_> = wrong
        .iter()
        .map(|(id, wrong)| format!("{id}: {}", wrong.join("\n    ")))
        .collect();
    assert!(told.is_empty(), "{} are wrong\n{}", told.len(), told.join("\n"));
}

#[test]
fn cases_over_a_live_edge() {
    let mut all = case::all();
    let mut not_run: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    all.retain(|case| {
        let firewall = case.needs_firewall().then_some("it needs the firewall");
        match firewall.or_else(|| case.why_not()) {
            Some(why) => {
                not_run.entry(why).or_default().push(case.id.clone());
                false
            }
            None => true,
        }
    });
    let (right, wrong) = run(all);
    nothing_is_wrong(&wrong);
    let counted: Vec<_> = not_run.iter().map(|(why, ids)| (*why, ids.len())).collect();
    assert_eq!(counted, NOT_RUN, "{not_run:?}");
    assert_eq!(right, RIGHT);
    let numbers = right.iter().map(|(_, n)| n).sum::<usize>() + counted.iter().map(|(_, n)| n).sum::<usize>();
    assert_eq!(numbers, 827, "each is accounted for");
}

/// Those that need the firewall, but for the one that signs in too.
#[cfg(feature = "waf")]
#[test]
fn firewall_cases_over_a_live_edge() {
    let mut all = case::all();
    all.retain(|case| case.needs_firewall() && case.why_not().is_none());
    let (right, wrong) = run(all);
    nothing_is_wrong(&wrong);
    assert_eq!(right, [(Kind::Work, 4), (Kind::Check, 2), (Kind::Word, 0)]);
}
