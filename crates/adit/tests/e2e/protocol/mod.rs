//! HTTP as visitors speak it: versions, limits, and everything that is refused.

mod attack_table;
mod http1;
mod http2;
mod http2_abuse;
mod http2_attacks;
mod sizes;
mod slow;
