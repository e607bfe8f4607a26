//! `concurrency-limit` (traffic policy 6.5): open exchanges, or connections, of a key.

use std::sync::Arc;
use std::time::Duration;

use adit_names::code::ErrorCode;

use super::config::{Config, Setting};
use super::schema::{Ends, Kind, Own, Protocols, Q, SECOND, Spec, T, fine, list, optional, required};
use super::{Act, Cx, Flow};
use crate::document::Phase;
use crate::effect::{Effect, Input};
use crate::expr::Program;
use crate::state::{Entry, Waiting};

pub(super) static SPEC: Spec = Spec {
    name: "concurrency-limit",
    own: Own::ACTION,
    phases: Q | T,
    protocols: Protocols::All,
    ends: Ends::Never,
    fields: &[
        optional("name", Kind::Text(1, 1023)),
        required("limit", Kind::Int(1, 1_000_000)),
        optional("bucket_key", Kind::List(&list(Kind::Cel(&[]), 1, 10))),
        optional("queue", Kind::Int(0, 1000)),
        optional("queue_timeout", Kind::Duration(0, 30 * SECOND, 0)),
        optional("enforce", Kind::Bool),
    ],
    check: fine,
};

#[derive(Debug)]
struct ConcurrencyLimit {
    limit: u32,
    bucket_key: Vec<Program>,
    queue: usize,
    timeout: Duration,
    enforce: bool,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(ConcurrencyLimit {
        limit: u32::try_from(config.int("limit", 1)).unwrap_or(u32::MAX),
        bucket_key: config
            .list("bucket_key")
            .iter()
            .filter_map(|item| match &item.setting {
                Setting::Program(program) => Some((**program).clone()),
                _ => None,
            })
            .collect(),
        queue: usize::try_from(config.int("queue", 0)).unwrap_or(0),
        timeout: config.duration("queue_timeout", Duration::from_secs(1)),
        enforce: config.bool("enforce", true),
    })
}

impl ConcurrencyLimit {
    fn refused(&self, cx: &mut Cx<'_>) -> Flow {
        if !self.enforce {
            return Flow::Next;
        }
        cx.refuse_with(ErrorCode::ADIT_4291, vec![("retry-after".to_owned(), "1".to_owned())])
    }
}

impl Act for ConcurrencyLimit {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let key = cx.bucket_key(&self.bucket_key).join("\u{1f}");
        let queue = if self.enforce { self.queue } else { 0 };
        let place = (cx.view.endpoint.url.as_str(), key.as_str());
        let carried = &mut cx.exchange.carried;
        let concurrency = &cx.view.state.concurrency;
        let entry = concurrency.enter(cx.key, place, self.limit, queue, carried);
        match entry {
            Entry::Open(permit) => {
                cx.exchange.permits.push(permit);
                Flow::Next
            }
            Entry::Queued(place) => {
                cx.keep(place.clone());
                Flow::Need(Effect::Wait {
                    place,
                    most: self.timeout,
                })
            }
            Entry::Full => self.refused(cx),
        }
    }

    fn resume(&self, cx: &mut Cx<'_>, _: Input) -> Flow {
        let Some(place) = cx.kept::<Waiting>() else {
            return self.run(cx);
        };
        // Let in at the last moment is let in.
        match place.permit() {
            Some(permit) => {
                cx.exchange.permits.push(Arc::new(permit));
                Flow::Next
            }
            None => self.refused(cx),
        }
    }
}
