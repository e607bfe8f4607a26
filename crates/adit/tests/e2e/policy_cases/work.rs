//! Policies at work: each case's requests are sent at their times, all cases side by side.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use super::case::{Case, Turn};
use super::compare::{self, Got};
use super::played::{body_of, fields_of};
use super::world::{Place, World};
use crate::harness::{Message, Of, Visitor, eventually};

/// Cases that are run at once.
const SIDE_BY_SIDE: usize = 4;

/// A case at work.
struct Running<'c> {
    case: &'c Case,
    place: Place,
    /// A connection that was made before its request.
    early: Option<Visitor>,
    wrong: Vec<String>,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Connect(usize),
    Ask(usize),
}

/// Runs cases; what is wrong, by their ids.
pub(super) fn run(world: &World, cases: &[&Case]) -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    let own: Vec<&Case> = cases.iter().copied().filter(|case| !case.shares_host).collect();
    let shared: Vec<&Case> = cases.iter().copied().filter(|case| case.shares_host).collect();
    let mut running = Vec::new();
    for case in own {
        match world.place(case) {
            Ok(place) => running.push(Mutex::new(Running {
                case,
                place,
                early: None,
                wrong: Vec::new(),
            })),
            Err(why) => out.push((case.id.clone(), vec![why])),
        }
    }
    // By time, then by case: what a case does at one time it does in its order.
    let mut times: BTreeMap<i64, BTreeMap<usize, Vec<Step>>> = BTreeMap::new();
    for (at, case) in running.iter().enumerate() {
        let case = lock(case).case;
        for (number, turn) in case.turns.iter().enumerate() {
            if let Some(early) = turn.connected_at {
                times
                    .entry(early)
                    .or_default()
                    .entry(at)
                    .or_default()
                    .push(Step::Connect(number));
            }
            times
                .entry(turn.at)
                .or_default()
                .entry(at)
                .or_default()
                .push(Step::Ask(number));
        }
    }
    let mut shared_at: BTreeMap<i64, Vec<&Case>> = BTreeMap::new();
    for case in shared {
        assert_eq!(case.turns.len(), 1, "{}", case.id);
        shared_at.entry(case.turns[0].at).or_default().push(case);
        times.entry(case.turns[0].at).or_default();
    }
    for (time, what) in times {
        world.clock.lock().unwrap_or_else(PoisonError::into_inner).set(time);
        let queue = Mutex::new(what.into_iter());
        thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE {
                scope.spawn(|| {
                    while let Some((at, steps)) = next(&queue) {
                        let mut case = lock(&running[at]);
                        for step in steps {
                            let case = &mut *case;
                            let (wrong, early) = (&mut case.wrong, &mut case.early);
                            attempt(wrong, |wrong| {
                                wrong.extend(do_step(world, case.case, &case.place, early, step))
                            });
                        }
                    }
                });
            }
        });
        for case in shared_at.remove(&time).unwrap_or_default() {
            let ran = world.at_shared(case, |place| {
                let mut wrong = Vec::new();
                attempt(&mut wrong, |wrong| {
                    wrong.extend(asked(world, case, place, &mut None, 0))
                });
                wrong
            });
            out.push((case.id.clone(), ran.unwrap_or_else(|why| vec![why])));
        }
    }
    let mut running: Vec<Running<'_>> = running
        .into_iter()
        .map(|case| case.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect();
    look_at_the_log(world, &mut running);
    out.extend(running.into_iter().map(|case| (case.case.id.clone(), case.wrong)));
    out
}

fn next<T>(queue: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    lock(queue).next()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What panics is wrong.
fn attempt(wrong: &mut Vec<String>, work: impl FnOnce(&mut Vec<String>)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(wrong))) {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        wrong.push(text.unwrap_or_default());
    }
}

fn do_step(world: &World, case: &Case, place: &Place, early: &mut Option<Visitor>, step: Step) -> Vec<String> {
    match step {
        Step::Connect(number) => {
            let visitor = world.visitor(&case.host, &case.turns[number].conn);
            *early = Some(visitor.unwrap_or_else(|e| panic!("{e}")));
            Vec::new()
        }
        Step::Ask(number) => asked(world, case, place, early, number),
    }
}

/// Sends the request of a turn; what is wrong.
fn asked(world: &World, case: &Case, place: &Place, early: &mut Option<Visitor>, number: usize) -> Vec<String> {
    let turn = &case.turns[number];
    place.upstream.plan(&turn.upstream);
    let mut got = if case.scheme() == "tcp" {
        bytes(world, place, turn)
    } else {
        ask(world, case, early, turn)
    };
    got.upstream = place.upstream.take_seen();
    for (host, service) in &place.inside {
        got.inside
            .extend(service.take_seen().into_iter().map(|m| (host.clone(), m)));
    }
    let outbound = case.whole["outbound"].as_array();
    let is_outbound = |host: &str| {
        let mut outbound = outbound.into_iter().flatten();
        outbound.any(|answer| compare::split(answer["url"].as_str().unwrap()).0 == host)
    };
    let mut wrong = Vec::new();
    compare::differences(&turn.expect, &got, &is_outbound, &mut wrong);
    wrong.into_iter().map(|text| format!("turn {number}: {text}")).collect()
}

