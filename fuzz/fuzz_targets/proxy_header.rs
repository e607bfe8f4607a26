//! What the edge says in front of a visitor's bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_protocol::fuzz::proxy_header(data));
