//! Which actions have run in an exchange, by phase: a few bytes that are counted for the metrics when it is over.

use crate::document::Phase;

/// Different actions and phases that are kept apart in one exchange; of more nothing is counted.
const MOST: usize = 24;

/// How often which actions have run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    codes: [u8; MOST],
    times: [u32; MOST],
    count: u8,
}

impl Ran {
    /// Phase and action in one byte: there are four phases and, as a test sees to, less than 64 actions.
    const fn code(phase: Phase, action: u8) -> u8 {
        (phase.index() as u8) << 6 | (action & 0x3f)
    }

    pub(crate) fn add(&mut self, phase: Phase, action: u8) {
        let code = Self::code(phase, action);
        let known = usize::from(self.count);
        let at = self
            .codes
            .iter()
            .take(known)
            .position(|of| *of == code)
            .unwrap_or(known);
        if let (Some(of), Some(times)) = (self.codes.get_mut(at), self.times.get_mut(at)) {
            *of = code;
            *times = times.saturating_add(1);
            self.count = self.count.max(u8::try_from(at + 1).unwrap_or(self.count));
        }
    }

    /// For each action and phase the number of the phase in [`Phase::ALL`] (two bits) before that of the action among
    /// [`action_names`](crate::action_names) (six bits), and how often it ran.
    pub fn counts(&self) -> impl Iterator<Item = (u8, u32)> {
        let known = usize::from(self.count);
        self.codes.iter().copied().zip(self.times.iter().copied()).take(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_within_its_bounds() {
        assert!(crate::action::names().count() < 64);
        let mut ran = Ran::default();
        for _ in 0..300 {
            ran.add(Phase::HttpResponse, 5);
        }
        ran.add(Phase::TcpConnect, 5);
        ran.add(Phase::HttpResponse, 5);
        assert_eq!(ran.counts().collect::<Vec<_>>(), [(2 << 6 | 5, 301), (5, 1)]);
        for action in 0..60 {
            ran.add(Phase::HttpRequest, action);
        }
        assert_eq!(ran.counts().count(), MOST);
    }
}
