//! CRC-32C (Castagnoli, RFC 3720 appendix B.4), reflected, as the PROXY protocol's checksum wants and the spools of
//! the server have it.

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// The checksum of `parts`, one after the other.
#[must_use]
pub fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut crc = !0_u32;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        let [low, ..] = (crc ^ u32::from(*byte)).to_le_bytes();
        crc = crc >> 8 ^ TABLE.get(usize::from(low)).copied().unwrap_or_default();
    }
    !crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn check_value() {
        // The check value that catalogues of CRCs give for "123456789".
        assert_eq!(super::crc32c(&[b"1234", b"56789"]), 0xE306_9283);
        assert_eq!(super::crc32c(&[]), 0);
    }
}
