//! Selectors of roles: conditions over an object in the language of filters, `obj.url.endsWith(".dev.example.com")`
//! (control plane 3.4).

use std::collections::HashMap;

use adit_model::{Field, Form, Kind, catalogue};
use jiff::Timestamp;
use serde_json::Value;

use crate::filter::{FieldForm, Filter, FilterError, FilterField};
use crate::live::LIVE;

/// A condition over objects of any kind that has the fields it names; of other kinds it selects nothing.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    text: String,
    by_kind: HashMap<&'static str, Filter>,
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Selector {
    /// Reads one. What nobody could have written selects nothing.
    pub(crate) fn of(text: &str) -> Self {
        let parsed =
            |(name, fields): (&'static str, Vec<FilterField>)| Some((name, Filter::parse(text, &fields).ok()?));
        let stored = catalogue::KINDS.iter().map(|kind| (kind.name, fields(kind)));
        let live = LIVE.iter().map(|(name, _, known)| (*name, live_fields(known)));
        Self {
            text: text.to_owned(),
            by_kind: stored.chain(live).filter_map(parsed).collect(),
        }
    }

    /// Whether a text can be used for objects of some of these kinds, by the resource names of their permissions.
    ///
    /// # Errors
    /// Why it cannot for the first of them.
    pub(crate) fn check(text: &str, is_one: impl Fn(&str) -> bool) -> Result<(), FilterError> {
        let stored = catalogue::KINDS.iter().filter(|kind| is_one(kind.permission));
        let live = LIVE.iter().filter(|(_, resource, _)| is_one(resource));
        let kinds = stored
            .map(|kind| fields(kind))
            .chain(live.map(|(_, _, known)| live_fields(known)));
        let mut first = Ok(());
        for (at, fields) in kinds.enumerate() {
            match Filter::parse(text, &fields) {
                Ok(_) => return Ok(()),
                Err(error) if at == 0 => first = Err(error),
                Err(_) => {}
            }
        }
        first
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it selects an object of this kind, as it is shown with Adit's additions.
    pub(crate) fn selects(&self, kind: &str, shown: &Value) -> bool {
        let filter = self.by_kind.get(kind);
        filter.is_some_and(|filter| filter.matches(shown, Timestamp::now().as_microsecond()))
    }
}

/// What a selector can name of a kind that is live.
fn live_fields(known: &[(&'static str, FieldForm)]) -> Vec<FilterField> {
    known
        .iter()
        .map(|(name, form)| FilterField::new(*name, *form))
        .collect()
}

/// What a selector can name of a kind.
fn fields(kind: &Kind) -> Vec<FilterField> {
    let mut all = vec![
        FilterField::new("id", FieldForm::Id),
        FilterField::new("created_at", FieldForm::Time),
    ];
    add(&mut all, "", kind.fields);
    all
}

fn add(all: &mut Vec<FilterField>, below: &str, fields: &[Field]) {
    let shown = |field: &&Field| !field.hidden && !field.legacy && field.secret.is_none();
    for field in fields.iter().filter(shown) {
        let path = format!("{below}{}", field.name);
        let form = match field.form {
            Form::Text(_) | Form::Choice(_) => FieldForm::Text,
            Form::Id(_) => FieldForm::Id,
            Form::Flag => FieldForm::Flag,
            Form::Integer(..) => FieldForm::Number,
            Form::Ids(..) | Form::Texts(..) => FieldForm::Texts,
            Form::Map(_) => FieldForm::Map,
            Form::Timestamp => FieldForm::Time,
            // What the server puts there are references.
            Form::Any => FieldForm::Reference,
            Form::Object(fields) => {
                add(all, &format!("{path}."), fields);
                continue;
            }
            Form::Objects(..) => continue,
        };
        all.push(FilterField::new(path, form));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_selects_objects_that_have_its_fields() {
        let selector = Selector::of("obj.action == \"deny\"");
        assert!(selector.selects("ip_policy_rule", &json!({"action": "deny"})));
        assert!(!selector.selects("ip_policy_rule", &json!({"action": "allow"})));
        assert!(!selector.selects("ip_policy", &json!({"action": "deny"})));
        let selector = Selector::of("obj.ip == \"192.0.2.1\" && obj.metadata == \"ci\"");
        assert!(selector.selects("tunnel_session", &json!({"ip": "192.0.2.1", "metadata": "ci"})));
        assert!(!selector.selects("tunnel_session", &json!({"ip": "192.0.2.1", "metadata": ""})));
        assert!(!selector.selects("tunnel", &json!({"ip": "192.0.2.1", "metadata": "ci"})));
        let selector = Selector::of("obj.public_url.endsWith(\".example.com\")");
        assert!(selector.selects("tunnel", &json!({"public_url": "https://a.example.com"})));
        assert!(!Selector::of("nonsense(").selects("ip_policy_rule", &json!({})));
    }

    #[test]
    fn what_no_kind_of_the_role_has_is_refused() {
        let is = |resource: &'static str| move |r: &str| r == resource;
        assert!(Selector::check("obj.action == \"deny\"", is("ip_policy_rules")).is_ok());
        assert!(Selector::check("obj.action == \"deny\"", is("ip_policies")).is_err());
        assert!(Selector::check("obj.ip == \"192.0.2.1\"", is("tunnel_sessions")).is_ok());
        assert!(Selector::check("obj.ip == \"192.0.2.1\"", is("tunnels")).is_err());
        assert!(Selector::check("obj.action ==", is("ip_policy_rules")).is_err());
    }
}
