//! A policy document, for every kind of endpoint: checked, and what is right is converted and checked again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_policy::fuzz::document(data));
