//! An expression: compiled, and what compiles is evaluated by both tiers, which must agree.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_policy::fuzz::expression(data));
