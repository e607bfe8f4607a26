//! Claims: what only one object may have, enforced by the store's gate (control plane 10.1).

use adit_names::code::ErrorCode;

/// One claim of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its class: `name`, `addr`, `ingress`, `url`, `iprule`, `restriction`, `svc`, `email`, `vault`, `secret`, …
    pub class: &'static str,
    /// What is claimed, canonical. Names have their labels reversed, each followed by a dot: `com.example.*.`.
    pub key: String,
    /// How far it reaches.
    pub scope: Scope,
    /// The refusal if an object of the same organisation has it.
    pub taken: ErrorCode,
    /// The refusal if another organisation has it. Says no more than that.
    pub foreign: ErrorCode,
}

/// How far a claim reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The key alone.
    Exact,
    /// The key alone, and nobody shares it.
    Sole {
        /// The refusal if objects of the same organisation share it; [`Claim::foreign`] if others do.
        shared: ErrorCode,
    },
    /// One of several objects of an organisation that share a key; [`Claim::key`] is its own.
    Shared {
        /// What they share: the key of who would have it alone.
        of: String,
        /// The refusal if an object of the same organisation has it alone; [`Claim::foreign`] if another's has it, in
        /// whatever way.
        alone: ErrorCode,
    },
    /// The key alone within the organisation; against other organisations everything that begins with `root`, and
    /// every claim whose own root is a beginning of this one (edge 3.2).
    Subtree {
        /// What is owned: `com.example.` for `example.com` and for `*.example.com`.
        root: String,
        /// The refusal if another organisation has something below `root`; [`Claim::foreign`] if it has something at
        /// or above it.
        below: ErrorCode,
    },
}
