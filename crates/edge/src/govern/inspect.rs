//! The web application firewall at work (traffic policy 4.14): of a message it is shown head and begin of the body, in a
//! copy, and it looks at them beside the workers: half a millisecond is much for whoever waits behind it.
//!
//! As many messages are looked at at once as leave one processor to the workers; some wait for their turn, which
//! organisations have one after the other ([`Turns`]). What is beyond, takes too long or cannot be read is a failure of the
//! action that asked: it never passes as inspected.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use adit_names::code::ErrorCode;
use adit_policy::{EffectFault, Inspect, Inspection, Shown};

use super::asker::Asker;
use super::chain::Chain;
use super::run::Scene;
use super::turns::Turns;
use crate::forward::Held;
use crate::http::VisitorError;

/// Most messages that wait for their turn.
const WAITING: usize = 512;
/// Longest time for a message, its turn and the look.
const TIME: Duration = Duration::from_secs(10);
/// Longest time for the begin of a response's body.
const BODY: Duration = Duration::from_secs(60);

/// What is looked at now.
#[derive(Debug)]
pub(crate) struct Inspections {
    turns: Arc<Turns>,
}

impl Default for Inspections {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new((processors - 1).max(1), WAITING)
    }
}

impl Inspections {
    fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            turns: Turns::new(at_once, waiting),
        }
    }

    /// Looks, beside the workers, when it is the organisation's turn.
    async fn look(
        &self,
        organization: &str,
        look: impl FnOnce() -> Result<Inspection, EffectFault> + Send + 'static,
    ) -> Result<Inspection, EffectFault> {
        let looked = async move {
            let turn = self.turns.take(organization).await;
            let turn = turn.map_err(|full| fault(&full.to_string()))?;
            let looked = tokio::task::spawn_blocking(move || {
                let found = look();
                // Whoever asked may be gone: the turn is taken until now.
                drop(turn);
                found
            });
            looked
                .await
                .unwrap_or_else(|_| Err(fault("the inspection ended in a panic")))
        };
        let looked = tokio::time::timeout(TIME, looked).await;
        looked.unwrap_or_else(|_| Err(fault("the inspection takes too long")))
    }
}

/// Lets a message be looked at.
///
/// # Errors
/// The visitor has left, or what he sends is no body. Within: there is no firewall, no memory, no time, or the body
/// cannot be read.
pub(super) async fn perform(
    chain: &mut Chain,
    scene: Scene<'_>,
    asked: &Inspect,
    asker: &mut Asker<'_>,
) -> Result<Result<Inspection, EffectFault>, VisitorError> {
    let node = scene.node;
    let Ok(firewall) = node.config.load().firewall.clone() else {
        return Ok(Err(fault("this server has no web application firewall")));
    };
    let shown = chain.seen(node, scene.at, scene.response, |exchange, view| {
        Shown::of(asked, exchange, view)
    });
    let Some(mut shown) = shown.flatten() else {
        return Ok(Err(fault("there is no message to inspect")));
    };
    let budget = &node.agents.budget;
    let limit = shown.reads(&*firewall);
    if limit > 0 {
        let begin = match asker {
            Asker::Request { visitor, body, .. } if !asked.response => {
                let (facts, body) = body;
                body.read_begin(*visitor, facts, budget, limit).await?.ok()
            }
            Asker::Response { behind, .. } if asked.response => {
                let begin = poll_fn(|cx| behind.poll_begin(cx, limit, budget));
                tokio::time::timeout(BODY, begin).await.ok().and_then(Result::ok)
            }
            _ => None,
        };
        let Some(begin) = begin else {
            return Ok(Err(fault("the body cannot be read")));
        };
        shown.read(begin);
    }
    let Some(held) = Held::take(budget, shown.size()) else {
        return Ok(Err(fault("there is no memory for the message")));
    };
    let look = move || {
        let found = shown.inspected_by(&*firewall);
        drop(held);
        found
    };
    let organization = chain
        .facts_at(scene.at, false)
        .or_else(|| chain.facts_at(scene.at, true));
    let organization = organization.map_or("", |facts| facts.organization_id.as_str());
    asker.unless_gone(node.inspections.look(organization, look)).await
}

fn fault(why: &str) -> EffectFault {
    EffectFault {
        code: ErrorCode::NGROK_3701,
        message: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// A look that says when it begins and ends when it is told to.
    fn held() -> (
        impl FnOnce() -> Result<Inspection, EffectFault> + Send + 'static,
        Receiver<()>,
        SyncSender<()>,
    ) {
        let (begun, begins) = sync_channel(1);
        let (end, ended) = sync_channel(1);
        let look = move || {
            begun.send(()).unwrap();
            ended.recv().unwrap();
            Ok(Inspection::default())
        };
        (look, begins, end)
    }

    #[tokio::test]
    async fn one_looks_one_waits_and_what_is_beyond_fails_while_the_loop_goes_on() {
        let inspections = Arc::new(Inspections::new(1, 1));
        let look = |look| {
            let inspections = inspections.clone();
            crate::supervise::spawn("test", async move { inspections.look("ac_1", look).await })
        };
        let (first, begins, end) = held();
        let first = look(first);
        // This thread is the loop's: it turns while another one looks.
        while begins.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        let (second, second_begins, second_end) = held();
        let second = look(second);
        while inspections.turns.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let refused = inspections
            .look("ac_1", || Ok(Inspection::default()))
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::NGROK_3701);
        assert!(refused.message.contains("too many"), "{refused:?}");
        assert!(second_begins.try_recv().is_err(), "it is not its turn");
        // Who leaves while it is looked at leaves his turn to nobody before that is over.
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert_eq!(inspections.turns.taken(), 1);
        end.send(()).unwrap();
        second_end.send(()).unwrap();
        assert_eq!(second.await.unwrap(), Ok(Inspection::default()));
        assert!(inspections.look("ac_1", || Ok(Inspection::default())).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_leaves_its_place() {
        let inspections = Inspections::new(1, 0);
        for _ in 0..3 {
            let failed = inspections.look("ac_1", || panic!("on purpose")).await.unwrap_err();
            assert!(failed.message.contains("panic"), "{failed:?}");
        }
        assert!(inspections.look("ac_1", || Ok(Inspection::default())).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_a_failure() {
        let inspections = Inspections::new(1, 1);
        let turn = inspections.turns.take("ac_1").await.unwrap();
        let late = inspections
            .look("ac_1", || Ok(Inspection::default()))
            .await
            .unwrap_err();
        assert!(late.message.contains("too long"), "{late:?}");
        drop(turn);
        assert_eq!(
            (inspections.turns.taken(), inspections.turns.waiting()),
            (0, 0),
            "it waits no more"
        );
    }
}
