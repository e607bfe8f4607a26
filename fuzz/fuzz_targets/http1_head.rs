//! The head of an HTTP/1 request or response.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_http1::fuzz::head(data));
