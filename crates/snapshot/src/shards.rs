//! A map whose copies share all but what was changed since.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::RandomState;

/// Parts of one map. At 10^5 entries a part has about two hundred, which are copied in some microseconds; more parts
/// would make the list of parts the larger copy.
const PARTS: usize = 512;

type Part<K, V> = foldhash::HashMap<K, V>;

/// An immutable map for its readers. Its one writer changes a copy of its own: what nobody else holds is changed in
/// place, else one part and the list of parts are copied.
#[derive(Clone)]
pub(crate) struct Sharded<K, V> {
    parts: Arc<Vec<Arc<Part<K, V>>>>,
    hasher: RandomState,
    len: usize,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        let empty = Arc::new(Part::default());
        Self {
            parts: Arc::new(vec![empty; PARTS]),
            hasher: RandomState::default(),
            len: 0,
        }
    }
}

impl<K, V> fmt::Debug for Sharded<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharded")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Sharded<K, V> {
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if self.len == 0 {
            return None;
        }
        self.parts.get(self.part_of(key))?.get(key)
    }

    /// The value that the key had before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.part_of(&key);
        let old = Arc::make_mut(Arc::make_mut(&mut self.parts).get_mut(at)?).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        // Nothing is copied for a key that is not there.
        self.get(key)?;
        let at = self.part_of(key);
        let old = Arc::make_mut(Arc::make_mut(&mut self.parts).get_mut(at)?).remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let parts = if self.len == 0 { &[][..] } else { self.parts.as_slice() };
        parts.iter().flat_map(|part| part.iter())
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn part_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The upper bits: a map takes the lower ones of a hash that may be alike.
        usize::try_from(self.hasher.hash_one(key) >> 55).unwrap_or(0) % PARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had_and_shares_what_did_not_change() {
        let mut map = Sharded::<u32, Arc<str>>::default();
        for i in 0..10_000 {
            assert!(map.insert(i, i.to_string().into()).is_none());
        }
        let before = map.clone();
        assert_eq!(map.insert(7, "seven".into()).as_deref(), Some("7"));
        assert_eq!(map.remove(&8).as_deref(), Some("8"));
        assert!(map.remove(&20_000).is_none());
        assert_eq!((before.get(&7).map(|v| &**v), before.len()), (Some("7"), 10_000));
        assert_eq!((map.get(&7).map(|v| &**v), map.len()), (Some("seven"), 9_999));
        assert!(map.get(&8).is_none() && before.get(&8).is_some());
        let shared = map
            .parts
            .iter()
            .zip(before.parts.iter())
            .filter(|(a, b)| Arc::ptr_eq(a, b));
        assert!(shared.count() >= PARTS - 2);
    }

    #[test]
    fn keys_are_spread() {
        let mut map = Sharded::<Box<str>, u32>::default();
        for i in 0..51_200 {
            map.insert(format!("n{i}.example.com").into(), i);
        }
        let largest = map.parts.iter().map(|p| p.len()).max().unwrap();
        assert!(largest < 200, "{largest} of 51,200 entries are in one of {PARTS} parts");
    }
}
