//! Checks of endpoints that a pool's settings ask for (edge 2.6): in turn each member is asked through a stream of its
//! own; one that fails several times is out, and comes in again when it answers.
//!
//! Only members whose session this node holds are asked. Who never asks for checks pays a look at an empty table a second.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_cluster::{Checks, ClaimKey, Member, Pool};
use adit_snapshot::{HealthCheck, HealthCheckKind};
use tokio::sync::{Semaphore, mpsc};

use crate::node::Node;
use crate::{forward, supervise};

/// How often it is looked at what is due.
const TICK: Duration = Duration::from_secs(1);
/// Most checks at once; others are done later.
const AT_ONCE: usize = 64;
/// Longest answer that is read for its status.
const LINE: usize = 64;

/// A member that is checked; by its endpoint's id, which stays when its options change.
#[derive(Debug)]
struct Watched {
    member: Arc<Member>,
    /// When it is asked next.
    next: Instant,
    /// The round of looking that last found it.
    round: u64,
}

/// What a check came to.
type Came = (String, bool, HealthCheck);

/// Checks what is due, for ever.
pub(crate) async fn run(node: Arc<Node>) {
    let mut watched: HashMap<String, Watched> = HashMap::new();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let (say, mut said) = mpsc::channel::<Came>(AT_ONCE);
    let mut every = tokio::time::interval(TICK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = 0_u64;
    loop {
        tokio::select! {
            _ = every.tick() => {
                round = round.wrapping_add(1);
                begin(&node, &mut watched, &places, &say, round);
            }
            Some((key, is_good, check)) = said.recv() => {
                if let Some(known) = watched.get_mut(&key) {
                    known.next = Instant::now() + check.interval;
                    tell(&known.member, is_good, &check);
                }
            }
        }
    }
}

/// Asks those that are due, and forgets those that are not checked any more.
fn begin(
    node: &Arc<Node>,
    watched: &mut HashMap<String, Watched>,
    places: &Arc<Semaphore>,
    say: &mpsc::Sender<Came>,
    round: u64,
) {
    let config = node.config.load();
    if config.told.checked_pools().next().is_none() && watched.is_empty() {
        return;
    }
    let now = Instant::now();
    let mut due = Vec::new();
    for (url, organization, settings) in config.told.checked_pools() {
        let Some(check) = &settings.health_check else { continue };
        let Some(pool) = node.directory.get(&ClaimKey::of(url, organization)) else {
            continue;
        };
        if pool.organization() != organization {
            continue;
        }
        for member in &*pool.members() {
            let known = watched.entry(member.endpoint_id.clone()).or_insert_with(|| Watched {
                member: member.clone(),
                next: now,
                round,
            });
            known.round = round;
            if !Arc::ptr_eq(&known.member, member) {
                known.member = member.clone();
            }
            if known.next <= now && member.is_connected() {
                due.push((known.next, pool.clone(), member.clone(), check.clone()));
            }
        }
    }
    // Who has waited longest is first: nobody is kept out by others that are many.
    due.sort_by_key(|(next, ..)| *next);
    for (_, pool, member, check) in due {
        let Ok(place) = places.clone().try_acquire_owned() else {
            break;
        };
        if let Some(known) = watched.get_mut(&member.endpoint_id) {
            // Later again when it has been answered.
            known.next = now + check.timeout + check.interval;
        }
        let (node, say) = (node.clone(), say.clone());
        supervise::spawn("health check", async move {
            let is_good = is_good(&node, &pool, &member, &check).await;
            drop(place);
            // Only the end of the node is not listened to.
            let _ = say.send((member.endpoint_id.clone(), is_good, check)).await;
        });
    }
    watched.retain(|_, known| {
        let stays = known.round == round;
        if !stays {
            known.member.checks().forget();
        }
        stays
    });
}

/// Takes down what a check came to.
fn tell(member: &Member, is_good: bool, check: &HealthCheck) {
    let endpoint = &member.endpoint_id;
    match member.checks().came(is_good, check.up, check.down) {
        Some(Checks::OUT) => tracing::warn!(endpoint, "checks of an endpoint fail: it is out until they succeed"),
        Some(_) => tracing::info!(endpoint, "checks of an endpoint succeed again"),
        None => {}
    }
}

/// Whether a member answers as it is expected to, in time.
async fn is_good(node: &Node, pool: &Pool, member: &Member, check: &HealthCheck) -> bool {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // HTTP/2 upstreams are not spoken to: that they can be reached has to do.
    let is_http = check.kind == HealthCheckKind::Http && (!member.options.upstream_http2 || member.is_http1_only());
    let head = if is_http {
        request(pool, member, check)
    } else {
        String::new()
    };
    let opened = forward::open_check(member, local, head.as_bytes(), &node.observe());
    let Ok(opened) = opened else { return false };
    let mut stream = opened.stream;
    let answered = tokio::time::timeout(check.timeout, async {
        let mut seen: Vec<u8> = Vec::new();
        loop {
            match stream.chunk().await {
                Ok(Some(bytes)) if is_http => {
                    seen.extend_from_slice(&bytes);
                    if let Some(status) = status(&seen) {
                        return (check.expect_first..=check.expect_last).contains(&status);
                    }
                    if seen.len() >= LINE {
                        return false;
                    }
                }
                // It speaks first: it is there.
                Ok(Some(_)) => return true,
                Ok(None) | Err(_) => return false,
            }
        }
    })
    .await;
    // Whoever only listens has not hung up in all that time.
    answered.unwrap_or(!is_http)
}

/// What is asked for.
fn request(pool: &Pool, member: &Member, check: &HealthCheck) -> String {
    let host = member
        .options
        .host_header
        .as_deref()
        .unwrap_or_else(|| pool.url().host().as_str());
    format!(
        "GET {} HTTP/1.1\r\nhost: {host}\r\nuser-agent: adit-health/1\r\nconnection: close\r\n\r\n",
        check.path
    )
}

/// The status of an answer, as soon as it is there.
fn status(seen: &[u8]) -> Option<u16> {
    let rest = seen.strip_prefix(b"HTTP/1.")?;
    let digits = std::str::from_utf8(rest.get(2..5)?).ok()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_soon_as_it_is_there() {
        for (seen, found) in [
            (&b"HTTP/1.1 204 No Content\r\n"[..], Some(204)),
            (b"HTTP/1.0 503", Some(503)),
            (b"HTTP/1.1 20", None),
            (b"HTTP/2 200 OK", None),
            (b"HTTP/1.1 2x0 OK", None),
            (b"", None),
        ] {
            assert_eq!(status(seen), found, "{:?}", String::from_utf8_lossy(seen));
        }
    }
}
