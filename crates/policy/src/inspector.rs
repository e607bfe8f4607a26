//! The web application firewall, which stands outside of this crate: whoever performs [`crate::Effect::Inspect`] asks it
//! through this.

use std::fmt::Debug;

use crate::effect::{Fault, Inspect, Inspection};
use crate::view::View;

/// A firewall that has passed its self-test.
pub trait Inspector: Debug + Send + Sync {
    /// Looks at the request of a view, or at its response if that is asked for. `body` is what of the message's body is to
    /// be looked at, at most [`Inspect::body_limit`] bytes. Takes about half a millisecond of the thread.
    ///
    /// # Errors
    /// It could not look: the action that asked fails as it says it does.
    fn inspect(&self, asked: &Inspect, seen: &View<'_>, body: &[u8]) -> Result<Inspection, Fault>;
}
