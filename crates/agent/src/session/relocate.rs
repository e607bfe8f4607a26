//! Moving to another connection while the old one still carries its streams (agent protocol 5.6, 9.2 `drain`):
//! a new leg, every endpoint bound on it, `drained` on the old one, which then ends when it is empty.

use std::sync::Arc;
use std::time::Duration;

use adit_protocol::control::ControlMessage;
use tokio::time::Instant;

use super::Shared;
use super::leg::Leg;
use super::login::{Login, Resume};
use super::manager::Manager;
use crate::dial::address::Address;
use crate::endpoint::lock;
use crate::error::Error;

/// Between two tries to get the new leg.
const AGAIN: Duration = Duration::from_millis(500);
/// The server closes the old leg at its deadline; after this much more this side does.
const GRACE: Duration = Duration::from_secs(5);

/// What the server announced.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    /// The leg on which it was said.
    pub(super) leg: u32,
    pub(super) deadline: Duration,
    /// Where to go, if the server says so.
    pub(super) addresses: Vec<String>,
}

/// The notice that concerns this leg, if there is one.
pub(super) fn due(shared: &Shared, leg: &Leg) -> Option<Notice> {
    lock(&shared.drain).take().filter(|notice| notice.leg == leg.number)
}

/// Moves the session. The error is the loss of the old leg before there was a new one.
pub(super) async fn relocate(manager: &mut Manager, old: &Arc<Leg>, notice: Notice) -> Result<Arc<Leg>, Error> {
    let shared = Arc::clone(&manager.shared);
    let deadline = Instant::now() + notice.deadline;
    let mut places: Vec<Address> = notice
        .addresses
        .iter()
        .filter_map(|place| Address::parse(place).ok())
        .collect();
    places.extend(shared.options.addresses.iter().cloned());
    let next = loop {
        let tried = tokio::select! {
            biased;
            cause = old.closed() => return Err(cause),
            tried = attempt(manager, &places, old.number) => tried,
        };
        match tried {
            Ok(leg) => break leg,
            Err(_) => tokio::select! {
                biased;
                cause = old.closed() => return Err(cause),
                () = tokio::time::sleep(AGAIN) => {}
            },
        }
    };
    *lock(&shared.leg) = Some(Arc::clone(&next));
    old.tell(&ControlMessage::Drained);
    let old = Arc::clone(old);
    let tasks = shared.tasks.clone();
    tasks.spawn(|entry| async move {
        let _entry = entry;
        if tokio::time::timeout_at(deadline + GRACE, old.mux.closed())
            .await
            .is_err()
        {
            old.mux.close(adit_mux::code::NONE, "drained");
        }
    });
    Ok(next)
}

async fn attempt(manager: &mut Manager, places: &[Address], old: u32) -> Result<Arc<Leg>, Error> {
    let mut last = Error::lost("no address to move to");
    for place in places {
        match join(manager, place, old).await {
            Ok((leg, login)) => {
                for endpoint in manager.shared.table.all() {
                    if !endpoint.is_leaving() && !endpoint.is_wanted() {
                        manager.bind(&leg, &endpoint).await?;
                    }
                }
                manager.learn(&login);
                return Ok(leg);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A leg beside the old one; where the server does not know the session any more, a login as after a loss.
async fn join(manager: &Manager, place: &Address, old: u32) -> Result<(Arc<Leg>, Login), Error> {
    let (shared, resume): (_, &Resume) = (&manager.shared, &manager.resume);
    let number = if old == 0 { 1 } else { 0 };
    match Leg::connect(shared, place, &manager.instance, resume, number).await {
        Err(Error::Refused { code: Some(code), .. }) if code == "ERR_ADIT_1103" => {
            Leg::connect(shared, place, &manager.instance, resume, 0).await
        }
        other => other,
    }
}
