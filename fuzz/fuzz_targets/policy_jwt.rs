//! A JSON Web Token, and a key set beside one.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_policy::fuzz::jwt(data));
