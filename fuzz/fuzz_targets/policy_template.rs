//! A string with expressions in it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_policy::fuzz::template(data));
