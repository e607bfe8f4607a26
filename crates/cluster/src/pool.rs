//! Pools: all members that serve one name, and the choice between them (edge 2.6).

use std::cell::LazyCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use adit_names::endpoint_url::EndpointUrl;
use arc_swap::ArcSwap;

use crate::claim::ClaimKey;
use crate::member::{Member, MemberKey, Usable};
use crate::park::{ParkRefused, Parked, Places, Queue};
use crate::standing::{Came, Ejection, WHOLE};

/// Where a new exchange goes.
#[derive(Clone, Debug)]
pub enum Choice {
    /// To this member.
    Member(Arc<Member>),
    /// Nowhere now; a member is expected back: [`Pool::park`].
    Park,
    /// Nowhere.
    Offline,
}

/// How a member is chosen of those that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Any of them; any random number.
    Random(u64),
    /// Of two that are drawn with this random number, the one with fewer open streams.
    LeastBusy(u64),
    /// One after the other.
    RoundRobin,
    /// The same one for the same number, as long as it takes new exchanges: when another comes or goes, only those move
    /// that it gets or had.
    Value(u64),
}

/// The members of one name.
pub struct Pool {
    key: ClaimKey,
    url: EndpointUrl,
    url_text: Box<str>,
    organization: Box<str>,
    /// All of them, those in their resume window too.
    members: ArcSwap<Vec<Arc<Member>>>,
    /// Whether some member brought a traffic policy.
    has_policies: AtomicBool,
    gone: AtomicBool,
    /// Whose turn it is.
    turn: AtomicUsize,
    queue: Queue,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("key", &self.key)
            .field("organization", &self.organization)
            .field("members", &self.members.load().len())
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn new(key: ClaimKey, url: EndpointUrl, organization: &str, places: Arc<Places>) -> Self {
        Self {
            key,
            url_text: url.to_string().into(),
            url,
            organization: organization.into(),
            members: ArcSwap::from_pointee(Vec::new()),
            has_policies: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
            queue: Queue::new(places),
        }
    }

    /// What it has claimed.
    pub fn key(&self) -> &ClaimKey {
        &self.key
    }

    /// The canonical URL.
    pub fn url(&self) -> &EndpointUrl {
        &self.url
    }

    /// The canonical URL as text.
    pub fn url_text(&self) -> &str {
        &self.url_text
    }

    /// The organisation of all its members.
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// Its members, those without a connection too.
    pub fn members(&self) -> Arc<Vec<Arc<Member>>> {
        self.members.load_full()
    }

    /// Whether it has several members, on line or not.
    pub fn is_shared(&self) -> bool {
        self.members.load().len() > 1
    }

    /// Whether some member takes new exchanges.
    pub fn is_online(&self) -> bool {
        self.members.load().iter().any(|m| m.usable() > Usable::No)
    }

    /// How many members take new exchanges, without those that were tried.
    pub fn online(&self, tried: &[MemberKey]) -> usize {
        let members = self.members.load();
        let usable = |m: &&Arc<Member>| m.usable() > Usable::No && !tried.contains(&m.key);
        members.iter().filter(usable).count()
    }

    /// Whether some member brought a traffic policy: else nobody need ask each of them.
    pub fn has_policies(&self) -> bool {
        self.has_policies.load(Ordering::Acquire)
    }

    /// Whether its name was given up.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether members wish others to join.
    pub fn is_pooled(&self) -> bool {
        self.members.load().iter().any(|m| m.options.pooled)
    }

    /// Whether visitors' TLS goes to the agent untouched.
    pub fn is_passthrough(&self) -> bool {
        self.members.load().first().is_some_and(|m| m.options.is_passthrough())
    }

    /// Whether the members of both demand the same of visitors' TLS: a certificate of their own, authorities of
    /// client certificates. A connection that was made under the one's rules says nothing about the other's.
    pub fn has_tls_rules_of(&self, other: &Self) -> bool {
        let (own, others) = (self.members.load(), other.members.load());
        match (own.first(), others.first()) {
            (Some(a), Some(b)) => {
                let (a, b) = (&a.options, &b.options);
                // What a policy says depends on the name that was asked for.
                let said = a.terminates_tls() || b.terminates_tls();
                !said && a.tls_identity_pem == b.tls_identity_pem && a.mutual_tls_ca_pem == b.mutual_tls_ca_pem
            }
            // Nobody is there to serve it, or to have rules.
            _ => true,
        }
    }

    /// Whether its members demand anything of visitors' TLS.
    pub fn has_tls_rules(&self) -> bool {
        let members = self.members.load();
        let demands = |m: &Arc<Member>| {
            let o = &m.options;
            o.tls_identity_pem.is_some() || o.mutual_tls_ca_pem.is_some() || o.terminates_tls()
        };
        members.first().is_some_and(demands)
    }

    /// Chooses among the members that take new exchanges, each with the same probability (`random` is any
    /// random number). Members whose session is leaving are chosen only if there is no other.
    pub fn choose(&self, random: u64) -> Choice {
        self.choose_other(random, &[])
    }

