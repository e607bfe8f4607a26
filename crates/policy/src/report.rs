//! What a check comes to, in the one form in which commands and the API tell it (traffic policy 1.5).

use serde_json::{Value as Json, json};

use crate::document::Phase;
use crate::fault::{Cost, Fault, Warning};
use crate::portable::{self, AditOnly};
use crate::subject::Subject;

/// What is right and wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What is wrong; if there is nothing, the document can be used.
    pub errors: Vec<Fault>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Warning>,
    /// Does a rule end every request?
    pub terminating: bool,
    /// The phases in which it has rules.
    pub phases: Vec<Phase>,
    /// What its expressions may cost; nothing of a document that is wrong.
    pub cost: Cost,
    /// What of it only Adit understands.
    pub adit_only: Vec<AditOnly>,
}

impl Report {
    /// Checks a document.
    #[must_use]
    pub fn of(text: &str, subject: Subject<'_>) -> Self {
        match crate::check(text, subject) {
            Ok(checked) => Self {
                errors: Vec::new(),
                warnings: checked.warnings,
                terminating: checked.terminating,
                phases: checked.phases,
                cost: checked.cost,
                adit_only: portable::adit_only(text, subject.scheme),
            },
            Err(errors) => Self {
                errors,
                warnings: Vec::new(),
                terminating: false,
                phases: Vec::new(),
                cost: Cost::default(),
                adit_only: Vec::new(),
            },
        }
    }

    /// As the API and commands show it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "valid": self.errors.is_empty(),
            "terminating": self.terminating,
            "adit_only": !self.adit_only.is_empty(),
            "adit_only_at": self.adit_only.iter().map(AditOnly::to_json).collect::<Vec<_>>(),
            "phases": self.phases.iter().map(|phase| phase.name()).collect::<Vec<_>>(),
            "errors": self.errors.iter().map(Fault::to_json).collect::<Vec<_>>(),
            "warnings": self.warnings.iter().map(Warning::to_json).collect::<Vec<_>>(),
            "cost": {
                "total": self.cost.total, "largest": self.cost.largest, "at": self.cost.at, "limit": Cost::LIMIT,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use adit_names::endpoint_url::Scheme;

    use super::*;

    #[test]
    fn the_dearest_expression_is_named() {
        let text = "on_http_request: [{expressions: [\"req.method == 'GET'\"], actions: [{type: add-headers, config: \
                    {headers: {x-a: \"${req.url.query_params.exists(k, k == 'a')} ${req.host}\"}}}]}]";
        let report = Report::of(text, Subject::agent(Scheme::Https));
        let cost = &report.cost;
        assert_eq!(cost.at, "on_http_request[0].actions[0].config.headers.x-a");
        assert!(cost.largest > 1_000 && cost.largest < Cost::LIMIT, "{cost:?}");
        assert!(cost.total > cost.largest, "{cost:?}");
        assert_eq!(report.to_json()["cost"]["largest"], cost.largest);
        let none = Report::of("on_http_request: []", Subject::agent(Scheme::Https));
        assert_eq!(none.cost, Cost::default());
    }

    #[test]
    fn both_sides_are_told() {
        let subject = Subject::agent(Scheme::Https);
        let right = Report::of(
            "on_http_request: [{actions: [{type: restrict-ips, config: {deny: [10.0.0.0/8]}}]}]",
            subject,
        );
        let shown = right.to_json();
        assert_eq!((&shown["valid"], &shown["terminating"]), (&json!(true), &json!(false)));
        assert_eq!(shown["phases"], json!(["on_http_request"]));
        assert_eq!(shown["warnings"][0]["code"], "deny_only_restrict_ips");
        let wrong = Report::of("on_http_request: [{actions: [{type: denied}]}]", subject).to_json();
        assert_eq!(
            (&wrong["valid"], &wrong["errors"][0]["line"]),
            (&json!(false), &json!(1))
        );
    }
}
