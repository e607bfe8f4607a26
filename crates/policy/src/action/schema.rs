//! What a configuration may contain, as data: checker, reference and editors read the same rows (traffic policy 7.2).

use adit_names::code::ErrorCode;

use super::read::Reader;
use crate::document::{Node, Path};

/// Phases as bits; the first three are those of [`crate::expr::env`].
pub(crate) const T: u8 = 1;
pub(crate) const Q: u8 = 2;
pub(crate) const S: u8 = 4;
pub(crate) const E: u8 = 8;

/// Durations in milliseconds.
pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;

/// One action.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) phases: u8,
    pub(crate) protocols: Protocols,
    pub(crate) ends: Ends,
    pub(crate) fields: &'static [Field],
    pub(crate) own: Own,
    /// What the fields cannot say one by one.
    pub(crate) check: fn(&mut Reader<'_, '_>, &super::config::Config, &Path<'_>, &Node),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocols {
    All,
    /// Not on `udp`.
    NotUdp,
    /// On `https` and `tls`.
    Tls,
    /// On `https`.
    Https,
}

/// Does the action end the chain?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Never,
    Always,
    /// Unless it has `on_error: continue`.
    UnlessContinue,
    /// Unless it says whom it does not concern (`allow`).
    UnlessAllow,
}

/// One field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) secret: bool,
    /// It is Adit's own: documents with it are understood nowhere else.
    pub(crate) own: bool,
}

/// Type and limits of a value.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    /// Out of range: 2215.
    Int(i64, i64),
    /// Another: 2222.
    IntOf(&'static [i64]),
    Number(f64, f64),
    /// Milliseconds: least, most, step.
    Duration(u64, u64, u64),
    /// Bytes: least, most.
    Text(usize, usize),
    /// The same with `${…}`.
    Template(usize, usize),
    OneOf(&'static [&'static str]),
    /// An expression without `${}`; names that only it has.
    Cel(&'static [&'static str]),
    /// A regular expression, with `${…}`.
    Regex,
    /// Absolute, `http` or `https`, with `${…}`.
    Url,
    /// A range, with `${…}`.
    Cidr,
    /// Name → value with `${…}`: at least so many, and are lists of values taken?
    Headers(usize, bool),
    List(&'static List),
    Record(&'static [Field]),
    /// Any value with `${…}` in its strings.
    Tree,
    /// What is checked by code.
    Own(fn(&mut Reader<'_, '_>, &Path<'_>, &Node) -> Option<super::config::Setting>),
}

/// Limits of a list.
pub(crate) struct List {
    pub(crate) of: Kind,
    pub(crate) least: usize,
    pub(crate) most: usize,
    /// Code of too many entries.
    pub(crate) too_many: ErrorCode,
    /// Is one entry taken without a list around it?
    pub(crate) single: bool,
    pub(crate) unique: bool,
}

pub(crate) const fn list(of: Kind, least: usize, most: usize) -> List {
    List {
        of,
        least,
        most,
        too_many: ErrorCode::NGROK_2218,
        single: false,
        unique: false,
    }
}

pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
        secret: false,
        own: false,
    }
}

pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
        secret: false,
        own: false,
    }
}

#[allow(clippy::needless_pass_by_value)]
pub(crate) const fn secret(field: Field) -> Field {
    Field { secret: true, ..field }
}

#[allow(clippy::needless_pass_by_value)]
pub(crate) const fn own(field: Field) -> Field {
    Field { own: true, ..field }
}

/// What of an action is Adit's own, beside its fields.
pub(crate) struct Own {
    /// All of it.
    pub(crate) action: bool,
    /// That it may stand in these phases.
    pub(crate) phases: u8,
    /// Values of fields, also as entries of lists.
    pub(crate) values: &'static [(&'static str, &'static str)],
}

impl Own {
    pub(crate) const NOTHING: Self = Self {
        action: false,
        phases: 0,
        values: &[],
    };
    pub(crate) const ACTION: Self = Self {
        action: true,
        ..Self::NOTHING
    };

    pub(crate) const fn phases(phases: u8) -> Self {
        Self {
            phases,
            ..Self::NOTHING
        }
    }

    pub(crate) const fn values(values: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            values,
            ..Self::NOTHING
        }
    }
}

/// Nothing more to check.
pub(crate) fn fine(_: &mut Reader<'_, '_>, _: &super::config::Config, _: &Path<'_>, _: &Node) {}
