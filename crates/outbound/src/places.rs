//! How many calls there are at once: of one endpoint, and of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::reason::Failure;

/// Whose call it is: an endpoint, a destination, an organisation.
pub type Who = u64;

/// Places for calls. Whoever finds none is refused at once: a call that waits holds a visitor.
#[derive(Clone, Debug)]
pub struct Places {
    counts: Arc<Mutex<Counts>>,
    each: usize,
    all: usize,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: HashMap<Who, usize>,
}

/// One call's place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    counts: Arc<Mutex<Counts>>,
    who: Who,
}

impl Places {
    /// So many for each, and so many for all of them.
    pub fn new(each: usize, all: usize) -> Self {
        Self {
            counts: Arc::default(),
            each,
            all,
        }
    }

    pub(crate) fn take(&self, who: Who) -> Result<Place, Failure> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of = counts.of.get(&who).copied().unwrap_or_default();
        if of >= self.each || counts.all >= self.all {
            return Err(Failure::Busy);
        }
        counts.of.insert(who, of + 1);
        counts.all += 1;
        Ok(Place {
            counts: self.counts.clone(),
            who,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        match counts.of.get_mut(&self.who) {
            Some(of) if *of > 1 => *of -= 1,
            _ => drop(counts.of.remove(&self.who)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_and_all_are_bounded_and_places_come_back() {
        let places = Places::new(2, 3);
        let (one, _two) = (places.take(1).unwrap(), places.take(1).unwrap());
        assert_eq!(places.take(1).unwrap_err(), Failure::Busy);
        let three = places.take(2).unwrap();
        assert_eq!(places.take(3).unwrap_err(), Failure::Busy);
        drop((one, three));
        assert!(places.take(1).is_ok() && places.take(3).is_ok());
        assert_eq!(places.counts.lock().unwrap().of.len(), 1);
    }
}
