//! What a session tells its program: events as they happen, and the status as it is.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The first connection is being made.
    Connecting,
    /// Logged in, and every endpoint was bound again (or refused).
    Online,
    /// The connection was lost; a new one is being made.
    Reconnecting,
    /// The server leaves or this program closes: what is open is finished.
    Draining,
    /// The end. With an error if it was not [`Session::close`](crate::Session::close) that asked for it.
    Closed(Option<Error>),
}

/// Something that happened in a session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionEvent {
    /// An attempt to connect starts.
    Connecting {
        /// Its number since the last proven connection, from 1.
        attempt: u32,
    },
    /// Logged in, and every endpoint that was there is bound again.
    Online {
        /// The session's id at the server; it stays the same after a resumption.
        id: String,
        /// The server's region or node group.
        region: String,
        /// The server's version.
        version: String,
        /// True if the server knew the session from before.
        resumed: bool,
        /// A text of the server's operators, often empty.
        banner: String,
    },
    /// The connection was lost, or could not be made. It is tried again by itself.
    Lost {
        /// Why.
        cause: Error,
        /// When the next attempt starts.
        retry_in: Duration,
        /// How many attempts failed since the last proven connection.
        attempt: u32,
    },
    /// An endpoint is online; told again after every reconnection.
    EndpointOnline {
        /// Its name here.
        name: String,
        /// Its public URL.
        url: String,
        /// Where its traffic goes.
        upstream: String,
        /// True if it was online before.
        again: bool,
    },
    /// The server refused to offer an endpoint. If it had been online it is tried again by itself.
    EndpointRefused {
        /// Its name here.
        name: String,
        /// The server's code.
        code: Option<String>,
        /// The server's words.
        message: String,
        /// When it is tried again.
        retry_in: Option<Duration>,
    },
    /// The server or this program ended an endpoint.
    EndpointStopped {
        /// Its name here.
        name: String,
        /// Its URL until now.
        url: String,
        /// The server's code, if the server ended it.
        code: Option<String>,
        /// The server's words; empty if this program ended it.
        message: String,
    },
    /// How the server shows an endpoint to others.
    EndpointStatus {
        /// Its name here.
        name: String,
        /// `online`, `degraded`, …
        status: String,
        /// The reason's code word.
        reason: String,
        /// More words.
        detail: String,
    },
    /// A message of the server for a person.
    Notice {
        /// `info`, `warning` or `error`.
        level: String,
        /// Its code.
        code: String,
        /// Its text.
        text: String,
        /// Where to read more.
        url: String,
    },
    /// The server leaves; the session moves to another connection without losing anything.
    Draining {
        /// Why, in the server's words.
        reason: String,
        /// How long it waits.
        deadline: Duration,
    },
    /// An upstream could not be reached. Told at most once in five seconds for an endpoint.
    UpstreamFailed {
        /// The endpoint's name.
        name: String,
        /// The upstream's address.
        upstream: String,
        /// The visitor who wanted it.
        visitor: SocketAddr,
        /// The system's words.
        error: String,
    },
    /// An upstream that had failed answers again.
    UpstreamUp {
        /// The endpoint's name.
        name: String,
        /// The upstream's address.
        upstream: String,
    },
    /// The server asked for something on behalf of an administrator.
    RemoteCommand {
        /// `stop`, `restart` or `update`.
        command: &'static str,
        /// True if a handler took it.
        accepted: bool,
    },
    /// The session has ended for good.
    Closed {
        /// Why, if this program did not ask for it.
        cause: Option<Error>,
    },
}

type Handler = dyn Fn(&SessionEvent) + Send + Sync;

/// The program's handler, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<Arc<Handler>>);

impl Events {
    pub(crate) fn to(handler: impl Fn(&SessionEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(handler)))
    }

    /// Tells the program; the event is only made if somebody listens.
    pub(crate) fn tell(&self, event: impl FnOnce() -> SessionEvent) {
        if let Some(handler) = &self.0 {
            handler(&event());
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Events(handler)"
        } else {
            "Events(none)"
        })
    }
}
