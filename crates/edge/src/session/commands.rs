//! What the server asks of an agent: stop, restart, update, and the end of endpoints and sessions
//! (agent protocol 5.7).

use std::sync::Arc;
use std::time::Duration;

use adit_cluster::{Command, CommandError, CommandQueue, Target};
use adit_mux::code;
use adit_names::code::ErrorCode;
use adit_protocol::message::{Message, Restart, RestartResp, Stop, StopResp, StopTunnel, Update, UpdateResp};
use adit_protocol::typed_stream::StreamType;
use tokio::sync::Semaphore;

use super::agents::Agents;
use super::clock::Now;
use super::request;
use super::state::Ended;
use crate::supervise::{self, Workers};

/// Commands that run at once.
const AT_ONCE: usize = 256;
/// How long an agent has to answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long a stream may stay open after its value was read or written.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// Most characters of an agent's own words that are passed on.
const MAX_WORDS: usize = 512;
/// Largest answer in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Takes up commands for as long as somebody can give them. Each runs on the worker of its session, so that a slow
/// agent delays no other command; beyond [`AT_ONCE`] they wait in their queue. To be spawned once.
pub async fn run(agents: Arc<Agents>, workers: Workers, mut queue: CommandQueue) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(request) = queue.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let worker = match &request.target {
            Target::Session { id, .. } => agents.directory.session(id).and_then(|s| Some(s.legs.first()?.worker)),
            Target::Endpoint { .. } => None,
        };
        let agents = agents.clone();
        workers.spawn_on(worker.unwrap_or(0), "command", async move {
            let result = match &request.target {
                Target::Session { id, command: asked } => command(&agents, id, asked).await,
                Target::Endpoint { id, message } => stop_endpoint(&agents, id, message),
            };
            request.answer(result);
            drop(place);
        });
    }
}

/// Sends a command to the agent of a session and waits for its answer, at most 10 s.
///
/// # Errors
/// 804–806 if the agent said at login that it cannot (it is not asked then), 807–809 if it answers so, 810 if it
/// does not answer.
pub async fn command(agents: &Agents, session: &str, command: &Command) -> Result<(), CommandError> {
    let (remote, leg) = agents.sessions(|s| s.remote(session)).ok_or(CommandError::NotFound)?;
    let (can, cannot, failed) = match command {
        Command::Restart => (remote.restart, ErrorCode::NGROK_804, ErrorCode::NGROK_808),
        Command::Stop => (remote.stop, ErrorCode::NGROK_805, ErrorCode::NGROK_807),
        Command::Update { .. } => (remote.update, ErrorCode::NGROK_806, ErrorCode::NGROK_809),
    };
    match can.as_deref() {
        Some("") => {}
        Some(reason) => return Err(refused(cannot, "reason", reason)),
        None => return Err(refused(cannot, "reason", "it is too old")),
    }
    let silent = || refused(ErrorCode::NGROK_810, "", "");
    let leg = leg.ok_or_else(silent)?;
    let asked = tokio::time::timeout(ANSWER_TIME, ask(&leg, command)).await;
    let error = asked.ok().flatten().ok_or_else(silent)?;
    if error.is_empty() {
        return Ok(());
    }
    // The agent's own line with a code would only stand beside ours.
    let error = error.lines().next().unwrap_or_default();
    Err(refused(failed, "error", error))
}

/// A refusal with the agent's own words, at most [`MAX_WORDS`] characters of them.
fn refused(code: ErrorCode, name: &str, words: &str) -> CommandError {
    let words: String = words.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
    // The row ends its sentence itself.
    let words = words.trim_end_matches('.');
    CommandError::Refused {
        code,
        text: code.what().replace(&format!("{{{name}}}"), words),
    }
}