/// The request of a turn in bytes.
pub(super) fn request(turn: &Turn, host: &str, more: &str) -> Vec<u8> {
    let method = turn.request["method"].as_str().unwrap_or("GET");
    let whole = format!("https://{host}/");
    let (authority, target) = compare::split(turn.request["url"].as_str().unwrap_or(&whole));
    let body = body_of(&turn.request, "");
    let mut out = format!("{method} {target} HTTP/1.1\r\nHost: {authority}\r\n{more}").into_bytes();
    let mut is_measured = body.is_empty();
    for (name, value) in fields_of(&turn.request) {
        is_measured |= name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding");
        out.extend_from_slice(format!("{name}: ").as_bytes());
        out.extend_from_slice(&value);
        out.extend_from_slice(b"\r\n");
    }
    if !is_measured {
        out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}

/// What a message answers.
pub(super) fn of(turn: &Turn) -> Of {
    if turn.request["method"].as_str() == Some("HEAD") {
        Of::Head
    } else {
        Of::Get
    }
}

fn ask(world: &World, case: &Case, early: &mut Option<Visitor>, turn: &Turn) -> Got {
    let visitor = match early.take() {
        Some(visitor) => Ok(visitor),
        None if case.scheme() == "http" => Ok(world.plain(world.server.info.http, &turn.conn)),
        None => world.visitor(&case.host, &turn.conn),
    };
    let Ok(mut visitor) = visitor else {
        return Got {
            alert: true,
            ..Got::default()
        };
    };
    let request = request(turn, &case.host, "");
    if turn.expect["connection"].as_str() == Some("tls_alert") {
        // With TLS 1.3 the visitor is told after his own side of the handshake.
        let _ = visitor.try_send(request);
        return Got {
            alert: visitor.rest_or_alert().is_empty(),
            ..Got::default()
        };
    }
    // Who is closed may be so before all is sent.
    let _ = visitor.try_send(request);
    let response: Result<Message, _> = visitor.try_receive(of(turn));
    Got {
        closed: response.is_err(),
        response: response.ok(),
        ..Got::default()
    }
}

/// A connection that is bytes to the server.
fn bytes(world: &World, place: &Place, turn: &Turn) -> Got {
    let url = place.endpoint.as_ref().unwrap().url();
    let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut visitor = world.plain((std::net::Ipv4Addr::LOCALHOST, port).into(), &turn.conn);
    let _ = visitor.try_send("GET / HTTP/1.1\r\nHost: bytes\r\n\r\n");
    let response = visitor.try_receive(Of::Get);
    Got {
        closed: response.is_err(),
        ..Got::default()
    }
}

/// What the server has told of cases that expect something of it.
fn look_at_the_log(world: &World, running: &mut [Running<'_>]) {
    let expects = |turn: &Turn| turn.expect.get("logs").is_some() || turn.expect.get("policy_errors").is_some();
    let looked_at = running.iter_mut().filter(|case| case.case.turns.iter().any(expects));
    for case in looked_at {
        // A connection is told of when it ends.
        let id = case
            .place
            .endpoint
            .take()
            .map(|endpoint| (endpoint.url(), endpoint.id()));
        let (url, endpoint) = id.unwrap_or_default();
        let is_its = |line: &Value| {
            line["endpoint"]["url"] == url.as_str() || line["http"]["request"]["url"]["host"] == case.case.host.as_str()
        };
        let lines = eventually("its lines", || {
            let text = world.server.process.stdout();
            let lines = text.lines().filter(|line| line.starts_with('{'));
            let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
            let of_traffic = |event: &Value| {
                let kind = event["event_type"].as_str().unwrap_or_default();
                matches!(kind, "http_request_complete.v0" | "tcp_connection_closed.v0")
            };
            let objects = lines.filter(of_traffic).map(|mut line| line["object"].take());
            let lines: Vec<Value> = objects.filter(is_its).collect();
            (lines.len() >= case.case.turns.len()).then_some(lines)
        });
        for (number, (turn, line)) in case.case.turns.iter().zip(&lines).enumerate() {
            // Endpoints have other ids here.
            let mut expect = turn.expect.to_string().replace("ep_test", &endpoint);
            for (at, id) in case.place.guardrails.iter().enumerate() {
                expect = expect.replace(&format!("guardrails[{at}]."), &format!("{id}."));
            }
            let mut wrong = Vec::new();
            compare::told(&serde_json::from_str(&expect).unwrap(), line, &mut wrong);
            case.wrong
                .extend(wrong.into_iter().map(|text| format!("turn {number}: {text}")));
        }
    }
}
