//! Flows that last: relayed connections, upgraded requests, long responses. When an IP policy, a restriction or a guardrail
//! changes, those that would not be let in now are cut (edge 6.4).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::govern::{Chain, Unasked};
use crate::node::Node;

/// How often it is looked whether networks have changed.
const LOOK: Duration = Duration::from_millis(100);
/// Flows that are asked without a pause.
const SLICE: usize = 1_000;
/// The pause behind a slice.
const PAUSE: Duration = Duration::from_millis(10);
/// Dead entries are taken out when there are as many entries more.
const SWEEP: usize = 256;

/// The flows of a node.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    all: Mutex<Vec<Weak<Flow>>>,
    /// Generation of networks that was last asked about.
    generation: AtomicU64,
}

/// One flow, for as long as its connection lives.
#[derive(Debug)]
pub(crate) struct Flow {
    /// None: it asks for itself when it is woken.
    visitor: Option<Visitor>,
    is_cut: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Who a flow is of, and what it has passed.
#[derive(Debug)]
struct Visitor {
    organization: Box<str>,
    ip: IpAddr,
    chain: Option<Mutex<Box<Chain>>>,
    /// What there is to ask about a connection that has passed nothing.
    unasked: Option<Box<Unasked>>,
}

/// Where a connection keeps a flow that is only woken while it needs none.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<Arc<Flow>>>);

/// A flow that is only woken, for as long as an exchange lasts.
#[derive(Debug)]
pub(crate) struct Lent<'s> {
    flow: Option<Arc<Flow>>,
    spare: &'s Spare,
}

impl Lent<'_> {
    /// Whoever asks is woken when there is something to look at.
    pub(crate) fn poll(&self, cx: &Context<'_>) {
        if let Some(flow) = &self.flow {
            flow.poll_cut(cx);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        *self.spare.0.lock().unwrap_or_else(PoisonError::into_inner) = self.flow.take();
    }
}

impl Visitor {
    fn may_stay(&self, node: &Node) -> bool {
        let config = node.config.load();
        config.told.visitor_may_come_from(&self.organization, self.ip)
            && self.chain.as_ref().is_none_or(|chain| {
                let mut chain = chain.lock().unwrap_or_else(PoisonError::into_inner);
                chain.still_passes(node)
            })
            && self.unasked.as_ref().is_none_or(|unasked| unasked.passes(node))
    }
}

impl Flow {
    /// Whether it is to end; whoever asks is woken when it is.
    pub(crate) fn poll_cut(&self, cx: &Context<'_>) -> bool {
        if self.is_cut.load(Ordering::Acquire) {
            return true;
        }
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            other => *other = Some(cx.waker().clone()),
        }
        drop(waker);
        // It may have been cut before there was anybody to wake.
        self.is_cut.load(Ordering::Acquire)
    }

    /// Networks have changed: it is cut, or asks for itself.
    fn changed(&self, node: &Node) {
        match &self.visitor {
            Some(visitor) if visitor.may_stay(node) => return,
            Some(_) => self.is_cut.store(true, Ordering::Release),
            None => {}
        }
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Flows {
    /// A flow of a visitor with this address to endpoints of an organisation, who was let in when the generation was
    /// `seen`: if networks have changed since, it is asked at once.
    pub(crate) fn enter(
        &self,
        node: &Node,
        organization: &str,
        ip: IpAddr,
        chain: Option<Box<Chain>>,
        seen: u64,
    ) -> Arc<Flow> {
        self.enter_with(node, organization, ip, chain, None, seen)
    }

    /// The same for a connection that has met neither policies nor guardrails: those that come are asked about it.
    pub(crate) fn enter_unasked(
        &self,
        node: &Node,
        organization: &str,
        ip: IpAddr,
        unasked: Box<Unasked>,
        seen: u64,
    ) -> Arc<Flow> {
        self.enter_with(node, organization, ip, None, Some(unasked), seen)
    }

    fn enter_with(
        &self,
        node: &Node,
        organization: &str,
        ip: IpAddr,
        chain: Option<Box<Chain>>,
        unasked: Option<Box<Unasked>>,
        seen: u64,
    ) -> Arc<Flow> {
        let flow = self.add(Some(Visitor {
            organization: organization.into(),
            ip,
            chain: chain.map(Mutex::new),
            unasked,
        }));
        if self.generation() != seen {
            flow.changed(node);
        }
        flow
    }

    /// A flow that is only woken, and then looks at [`Flows::generation`]: the one that `spare` keeps, else a new one. It
    /// goes back there, so that who has one exchange after the other enters once.
    pub(crate) fn lend_waking<'s>(&self, spare: &'s Spare) -> Lent<'s> {
        let kept = spare.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Lent {
            flow: Some(kept.unwrap_or_else(|| self.add(None))),
            spare,
        }
    }

    fn add(&self, visitor: Option<Visitor>) -> Arc<Flow> {
        let flow = Arc::new(Flow {
            visitor,
            is_cut: AtomicBool::new(false),
            waker: Mutex::new(None),
        });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // Now and then, so that it costs each one next to nothing.
        if all.len() >= SWEEP && all.len() == all.capacity() {
            all.retain(|flow| flow.strong_count() > 0);
            // With room for as many again, or the next ones would all walk over those that live.
            let live = all.len();
            all.reserve(live.max(SWEEP));
        }
        all.push(Arc::downgrade(&flow));
        flow
    }

    /// Goes up a moment after networks have changed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn snapshot(&self) -> Vec<Weak<Flow>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|flow| flow.strong_count() > 0);
        all.clone()
    }
}

/// Asks all flows again whenever networks have changed. To be spawned once.
pub(crate) async fn run(node: Arc<Node>) {
    let mut every = tokio::time::interval(LOOK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let now = node.config.load().told.networks_generation();
        if now == node.flows.generation() {
            continue;
        }
        node.flows.generation.store(now, Ordering::Release);
        for slice in node.flows.snapshot().chunks(SLICE) {
            for flow in slice.iter().filter_map(Weak::upgrade) {
                flow.changed(&node);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
