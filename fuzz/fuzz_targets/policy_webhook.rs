//! Signatures of webhooks, of every provider: header, secret and body with a zero byte between them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_policy::fuzz::webhook(data));
