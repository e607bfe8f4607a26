//! A message of the agent protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_protocol::fuzz::message(data));
