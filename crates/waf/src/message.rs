//! What the firewall is shown, and what it says.

use std::net::SocketAddr;

/// How to look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Look {
    /// Paranoia level, 1 to 4.
    pub paranoia: u8,
    /// Rules that are left out.
    pub exclude: Vec<u32>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            paranoia: 1,
            exclude: Vec::new(),
        }
    }
}

/// A request. Of bodies at most [`crate::MAX_BODY`] bytes are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who sent it.
    pub client: SocketAddr,
    /// Where it was accepted.
    pub server: SocketAddr,
    /// Method.
    pub method: &'a str,
    /// Path and query as received.
    pub target: &'a str,
    /// `1.1`, `2.0`
    pub version: &'a str,
    /// Fields, `host` among them.
    pub fields: &'a [(&'a [u8], &'a [u8])],
    /// As much of its body as is to be looked at.
    pub body: &'a [u8],
    /// That is all of it: what is not in the form that its type says is found, since nothing else is found in it. A begin
    /// may well end anywhere.
    pub is_whole: bool,
}

/// A response.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// Status.
    pub status: u16,
    /// Fields.
    pub fields: &'a [(&'a [u8], &'a [u8])],
    /// As much of its body as is to be looked at.
    pub body: &'a [u8],
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// The anomaly score; 0: nothing was found.
    pub score: u32,
    /// The rules that matched, at most 64.
    pub matched: Vec<Matched>,
}

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matched {
    /// Its id.
    pub id: u32,
    /// What it says.
    pub message: String,
    /// `CRITICAL`, `ERROR`, `WARNING`, `NOTICE`; empty if it has none.
    pub severity: String,
    /// What it saw: text of the visitor's.
    pub data: String,
}
