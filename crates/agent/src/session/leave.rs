//! The orderly end: announce, finish what is open, take the endpoints back, close (agent protocol 9.2, `leave`).

use std::time::Duration;

use adit_protocol::control::ControlMessage;
use tokio::time::Instant;

use super::Shared;
use super::incoming::tell_stopped;
use super::leg::Leg;
use crate::event::Status;

/// How long the last bytes may take.
const LAST: Duration = Duration::from_secs(2);

/// Ends a session that is online.
pub(super) async fn leave(shared: &Shared, leg: &Leg) {
    shared.status.send_replace(Status::Draining);
    let until = Instant::now() + shared.options.drain;
    let announced = leg.control.is_some();
    if announced {
        leg.tell(&ControlMessage::Leave {
            deadline_ms: u64::try_from(shared.options.drain.as_millis()).unwrap_or(u64::MAX),
        });
    } else {
        // A server that cannot be told stops sending visitors when the endpoints are gone.
        unbind_all(shared, leg).await;
    }
    tokio::select! {
        () = shared.open.none() => {}
        _ = leg.mux.closed() => return,
        () = tokio::time::sleep_until(until) => {}
    }
    if announced {
        unbind_all(shared, leg).await;
    }
    leg.mux.close(adit_mux::code::NONE, "");
    // The driver writes what is left; the task of the session ends it afterwards in any case.
    let _ = tokio::time::timeout(LAST, leg.driver_done()).await;
}

async fn unbind_all(shared: &Shared, leg: &Leg) {
    for endpoint in shared.table.all() {
        let id = endpoint.bound().id;
        if id.is_empty() {
            continue;
        }
        if leg.unbind(id).await.is_err() && leg.mux.is_closed() {
            return;
        }
        tell_stopped(shared, &endpoint, None, String::new());
    }
}
