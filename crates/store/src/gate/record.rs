//! Activities on the desk.

use super::append::{What, append, canonical};
use super::desk::Desk;
use super::step::Hand;
use crate::activity::{Activity, spool};
use crate::log::Chain;
use crate::write::Written;

/// Appends those that were not taken before.
pub(crate) fn apply(desk: &mut Desk, hand: &Hand<'_>, activities: &[Activity]) -> Written {
    for activity in activities {
        let spool = spool(&activity.origin);
        let taken = desk.spools.get(&spool).copied().unwrap_or_default();
        if activity.origin.number <= taken {
            continue;
        }
        let (object_kind, object_id) = activity.object.clone().unzip();
        let what = What {
            organization: activity.organization,
            chain: Chain::Live,
            event_type: activity.event_type.clone(),
            object_kind,
            object_id,
            revision: None,
            before: None,
            after: canonical(&activity.after),
            seen: Some((activity.event_id, activity.at, activity.origin.clone())),
        };
        append(desk, hand, &activity.actor, what);
        desk.spools.set(spool, activity.origin.number);
    }
    Written {
        position: desk.position,
        objects: Vec::new(),
    }
}
