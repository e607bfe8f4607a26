//! Counters, gauges, histograms, and families of them: an array with one cell for each combination of
//! label values. Finding a cell is arithmetic; there is no hash and no lock.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::label::Label;

/// A number that is added to; read as unsigned (counter) or signed (gauge).
#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of a histogram's buckets in microseconds, with the text of the bound in seconds: 50 µs to
/// 60 s in 22 steps. A last bucket beyond them takes the rest.
pub(crate) const BOUNDS: [(u64, &str); 22] = [
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_000, "0.002"),
    (3_000, "0.003"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (20_000, "0.02"),
    (30_000, "0.03"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (200_000, "0.2"),
    (300_000, "0.3"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_500_000, "2.5"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
    (30_000_000, "30.0"),
    (60_000_000, "60.0"),
];

/// Buckets of a histogram, the last one included.
pub(crate) const BUCKETS: usize = BOUNDS.len() + 1;

/// Durations in microseconds, counted by the buckets of [`BOUNDS`].
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [Cell; BUCKETS],
    sum: Cell,
}

impl Histogram {
    pub(crate) fn observe(&self, micros: u64) {
        let at = BOUNDS.partition_point(|(bound, _)| *bound < micros);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.add(1);
        }
        self.sum.add(micros);
    }

    /// Adds what was observed to `total`.
    pub(crate) fn read_into(&self, total: &mut HistogramValue) {
        for (into, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *into += bucket.read();
        }
        total.sum_us = total.sum_us.wrapping_add(self.sum.read());
    }
}

impl HistogramValue {
    /// Counts one more.
    pub(crate) fn observe(&mut self, micros: u64) {
        let at = BOUNDS.partition_point(|(bound, _)| *bound < micros);
        if let Some(bucket) = self.buckets.get_mut(at) {
            *bucket += 1;
        }
        self.sum_us = self.sum_us.wrapping_add(micros);
    }
}

/// A histogram, read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HistogramValue {
    /// Observations per bucket, not cumulated.
    pub(crate) buckets: [u64; BUCKETS],
    /// Sum of all observations in microseconds.
    pub(crate) sum_us: u64,
}

/// A combination of labels.
pub(crate) trait Labels: Copy {
    /// Number of combinations.
    const COUNT: usize;
    /// Position of a combination, below [`Self::COUNT`].
    fn index(self) -> usize;
    /// Calls `each` with the texts of the combination at a position, in the order of the labels.
    fn texts(index: usize, each: impl FnMut(&'static str));
}

impl Labels for () {
    const COUNT: usize = 1;
    fn index(self) -> usize {
        0
    }
    fn texts(_: usize, _: impl FnMut(&'static str)) {}
}

impl<A: Label> Labels for (A,) {
    const COUNT: usize = A::COUNT;
    fn index(self) -> usize {
        self.0.index()
    }
    fn texts(index: usize, mut each: impl FnMut(&'static str)) {
        each(A::text(index));
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;
    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }
    fn texts(index: usize, mut each: impl FnMut(&'static str)) {
        each(A::text(index / B::COUNT));
        each(B::text(index % B::COUNT));
    }
}

impl<A: Label, B: Label, C: Label> Labels for (A, B, C) {
    const COUNT: usize = A::COUNT * <(B, C)>::COUNT;
    fn index(self) -> usize {
        self.0.index() * <(B, C)>::COUNT + (self.1, self.2).index()
    }
    fn texts(index: usize, mut each: impl FnMut(&'static str)) {
        each(A::text(index / <(B, C)>::COUNT));
        <(B, C)>::texts(index % <(B, C)>::COUNT, each);
    }
}

impl<A: Label, B: Label, C: Label, D: Label> Labels for (A, B, C, D) {
    const COUNT: usize = A::COUNT * <(B, C, D)>::COUNT;
    fn index(self) -> usize {
        self.0.index() * <(B, C, D)>::COUNT + (self.1, self.2, self.3).index()
    }
    fn texts(index: usize, mut each: impl FnMut(&'static str)) {
        each(A::text(index / <(B, C, D)>::COUNT));
        <(B, C, D)>::texts(index % <(B, C, D)>::COUNT, each);
    }
}

/// One `C` for each combination of the labels `L`.
#[derive(Debug)]
pub(crate) struct Family<L, C> {
    cells: Box<[C]>,
    labels: PhantomData<fn(L)>,
}

impl<L: Labels, C: Default> Default for Family<L, C> {
    fn default() -> Self {
        Self {
            cells: (0..L::COUNT).map(|_| C::default()).collect(),
            labels: PhantomData,
        }
    }
}

impl<L: Labels> Family<L, Cell> {
    pub(crate) fn add(&self, labels: L, count: u64) {
        if let Some(cell) = self.cells.get(labels.index()) {
            cell.add(count);
        }
    }

    pub(crate) fn subtract(&self, labels: L, count: u64) {
        if let Some(cell) = self.cells.get(labels.index()) {
            cell.subtract(count);
        }
    }

    pub(crate) fn read(&self, index: usize) -> u64 {
        self.cells.get(index).map_or(0, Cell::read)
    }
}

impl<L: Labels> Family<L, Histogram> {
    pub(crate) fn observe(&self, labels: L, micros: u64) {
        if let Some(histogram) = self.cells.get(labels.index()) {
            histogram.observe(micros);
        }
    }

    pub(crate) fn read_into(&self, index: usize, total: &mut HistogramValue) {
        if let Some(histogram) = self.cells.get(index) {
            histogram.read_into(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{CodeClass, Method, Outcome, Protocol};

    #[test]
    fn every_combination_has_a_cell_of_its_own_and_its_texts() {
        type Four = (Protocol, Method, CodeClass, Outcome);
        let mut seen = vec![false; Four::COUNT];
        for &protocol in Protocol::ALL {
            for &method in Method::ALL {
                for &class in CodeClass::ALL {
                    for &outcome in Outcome::ALL {
                        let at = (protocol, method, class, outcome).index();
                        assert!(!std::mem::replace(&mut seen[at], true));
                        let mut texts = Vec::new();
                        Four::texts(at, |text| texts.push(text));
                        let wanted = [protocol.as_str(), method.as_str(), class.as_str(), outcome.as_str()];
                        assert_eq!(texts, wanted);
                    }
                }
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn bounds_belong_to_their_bucket() {
        let histogram = Histogram::default();
        for micros in [0, 50, 51, 60_000_000, 60_000_001, u64::MAX / 2] {
            histogram.observe(micros);
        }
        let mut value = HistogramValue::default();
        histogram.read_into(&mut value);
        assert_eq!(value.buckets[0], 2);
        assert_eq!(value.buckets[1], 1);
        assert_eq!(value.buckets[21], 1);
        assert_eq!(value.buckets[22], 2);
    }

    #[test]
    fn texts_of_bounds_are_their_seconds() {
        for (micros, text) in BOUNDS {
            let seconds: f64 = text.parse().unwrap();
            assert!((seconds * 1e6 - micros as f64).abs() < 1e-6, "{text}");
        }
        assert!(BOUNDS.is_sorted());
    }
}
