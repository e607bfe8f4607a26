//! A service that plays what a case says of it, and keeps what it was asked.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use serde_json::Value;

use crate::harness::Message;
use crate::harness::upstream::Conn;

/// What it does next.
#[derive(Clone, Debug)]
enum Next {
    Answer(Value),
    /// It closes without a word.
    Reset,
    /// It says nothing.
    Hang,
}

#[derive(Debug, Default)]
struct State {
    /// One for each request; the last one stays.
    plan: Vec<Next>,
    at: usize,
    seen: Vec<Message>,
}

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Played {
    pub(super) fn start(plan: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let out = Self { address, state };
        out.plan(plan);
        let state = out.state.clone();
        thread::spawn(move || {
            for io in listener.incoming() {
                let Ok(io) = io else { return };
                let state = state.clone();
                thread::spawn(move || serve(Conn::new(io), &state));
            }
        });
        out
    }

    /// What it does from now on: an answer, or a list of them.
    pub(super) fn plan(&self, plan: &Value) {
        let plan = match plan.get("sequence").unwrap_or(plan) {
            Value::Array(all) => all.iter().map(next).collect(),
            one => vec![next(one)],
        };
        let mut state = self.lock();
        (state.plan, state.at) = (plan, 0);
    }

    /// What it was asked since this was called last.
    pub(super) fn take_seen(&self) -> Vec<Message> {
        std::mem::take(&mut self.lock().seen)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(answer: &Value) -> Next {
    match answer["error"].as_str() {
        None => Next::Answer(answer.clone()),
        Some("timeout") => Next::Hang,
        // Whoever is refused by a service gets no answer either.
        Some(_) => Next::Reset,
    }
}

fn serve(mut conn: Conn, state: &Mutex<State>) {
    conn.wait_for_ever();
    while let Some(request) = conn.try_request() {
        let is_head = request.method() == "HEAD";
        let next = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.seen.push(request);
            let at = state.at.min(state.plan.len().saturating_sub(1));
            state.at += 1;
            state.plan.get(at).cloned()
        };
        match next {
            Some(Next::Answer(answer)) if conn.try_send(written(&answer, is_head)).is_ok() => {}
            Some(Next::Hang) => loop {
                thread::park();
            },
            _ => return,
        }
    }
}

/// Bytes of a body as cases have it.
pub(super) fn body_of(message: &Value, otherwise: &str) -> Vec<u8> {
    if let Some(encoded) = message["body_base64"].as_str() {
        return base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    }
    if let Some(size) = message["body_size"].as_u64() {
        return vec![b'a'; usize::try_from(size).unwrap()];
    }
    message["body"].as_str().unwrap_or(otherwise).as_bytes().to_vec()
}

/// Fields as cases have them: a text, a list of texts, or bytes.
pub(super) fn fields_of(message: &Value) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for (name, value) in message["headers"].as_object().into_iter().flatten() {
        let values = match value {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let bytes = match value {
                Value::String(text) => text.as_bytes().to_vec(),
                Value::Object(_) => {
                    let encoded = value["base64"].as_str().unwrap();
                    base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
                }
                other => other.to_string().into_bytes(),
            };
            out.push((name.clone(), bytes));
        }
    }
    out
}

/// The whole response.
fn written(answer: &Value, is_head: bool) -> Vec<u8> {
    let status = answer["status"].as_u64().unwrap_or(200);
    let body = body_of(answer, "ok");
    let has_body = !matches!(status, 204 | 304);
    let mut out = format!("HTTP/1.1 {status} Played\r\n").into_bytes();
    let mut is_measured = false;
    for (name, value) in fields_of(answer) {
        is_measured |= name.eq_ignore_ascii_case("content-length");
        out.extend_from_slice(format!("{name}: ").as_bytes());
        out.extend_from_slice(&value);
        out.extend_from_slice(b"\r\n");
    }
    if has_body && !is_measured {
        out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    if has_body && !is_head {
        out.extend_from_slice(&body);
    }
    out
}
