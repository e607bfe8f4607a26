//! Rows of `objects`.

use adit_model::Object;
use adit_names::id::Id;

use crate::index;
use crate::log::account;
use crate::sql::{Arg, Row, SqlError};

/// Reads a row with the columns of the statements that select objects.
pub(crate) fn read(row: &Row) -> Result<Object, SqlError> {
    let id: Id = row.parse(0)?;
    let body = row.text(8)?;
    Ok(Object {
        id,
        kind: row.text(1)?,
        schema: u32::try_from(row.int(2)?).map_err(|_| damaged(&id, "schema"))?,
        organization: account::parse(&row.text(3)?).ok_or_else(|| damaged(&id, "organization_id"))?,
        owner: match row.text_or_null(4)? {
            Some(owner) => Some(owner.parse().map_err(|_| damaged(&id, "owner_id"))?),
            None => None,
        },
        revision: row.count(5)?,
        created_at: row.int(6)?,
        updated_at: row.int(7)?,
        body: serde_json::from_str(&body).map_err(|_| damaged(&id, "body"))?,
    })
}

fn damaged(id: &Id, column: &str) -> SqlError {
    SqlError::Decode(format!("{column} of {id}").into())
}

/// Appends the values of a row to those of a statement.
pub(crate) fn write(object: &Object, args: &mut Vec<Arg>) {
    args.extend([
        Arg::from(object.id.to_string()),
        Arg::from(object.kind.as_str()),
        Arg::from(i64::from(object.schema)),
        Arg::from(account::text(object.organization)),
        Arg::from(object.owner.map(|owner| owner.to_string())),
        Arg::from(object.revision),
        Arg::from(object.created_at),
        Arg::from(object.updated_at),
        Arg::from(body_text(object)),
    ]);
    args.extend(index::values(object).map(Arg::from));
}

/// The body as text, in the order of its fields.
fn body_text(object: &Object) -> String {
    // A map with text keys always has a text.
    serde_json::to_string(&object.body).unwrap_or_default()
}
