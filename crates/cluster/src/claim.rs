//! Claims: who owns a name. First come, first served, by create-if-absent (edge 2.3).
//!
//! [`Claims`] is a trait so that a cluster's bus can stand behind it; [`LocalClaims`] is the map of one process.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use adit_names::endpoint_url::{Binding, Class, EndpointUrl, Scheme};

/// What is claimed. Public TCP endpoints have no host (one port, one endpoint, whatever name its URL shows).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimKey {
    /// Who can reach it.
    pub binding: Binding,
    /// The organisation of names that are not public, else empty.
    pub namespace: Box<str>,
    /// Names of different classes do not conflict.
    pub class: Class,
    /// Canonical host, may start with `*.`; empty for public TCP.
    pub host: Box<str>,
    /// Port; 0 where the listener decides it.
    pub port: u16,
}

impl ClaimKey {
    /// What the owner of this URL has to hold; `organization` is the namespace of what is not public.
    pub fn of(url: &EndpointUrl, organization: &str) -> Self {
        let class = url.scheme().class();
        let (namespace, host, port) = match (url.binding(), url.scheme().by_name()) {
            (Binding::Public, true) => ("", url.host().as_str(), 0),
            (Binding::Public, false) => ("", "", url.port()),
            (Binding::Internal | Binding::Kubernetes, _) => (organization, url.host().as_str(), url.port()),
        };
        Self {
            binding: url.binding(),
            namespace: namespace.into(),
            class,
            host: host.into(),
            port,
        }
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?}/{}:{}", self.binding, self.class, self.host, self.port)
    }
}

/// The holder of a claim: one endpoint of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Session id.
    pub session: String,
    /// Goes up each time the session is resumed: an older holder never undoes what a newer one did.
    pub epoch: u64,
    /// Bind id within the session.
    pub bind: String,
}

impl Owner {
    fn is_same_endpoint(&self, other: &Self) -> bool {
        self.session == other.session && self.bind == other.bind
    }
}

/// What somebody who wants a name brings.
#[derive(Clone, Copy, Debug)]
pub struct Bid<'a> {
    /// Organisation of the bidder.
    pub organization: &'a str,
    /// Scheme of the URL: members of a pool have the same.
    pub scheme: Scheme,
    /// Whether it agrees to share the name.
    pub pooled: bool,
}

/// A claim that was won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody had it.
    First,
    /// This endpoint had it already.
    Again,
    /// It is shared with others of the same organisation.
    Joined,
}

/// Why a claim was not won.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name is held by session {}", holder.session)]
pub struct Conflict {
    /// One who holds it.
    pub holder: Owner,
    /// The holder's organisation.
    pub organization: String,
    /// Whether the holder would share it.
    pub pooled: bool,
}

/// Where claims are decided, atomically for all who ask.
pub trait Claims: Send + Sync + fmt::Debug {
    /// Takes the name if it is free, is this endpoint's already, or can be shared: same organisation and
    /// scheme, both sides pooled.
    ///
    /// # Errors
    /// [`Conflict`] if somebody else holds it.
    fn claim(&self, key: &ClaimKey, owner: &Owner, bid: Bid<'_>) -> Result<Claimed, Conflict>;

    /// Changes whether this endpoint shares its name.
    ///
    /// # Errors
    /// [`Conflict`] if it wants the name alone and others share it.
    fn set_pooled(&self, key: &ClaimKey, owner: &Owner, pooled: bool) -> Result<(), Conflict>;

    /// Gives the name back. Does nothing if this endpoint does not hold it, or holds it by a newer epoch.
    fn release(&self, key: &ClaimKey, owner: &Owner);

    /// Number of names that are held.
    fn held(&self) -> usize;
}

/// The claims of one process.
#[derive(Debug, Default)]
pub struct LocalClaims {
    held: Mutex<foldhash::HashMap<ClaimKey, Entry>>,
}

#[derive(Debug)]
struct Entry {
    organization: Box<str>,
    scheme: Scheme,
    holders: Vec<Holder>,
}

#[derive(Debug)]
struct Holder {
    owner: Owner,
    pooled: bool,
}

impl LocalClaims {
    fn lock(&self) -> MutexGuard<'_, foldhash::HashMap<ClaimKey, Entry>> {
        // Every change below is complete before the lock is left, also by a panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn conflict(&self, with: &Holder) -> Conflict {
        Conflict {
            holder: with.owner.clone(),
            organization: self.organization.to_string(),
            pooled: with.pooled,
        }
    }

    /// The first holder that stands in the way of `owner` with this bid.
    fn opponent(&self, owner: &Owner, bid: Bid<'_>) -> Option<&Holder> {
        let fits = *self.organization == *bid.organization && self.scheme == bid.scheme && bid.pooled;
        self.holders
            .iter()
            .filter(|h| !h.owner.is_same_endpoint(owner))
            .find(|h| !fits || !h.pooled)
    }
}

impl Claims for LocalClaims {
    fn claim(&self, key: &ClaimKey, owner: &Owner, bid: Bid<'_>) -> Result<Claimed, Conflict> {
        let mut held = self.lock();
        let Some(entry) = held.get_mut(key) else {
            let entry = Entry {
                organization: bid.organization.into(),
                scheme: bid.scheme,
                holders: vec![Holder {
                    owner: owner.clone(),
                    pooled: bid.pooled,
                }],
            };
            held.insert(key.clone(), entry);
            return Ok(Claimed::First);
        };
        if let Some(opponent) = entry.opponent(owner, bid) {
            return Err(entry.conflict(opponent));
        }
        if let Some(own) = entry.holders.iter_mut().find(|h| h.owner.is_same_endpoint(owner)) {
            own.owner.epoch = own.owner.epoch.max(owner.epoch);
            own.pooled = bid.pooled;
            // Alone, it may come back with another scheme of the same class.
            if entry.holders.len() == 1 {
                entry.scheme = bid.scheme;
            }
            return Ok(Claimed::Again);
        }
        entry.holders.push(Holder {
            owner: owner.clone(),
            pooled: bid.pooled,
        });
        Ok(Claimed::Joined)
    }

