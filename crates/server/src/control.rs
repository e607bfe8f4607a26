//! The control thread: opens the store, follows it, takes over connections to the API's name from the edge, makes
//! their TLS handshakes and serves them. A runtime of its own, so that no list and no stuck client can slow a visitor.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use adit_api::{Access, Api, serve};
use adit_edge::{ControlConnection, ControlQueue, Node};
use adit_snapshot::{EdgeConfig, SealKey};
use adit_store::log::AuditKey;
use adit_store::{Engine, KeyPlaces, MasterKey, OpenError, Store};
use adit_tls::ServerProfile;
use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::activity::{SpoolReader, ship};
use crate::address_files::AddressFiles;
use crate::audit::{Auditor, Shown};
use crate::config::Settings;
use crate::disk_snapshot::Folder;
use crate::first::First;
use crate::follow::{Follower, kinds};
use crate::guardrail_exceptions;
use crate::health::Health;
use crate::revocation::Fetcher;
use crate::wire::ServerError;

/// TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections at once.
const CONNECTIONS: usize = 1_024;
/// How long requests that are being answered may take when the server stops.
const LAST: Duration = Duration::from_secs(2);

/// Protocols of the API, in our order.
pub(crate) const ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];

/// With what the control thread begins.
pub(crate) struct Begin {
    /// Which database.
    pub(crate) engine: Engine,
    /// Where the master key is.
    pub(crate) key: KeyPlaces,
    /// Name of this node.
    pub(crate) node: String,
    /// What has to be there.
    pub(crate) first: Option<First>,
    /// What the operator set; its seal key comes from the master key.
    pub(crate) settings: EdgeConfig,
    /// Activity that waits for the log.
    pub(crate) spool: SpoolReader,
    /// Signs heads of the log.
    pub(crate) audit_key: Arc<AuditKey>,
    /// How the log is kept.
    pub(crate) operator: Settings,
    /// What is shown of the log.
    pub(crate) shown: Shown,
    /// How this node is.
    pub(crate) health: Arc<Health>,
    /// Read again when they change.
    pub(crate) address_files: Arc<AddressFiles>,
}

/// What is there once the store is open and was read.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) store: Store,
    pub(crate) key: MasterKey,
    pub(crate) config: Arc<ArcSwap<EdgeConfig>>,
    pub(crate) access: Arc<Access>,
    pub(crate) applied: watch::Receiver<u64>,
}

/// What is served once the edge runs.
pub(crate) struct Serve {
    pub(crate) connections: ControlQueue,
    pub(crate) profile: ServerProfile,
    pub(crate) api: Arc<Api>,
    pub(crate) node: Arc<Node>,
    /// The data directory.
    pub(crate) data: PathBuf,
}

impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serve")
    }
}

/// A running control thread.
#[derive(Debug)]
pub(crate) struct Control {
    stop: watch::Sender<bool>,
    serve: Option<oneshot::Sender<Serve>>,
    settings: mpsc::Sender<EdgeConfig>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Starts it, and waits until the store is open and was read.
///
/// # Errors
/// Thread or event queue cannot be made; the store cannot be opened or read; the first objects cannot be written.
pub(crate) fn start(begin: Begin) -> Result<(Control, Ready), ServerError> {
    let (stop, stopped) = watch::channel(false);
    let (serve, served) = oneshot::channel::<Serve>();
    let (settings, renewed) = mpsc::channel(1);
    let (answer, ready) = sync_channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let node = begin.node.clone();
            let address_files = begin.address_files.clone();
            let (key, operator, shown) = (begin.audit_key.clone(), begin.operator.clone(), begin.shown.clone());
            let (opened, answered) = match open(begin).await {
                Ok((opened, ready)) => (opened, answer.send(Ok(ready))),
                Err(error) => {
                    // Who started us is there, or nobody needs to know.
                    let _ = answer.send(Err(error));
                    return;
                }
            };
            if answered.is_err() {
                return;
            }
            let serving = async {
                if let Ok(serve) = served.await {
                    let api = serve.api.clone();
                    let fetcher = Fetcher::new(serve.node.clone(), &serve.data);
                    let serving = async {
                        tokio::join!(run(serve, stopped.clone()), api.background(stopped.clone()));
                    };
                    tokio::select! {
                        () = serving => {}
                        () = fetcher.run() => {}
                    }
                }
            };
            let Opened {
                follower,
                spool,
                store,
                folder,
            } = opened;
            let mut auditor = Auditor::new(store.clone(), key, node.clone(), &operator, shown);
            let applied = follower.applied();
            let expiring = guardrail_exceptions::tell(follower.config(), store.clone(), stopped.clone());
            let following = follower.run(stopped.clone(), renewed);
            let shipping = ship(spool, store.clone(), node, stopped.clone());
            let auditing = auditor.run(stopped.clone());
            let kinds = kinds();
            let keeping = folder.keep(&store, &kinds, applied, stopped.clone());
            let reading = address_files.follow(stopped.clone());
            tokio::join!(serving, following, shipping, auditing, keeping, reading, expiring);
            // Everything is written by now.
            auditor.last().await;
            store.close().await;
        });
        runtime.shutdown_background();
    })?;
    let control = Control {
        stop,
        serve: Some(serve),
        settings,
        thread: Some(thread),
    };
    match ready.recv() {
        Ok(Ok(ready)) => Ok((control, ready)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(std::io::Error::other("the control thread ended").into()),
    }
}

