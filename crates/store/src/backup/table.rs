//! Tables as lists of columns, read in pieces by their primary keys.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::sql::statements::{self as s, Rows, Statement};
use crate::sql::{Arg, Conn, Row, SqlError};

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Int,
    Blob,
}
use Type::{Blob as B, Int as I, Text as T};

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [Type],
    /// The first columns are the primary key.
    key: usize,
    dump: Statement,
    pub(super) put: &'static Rows,
}

/// All tables, in the order in which they are written and read.
pub(super) static TABLES: &[Table] = &[
    Table {
        name: "objects",
        columns: &[T, T, I, T, T, I, I, I, T, T, T, T, T, T, T, T, T],
        key: 1,
        dump: s::DUMP_OBJECTS,
        put: &s::PUT_OBJECTS,
    },
    Table {
        name: "claims",
        columns: &[T, T, T, T, T, I],
        key: 2,
        dump: s::DUMP_CLAIMS,
        put: &s::PUT_CLAIMS,
    },
    Table {
        name: "refs",
        columns: &[T, T, T, T],
        key: 3,
        dump: s::DUMP_REFS,
        put: &s::PUT_REFS,
    },
    Table {
        name: "secrets",
        columns: &[T, T, I, T, T, B, B, T],
        key: 3,
        dump: s::DUMP_SECRETS,
        put: &s::PUT_SECRETS,
    },
    Table {
        name: "work",
        columns: &[T, T, T, T, I, I, I, T],
        key: 2,
        dump: s::DUMP_WORK,
        put: &s::PUT_WORK,
    },
    Table {
        name: "log_head",
        columns: &[T, T, I, I, B],
        key: 2,
        dump: s::DUMP_HEADS,
        put: &s::PUT_HEADS,
    },
    Table {
        name: "log",
        columns: &[
            I, T, T, I, T, I, I, T, T, I, T, T, T, T, T, T, T, T, T, T, I, T, T, B, B,
        ],
        key: 1,
        dump: s::DUMP_LOG,
        put: &s::PUT_ENTRIES,
    },
];

impl Table {
    pub(super) fn by_name(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// The key before all others.
    pub(super) fn first(&self) -> Vec<Arg> {
        let keys = self.columns.iter().take(self.key);
        keys.map(|column| match column {
            Type::Int => Arg::from(-1_i64),
            Type::Text | Type::Blob => Arg::from(""),
        })
        .collect()
    }

    /// The key of a row.
    pub(super) fn key(&self, row: &Value) -> Vec<Arg> {
        let values = row.as_array().into_iter().flatten();
        let keys = self.columns.iter().zip(values).take(self.key);
        keys.filter_map(|(column, value)| arg(*column, value)).collect()
    }

    /// Rows behind a key.
    pub(super) async fn read(&self, conn: &mut Conn, after: Vec<Arg>, limit: i64) -> Result<Vec<Value>, SqlError> {
        let mut args = after;
        args.push(Arg::from(limit));
        let rows = conn.rows(&self.dump, args).await?;
        rows.iter().map(|row| self.json(row)).collect()
    }

    fn json(&self, row: &Row) -> Result<Value, SqlError> {
        let mut out = Vec::with_capacity(self.columns.len());
        for (at, column) in self.columns.iter().enumerate() {
            out.push(match column {
                Type::Text => Value::from(row.text_or_null(at)?),
                Type::Int => Value::from(row.int_or_null(at)?),
                Type::Blob => Value::from(BASE64_STANDARD.encode(row.blob(at)?)),
            });
        }
        Ok(Value::Array(out))
    }

    /// The values of a row that [`Table::read`] made; none if it does not fit.
    pub(super) fn args(&self, row: &Value) -> Option<Vec<Arg>> {
        let values = row.as_array().filter(|values| values.len() == self.columns.len())?;
        self.columns
            .iter()
            .zip(values)
            .map(|(column, value)| arg(*column, value))
            .collect()
    }
}

fn arg(column: Type, value: &Value) -> Option<Arg> {
    Some(match (column, value) {
        (Type::Text, Value::Null) => Arg::Text(None),
        (Type::Text, Value::String(text)) => Arg::from(text.as_str()),
        (Type::Int, Value::Null) => Arg::Int(None),
        (Type::Int, value) => Arg::from(value.as_i64()?),
        (Type::Blob, Value::String(text)) => Arg::from(BASE64_STANDARD.decode(text).ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_statements_agree() {
        for table in TABLES {
            assert_eq!(table.put.columns(), table.columns.len(), "{}", table.name);
            let listed = table.dump.text.split(" FROM ").next().unwrap().split(',').count();
            assert_eq!(listed, table.columns.len(), "{}", table.name);
            // Nor does a row look like the end.
            assert_ne!(table.name, "end");
        }
    }
}
