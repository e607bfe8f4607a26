//! How a program says what to connect to.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

use super::incoming::{Handlers, UpdateRequest};
use super::manager::Manager;
use super::{Facts, Session, Shared};
use crate::config::{Ca, Client, Identity, Options, Secret};
use crate::dial::address::Address;
use crate::dial::proxy::Proxy;
use crate::dial::{AGENT, Secure};
use crate::endpoint::table::Table;
use crate::error::Error;
use crate::event::{Events, SessionEvent, Status};
use crate::forward::inbound::Open;
use crate::supervise::Tasks;

/// What to connect to, and how. Made by [`Session::builder`]; sessions made from clones of one builder share the
/// parsed certificate authorities.
#[derive(Clone)]
#[must_use = "nothing is dialled before `connect`"]
pub struct SessionBuilder {
    options: Options,
    events: Events,
    handlers: Handlers,
    environment: bool,
    /// The first thing that was unusable; told by `connect`.
    fault: Option<Error>,
    secure: Arc<OnceLock<Secure>>,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        Self {
            options: Options::default(),
            events: Events::default(),
            handlers: Handlers::default(),
            environment: true,
            fault: None,
            secure: Arc::default(),
        }
    }
}

impl SessionBuilder {
    /// Where the server is: `host[:port]` or `https://host[:port]`, port 443 if none is given; several, separated
    /// by commas, in order of preference. Names below `.localhost` are this machine. By default `ADIT_CONNECT_URL`.
    pub fn connect_url(mut self, addresses: impl AsRef<str>) -> Self {
        match Address::parse_list(addresses.as_ref()) {
            Ok(addresses) => self.options.addresses = addresses,
            Err(error) => self.fail(error),
        }
        self
    }

    /// The name that is asked for and verified, if it is not the host of the address.
    pub fn connect_server_name(mut self, name: impl Into<String>) -> Self {
        self.options.server_name = Some(name.into());
        self
    }

    /// The credential. By default `ADIT_AUTHTOKEN`, then `NGROK_AUTHTOKEN`.
    pub fn authtoken(mut self, token: impl Into<String>) -> Self {
        self.options.authtoken = Secret(token.into());
        self
    }

    /// Whom to trust as the server's certificate authority. By default the file `ADIT_CONNECT_CA`, else the
    /// platform's.
    pub fn ca(mut self, ca: Ca) -> Self {
        self.options.ca = ca;
        self.secure = Arc::default();
        self
    }

