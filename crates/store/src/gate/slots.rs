//! What a batch knows and changes, with a way back to any point.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key: as they are stored, and as this batch leaves them.
#[derive(Debug)]
pub(crate) struct Slots<K, V> {
    stored: HashMap<K, V>,
    changed: HashMap<K, V>,
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self {
            stored: HashMap::new(),
            changed: HashMap::new(),
            undo: Vec::new(),
        }
    }
}

impl<K: Hash + Eq + Clone, V> Slots<K, V> {
    /// Whether it was read from the store or set by this batch.
    pub(crate) fn is_known(&self, key: &K) -> bool {
        self.changed.contains_key(key) || self.stored.contains_key(key)
    }

    /// Keeps what the store has.
    pub(crate) fn learn(&mut self, key: K, value: V) {
        self.stored.insert(key, value);
    }

    /// What the store has, to add to it while it is read.
    pub(crate) fn learned(&mut self, key: &K) -> Option<&mut V> {
        self.stored.get_mut(key)
    }

    /// As it is now. None if it was neither read nor set.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.changed.get(key).or_else(|| self.stored.get(key))
    }

    pub(crate) fn set(&mut self, key: K, value: V) {
        let before = self.changed.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    /// The point to which [`Slots::back_to`] leads back.
    pub(crate) fn point(&self) -> usize {
        self.undo.len()
    }

    pub(crate) fn back_to(&mut self, point: usize) {
        while self.undo.len() > point {
            match self.undo.pop() {
                Some((key, Some(before))) => drop(self.changed.insert(key, before)),
                Some((key, None)) => drop(self.changed.remove(&key)),
                None => break,
            }
        }
    }

    /// What this batch has set.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (&K, &V)> {
        self.changed.iter()
    }

    /// What the store has of something that this batch has set.
    pub(crate) fn stored(&self, key: &K) -> Option<&V> {
        self.stored.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back() {
        let mut slots = Slots::default();
        slots.learn("a", 1);
        slots.set("b", 2);
        let point = slots.point();
        slots.set("a", 3);
        slots.set("a", 4);
        slots.set("b", 5);
        slots.set("c", 6);
        assert_eq!(slots.get(&"a"), Some(&4));
        slots.back_to(point);
        assert_eq!(slots.get(&"a"), Some(&1));
        assert_eq!(slots.get(&"b"), Some(&2));
        assert_eq!(slots.get(&"c"), None);
        assert_eq!(slots.changed().count(), 1);
    }
}
