//! The addresses of a category: a network or address a line.

use adit_names::cidr::Cidr;
use adit_policy::IpSet;

/// Most networks of one category.
const MAX: usize = 1_000_000;

/// Reads a list.
///
/// # Errors
/// A line is no network, with its number; there are too many.
pub(super) fn parse(bytes: Vec<u8>) -> Result<IpSet, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut ranges: Vec<Cidr> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let range = line.parse().map_err(|e| format!("line {}: {e}", at + 1))?;
        ranges.push(range);
        if ranges.len() > MAX {
            return Err(format!("more than {MAX} networks are too many"));
        }
    }
    Ok(ranges.into_iter().collect())
}
