//! What the server opens on a leg: visitors' streams, remote commands, the end of an endpoint; and what it says
//! on the control stream.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use adit_mux::code;
use adit_protocol::capability::LegAddress;
use adit_protocol::control::ControlMessage;
use adit_protocol::json::Scanner;
use adit_protocol::message::{Message, RestartResp, StopResp, StopTunnel, Update, UpdateResp};
use adit_protocol::proxy_header::ReceivedProxyHeader;
use adit_protocol::typed_stream::{StreamType, TYPE_LEN};
use bytes::{Buf, Bytes};

use super::leg::Leg;
use super::{Shared, relocate};
use crate::endpoint::{Endpoint, Sink, lock};
use crate::error::Error;
use crate::event::SessionEvent;
use crate::forward::{self, inbound::Inbound};
use crate::listen;

/// A stream's header comes in its first frame; a server that lets it drip is not waited for.
const HEADER: Duration = Duration::from_secs(10);

/// What an update is asked to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The version; empty means the latest.
    pub version: String,
    /// Whether it may be another major version.
    pub permit_major_version: bool,
}

type Command<A> = Arc<dyn Fn(A) -> Result<(), String> + Send + Sync>;

/// What the program does when the server asks it to stop, restart or update.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) stop: Option<Command<()>>,
    pub(crate) restart: Option<Command<()>>,
    pub(crate) update: Option<Command<UpdateRequest>>,
    /// What is answered where there is no handler.
    pub(crate) unsupported: Option<String>,
}

impl Handlers {
    pub(super) fn stop_unsupported(&self) -> String {
        self.unsupported(self.stop.is_some(), "stopping")
    }

    pub(super) fn restart_unsupported(&self) -> String {
        self.unsupported(self.restart.is_some(), "restarting")
    }

    pub(super) fn update_unsupported(&self) -> String {
        self.unsupported(self.update.is_some(), "updating")
    }

