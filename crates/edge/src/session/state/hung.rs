//! Stock agents whose accept loop hangs: alive by their heartbeats, and not a stream is taken (agent protocol 9.6).

use std::sync::Arc;
use std::time::Duration;

use super::Sessions;
use crate::session::clock::Now;

/// So many streams that are not taken mean that none is.
const STREAMS: usize = 4;
/// How long a connection may stay so before it is closed, so that its agent comes back.
const PATIENCE: Duration = Duration::from_secs(30);

impl Sessions {
    /// Looks for connections whose agents take no streams: their endpoints are degraded, or well again. Returns the
    /// connections that are to be closed. To be called about once a second.
    pub fn look_for_hung(&mut self, now: Now) -> Vec<adit_mux::Session> {
        let (mut close, mut changed) = (Vec::new(), Vec::new());
        for (session, live) in &mut self.live {
            let mut is_hung = false;
            for leg in live.legs.values_mut() {
                if leg.leg.failures.untaken().len() < STREAMS {
                    leg.hung = None;
                    continue;
                }
                is_hung = true;
                let since = *leg.hung.get_or_insert(now.at);
                if now.at.saturating_duration_since(since) >= PATIENCE {
                    close.push(leg.leg.mux.clone());
                }
            }
            // The connection that hung may be gone by now, while others serve.
            if !std::mem::replace(&mut live.is_hung, is_hung) && !is_hung {
                continue;
            }
            for (bind, endpoint) in &live.endpoints {
                if endpoint.member.health().set_hung(is_hung) {
                    changed.push((Arc::clone(session), bind.clone()));
                }
            }
        }
        for (session, bind) in changed {
            self.tell_endpoint(&session, &bind);
        }
        close
    }
}
