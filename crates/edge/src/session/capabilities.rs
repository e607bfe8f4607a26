//! What this server grants to Adit's own agent (agent protocol 9.1). Nothing of it is ever said to others.

use adit_protocol::capability::{Capabilities, Capability, Grant, Offer, ServerOffer};
use adit_snapshot::EdgeConfig;

/// Initial window of every stream, bytes.
const WINDOW: u32 = 0x4_0000;
const MAX_STREAMS: u32 = 16_384;
const MAX_FRAME: u32 = 64 << 10;

/// The grant for an offer.
pub(crate) fn grant(offer: &Offer, config: &EdgeConfig) -> Grant {
    offer.negotiate(&ServerOffer {
        caps: Capabilities::of(&[
            Capability::Control,
            Capability::Drain,
            Capability::Health,
            Capability::Probe,
            Capability::StreamError,
            Capability::Notice,
        ]),
        transports: vec!["tls".to_owned()],
        max_legs: config.max_legs,
        addresses: Vec::new(),
        window: WINDOW,
        max_streams: MAX_STREAMS,
        max_frame: MAX_FRAME,
        node: config.node.clone(),
        session_budget: u64::from(config.session_budget),
        resume_window_ms: u64::try_from(config.resume_window.as_millis()).unwrap_or(u64::MAX),
    })
}
