//! What all connections of a node share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use adit_cluster::{Came, Directory, Ejection, Member, Pool, UpstreamFailure};
use adit_observe::{HandshakeResult, Observer, Refusal, RefusalKind, RefusalReason, TlsVersion, Worker};
use adit_snapshot::EdgeConfig;
use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::accept::{AddressTable, Kind};
use crate::admit::PoolCookies;
use crate::admit::spread::Spread;
use crate::control_sink::ControlSink;
use crate::flows::Flows;
use crate::forward::{Http2Upstreams, RetryBudgets};
use crate::govern::{Inspections, KeyFetches};
use crate::record_connection::micros;
use crate::secure::Profiles;
use crate::session::Agents;
use crate::supervise::{self, Workers};

/// How long a connection may have waited to be accepted, and to say what it wants, when the node begins to leave.
const WAITED: Duration = Duration::from_millis(250);

/// One node of the data plane.
#[derive(Debug)]
pub struct Node {
    /// What it was told.
    pub config: Arc<ArcSwap<EdgeConfig>>,
    /// What is live.
    pub directory: Arc<Directory>,
    /// The agents' sessions.
    pub agents: Arc<Agents>,
    /// Its threads.
    pub workers: Workers,
    /// Where outcomes go.
    pub observer: Observer,
    /// Its TLS profiles.
    pub(crate) profiles: Profiles,
    /// Connections open, in all and per address.
    pub addresses: Arc<AddressTable>,
    pub(crate) http2_upstreams: Http2Upstreams,
    pub(crate) control: Option<ControlSink>,
    /// What policies remember between requests.
    pub(crate) policy_state: adit_policy::State,
    /// The client for what policies ask outside.
    pub(crate) outbound: ArcSwap<adit_outbound::Client>,
    /// Key sets that are being fetched.
    pub(crate) key_fetches: KeyFetches,
    /// Messages that the firewall looks at.
    pub(crate) inspections: Inspections,
    /// What keeps visitors at members of pools.
    pub(crate) pool_cookies: PoolCookies,
    /// How much may still be repeated where policies say so.
    pub(crate) retry_budgets: RetryBudgets,
    /// Connections and responses that last.
    pub(crate) flows: Flows,
    draining: OnceLock<Instant>,
    leaving: Notify,
    in_flight: AtomicUsize,
}

/// Something a visitor is being served; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Node>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Node {
    #[allow(clippy::too_many_arguments, reason = "the parts of a node")]
    pub(crate) fn new(
        config: Arc<ArcSwap<EdgeConfig>>,
        directory: Arc<Directory>,
        agents: Arc<Agents>,
        workers: Workers,
        observer: Observer,
        profiles: Profiles,
        control: Option<ControlSink>,
        outbound: adit_outbound::Client,
    ) -> Arc<Self> {
        let pool_cookies = PoolCookies::new(&config.load().seal_key);
        Arc::new(Self {
            config,
            directory,
            agents,
            workers,
            observer,
            profiles,
            addresses: Arc::new(AddressTable::default()),
            http2_upstreams: Http2Upstreams::default(),
            control,
            policy_state: adit_policy::State::default(),
            outbound: ArcSwap::from_pointee(outbound),
            key_fetches: KeyFetches::default(),
            inspections: Inspections::default(),
            pool_cookies,
            retry_budgets: RetryBudgets::default(),
            flows: Flows::default(),
            draining: OnceLock::new(),
            leaving: Notify::new(),
            in_flight: AtomicUsize::new(0),
        })
    }

    /// The client for everything that is asked outside.
    pub fn outbound(&self) -> Arc<adit_outbound::Client> {
        self.outbound.load_full()
    }

    /// Puts another client for what policies ask outside in the place of the one that is there; what it is asking now it
    /// asks to the end.
    pub fn set_outbound(&self, client: adit_outbound::Client) {
        self.outbound.store(Arc::new(client));
    }

    /// Counts a connection that was not let in.
    pub(crate) fn refused(&self, kind: Kind, ip: IpAddr, reason: RefusalReason) {
        self.observe()
            .refusal(&Refusal::new(RefusalKind::Connection, reason, kind.listener(), ip));
    }

    /// Counts a handshake that was made.
    pub(crate) fn handshaken(&self, tls: &adit_tls::Stream<TcpStream>, began: Instant) {
        self.observe().handshake(
            HandshakeResult::Completed,
            TlsVersion::of(tls.version()),
            tls.resumed(),
            micros(began.elapsed()),
        );
    }

    /// Counts one that was not.
    pub(crate) fn handshake_failed(&self, result: HandshakeResult, began: Instant) {
        self.observe()
            .handshake(result, TlsVersion::None, false, micros(began.elapsed()));
    }

    /// The upstream of `member` answered at this time.
    pub(crate) fn upstream_answered(&self, member: &Member, at: Instant) {
        if member.health().succeeded(at) {
            self.agents.sessions(|s| s.observed(member));
        }
    }

    /// The upstream of `member` failed at this time.
    pub(crate) fn upstream_failed(&self, member: &Member, at: Instant, failure: UpstreamFailure) {
        if member.health().failed(at, failure) {
            self.agents.sessions(|s| s.observed(member));
        }
    }

    /// Takes down what an exchange with a member came to: one of several is put out for a while if it fails (edge 2.6).
    pub(crate) fn came(&self, pool: &Pool, member: &Member, what: Came) {
        if !pool.is_shared() {
            return;
        }
        let terms = match what {
            Came::Answered => Ejection::default(),
            Came::Answered5xx | Came::Failed => Spread::of(&self.config.load(), pool).ejection(),
        };
        if let Some(time) = pool.came(member, what, &terms) {
            let (url, endpoint, seconds) = (pool.url_text(), &member.endpoint_id, time.as_secs());
            tracing::warn!(
                url,
                endpoint,
                seconds,
                "exchanges with an endpoint fail: it is out for now"
            );
        }
    }

    /// The counters of the calling worker.
    pub(crate) fn observe(&self) -> Worker {
        self.observer.worker(supervise::current_worker().unwrap_or(0))
    }

    /// Counts an exchange or a relayed connection in: a node that leaves waits for it.
    pub(crate) fn serving(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// Exchanges and relayed connections that are served now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether the node is about to leave: connections end after the exchange they serve.
    pub fn is_draining(&self) -> bool {
        self.draining.get().is_some()
    }

    /// Whether new visitors are served: not once the node leaves, but those that waited to be accepted by then.
    pub(crate) fn takes_visitors(&self) -> bool {
        self.draining.get().is_none_or(|since| since.elapsed() < WAITED)
    }

    pub(crate) fn set_draining(&self) {
        self.draining.get_or_init(Instant::now);
        self.leaving.notify_waiters();
    }

    /// Waits until the node is about to leave.
    pub(crate) async fn drain_begins(&self) {
        let leaving = self.leaving.notified();
        if !self.is_draining() {
            leaving.await;
        }
    }
}
