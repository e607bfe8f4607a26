//! The one table of error codes.
//!
//! Where ngrok documents a code for a cause, Adit sends that code (`ERR_NGROK_…`), because clients
//! match on it; where none exists, an own one (`ERR_ADIT_<4 digits>`, never given twice). Every crate
//! takes codes from here, the CLI explains them from here, the documentation is made from here.
//!
//! The rows stand in one file per owner: `login`, `bind`, `stream`, `visitor`, `http`, `identity`, `agent`, `api`,
//! `policy`, `resource`. A row is code, HTTP status (0: none, the code never reaches a visitor), class, whether the same try
//! may succeed later by itself, then three texts: what happened (a template with `{names}`), why,
//! and what to do.

mod agent;
mod api;
mod bind;
mod http;
mod identity;
mod login;
mod never;
mod policy;
mod resource;
mod stream;
mod visitor;

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

pub use never::NEVER_SENT;

/// An error code, for example `ERR_NGROK_3200`. Four bytes; its row is looked up when asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(u32);

const ADIT: u32 = 1 << 31;

/// What kind of thing went wrong. Together with [`Class::side`] it says who can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The agent's credential, or what it may do.
    Credential,
    /// Rules of the organisation: addresses, guardrails, approval.
    Access,
    /// A message or field that is wrong in form.
    Invalid,
    /// A name, address or URL that cannot be had.
    Name,
    /// A limit that somebody set.
    Limit,
    /// Nothing is there to answer, or it is leaving.
    Offline,
    /// The agent or the way to it.
    Agent,
    /// The application behind the agent.
    Upstream,
    /// What the visitor sent.
    Visitor,
    /// A command to an agent.
    Command,
    /// The network between an agent and the server.
    Network,
    /// The agent's own configuration or machine.
    Local,
    /// A fault of this server.
    Internal,
}

impl Class {
    /// On whose side the cause lies, as events name it: `visitor`, `edge`, `agent` or `upstream`.
    #[must_use]
    pub const fn side(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Upstream => "upstream",
            Self::Credential
            | Self::Invalid
            | Self::Name
            | Self::Offline
            | Self::Agent
            | Self::Command
            | Self::Network
            | Self::Local => "agent",
            Self::Access | Self::Limit | Self::Internal => "edge",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    code: ErrorCode,
    text: &'static str,
    status: u16,
    class: Class,
    retryable: bool,
    what: &'static str,
    why: &'static str,
    fix: &'static str,
}

/// Makes the constants of [`ErrorCode`] and the rows of one owner.
macro_rules! table {
    ($($name:ident $family:ident $number:literal $status:literal $class:ident $retry:ident $what:literal $why:literal $fix:literal;)*) => {
        impl $crate::code::ErrorCode {
            $(#[doc = $what] pub const $name: Self = $crate::code::table!(@code $family $number);)*
        }
        pub(super) const TABLE: &[$crate::code::Entry] = &[$($crate::code::Entry {
            code: $crate::code::ErrorCode::$name,
            text: $crate::code::table!(@text $family $number),
            status: $status,
            class: $crate::code::Class::$class,
            retryable: $crate::code::table!(@retry $retry),
            what: $what,
            why: $why,
            fix: $fix,
        },)*];
    };
    (@code ngrok $number:literal) => { Self::ngrok($number) };
    (@code adit $number:literal) => { Self::adit($number) };
    (@text ngrok $number:literal) => { concat!("ERR_NGROK_", $number) };
    (@text adit $number:literal) => { concat!("ERR_ADIT_", $number) };
    (@retry later) => { true };
    (@retry no) => { false };
}
use table;

static ROWS: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| {
    let mut rows: Vec<_> = tables().collect();
    rows.sort_unstable_by_key(|row| row.code);
    rows
});

fn tables() -> impl Iterator<Item = &'static Entry> {
    [
        login::TABLE,
        bind::TABLE,
        stream::TABLE,
        visitor::TABLE,
        http::TABLE,
        identity::TABLE,
        agent::TABLE,
        api::TABLE,
        policy::TABLE,
        resource::TABLE,
    ]
    .into_iter()
    .flatten()
}

impl ErrorCode {
    const fn ngrok(number: u32) -> Self {
        Self(number)
    }

    const fn adit(number: u32) -> Self {
        Self(number | ADIT)
    }

    /// Every code of the table, in the order of their owners.
    pub fn all() -> impl Iterator<Item = Self> {
        tables().map(|row| row.code)
    }

