//! The first bytes of a visitor: a TLS ClientHello in however many records.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_tls::client_hello::fuzz(data));
