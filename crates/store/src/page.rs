//! Lists: keyset pages, newest first.

use adit_model::Object;
use adit_names::id::Id;

use crate::error::StoreError;
use crate::index;
use crate::log::account;
use crate::object;
use crate::sql::Arg;
use crate::sql::statements::page_text;
use crate::store::Store;

/// What of a list is wanted.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// Of which kind.
    pub kind: &'a str,
    /// Of which organisation; all of them if none.
    pub organization: Option<Id>,
    /// Only those with smaller ids.
    pub before: Option<Id>,
    /// At most so many.
    pub limit: usize,
    /// All of these must hold; at most 64.
    pub terms: Vec<Term>,
}

/// A condition that the database checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Of what.
    pub column: Column,
    /// How it is compared.
    pub op: Op,
    /// With what. Numbers in text columns are compared as texts, hence only for equality.
    pub value: Value,
}

/// What a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The id, as text.
    Id,
    /// When it was made, microseconds since the Unix epoch.
    CreatedAt,
    /// Who owns it, as text.
    Owner,
    /// `f1` to `f8`; made by [`Column::of`].
    Field(u8),
}

impl Column {
    /// The column of a field of a kind, if it has one. Texts longer than 1,024 bytes are cut there.
    #[must_use]
    pub fn of(kind: &str, field: &str) -> Option<Self> {
        match field {
            "id" => Some(Self::Id),
            "created_at" => Some(Self::CreatedAt),
            "owner_id" => Some(Self::Owner),
            _ => {
                let at = index::fields(kind).iter().position(|name| *name == field)?;
                u8::try_from(at).ok().map(|at| Self::Field(at + 1))
            }
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::CreatedAt => "created_at",
            Self::Owner => "owner_id",
            Self::Field(1) => "f1",
            Self::Field(2) => "f2",
            Self::Field(3) => "f3",
            Self::Field(4) => "f4",
            Self::Field(5) => "f5",
            Self::Field(6) => "f6",
            Self::Field(7) => "f7",
            Self::Field(_) => "f8",
        }
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `==`
    Equal,
    /// `!=`; a value that is missing is different from any other.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Op {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// What a term compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text; `true` and `false` for flags.
    Text(String),
    /// A time.
    Int(i64),
    /// No value: only with [`Op::Equal`] and [`Op::NotEqual`].
    Null,
}

/// Most terms of one list.
const TERMS: usize = 64;

impl Store {
    /// A page of a list, newest first by id.
    ///
    /// # Errors
    /// The database is away, a row cannot be read, or there are more than 64 terms.
    pub async fn page(&self, page: &Page<'_>) -> Result<Vec<Object>, StoreError> {
        if page.terms.len() > TERMS {
            return Err(StoreError::Damaged("a filter of more than 64 terms".to_owned()));
        }
        let mut args = vec![Arg::from(page.kind)];
        args.extend(
            page.organization
                .map(|organization| Arg::from(account::text(organization))),
        );
        args.extend(page.before.map(|before| Arg::from(before.to_string())));
        for term in &page.terms {
            match (&term.value, term.column) {
                (Value::Text(text), Column::CreatedAt) => args.push(Arg::from(text.parse::<i64>().unwrap_or_default())),
                (Value::Int(number), Column::CreatedAt) => args.push(Arg::from(*number)),
                (Value::Text(text), _) => args.push(Arg::from(text.as_str())),
                (Value::Int(number), _) => args.push(Arg::from(number.to_string())),
                (Value::Null, _) => {}
            }
        }
        args.push(Arg::from(i64::try_from(page.limit).unwrap_or(i64::MAX)));
        let text = page_text(page.organization.is_some(), page.before.is_some(), &page.terms);
        let mut conn = self.conn().await?;
        let rows = conn.rows_owned(text, args).await?;
        Ok(rows.iter().map(object::read).collect::<Result<_, _>>()?)
    }
}
