//! A chunked body with its trailers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_http1::fuzz::chunked(data));