    /// Empty if there is a handler: that is how the protocol says "supported".
    fn unsupported(&self, handled: bool, what: &str) -> String {
        match &self.unsupported {
            _ if handled => String::new(),
            Some(text) => text.clone(),
            None => format!("{what} by remote command is not supported by this program"),
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("stop", &self.stop.is_some())
            .field("restart", &self.restart.is_some())
            .field("update", &self.update.is_some())
            .finish_non_exhaustive()
    }
}

enum Next {
    Stream(Option<adit_mux::Stream>),
    Message(Option<ControlMessage>),
}

/// Serves one leg until it ends.
pub(super) async fn run(shared: Arc<Shared>, leg: Arc<Leg>, mut incoming: adit_mux::Incoming) {
    let mut listening = leg.control.is_some();
    loop {
        let next = poll_fn(|cx| {
            if let Poll::Ready(stream) = incoming.poll_accept(cx) {
                return Poll::Ready(Next::Stream(stream));
            }
            match leg.control.as_ref().filter(|_| listening) {
                Some(control) => control.poll_next(cx).map(Next::Message),
                None => Poll::Pending,
            }
        })
        .await;
        match next {
            Next::Stream(Some(stream)) => {
                let (shared, leg) = (Arc::clone(&shared), Arc::clone(&leg));
                let tasks = shared.tasks.clone();
                tasks.spawn(|entry| async move {
                    let _entry = entry;
                    serve(shared, leg, stream).await;
                });
            }
            Next::Stream(None) => return,
            Next::Message(Some(message)) => hear(&shared, &leg, message),
            Next::Message(None) => listening = false,
        }
    }
}

fn hear(shared: &Shared, leg: &Leg, message: ControlMessage) {
    match message {
        ControlMessage::Probe { n } => {
            let ep = shared
                .table
                .all()
                .iter()
                .filter_map(|endpoint| endpoint.probe_state())
                .collect();
            leg.tell(&ControlMessage::ProbeOk { n, ep });
        }
        ControlMessage::BindState {
            id,
            status,
            reason,
            detail,
        } => {
            if let Some(endpoint) = shared.table.find(&id) {
                shared.events.tell(|| SessionEvent::EndpointStatus {
                    name: endpoint.name(),
                    status,
                    reason,
                    detail,
                });
            }
        }
        ControlMessage::Drain {
            deadline_ms,
            addresses,
            reason,
        } => {
            shared.events.tell(|| SessionEvent::Draining {
                reason: reason.clone(),
                deadline: Duration::from_millis(deadline_ms),
            });
            *lock(&shared.drain) = Some(relocate::Notice {
                leg: leg.number,
                deadline: Duration::from_millis(deadline_ms),
                addresses: addresses
                    .into_iter()
                    .filter(|place| matches!(place.transport.as_str(), "" | "tls"))
                    .map(|LegAddress { addr, .. }| addr)
                    .collect(),
            });
            shared.wake.notify_one();
        }
        ControlMessage::Notice { level, code, text, url } => {
            shared.events.tell(|| SessionEvent::Notice { level, code, text, url });
        }
        ControlMessage::Goodbye { code, text } => leg.note_goodbye(&code, text),
        ControlMessage::Limits {
            session_budget: Some(budget),
            ..
        } => leg.grow(budget),
        // One leg is all this agent keeps; the rest is for agents, or newer than this one.
        _ => {}
    }
}

/// Serves one stream that the server opened. What is rare is boxed: this future lives as long as its visitor.
async fn serve(shared: Arc<Shared>, leg: Arc<Leg>, mut stream: adit_mux::Stream) {
    let mut head = Head { bytes: Bytes::new() };
    match tokio::time::timeout(HEADER, head.kind(&mut stream)).await {
        Ok(Some(StreamType::Proxy)) => {
            let Some(visit) = Box::pin(visit(&shared, stream, head)).await else {
                return;
            };
            match &visit.endpoint.sink {
                Sink::Forward(_) => forward::serve(&shared, &leg, &visit.endpoint, visit.inbound, &visit.header).await,
                Sink::Listen(queue) => {
                    Box::pin(listen::deliver(
                        &shared,
                        &visit.endpoint,
                        queue,
                        visit.inbound,
                        visit.header,
                    ))
                    .await;
                }
            }
        }
        Ok(Some(kind)) => Box::pin(request(&shared, kind, stream, head)).await,
        Ok(None) | Err(_) => stream.reset(code::PROTOCOL),
    }
}

/// What is not a visitor.
async fn request(shared: &Shared, kind: StreamType, mut stream: adit_mux::Stream, mut head: Head) {
    match kind {
        StreamType::Stop | StreamType::Restart | StreamType::Update => command(shared, kind, stream, head).await,
        StreamType::StopTunnel => {
            if let Ok(Some(request)) = tokio::time::timeout(HEADER, head.json(&mut stream)).await
                && let Ok(stopped) = StopTunnel::decode(&request)
            {
                stop_endpoint(shared, stopped);
            }
            let _ = stream.finish();
        }
        _ => stream.reset(code::REFUSED),
    }
}

/// The bytes at the front of a stream, as far as they were read and not yet used.
struct Head {
    bytes: Bytes,
}

impl Head {
    async fn more(&mut self, stream: &mut adit_mux::Stream) -> Option<()> {
        let chunk = stream.chunk().await.ok()??;
        self.bytes = if self.bytes.is_empty() {
            chunk
        } else {
            [self.bytes.as_ref(), chunk.as_ref()].concat().into()
        };
        Some(())
    }

    async fn kind(&mut self, stream: &mut adit_mux::Stream) -> Option<StreamType> {
        loop {
            if let Some(kind) = StreamType::read(&self.bytes) {
                self.bytes.advance(TYPE_LEN);
                return Some(kind);
            }
            self.more(stream).await?;
        }
    }

    async fn proxy_header(&mut self, stream: &mut adit_mux::Stream) -> Option<ReceivedProxyHeader> {
        loop {
            if let Some((header, used)) = ReceivedProxyHeader::read(&self.bytes).ok()? {
                self.bytes.advance(used);
                return Some(header);
            }
            self.more(stream).await?;
        }
    }