    /// The code with this name, `ERR_NGROK_3200`; `None` if the table does not have it.
    #[must_use]
    pub fn lookup(text: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse::<u32>().ok().filter(|n| *n < ADIT);
        let code = match text.strip_prefix("ERR_NGROK_") {
            Some(digits) => Self::ngrok(number(digits)?),
            None => Self::adit(number(text.strip_prefix("ERR_ADIT_")?)?),
        };
        // `+107` and `0107` parse as numbers but are not the name.
        find(code).filter(|row| row.text == text).map(|row| row.code)
    }

    /// The first code in a text such as an SDK or agent receives: a word `ERR_NGROK_…` or
    /// `ERR_ADIT_…`, whether or not the table has it.
    #[must_use]
    pub fn find_in(text: &str) -> Option<&str> {
        let start = text
            .find("ERR_NGROK_")
            .into_iter()
            .chain(text.find("ERR_ADIT_"))
            .min()?;
        let word = text.get(start..)?;
        let prefix = if word.starts_with("ERR_NGROK_") {
            "ERR_NGROK_".len()
        } else {
            "ERR_ADIT_".len()
        };
        let end = word
            .get(prefix..)?
            .find(|c: char| !c.is_ascii_digit())
            .map_or(word.len(), |n| prefix + n);
        if end == prefix { None } else { word.get(..end) }
    }

    fn row(self) -> &'static Entry {
        // Codes are only made by `table!`, which makes their row as well.
        find(self).unwrap_or(&stream::INTERNAL)
    }

    /// Its name, `ERR_NGROK_3200`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().text
    }

    /// The digits.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 & !ADIT
    }

    /// Is it one of Adit's own?
    #[must_use]
    pub const fn is_own(self) -> bool {
        self.0 & ADIT != 0
    }

    /// The HTTP status of answers with this code, if visitors get it.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        Some(self.row().status).filter(|status| *status != 0)
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn class(self) -> Class {
        self.row().class
    }

    /// May the same try succeed later without anybody changing anything?
    #[must_use]
    pub fn retryable(self) -> bool {
        self.row().retryable
    }

    /// Does Adit's agent stop for this answer to its login, rather than try again (agent protocol
    /// 5.4)?
    #[must_use]
    pub const fn stops_agent(self) -> bool {
        matches!(
            self,
            Self::NGROK_105
                | Self::NGROK_106
                | Self::NGROK_107
                | Self::NGROK_118
                | Self::NGROK_121
                | Self::NGROK_122
                | Self::NGROK_300
                | Self::NGROK_811
                | Self::NGROK_4018
        )
    }

    /// What happened, with `{names}` for the values.
    #[must_use]
    pub fn what(self) -> &'static str {
        self.row().what
    }

    /// Why it happens.
    #[must_use]
    pub fn why(self) -> &'static str {
        self.row().why
    }

    /// What to do.
    #[must_use]
    pub fn fix(self) -> &'static str {
        self.row().fix
    }

    /// The template [`ErrorCode::what`] with its names replaced. Values are cut at 128 bytes and
    /// lose their control characters; a name without a value stays as it is.
    #[must_use]
    pub fn message(self, values: &[(&str, &str)]) -> String {
        let mut out = String::with_capacity(self.what().len() + 64);
        let mut rest = self.what();
        while let Some((before, behind)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, after)) = behind.split_once('}') else {
                rest = behind;
                break;
            };
            match values.iter().find(|(n, _)| *n == name) {
                Some((_, value)) => push_value(&mut out, value),
                None => out.extend(["{", name, "}"]),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

fn push_value(out: &mut String, value: &str) {
    let end = if value.len() <= 128 {
        value.len()
    } else {
        (0..=125).rev().find(|i| value.is_char_boundary(*i)).unwrap_or(0)
    };
    out.extend(
        value
            .get(..end)
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c }),
    );
    if end < value.len() {
        out.push('…');
    }
}

fn find(code: ErrorCode) -> Option<&'static Entry> {
    let at = ROWS.binary_search_by_key(&code, |row| row.code).ok()?;
    ROWS.get(at).copied()
}

/// An error as agents get it in the field `Error`: the text, an empty line, a line with the code.
/// The Rust family looks for a line that starts with the code, Go for the code anywhere.
#[must_use]
pub fn agent_error_text(code: ErrorCode, message: &str) -> String {
    let code = code.as_str();
    let mut out = String::with_capacity(message.len() + code.len() + 3);
    out.push_str(message.trim_end());
    out.push_str("\n\n");
    out.push_str(code);
    out.push('\n');
    out
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no code of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such error code")]
pub struct UnknownCode;

impl FromStr for ErrorCode {
    type Err = UnknownCode;
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::lookup(text).ok_or(UnknownCode)
    }
}