/// The field `Error` of the agent's answer; `None` if there is no answer.
async fn ask(leg: &adit_mux::Session, command: &Command) -> Option<String> {
    let (kind, json) = match command {
        Command::Stop => (StreamType::Stop, Stop {}.encode()),
        Command::Restart => (StreamType::Restart, Restart {}.encode()),
        Command::Update {
            version,
            permit_major_version,
        } => {
            let update = Update {
                version: version.clone(),
                permit_major_version: *permit_major_version,
            };
            (StreamType::Update, update.encode())
        }
    };
    // No FIN before the answer: the Rust family's reader spins on an early end.
    let mut stream = leg.open(&[&kind.to_bytes()[..], &json].concat()).ok()?;
    let answer = request::read_json(&mut stream, &[], MAX_ANSWER).await.ok()?;
    let error = match command {
        Command::Stop => StopResp::decode(&answer).ok()?.error,
        Command::Restart => RestartResp::decode(&answer).ok()?.error,
        Command::Update { .. } => UpdateResp::decode(&answer).ok()?.error,
    };
    supervise::spawn("command", async move {
        if stream.finish().is_ok() {
            request::wait_for_end(&mut stream, CLOSE_TIME).await;
        }
    });
    Some(error.unwrap_or_default())
}

/// Ends an endpoint by its id for the API (`tn_…`): visitors find it gone at once, the agent is told.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn stop_endpoint(agents: &Agents, endpoint: &str, message: &str) -> Result<(), CommandError> {
    let code = ErrorCode::ADIT_1210;
    let message = if message.is_empty() { code.what() } else { message };
    let ended = agents
        .sessions(|s| s.stop_endpoint(endpoint, code, message))
        .ok_or(CommandError::NotFound)?;
    say_ended(ended);
    Ok(())
}

/// Ends a session: its endpoints, then its connections. The agent may log in again, as somebody new.
///
/// # Errors
/// [`CommandError::NotFound`].
pub fn stop_session(agents: &Agents, session: &str, message: &str) -> Result<(), CommandError> {
    let code = ErrorCode::ADIT_1210;
    let message = if message.is_empty() { code.what() } else { message };
    let wall = Now::real().wall;
    let ended = agents
        .sessions(|s| s.stop_session(session, code, message, wall))
        .ok_or(CommandError::NotFound)?;
    say_ended(ended);
    Ok(())
}

/// Ends at once whatever the present configuration no longer allows: revoked credentials above all. The same
/// happens by itself within a second after the configuration changed.
pub fn enforce(agents: &Arc<Agents>) {
    agents.enforce();
}

/// Tells an agent what was ended; connections that are to be closed go behind the messages.
pub(super) fn say_ended(ended: Ended) {
    let Ended {
        leg,
        stops,
        close,
        text,
    } = ended;
    supervise::spawn("stop tunnels", async move {
        let mut streams = Vec::new();
        if let Some(leg) = leg {
            let said = say_stops(&leg, &stops, &mut streams);
            // Who is about to be closed is not waited for longer than that.
            let max = if close.is_empty() { ANSWER_TIME } else { CLOSE_TIME };
            let _ = tokio::time::timeout(max, said).await;
        }
        // The agent answers nothing and may leave its side open; the streams are reset then.
        let read = async {
            for stream in &mut streams {
                request::wait_for_end(stream, CLOSE_TIME).await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIME, read).await;
        drop(streams);
        for leg in close {
            leg.close(code::NONE, &text);
        }
    });
}

/// Sends the messages, waiting where the agent takes no more streams at once.
async fn say_stops(leg: &adit_mux::Session, stops: &[StopTunnel], streams: &mut Vec<adit_mux::Stream>) {
    for stop in stops {
        let first = [&StreamType::StopTunnel.to_bytes()[..], &stop.encode()].concat();
        loop {
            match leg.open(&first) {
                Ok(mut stream) => {
                    if stream.finish().is_ok() {
                        streams.push(stream);
                    }
                    break;
                }
                Err(error) if error.is_temporary() => {
                    if leg.capacity().await.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }
}