/// What the control thread works with.
struct Opened {
    follower: Follower,
    spool: SpoolReader,
    store: Store,
    folder: Folder,
}

async fn open(begin: Begin) -> Result<(Opened, Ready), ServerError> {
    let key = MasterKey::find(&begin.key, &begin.engine).await?;
    let folder = Folder::new(&begin.key.data_dir, key.clone());
    let mut settings = begin.settings;
    settings.seal_key = SealKey(*key.derive("cookies of agents"));
    let options = || adit_store::Options {
        engine: begin.engine.clone(),
        node: begin.node.clone(),
        key: key.clone(),
    };
    let (store, follower) = match Store::open(options()).await {
        Ok(store) => {
            if let Some(first) = begin.first {
                first.make(&store, &settings.base_domain).await?;
            }
            let follower = Follower::start(store.clone(), settings, begin.health).await?;
            (store, follower)
        }
        Err(error @ OpenError::Unavailable(_)) => {
            let Some(told) = folder.newest() else {
                return Err(error.into());
            };
            let age = jiff::Timestamp::now().as_second().saturating_sub(told.at);
            tracing::error!(%error, age_s = age, "this node starts with what it was told before, until the store answers");
            let store = Store::open_later(&options())?;
            let follower = Follower::resume(store.clone(), settings, begin.health, told);
            (store, follower)
        }
        Err(error) => return Err(error.into()),
    };
    let ready = Ready {
        config: follower.config(),
        access: follower.access(),
        applied: follower.applied(),
        store: store.clone(),
        key,
    };
    let opened = Opened {
        follower,
        spool: begin.spool,
        store,
        folder,
    };
    Ok((opened, ready))
}

impl Control {
    /// Serves connections from now on.
    pub(crate) fn serve(&mut self, serve: Serve) {
        if let Some(begin) = self.serve.take() {
            // The thread has ended: then there is nothing to serve with.
            let _ = begin.send(serve);
        }
    }

    /// Puts new settings of the operator in force; false if others are being put in force just now.
    pub(crate) fn renew(&self, settings: EdgeConfig) -> bool {
        self.settings.try_send(settings).is_ok()
    }

    /// Ends it: what is being answered has two seconds.
    pub(crate) fn stop(mut self) {
        self.serve = None;
        self.stop.send_replace(true);
        if let Some(t) = self.thread.take() {
            // A panic there concerns nobody any more.
            let _ = t.join();
        }
    }
}

async fn run(serve: Serve, stopped: watch::Receiver<bool>) {
    let Serve {
        connections: mut queue,
        profile,
        api,
        ..
    } = serve;
    let mut serving = JoinSet::new();
    let mut until = stopped.clone();
    loop {
        tokio::select! {
            _ = until.wait_for(|s| *s) => break,
            connection = queue.recv(), if serving.len() < CONNECTIONS => match connection {
                Some(connection) => {
                    let (profile, api, stopped) = (profile.clone(), api.clone(), stopped.clone());
                    serving.spawn(async move { one(connection, profile, api, stopped).await });
                }
                None => break,
            },
            Some(ended) = serving.join_next() => {
                if let Err(e) = ended {
                    tracing::error!(error = %e, "a connection to the API was lost to a panic");
                }
            }
        }
    }
    queue.close();
    let all = async { while serving.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST, all).await;
}

async fn one(connection: ControlConnection, profile: ServerProfile, api: Arc<Api>, stopped: watch::Receiver<bool>) {
    let ControlConnection {
        io, read, peer, permit, ..
    } = connection;
    let Ok(io) = TcpStream::from_std(io) else { return };
    let tls = match tokio::time::timeout(HANDSHAKE, adit_tls::accept(io, read, &profile)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(e)) => {
            tracing::debug!(%peer, error = %e, "handshake failed");
            return;
        }
        Err(_) => return,
    };
    let is_http2 = tls.alpn() == Some(b"h2");
    serve::serve(api, tls, peer.ip(), is_http2, stopped).await;
    drop(permit);
}