    /// A certificate of this agent, for servers that ask for one.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.options.identity = Some(identity);
        self.secure = Arc::default();
        self
    }

    /// A proxy: `http://`, `https://` or `socks5://`, with `user:password@` if needed. By default `ADIT_PROXY_URL`,
    /// else `https_proxy`, `http_proxy`, `all_proxy` minus `no_proxy`.
    pub fn proxy_url(mut self, url: impl AsRef<str>) -> Self {
        match Proxy::parse(url.as_ref()) {
            Ok(proxy) => self.options.proxies.given = Some(proxy),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Metadata of the session, at most 4,096 bytes.
    pub fn metadata(mut self, text: impl Into<String>) -> Self {
        self.options.metadata = text.into();
        self
    }

    /// Names the program that stands on this library; repeated, the most specific first.
    pub fn client_info(mut self, name: impl Into<String>, version: impl Into<String>, comment: Option<&str>) -> Self {
        self.options.clients.push(Client {
            name: name.into(),
            version: version.into(),
            comment: comment.map(str::to_owned),
        });
        self
    }

    /// The host name that the server shows. By default none is told.
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.options.hostname = Some(name.into());
        self
    }

    /// How often the agent makes sure that the server is there, 1 s to 1 h [10 s].
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.options.heartbeat_interval = interval;
        self
    }

    /// How long a heartbeat may stay unanswered, at least 1 s [15 s].
    pub fn heartbeat_tolerance(mut self, tolerance: Duration) -> Self {
        self.options.heartbeat_tolerance = tolerance;
        self
    }

    /// How long one attempt may take until the TLS handshake is done [10 s].
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.options.connect_timeout = limit;
        self
    }

    /// How long open connections are waited for at the end [10 s].
    pub fn drain_time(mut self, limit: Duration) -> Self {
        self.options.drain = limit;
        self
    }

    /// Reads what is not set from this environment only, instead of the process's: `ADIT_CONNECT_URL`,
    /// `ADIT_CONNECT_CA`, `ADIT_AUTHTOKEN`, `NGROK_AUTHTOKEN`, `ADIT_PROXY_URL` and the usual proxy variables.
    pub fn environment(mut self, get: impl Fn(&str) -> Option<String>) -> Self {
        self.environment = false;
        if let Err(error) = self.options.fill_from(&get) {
            self.fail(error);
        }
        self
    }

    /// Called with everything that happens, from the session's own task: it must not block.
    pub fn on_event(mut self, handler: impl Fn(&SessionEvent) + Send + Sync + 'static) -> Self {
        self.events = Events::to(handler);
        self
    }

    /// Called when an administrator asks the agent to stop. `Ok` promises that it will.
    pub fn on_stop(mut self, handler: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.handlers.stop = Some(Arc::new(move |()| handler()));
        self
    }

    /// Called when an administrator asks the agent to restart. `Ok` promises that it will.
    pub fn on_restart(mut self, handler: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.handlers.restart = Some(Arc::new(move |()| handler()));
        self
    }

    /// Called when an administrator asks the agent to update itself. `Ok` promises that it will.
    pub fn on_update(mut self, handler: impl Fn(UpdateRequest) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.handlers.update = Some(Arc::new(handler));
        self
    }

    /// What is answered to commands without a handler.
    pub fn unsupported(mut self, text: impl Into<String>) -> Self {
        self.handlers.unsupported = Some(text.into());
        self
    }

    /// Connects and logs in. Resolves when that has succeeded, however long it takes: causes that pass are waited
    /// out (`on_event` tells them). The session lives on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// [`Error::Configuration`] for what cannot work as it was given, and what does not pass by itself: a refused
    /// authtoken, an untrusted certificate.
    pub async fn connect(self) -> Result<Session, Error> {
        let (session, first) = self.start()?;
        match first.await {
            Ok(Ok(())) => Ok(session),
            Ok(Err(cause)) => Err(cause),
            Err(_) => Err(Error::Closed),
        }
    }

    /// As [`connect`](Self::connect), but returns at once: the session connects by itself. Endpoints may be asked
    /// for; they come online after the login.
    ///
    /// # Errors
    /// [`Error::Configuration`] for what cannot work as it was given.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazily(self) -> Result<Session, Error> {
        self.start().map(|(session, _)| session)
    }

    fn start(mut self) -> Result<(Session, oneshot::Receiver<Result<(), Error>>), Error> {
        if self.environment {
            self.options.fill_from(&|name| std::env::var(name).ok())?;
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.options.addresses.is_empty() {
            return Err(Error::configuration(
                "no server is configured",
                "set ADIT_CONNECT_URL to the server's connect address, for example connect.tunnels.example.com:443",
            ));
        }
        let secure = match self.secure.get() {
            Some(secure) => secure.clone(),
            None => {
                let secure = Secure::new(&self.options, AGENT)?;
                self.secure.get_or_init(|| secure).clone()
            }
        };
        let shared = Arc::new(Shared {
            options: self.options,
            secure,
            tasks: Tasks::on(Handle::current()),
            table: Table::default(),
            events: self.events,
            handlers: self.handlers,
            open: Arc::new(Open::default()),
            status: watch::Sender::new(Status::Connecting),
            closing: watch::Sender::new(false),
            wake: Notify::new(),
            leg: Mutex::new(None),
            drain: Mutex::new(None),
            facts: Mutex::new(Facts::default()),
        });
        let (first, logged_in) = oneshot::channel();
        let manager = Manager::new(Arc::clone(&shared), first);
        shared.tasks.spawn(|entry| async move {
            let _entry = entry;
            manager.run().await;
        });
        Ok((Session::new(shared), logged_in))
    }

    fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
