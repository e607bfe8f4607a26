//! What a node may use (edge 1.6, 1.7).

use serde::Deserialize;

use super::{SettingError, Size, Time, machine};

/// The smallest budget that lets streams move at all: sixteen implied windows.
pub(super) const BUFFERS_MIN: usize = 4 << 20;
/// The budget where the machine does not say how much memory it has.
const BUFFERS_UNKNOWN: usize = 1 << 30;

/// What a node may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections; default 80 % of the descriptors that the process may have.
    pub connections: Option<usize>,
    /// Open connections of one address; default 1,024. 0 is no limit, here and below.
    pub connections_per_ip: Option<u32>,
    /// New connections of one address a second, with bursts of twice as many; default 200.
    pub accepts_per_ip: Option<u32>,
    /// Handshakes of one address at once; default 64.
    pub handshakes_per_ip: Option<u32>,
    /// Handshakes at once; default 1,000 a core.
    pub handshakes: Option<usize>,
    /// Memory that the server plans with; default 80 % of what the cgroup or the machine has.
    pub memory: Option<Size>,
    /// Bytes held for others on this node; default 25 % of `limits.memory`.
    pub buffers: Option<Size>,
    /// `limits.http.…`
    pub http: HttpLimits,
    /// `limits.tls.…`
    pub tls: TlsLimits,
}

/// What a request may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpLimits {
    /// Longest request target; default 16 KiB.
    pub uri_max: Option<Size>,
    /// Largest header block; default 64 KiB.
    pub header_max: Option<Size>,
    /// Most fields in a header block; default 200.
    pub header_count: Option<usize>,
    /// Head of a request after its first byte; default 10 s.
    pub header_time: Option<Time>,
    /// Idle time between requests; default 75 s.
    pub keep_alive: Option<Time>,
    /// Slowest body in bytes a second; default 500, 0 = off.
    pub body_min_rate: Option<u32>,
    /// Requests of one connection; default 10,000.
    pub requests_per_connection: Option<u32>,
}

/// What a handshake may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsLimits {
    /// First byte after accept; default 10 s.
    pub first_byte: Option<Time>,
    /// Whole handshake; default 10 s.
    pub handshake: Option<Time>,
}

impl Limits {
    /// `limits.memory` in bytes; `None` if it is neither set nor known.
    #[must_use]
    pub fn memory(&self) -> Option<usize> {
        self.memory
            .map(Size::bytes)
            .or_else(|| machine::memory().map(|bytes| bytes / 5 * 4))
    }

    /// `limits.buffers` in bytes.
    #[must_use]
    pub fn buffers(&self) -> usize {
        self.buffers.map_or_else(
            || self.memory().map_or(BUFFERS_UNKNOWN, |memory| memory / 4),
            Size::bytes,
        )
    }

    pub(super) fn check(&self) -> Result<(), SettingError> {
        let wrong = |key: &str, reason: String| Err(SettingError::wrong(key, &reason));
        if self.connections == Some(0) {
            return wrong("limits.connections", "0 would let nobody in".to_owned());
        }
        for (key, size, least) in [
            ("limits.http.uri_max", self.http.uri_max, 128),
            ("limits.http.header_max", self.http.header_max, 1_024),
        ] {
            if let Some(size) = size.map(Size::bytes)
                && !(least..=1 << 20).contains(&size)
            {
                return wrong(key, format!("{size} bytes is not between {least} and 1MiB"));
            }
        }
        match (self.buffers.map(Size::bytes), self.memory.map(Size::bytes)) {
            (Some(buffers), _) if buffers < BUFFERS_MIN => wrong(
                "limits.buffers",
                format!("{buffers} bytes is too little: at least {BUFFERS_MIN} are needed"),
            ),
            (Some(buffers), Some(memory)) if buffers > memory => wrong(
                "limits.buffers",
                format!("{buffers} bytes is more than limits.memory, which is {memory}"),
            ),
            (None, Some(memory)) if memory / 4 < BUFFERS_MIN => wrong(
                "limits.memory",
                format!("{memory} bytes is too little: at least {} are needed", BUFFERS_MIN * 4),
            ),
            _ => Ok(()),
        }
    }
}