    /// The same, without those that were tried. [`Choice::Offline`] if all that are online were tried.
    pub fn choose_other(&self, random: u64, tried: &[MemberKey]) -> Choice {
        let members = self.members.load();
        if members.is_empty() {
            return Choice::Offline;
        }
        let usable = |m: &Member| {
            if tried.contains(&m.key) { Usable::No } else { m.usable() }
        };
        // A member may go off line between the two walks: then the last one seen is taken, and its opening
        // fails as it would have a moment later.
        let (mut best, mut count) = (Usable::No, 0_u64);
        for m in members.iter() {
            let u = usable(m);
            if u > best {
                (best, count) = (u, 1);
            } else if u == best {
                count += 1;
            }
        }
        if best == Usable::No {
            let all_tried = members.iter().any(|m| m.usable() > Usable::No);
            return if all_tried || self.is_gone() {
                Choice::Offline
            } else {
                Choice::Park
            };
        }
        let mut skip = random % count;
        let mut last = None;
        for m in members.iter().filter(|m| usable(m) == best) {
            last = Some(m);
            if skip == 0 {
                break;
            }
            skip -= 1;
        }
        last.map_or(Choice::Park, |m| Choice::Member(m.clone()))
    }

    /// Chooses by a rule among the members that take new exchanges, without those that were tried. A member that is
    /// younger than `slow_start` is drawn less often.
    pub fn choose_by(&self, by: By, slow_start: Duration, tried: &[MemberKey]) -> Choice {
        let members = self.members.load();
        let (random, by) = match by {
            By::Random(random) if members.len() < 2 || slow_start.is_zero() => return self.choose_other(random, tried),
            By::Random(random) | By::LeastBusy(random) => (random, by),
            By::RoundRobin | By::Value(_) => (0, by),
        };
        // Not every rule asks for the time.
        let now = LazyCell::new(Instant::now);
        let share = |m: &Arc<Member>| m.standing().share(*now, slow_start);
        let usable = |m: &Member| if tried.contains(&m.key) { Usable::No } else { m.usable() };
        let best = members.iter().map(|m| usable(m)).max().unwrap_or(Usable::No);
        if best == Usable::No {
            return self.choose_other(random, tried);
        }
        let alike = || members.iter().filter(|m| usable(m) == best);
        let count = alike().count().max(1);
        let draw = |random: u64| alike().nth(usize::try_from(random % count as u64).unwrap_or(0));
        let chosen = match by {
            By::Random(random) => {
                let mut left = random % alike().map(share).sum::<u64>().max(1);
                alike().find(|m| {
                    let share = share(m);
                    let is_it = left < share;
                    left = left.saturating_sub(share);
                    is_it
                })
            }
            By::LeastBusy(random) => {
                let busy = |m: &&Arc<Member>| {
                    let streams: usize = m.legs().iter().map(|l| l.mux.working_streams()).sum();
                    // One more than there are: of two idle ones the older.
                    (streams as u64 + 1) * WHOLE / share(m)
                };
                // Two different ones, if there are two.
                let first = random % count as u64;
                let second = first + 1 + (random >> 32) % (count as u64).saturating_sub(1).max(1);
                draw(first).into_iter().chain(draw(second)).min_by_key(busy)
            }
            By::RoundRobin => alike().nth(self.turn.fetch_add(1, Ordering::Relaxed) % count),
            By::Value(value) => alike().max_by_key(|m| {
                use std::hash::BuildHasher;
                let hasher = foldhash::fast::FixedState::with_seed(value);
                (hasher.hash_one(m.endpoint_id.as_str()), m.key)
            }),
        };
        match chosen {
            Some(member) => Choice::Member(member.clone()),
            // It went off line between the two walks.
            None => self.choose_other(random, tried),
        }
    }

    /// Takes down what an exchange with a member came to. What it is out for now, if it is put out for that: not while
    /// too many others are.
    pub fn came(&self, member: &Member, what: Came, terms: &Ejection) -> Option<Duration> {
        let standing = member.standing();
        if !standing.came(what, terms) {
            return None;
        }
        let members = self.members.load();
        let (mut count, mut out) = (0_usize, 1_usize);
        for other in members.iter().filter(|other| other.is_connected()) {
            count += 1;
            out += usize::from(other.key != member.key && other.standing().is_out());
        }
        if count < 2 || out * 100 > count * terms.max_percent as usize {
            return None;
        }
        standing.put_out(Instant::now(), terms)
    }

    /// This member, if it takes new exchanges and is not out.
    pub fn choose_this(&self, key: MemberKey) -> Option<Arc<Member>> {
        let members = self.members.load();
        let member = members.iter().find(|m| m.key == key)?;
        (member.usable() > Usable::Out).then(|| member.clone())
    }

    /// Takes a place in the queue until a member is online, at most for `max_wait`. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`ParkRefused`].
    pub fn park(self: &Arc<Self>, max_wait: Duration) -> Result<Parked, ParkRefused> {
        Queue::park(self.clone(), max_wait)
    }

    /// How many wait.
    pub fn parked(&self) -> usize {
        self.queue.len()
    }

    /// Adds a member, or puts it in the place of the one with the key `instead_of`.
    pub fn put(&self, member: &Arc<Member>, instead_of: Option<MemberKey>) {
        if member.options.policy.is_some() {
            // Before it can be chosen. It stays said when that member goes: then it costs a look at each.
            self.has_policies.store(true, Ordering::Release);
        }
        self.members.rcu(|old| {
            let mut members: Vec<Arc<Member>> = old
                .iter()
                .filter(|m| Some(m.key) != instead_of && m.key != member.key)
                .cloned()
                .collect();
            members.push(member.clone());
            members
        });
        self.changed();
    }

    /// Takes a member out; true if none is left.
    pub fn remove(&self, key: MemberKey) -> bool {
        self.members
            .rcu(|old| old.iter().filter(|m| m.key != key).cloned().collect::<Vec<_>>());
        self.members.load().is_empty()
    }

    /// Must be called after a member's connections or its draining changed: wakes those who wait.
    pub fn changed(&self) {
        self.queue.wake(|| self.is_online());
    }

    pub(crate) fn close(&self) {
        self.gone.store(true, Ordering::Release);
        self.queue.close();
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }
}
