//! What this server grants to Adit's own agent (agent protocol 9.1). Nothing of it is ever said to others.

use std::time::Duration;

use adit_protocol::capability::{Capabilities, Capability, Grant, Offer, ServerOffer};
use adit_snapshot::EdgeConfig;

/// Initial window of the streams that the server opens, bytes: what a line of 1 Gbit/s carries in one round trip,
/// within these bounds. Below the first nothing is gained; above the second a stalled visitor would cost too much,
/// and from there windows grow by need.
const WINDOWS: std::ops::RangeInclusive<u64> = 0x4_0000..=4 << 20;
/// Bytes of that line in a millisecond.
const PER_MILLISECOND: u64 = 125_000;
const MAX_STREAMS: u32 = 16_384;
const MAX_FRAME: u32 = 64 << 10;

/// The window for a connection with this round trip.
fn window(round_trip: Duration) -> u32 {
    let milliseconds = u64::try_from(round_trip.as_millis()).unwrap_or(u64::MAX);
    let bytes = milliseconds.saturating_mul(PER_MILLISECOND);
    u32::try_from(bytes.clamp(*WINDOWS.start(), *WINDOWS.end())).unwrap_or(0x4_0000)
}

/// The grant for an offer that came over a connection with this round trip.
pub(crate) fn grant(offer: &Offer, config: &EdgeConfig, round_trip: Duration) -> Grant {
    offer.negotiate(&ServerOffer {
        caps: Capabilities::of(&[
            Capability::Control,
            Capability::Drain,
            Capability::Health,
            Capability::Probe,
            Capability::StreamError,
            Capability::Notice,
            Capability::Window,
        ]),
        transports: vec!["tls".to_owned()],
        max_legs: config.max_legs,
        addresses: Vec::new(),
        window: window(round_trip),
        max_streams: MAX_STREAMS,
        max_frame: MAX_FRAME,
        node: config.node.clone(),
        session_budget: u64::from(config.session_budget),
        resume_window_ms: u64::try_from(config.resume_window.as_millis()).unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_round_trip_within_bounds() {
        assert_eq!(window(Duration::ZERO), 0x4_0000);
        assert_eq!(window(Duration::from_millis(1)), 0x4_0000);
        assert_eq!(window(Duration::from_millis(10)), 1_250_000);
        assert_eq!(window(Duration::from_millis(100)), 4 << 20);
        assert_eq!(window(Duration::MAX), 4 << 20);
    }
}
