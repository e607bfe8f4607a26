//! The fuzz targets over their seeds, and over seeds with a few bytes changed: what the fuzzer looks for at length, each
//! build looks for shortly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use adit_policy::fuzz;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 5] = [
    ("policy_document", fuzz::document),
    ("policy_expression", fuzz::expression),
    ("policy_template", fuzz::template),
    ("policy_webhook", fuzz::webhook),
    ("policy_jwt", fuzz::jwt),
];

/// Inputs made of each seed.
const CHANGED: u64 = 60;

fn changed(seed: &[u8], number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    let mut out = seed.to_vec();
    for _ in 0..=next(4) {
        let at = next(out.len());
        match next(4) {
            0 => drop(out.drain(at..(at + 1).min(out.len()))),
            1 => out.insert(at, b"{}[]'\"$%.:\n-0\\"[next(14)]),
            2 => out.truncate(at),
            _ => {
                let end = (at + next(16)).min(out.len());
                let part = out[at..end].to_vec();
                out.splice(at..at, part);
            }
        }
    }
    out
}

#[test]
fn seeds_and_their_neighbours_find_nothing() {
    for (name, target) in TARGETS {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/seeds")
            .join(name);
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let seed = std::fs::read(entry.unwrap().path()).unwrap();
            target(&seed);
            for number in 0..CHANGED {
                target(&changed(&seed, number));
            }
            seen += 1;
        }
        assert!(seen >= 2, "{name} has seeds");
    }
}
