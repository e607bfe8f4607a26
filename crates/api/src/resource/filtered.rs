//! What a `filter` may name of a kind, and what of it the database can answer.

use adit_model::{Field, Form, Kind};
use adit_store::{Column, Op, Term, Value};

use super::Subject;
use crate::error::ApiError;
use crate::filter::{FieldForm, Filter, FilterField, IndexOp, IndexTerm, IndexValue};

/// Fields that are shown as a reference, `{"id", "uri"}`, where the descriptor says only that the server makes them.
const REFERENCES: &[&str] = &[
    "certificate",
    "created_by",
    "credential",
    "domain",
    "edge",
    "endpoint",
    "ip_policy",
    "last_updated_by",
    "principal",
    "tcp_addr",
    "tunnel",
    "tunnel_session",
    "user",
    "vault",
];

/// Whether a field of a kind is shown as a reference.
pub(crate) fn is_reference(field: &Field) -> bool {
    matches!(field.form, Form::Any) && REFERENCES.contains(&field.name)
}

/// The filter of a request.
///
/// # Errors
/// 250.
pub(super) fn parse(text: &str, subject: &Subject) -> Result<Filter, ApiError> {
    Ok(Filter::parse(text, &fields(subject))?)
}

/// The fields that may be named: every scalar and every reference that is shown.
fn fields(subject: &Subject) -> Vec<FilterField> {
    let mut fields = vec![
        FilterField::new("id", FieldForm::Id),
        FilterField::new("uri", FieldForm::Text),
        FilterField::new("created_at", FieldForm::Time),
    ];
    let is_shown = |f: &&Field| !f.hidden && !f.legacy && f.secret.is_none() && (subject.additions || !f.addition);
    for field in subject.kind.fields.iter().filter(is_shown) {
        add(field.name.to_owned(), field, &mut fields);
    }
    for field in &mut fields {
        match (subject.kind.name, field.path.as_str()) {
            ("endpoint", "bindings") => field.aliases = &["binding"],
            // ngrok's description calls the endpoints of agents so.
            ("endpoint", "type") => field.spellings = &[("ephemeral", "agent")],
            _ => {}
        }
    }
    fields
}

fn add(path: String, field: &Field, fields: &mut Vec<FilterField>) {
    let form = match field.form {
        Form::Text(_) | Form::Choice(_) => FieldForm::Text,
        Form::Flag => FieldForm::Flag,
        Form::Integer(..) => FieldForm::Number,
        Form::Id(_) => FieldForm::Id,
        Form::Ids(..) | Form::Texts(..) => FieldForm::Texts,
        Form::Map(_) => FieldForm::Map,
        Form::Timestamp => FieldForm::Time,
        Form::Any if is_reference(field) => FieldForm::Reference,
        Form::Object(inner) => {
            for field in inner.iter().filter(|f| !f.hidden && !f.legacy) {
                add(format!("{path}.{}", field.name), field, fields);
            }
            return;
        }
        Form::Any | Form::Objects(..) => return,
    };
    fields.push(FilterField::new(path, form));
}

/// Conditions of a filter that the database answers; what it cannot is left to the row by row check.
pub(super) fn terms(filter: &Filter, kind: &Kind, now: i64) -> Vec<Term> {
    filter
        .terms(now)
        .iter()
        .filter_map(|term| in_store(term, kind))
        .collect()
}

fn in_store(term: &IndexTerm, kind: &Kind) -> Option<Term> {
    // Of agents' endpoints the database knows nothing; their fields are checked row by row.
    let column = Column::of(kind.name, &term.field)?;
    let op = match term.op {
        IndexOp::Equal => Op::Equal,
        IndexOp::Less => Op::Less,
        IndexOp::LessOrEqual => Op::LessOrEqual,
        IndexOp::GreaterOrEqual => Op::GreaterOrEqual,
        IndexOp::Greater => Op::Greater,
        IndexOp::OneOf => return None,
    };
    let is_time = matches!(column, Column::CreatedAt);
    let value = match &term.value {
        IndexValue::Time(at) if is_time => Value::Int(*at),
        IndexValue::Text(text) if !is_time => Value::Text(text.clone()),
        IndexValue::Flag(flag) if !is_time && op == Op::Equal => Value::Text(flag.to_string()),
        // Other times are stored as text, in whatever spelling they were given.
        IndexValue::Time(_) | IndexValue::Text(_) | IndexValue::Flag(_) | IndexValue::Texts(_) => return None,
    };
    Some(Term { column, op, value })
}
