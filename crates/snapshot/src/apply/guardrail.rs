//! Guardrails. They are restrictions: one that cannot be read refuses whoever it is about, and everybody if that cannot be
//! read either.

use std::sync::Arc;

use adit_model::Object;
use adit_model::kind::guardrail::{self, Mode, Scope, Whom};
use adit_policy::{Actions, Requirement, Selector, Subject};

use super::{Compiler, Written, too_new};
use crate::guardrail::{Applied, Guardrail};

impl Compiler {
    pub(super) fn guardrail(&mut self, object: &Object, newer: bool) -> Result<(), String> {
        self.take_back(object.id);
        let mode = guardrail::mode(object);
        if mode == Some(Mode::Off) && !newer {
            return Ok(());
        }
        let mut wrong = newer.then(|| too_new(object.schema));
        let mut fail = |error: String| {
            wrong.get_or_insert(error);
        };
        if mode.is_none() {
            fail(format!("mode: {:?} is not known", object.text("mode")));
        }
        let scope = Scope::read(object).unwrap_or_else(|| {
            fail("scope: it cannot be read".to_owned());
            Scope::organization()
        });
        let selector = match &scope.whom {
            Whom::Endpoints(text) => match Selector::compile(text) {
                Ok(selector) => Some(selector),
                Err(error) => {
                    fail(format!("scope.endpoints: {error}"));
                    None
                }
            },
            Whom::Organization | Whom::Domains(_) => None,
        };
        let subject = Subject {
            actions: Actions::Edge,
            ..Subject::guardrail()
        };
        let policy = match adit_policy::compile(object.text("policy"), subject) {
            Ok(policy) => Some(Arc::new(policy)),
            Err(faults) => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                fail(format!("policy: {first}"));
                None
            }
        };
        let requires = Requirement::read_all(object.body.get("require")).unwrap_or_else(|| {
            fail("require: it cannot be read".to_owned());
            Vec::new()
        });
        let organization: Box<str> = object.organization.to_string().into();
        let guardrail = Guardrail {
            name: object.text("name").into(),
            installation: object.flag("installation"),
            scope,
            selector,
            dry_run: mode == Some(Mode::DryRun) && !newer,
            priority: guardrail::priority(object),
            exceptions: guardrail::exceptions(object),
            requires: requires.into(),
            requires_from: guardrail::grace(object),
            ..Guardrail::new(object.id, &organization, policy.filter(|_| wrong.is_none()))
        };
        self.guardrails
            .entry(organization.clone())
            .or_default()
            .insert(object.id, Arc::new(guardrail));
        self.dirty.guardrails.insert(organization.clone());
        self.written.insert(object.id, Written::Guardrail(organization));
        wrong.map_or(Ok(()), Err)
    }

    /// The organisation's guardrails, and those of the installation, as they are now.
    pub(super) fn renew_guardrails(&mut self, organization: &str) {
        let settings = self.told.organization(organization).map(|o| &o.settings);
        let defaults = settings.map(|s| s.default_guardrails.clone()).unwrap_or_default();
        let own = self.guardrails.get(organization);
        let own = own.into_iter().flat_map(|all| all.values()).filter(|g| !g.installation);
        let own = own.map(|guardrail| Applied {
            everywhere: defaults.contains(&guardrail.id),
            guardrail: guardrail.clone(),
        });
        let own = own.collect();
        let all = self
            .guardrails
            .values()
            .flat_map(|all| all.values())
            .filter(|g| g.installation);
        let all = all.map(|guardrail| Applied {
            everywhere: false,
            guardrail: guardrail.clone(),
        });
        let all: Vec<_> = all.collect();
        self.told.put_guardrails(organization, own);
        if !(all.is_empty() && self.told.installation.is_empty()) {
            self.told.put_installation_guardrails(all);
        }
    }
}
