//! Session tickets (RFC 8446 section 4.6.1, RFC 5077) without any state.
//!
//! A ticket is the session, sealed with a key that every node of an installation can derive by
//! itself: AES-256-GCM under HKDF-SHA256(secret, epoch ‖ profile). The epoch changes every six
//! hours; the newest key seals, the newest three open, so a ticket lives twelve hours at least and
//! eighteen at most. Because the profile is part of the key, a ticket that was issued under other
//! rules (client certificates, versions, ALPN) cannot be opened, and the client shakes hands in
//! full.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

/// Seconds that a key is the newest.
const EPOCH: u64 = 6 * 60 * 60;
/// Epochs whose keys still open, the newest included.
const OPENABLE: u64 = 3;
/// What clients are told, in seconds.
const LIFETIME: u32 = 12 * 60 * 60;

const EPOCH_LEN: usize = 8;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// The secret that ticket keys are derived from: the same on all nodes of an installation, so
/// that a session begun on one can be resumed on another. Cloning shares it.
#[derive(Clone)]
pub struct TicketKeys {
    secret: Arc<Zeroizing<[u8; 32]>>,
    clock: fn() -> u64,
}

impl TicketKeys {
    /// From the installation's secret.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            secret: Arc::new(Zeroizing::new(secret)),
            clock: unix_time,
        }
    }

    /// With a fresh random secret: sessions resume within this process only. `None` if the
    /// system's random number generator fails.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).ok()?;
        Some(Self::new(secret))
    }

    /// With a clock of the test's own, in seconds since 1970.
    #[doc(hidden)]
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> u64) -> Self {
        self.clock = clock;
        self
    }

    /// The ticketer for one profile.
    pub(crate) fn ticketer(&self, profile: [u8; 32]) -> Arc<dyn ProducesTickets> {
        Arc::new(Ticketer {
            keys: self.clone(),
            profile,
            derived: RwLock::default(),
        })
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}

/// Seconds since 1970.
pub(crate) fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Keys that were derived, by epoch.
type Derived = Vec<(u64, Arc<LessSafeKey>)>;

struct Ticketer {
    keys: TicketKeys,
    profile: [u8; 32],
    derived: RwLock<Derived>,
}

impl Ticketer {
    fn epoch(&self) -> u64 {
        (self.keys.clock)() / EPOCH
    }

    fn key(&self, epoch: u64) -> Option<Arc<LessSafeKey>> {
        let find = |derived: &Derived| derived.iter().find(|(of, _)| *of == epoch).map(|(_, key)| key.clone());
        let known = find(&self.derived.read().unwrap_or_else(PoisonError::into_inner));
        if known.is_some() {
            return known;
        }
        let key = Arc::new(self.derive(epoch)?);
        let mut derived = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.epoch();
        derived.retain(|(of, _)| openable(*of, now) && *of != epoch);
        derived.push((epoch, key.clone()));
        Some(key)
    }

    fn derive(&self, epoch: u64) -> Option<LessSafeKey> {
        struct Length;
        impl KeyType for Length {
            fn len(&self) -> usize {
                32
            }
        }
        let mut key = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, b"adit session tickets")
            .extract(self.keys.secret.as_slice())
            .expand(&[&epoch.to_be_bytes(), &self.profile], Length)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .ok()?;
        UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new).ok()
    }
}

/// The newest three epochs, and the next one: a node whose clock is ahead may have begun it.
const fn openable(epoch: u64, now: u64) -> bool {
    epoch <= now.saturating_add(1) && epoch.saturating_add(OPENABLE) > now
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    /// Epoch, nonce, ciphertext, tag; the epoch is authenticated.
    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let epoch = self.epoch();
        let key = self.key(epoch)?;
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let mut ticket = Vec::with_capacity(EPOCH_LEN + NONCE_LEN + plain.len() + TAG_LEN);
        ticket.extend_from_slice(&epoch.to_be_bytes());
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(plain);
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(epoch.to_be_bytes()),
                ticket.get_mut(EPOCH_LEN + NONCE_LEN..)?,
            )
            .ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (epoch, rest) = ticket.split_first_chunk::<EPOCH_LEN>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let number = u64::from_be_bytes(*epoch);
        if !openable(number, self.epoch()) {
            return None;
        }
        let mut plain = sealed.to_vec();
        let len = self
            .key(number)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(*epoch), &mut plain)
            .ok()?
            .len();
        plain.truncate(len);
        Some(plain)
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticketer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000 * EPOCH;

    fn at(clock: fn() -> u64) -> Arc<dyn ProducesTickets> {
        TicketKeys::new([1; 32]).with_clock(clock).ticketer([2; 32])
    }

    #[test]
    fn every_node_opens_what_another_sealed_for_twelve_hours() {
        let ticket = at(|| START).encrypt(b"session").unwrap();
        for clock in [
            || START,
            || START + EPOCH,
            || START + 2 * EPOCH,
            || START + 3 * EPOCH - 1,
            || START - 1, // a node whose clock is behind
        ] {
            assert_eq!(at(clock).decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        }
        assert_eq!(at(|| START + 3 * EPOCH).decrypt(&ticket), None);
        assert_eq!(at(|| START - EPOCH - 1).decrypt(&ticket), None);
    }

    #[test]
    fn another_profile_or_secret_cannot_open_it() {
        let keys = TicketKeys::new([1; 32]);
        let ticket = keys.ticketer([2; 32]).encrypt(b"session").unwrap();
        assert_eq!(keys.ticketer([3; 32]).decrypt(&ticket), None);
        assert_eq!(TicketKeys::new([9; 32]).ticketer([2; 32]).decrypt(&ticket), None);
        let own = keys.ticketer([2; 32]);
        assert!(own.decrypt(&ticket).is_some());
        for at in 0..ticket.len() {
            let mut bad = ticket.clone();
            bad[at] ^= 1;
            assert_eq!(own.decrypt(&bad), None, "{at}");
            assert_eq!(own.decrypt(&ticket[..at]), None, "{at}");
        }
    }

    #[test]
    fn keys_of_past_epochs_are_forgotten() {
        let ticketer = Ticketer {
            keys: TicketKeys::new([1; 32]).with_clock(|| START),
            profile: [0; 32],
            derived: RwLock::default(),
        };
        for epoch in [990, 997, 998, 999, 1000] {
            ticketer.key(epoch).unwrap();
        }
        let mut kept: Vec<u64> = ticketer
            .derived
            .read()
            .unwrap()
            .iter()
            .map(|(epoch, _)| *epoch)
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, [998, 999, 1000]);
    }
}
