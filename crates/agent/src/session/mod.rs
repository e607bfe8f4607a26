//! A session with a server: the handle a program holds, and what its tasks share.
//!
//! ```text
//! Session ── Shared ──┬─ manager (one task): dials, logs in, binds, moves, leaves
//!                     ├─ leg (two tasks a connection): driver; incoming streams and control messages
//!                     └─ one task for each visitor's stream
//! ```

pub(crate) mod builder;
pub(crate) mod control;
mod incoming;
mod leave;
mod leg;
mod login;
mod manager;
mod relocate;
mod rpc;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::config::Options;
use crate::dial::Secure;
use crate::endpoint::builder::{EndpointBuilder, Http, Tcp, Tls};
use crate::endpoint::table::Table;
use crate::endpoint::{Endpoint, Phase, lock};
use crate::error::Error;
use crate::event::{Events, Status};
use crate::forward::inbound::Open;
use crate::supervise::Tasks;

pub use builder::SessionBuilder;
pub use incoming::UpdateRequest;

use incoming::Handlers;
pub(crate) use leg::Leg;

/// A session with a server. Clones share it; it keeps itself connected until the last one is dropped or
/// [`Session::close`] is called. Either way what is open is finished within the drain time.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
    _alive: Arc<Alive>,
}

impl Session {
    /// Starts to say what to connect to.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    fn new(shared: Arc<Shared>) -> Self {
        Self {
            _alive: Arc::new(Alive(Arc::clone(&shared))),
            shared,
        }
    }

    /// An HTTP or HTTPS endpoint.
    pub fn http(&self) -> EndpointBuilder<Http> {
        EndpointBuilder::new(Arc::clone(&self.shared))
    }

    /// A TCP endpoint.
    pub fn tcp(&self) -> EndpointBuilder<Tcp> {
        EndpointBuilder::new(Arc::clone(&self.shared))
    }

    /// A TLS endpoint.
    pub fn tls(&self) -> EndpointBuilder<Tls> {
        EndpointBuilder::new(Arc::clone(&self.shared))
    }

    /// The session's id at the server (`ts_…`); empty before the first login.
    pub fn id(&self) -> String {
        lock(&self.shared.facts).id.clone()
    }

    /// The server's region; empty before the first login.
    pub fn region(&self) -> String {
        lock(&self.shared.facts).region.clone()
    }

    /// The round trip to the server as the heartbeats measure it.
    pub fn latency(&self) -> Option<Duration> {
        self.shared.leg().and_then(|leg| leg.mux.rtt())
    }

    /// Where the session stands, now and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Visitors' streams that are open now.
    pub fn open_streams(&self) -> usize {
        self.shared.open.count()
    }

    /// Tasks of this session that panicked. Each cost the one connection it carried.
    pub fn panics(&self) -> u64 {
        self.shared.tasks.panics()
    }

    /// Ends the session: tells the server, finishes what is open (at most the drain time, 10 s by default), takes
    /// the endpoints back, closes the connection.
    pub async fn close(&self) {
        self.shared.closing.send_replace(true);
        let _ = self.closed().await;
    }

    /// Resolves when the session has ended for good.
    ///
    /// # Errors
    /// Why, if nobody here asked for it: the server refused the login for a reason that does not pass.
    pub async fn closed(&self) -> Result<(), Error> {
        let mut status = self.shared.status.subscribe();
        let ended = status.wait_for(|status| matches!(status, Status::Closed(_))).await;
        match ended.as_deref() {
            Ok(Status::Closed(Some(cause))) => Err(cause.clone()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("status", &*self.shared.status.borrow())
            .finish_non_exhaustive()
    }
}

/// Closes the session when the last handle is dropped.
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.closing.send_replace(true);
    }
}

/// What the server said about the session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) region: String,
}

/// What the tasks of a session share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) secure: Secure,
    pub(crate) tasks: Tasks,
    pub(crate) table: Table,
    pub(crate) events: Events,
    pub(crate) handlers: Handlers,
    pub(crate) open: Arc<Open>,
    status: watch::Sender<Status>,
    closing: watch::Sender<bool>,
    /// Wakes the manager: the table changed, or a notice came.
    wake: Notify,
    leg: Mutex<Option<Arc<Leg>>>,
    drain: Mutex<Option<relocate::Notice>>,
    facts: Mutex<Facts>,
}

impl Shared {
    /// Enters an endpoint and waits until it is online or refused. Giving up the wait takes it back.
    pub(crate) async fn offer(&self, endpoint: Arc<Endpoint>) -> Result<(), Error> {
        if !self.table.enter(Arc::clone(&endpoint)) {
            return Err(Error::Closed);
        }
        let offered = Offered {
            shared: self,
            endpoint: Some(Arc::clone(&endpoint)),
        };
        self.wake.notify_one();
        let mut phase = endpoint.phase();
        let result = match phase.wait_for(|phase| *phase != Phase::Wanted).await.as_deref() {
            Ok(Phase::Gone(cause)) => Err(cause.clone().unwrap_or(Error::Closed)),
            Ok(Phase::Wanted | Phase::Online) => Ok(()),
            Err(_) => Err(Error::Closed),
        };
        offered.keep();
        result
    }

    /// Asks the manager to take an endpoint back.
    pub(crate) fn take_back(&self, endpoint: &Endpoint) {
        endpoint.leave();
        self.wake.notify_one();
    }

    /// The connection that requests go over now.
    pub(crate) fn leg(&self) -> Option<Arc<Leg>> {
        lock(&self.leg).clone()
    }

    /// Changes an endpoint that is online, at the server and for later rebinds.
    pub(crate) async fn patch(&self, endpoint: &Endpoint, patch: Patch) -> Result<(), Error> {
        let leg = self.leg().ok_or_else(|| Error::lost("not connected now"))?;
        leg.patch(endpoint, &patch).await?;
        endpoint.patched(|wish| patch.apply(wish));
        Ok(())
    }
}

/// A change of an endpoint that is online.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patch {
    pub(crate) policy: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) description: Option<String>,
}

impl Patch {
    fn apply(self, wish: &mut crate::endpoint::Wish) {
        if let Some(policy) = self.policy {
            wish.opts
                .insert(crate::endpoint::options::TRAFFIC_POLICY.to_owned(), policy.into());
        }
        if let Some(metadata) = self.metadata {
            wish.metadata = metadata;
        }
        if self.description.is_some() {
            wish.description = self.description;
        }
    }
}

/// An endpoint somebody waits for; taken back if he stops waiting.
struct Offered<'a> {
    shared: &'a Shared,
    endpoint: Option<Arc<Endpoint>>,
}

impl Offered<'_> {
    fn keep(mut self) {
        self.endpoint = None;
    }
}

impl Drop for Offered<'_> {
    fn drop(&mut self) {
        if let Some(endpoint) = &self.endpoint {
            self.shared.take_back(endpoint);
        }
    }
}
