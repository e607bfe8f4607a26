//! PEM (RFC 7468) read strictly enough to say what is wrong with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Most blocks that are read.
const MAX_BLOCKS: usize = 128;

/// One block.
#[derive(Debug)]
pub(super) struct Block {
    /// What stands behind BEGIN: `CERTIFICATE`.
    pub(super) label: String,
    /// Whether it has headers, as encrypted keys of OpenSSL have.
    pub(super) has_headers: bool,
    /// What it holds.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Why a text is no PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PemError {
    /// No line begins a block.
    #[error("there is no line -----BEGIN …-----")]
    NoBlock,
    /// A block does not end.
    #[error("a block has no line -----END …-----")]
    NoEnd,
    /// A block ends with another label.
    #[error("a block ends with another label than it begins with")]
    OtherEnd,
    /// The data is not base64.
    #[error("the data of a block is not base64")]
    Data,
    /// There are too many.
    #[error("there are more than 128 blocks")]
    TooMany,
}

/// All blocks of a text. What stands between them (as `openssl x509 -text` writes) is ignored.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = edge(line, "-----BEGIN ") else {
            continue;
        };
        if found.len() == MAX_BLOCKS {
            return Err(PemError::TooMany);
        }
        let mut data = Zeroizing::new(String::new());
        let mut has_headers = false;
        loop {
            let line = lines.next().ok_or(PemError::NoEnd)?;
            if let Some(end) = edge(line, "-----END ") {
                if end != label {
                    return Err(PemError::OtherEnd);
                }
                break;
            }
            if line.starts_with("-----") {
                return Err(PemError::NoEnd);
            }
            if line.contains(':') {
                has_headers = true;
            } else if !(has_headers && data.is_empty() && line.is_empty()) {
                data.push_str(line);
            }
        }
        // Headers may go on over several lines; their values are then read as data, which does not matter: blocks
        // with headers are refused.
        let der = match STANDARD.decode(data.as_bytes()) {
            Ok(der) => der,
            Err(_) if has_headers => Vec::new(),
            Err(_) => return Err(PemError::Data),
        };
        found.push(Block {
            label: label.to_owned(),
            has_headers,
            der: Zeroizing::new(der),
        });
    }
    if found.is_empty() {
        Err(PemError::NoBlock)
    } else {
        Ok(found)
    }
}

fn edge<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix("-----")
}
