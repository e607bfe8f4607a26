//! What the other end of a session sends: frames of the stream multiplexer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _answer = adit_mux::fuzz_frames(data);
});
