//! A control message between an agent and a server of ours.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_protocol::fuzz::control(data));
