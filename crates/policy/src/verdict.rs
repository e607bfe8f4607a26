//! What rules and actions did, for events and for `explain` (traffic policy 6.2 to 6.4).

use crate::value::Value;

/// One line of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The rule or action: `guardrails[0].on_http_request[2]`.
    pub path: String,
    /// The rule's `id`.
    pub id: Option<String>,
    /// The rule's `name`, empty without.
    pub name: String,
    /// The action's type; empty for a rule.
    pub action: &'static str,
    /// What it did.
    pub outcome: VerdictOutcome,
    /// How long it took, in microseconds, as whoever steps the machine has [measured](crate::Exchange::measured); 0 if
    /// nobody has.
    pub us: u64,
    /// With a full trace: what the first false expression read, or the results of the action.
    pub values: Vec<(String, Value)>,
}

/// What a rule or action did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictOutcome {
    /// The rule matched.
    Matched,
    /// It did not: the number of the first expression that was not true, and its text.
    NotMatched {
        /// Its place in the list.
        expression: usize,
        /// As written.
        text: String,
    },
    /// An expression or template failed.
    Error(String),
    /// The action passed on.
    Next,
    /// The action ended the chain: `deny`, `respond`, `redirect`, `forward`, `close`, `pass`.
    Ended(&'static str),
    /// A dry run: `would_deny`, `would_redirect`, `would_rewrite`, `would_error`, `would_call`, `would_pass`.
    Would(&'static str),
}

impl VerdictOutcome {
    /// Is it more than that a rule matched or not, and that an action passed on?
    #[must_use]
    pub const fn decides(&self) -> bool {
        match self {
            Self::Matched | Self::NotMatched { .. } | Self::Next => false,
            Self::Error(_) | Self::Ended(_) | Self::Would(_) => true,
        }
    }

    /// Its name in events.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotMatched { .. } => "not_matched",
            Self::Error(_) => "error",
            Self::Next => "next",
            Self::Ended(name) | Self::Would(name) => name,
        }
    }
}