    fn set_pooled(&self, key: &ClaimKey, owner: &Owner, pooled: bool) -> Result<(), Conflict> {
        let mut held = self.lock();
        let Some(entry) = held.get_mut(key) else {
            return Ok(());
        };
        if !pooled && let Some(other) = entry.holders.iter().find(|h| !h.owner.is_same_endpoint(owner)) {
            return Err(entry.conflict(other));
        }
        if let Some(own) = entry.holders.iter_mut().find(|h| h.owner.is_same_endpoint(owner)) {
            own.pooled = pooled;
        }
        Ok(())
    }

    fn release(&self, key: &ClaimKey, owner: &Owner) {
        let mut held = self.lock();
        let Some(entry) = held.get_mut(key) else {
            return;
        };
        entry
            .holders
            .retain(|h| !h.owner.is_same_endpoint(owner) || h.owner.epoch > owner.epoch);
        if entry.holders.is_empty() {
            held.remove(key);
        }
    }

    fn held(&self) -> usize {
        self.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(session: &str, epoch: u64, bind: &str) -> Owner {
        Owner {
            session: session.to_owned(),
            epoch,
            bind: bind.to_owned(),
        }
    }

    fn key(url: &str) -> ClaimKey {
        ClaimKey::of(&EndpointUrl::from_canonical(url, Binding::Public).unwrap(), "o")
    }

    fn bid(organization: &str, pooled: bool) -> Bid<'_> {
        Bid {
            organization,
            scheme: Scheme::Https,
            pooled,
        }
    }

    #[test]
    fn https_and_tls_are_one_name_and_a_tcp_port_is_one_whatever_host_it_shows() {
        assert_eq!(key("https://a.example.com"), key("tls://a.example.com:8443"));
        assert_ne!(key("https://a.example.com"), key("http://a.example.com"));
        assert_eq!(key("tcp://a.example.com:20000"), key("tcp://b.example.com:20000"));
        assert_ne!(key("tcp://a.example.com:20000"), key("tcp://a.example.com:20001"));
        let internal = EndpointUrl::from_canonical("https://a.internal:9000", Binding::Internal).unwrap();
        assert_ne!(ClaimKey::of(&internal, "o"), ClaimKey::of(&internal, "p"));
    }

    #[test]
    fn the_first_wins_and_its_release_frees_the_name() {
        let claims = LocalClaims::default();
        let key = key("https://a.example.com");
        assert_eq!(
            claims.claim(&key, &owner("s1", 0, "e1"), bid("o", false)),
            Ok(Claimed::First)
        );
        assert_eq!(
            claims.claim(&key, &owner("s1", 0, "e1"), bid("o", false)),
            Ok(Claimed::Again)
        );
        let lost = claims.claim(&key, &owner("s2", 0, "e2"), bid("o", false)).unwrap_err();
        assert_eq!(lost.holder.session, "s1");
        claims.release(&key, &owner("s2", 0, "e2"));
        assert_eq!(claims.held(), 1, "only the holder can release");
        claims.release(&key, &owner("s1", 0, "e1"));
        assert_eq!(claims.held(), 0);
        assert_eq!(
            claims.claim(&key, &owner("s2", 0, "e2"), bid("o", false)),
            Ok(Claimed::First)
        );
    }

    #[test]
    fn a_name_is_shared_only_if_both_agree_and_are_of_one_organisation_and_scheme() {
        let claims = LocalClaims::default();
        let key = key("https://a.example.com");
        claims.claim(&key, &owner("s1", 0, "e1"), bid("o", true)).unwrap();
        assert!(claims.claim(&key, &owner("s2", 0, "e2"), bid("o", false)).is_err());
        assert!(claims.claim(&key, &owner("s2", 0, "e2"), bid("p", true)).is_err());
        let tls = Bid {
            scheme: Scheme::Tls,
            ..bid("o", true)
        };
        assert!(claims.claim(&key, &owner("s2", 0, "e2"), tls).is_err());
        assert_eq!(
            claims.claim(&key, &owner("s1", 0, "e2"), bid("o", true)),
            Ok(Claimed::Joined)
        );
        assert!(claims.set_pooled(&key, &owner("s1", 0, "e1"), false).is_err());
        claims.release(&key, &owner("s1", 0, "e2"));
        claims.set_pooled(&key, &owner("s1", 0, "e1"), false).unwrap();
        assert!(claims.claim(&key, &owner("s2", 0, "e2"), bid("o", true)).is_err());
    }

    #[test]
    fn an_older_epoch_never_releases_what_a_newer_one_holds() {
        let claims = LocalClaims::default();
        let key = key("tcp://tcp.example.com:20000");
        claims.claim(&key, &owner("s1", 0, "e1"), bid("o", false)).unwrap();
        claims.claim(&key, &owner("s1", 1, "e1"), bid("o", false)).unwrap();
        claims.release(&key, &owner("s1", 0, "e1"));
        assert_eq!(claims.held(), 1);
        claims.release(&key, &owner("s1", 1, "e1"));
        assert_eq!(claims.held(), 0);
    }
}