    async fn json(&mut self, stream: &mut adit_mux::Stream) -> Option<Bytes> {
        let mut scanner = Scanner::default();
        loop {
            if let Some(value) = scanner.scan(&self.bytes).ok()? {
                return Some(self.bytes.slice(value));
            }
            self.more(stream).await?;
        }
    }
}

/// A visitor's stream whose header was read.
struct Visit {
    endpoint: Arc<Endpoint>,
    header: ReceivedProxyHeader,
    inbound: Inbound,
}

async fn visit(shared: &Shared, mut stream: adit_mux::Stream, mut head: Head) -> Option<Visit> {
    let Ok(Some(header)) = tokio::time::timeout(HEADER, head.proxy_header(&mut stream)).await else {
        stream.reset(code::PROTOCOL);
        return None;
    };
    let endpoint = match shared.table.find(&header.id) {
        Some(endpoint) => endpoint,
        None => match shared.table.find_soon(&header.id).await {
            Some(endpoint) => endpoint,
            None => {
                // Unprocessed: the edge may try another member of the pool.
                stream.reset(code::REFUSED);
                return None;
            }
        },
    };
    Some(Visit {
        endpoint,
        header,
        inbound: Inbound::new(stream, head.bytes, shared.open.enter()),
    })
}

/// The server ended an endpoint: it is forgotten here without an Unbind.
fn stop_endpoint(shared: &Shared, stopped: StopTunnel) {
    let Some(endpoint) = shared.table.find(&stopped.id) else {
        return;
    };
    shared.table.remove(&endpoint);
    let code = (!stopped.error_code.is_empty()).then_some(stopped.error_code);
    tell_stopped(shared, &endpoint, code.clone(), stopped.message.clone());
    endpoint.gone(Some(Error::Stopped {
        text: stopped.message,
        code,
    }));
}

pub(super) fn tell_stopped(shared: &Shared, endpoint: &Endpoint, code: Option<String>, message: String) {
    shared.events.tell(|| SessionEvent::EndpointStopped {
        name: endpoint.name(),
        url: endpoint.bound().url,
        code,
        message,
    });
}

/// Stop, restart, update: the program's handler decides, its answer goes back.
async fn command(shared: &Shared, kind: StreamType, mut stream: adit_mux::Stream, mut head: Head) {
    let Ok(Some(request)) = tokio::time::timeout(HEADER, head.json(&mut stream)).await else {
        stream.reset(code::PROTOCOL);
        return;
    };
    let handlers = &shared.handlers;
    let (name, done) = match kind {
        StreamType::Stop => (
            "stop",
            handlers
                .stop
                .as_ref()
                .map_or_else(|| Err(handlers.stop_unsupported()), |stop| stop(())),
        ),
        StreamType::Restart => (
            "restart",
            handlers
                .restart
                .as_ref()
                .map_or_else(|| Err(handlers.restart_unsupported()), |restart| restart(())),
        ),
        _ => ("update", update(handlers, &request)),
    };
    shared.events.tell(|| SessionEvent::RemoteCommand {
        command: name,
        accepted: done.is_ok(),
    });
    let error = done.err();
    let answer = match kind {
        StreamType::Stop => StopResp { error }.encode(),
        StreamType::Restart => RestartResp { error }.encode(),
        _ => UpdateResp { error }.encode(),
    };
    if stream.send_all(&answer).await.is_ok() {
        let _ = stream.finish();
        // The server resets or ends its side; until then the answer must not be overtaken by a reset of ours.
        let _ = tokio::time::timeout(HEADER, async { while let Ok(Some(_)) = stream.chunk().await {} }).await;
    }
}

fn update(handlers: &Handlers, request: &[u8]) -> Result<(), String> {
    let Some(update) = &handlers.update else {
        return Err(handlers.update_unsupported());
    };
    let asked = Update::decode(request).map_err(|error| error.to_string())?;
    update(UpdateRequest {
        version: asked.version,
        permit_major_version: asked.permit_major_version,
    })
}
