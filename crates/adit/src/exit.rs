//! How a command ends: exit codes, and the failure that a person reads.
//!
//! 0 done, or stopped by the user · 1 failed · 2 wrong usage or configuration (101 is a panic, from Rust).

use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or stopped by the user.
    Done,
    /// Failed.
    Failed,
    /// Wrong usage or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
        })
    }
}

/// Why a command did not do what it was asked: the parts of the message in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What failed, with the value concerned.
    pub(crate) what: String,
    /// The documented code.
    pub(crate) code: Option<String>,
    /// Which flag, file or endpoint.
    pub(crate) place: Option<String>,
    /// The cause.
    pub(crate) why: Option<String>,
    /// The next step.
    pub(crate) fix: Option<String>,
    /// An API's own error, for programs.
    pub(crate) json: Option<String>,
}

impl Failure {
    /// Wrong usage or configuration.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// The command was right, but could not be carried out.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            code: None,
            place: None,
            why: None,
            fix: None,
            json: None,
        }
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    pub(crate) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl From<adit_agent::Error> for Failure {
    fn from(error: adit_agent::Error) -> Self {
        let exit = if error.side() == adit_agent::Side::Configuration {
            Exit::Usage
        } else {
            Exit::Failed
        };
        Self {
            exit,
            what: error.to_string(),
            code: error.code().map(str::to_owned),
            place: None,
            why: None,
            fix: error.fix(),
            json: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
