//! Names for endpoints that asked for none: `<adjective>-<noun>-<8 characters base32>`.
//!
//! The last part carries 40 random bits, so a name cannot be guessed; the words are there to be
//! read aloud. The caller brings the bytes: random ones, or a keyed hash of (organisation, owner,
//! endpoint name) where names are to be stable (agent protocol 6.3).

/// Bytes that [`label`] uses: 2 for the adjective, 2 for the noun, 5 for the suffix.
pub const RANDOM_BYTES: usize = 9;

/// RFC 4648 base32 in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Words of at most 10 letters that nobody minds in a URL.
const ADJECTIVES: [&str; 64] = [
    "amber", "ample", "autumn", "bold", "brave", "bright", "brisk", "calm", "clear", "clever", "coral", "cosy",
    "crisp", "dapper", "deep", "eager", "early", "fair", "fancy", "fleet", "fresh", "gentle", "glad", "golden",
    "grand", "green", "happy", "hidden", "honest", "humble", "jolly", "keen", "kind", "lively", "lucky", "lunar",
    "mellow", "merry", "mighty", "misty", "modest", "neat", "noble", "polite", "proud", "quick", "quiet", "rapid",
    "ready", "royal", "silent", "silver", "simple", "smooth", "solar", "solid", "steady", "sunny", "swift", "tidy",
    "tidal", "vivid", "warm", "wise",
];
const NOUNS: [&str; 64] = [
    "anchor", "arch", "aspen", "badger", "beacon", "birch", "bridge", "brook", "canyon", "cedar", "cliff", "comet",
    "coast", "crane", "creek", "delta", "dune", "falcon", "fern", "field", "finch", "fjord", "forest", "garden",
    "glade", "grove", "harbor", "hazel", "heron", "hill", "island", "jasper", "lagoon", "lake", "lark", "ledge",
    "linden", "maple", "marsh", "meadow", "mesa", "moon", "oak", "ocean", "orchard", "otter", "pebble", "pine",
    "plain", "pond", "quartz", "rapids", "reef", "ridge", "river", "robin", "shore", "spruce", "stone", "summit",
    "tern", "valley", "willow", "wren",
];

/// The label for these bytes, for example `amber-river-k7mzq2ab`; at most 30 characters.
#[must_use]
pub fn label(random: [u8; RANDOM_BYTES]) -> String {
    let [a, b, c, d, suffix @ ..] = random;
    let word = |list: &'static [&'static str; 64], hi: u8, lo: u8| {
        let index = usize::from(u16::from_be_bytes([hi, lo])) % list.len();
        list.get(index).copied().unwrap_or("plain")
    };
    let mut out = String::with_capacity(32);
    out.push_str(word(&ADJECTIVES, a, b));
    out.push('-');
    out.push_str(word(&NOUNS, c, d));
    out.push('-');
    let bits = suffix.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    for place in (0..8).rev() {
        let index = usize::try_from(bits >> (place * 5) & 31).unwrap_or(0);
        out.push(char::from(BASE32.get(index).copied().unwrap_or(b'a')));
    }
    out
}
