//! That a guardrail refused: its id is in the one outcome, and an activity, merged with its like, says so to whoever's
//! endpoint it is (traffic policy 6.1, edge 11.1).

use std::sync::Arc;

use adit_names::code::ErrorCode;
use adit_observe::{Listener, PolicyFacts, Refusal, RefusalKind, RefusalReason, Worker};
use adit_policy::{Decision, Phase, Value, Verdict, VerdictOutcome};
use adit_snapshot::Guardrail;

use super::chain::Chain;
use super::run::Scene;
use super::told::place;
use crate::node::Node;
use crate::reply::Answer;

/// A guardrail that refused.
#[derive(Debug)]
pub(super) struct Violation {
    guardrail: Arc<Guardrail>,
    /// The endpoint that it stands around.
    at: usize,
    /// Empty without one.
    code: &'static str,
    /// The activity is on its way.
    is_reported: bool,
}

impl Violation {
    /// Its id (`gr_…`).
    pub(super) fn guardrail(&self) -> &str {
        id_of(&self.guardrail)
    }
}

fn id_of(guardrail: &Guardrail) -> &str {
    guardrail.prefix.trim_end_matches('.')
}

/// The code of a refusal; `None` if it is none. Who is sent to a login, or elsewhere, is not refused.
fn refusal(decision: &Decision) -> Option<&'static str> {
    match decision {
        Decision::Pass | Decision::Forward { .. } => None,
        Decision::Close => Some(""),
        Decision::Refuse { code, .. } => Some(code.map_or("", |code| code.as_str())),
        Decision::Respond { status, continues, .. } => (!continues && *status >= 400).then_some(""),
    }
}

impl Chain {
    /// Notes what a guardrail's run came to, if it refused.
    pub(super) fn note_refusal(&mut self, scene: Scene<'_>, decision: &Decision) {
        if let Some(guardrail) = scene.guardrail
            && let Some(code) = refusal(decision)
        {
            self.violate(guardrail, scene.at, code);
        }
    }

    fn violate(&mut self, guardrail: &Arc<Guardrail>, at: usize, code: &'static str) {
        self.violated = Some(Violation {
            guardrail: guardrail.clone(),
            at,
            code,
            is_reported: false,
        });
    }

    /// A guardrail that cannot be compiled lets nobody pass.
    pub(super) fn note_quarantine(&mut self, at: usize, guardrail: &Arc<Guardrail>, phase: Phase) {
        let code = ErrorCode::ADIT_5201.as_str();
        let outcome = VerdictOutcome::Error(code.to_owned());
        self.note(guardrail, phase, "policy", outcome, Vec::new());
        self.violate(guardrail, at, code);
    }

    /// Whether the endpoint that was chosen has to have something by its own policy that it has not.
    pub(super) fn lacks_what_is_required(&mut self, at: usize, phase: Phase) -> bool {
        let plan = self.plans.get(at).and_then(|plan| plan.as_deref());
        let unmet = plan.zip(self.hops.get(at)).and_then(|(plan, hop)| plan.unmet_by(hop));
        let Some((guardrail, required)) = unmet else {
            return false;
        };
        let (guardrail, required) = (guardrail.clone(), required.to_string());
        let values = vec![("requirement".to_owned(), Value::from(required.as_str()))];
        self.note(&guardrail, phase, "require", VerdictOutcome::Ended("deny"), values);
        self.violate(&guardrail, at, Answer::requirement_unmet().code);
        true
    }

    fn note(
        &mut self,
        guardrail: &Guardrail,
        phase: Phase,
        name: &str,
        outcome: VerdictOutcome,
        values: Vec<(String, Value)>,
    ) {
        self.exchange.verdict(Verdict {
            path: format!("{}{phase}", guardrail.prefix),
            id: None,
            name: name.to_owned(),
            action: "",
            outcome,
            us: 0,
            values,
        });
    }

    /// What is to be told of the policies in the one outcome. That a guardrail refused is told besides, once.
    pub(crate) fn tell(&mut self, node: &Node, observe: &Worker, listener: Listener) -> PolicyFacts {
        let told = self.told(node);
        if let Some(violation) = self.violated.as_mut().filter(|violation| !violation.is_reported) {
            violation.is_reported = true;
            self.report(observe, listener);
        }
        told
    }

    fn report(&self, observe: &Worker, listener: Listener) {
        let Some(violation) = &self.violated else { return };
        let of_it =
            |verdict: &&Verdict| verdict.path.starts_with(&*violation.guardrail.prefix) && verdict.outcome.decides();
        let verdict = self.exchange.verdicts().iter().rev().find(of_it);
        let rule = verdict.map_or("", |verdict| match verdict.name.as_str() {
            "" => place(&verdict.path).2,
            name => name,
        });
        let plan = self.plan_at(violation.at);
        let url = plan.map(|plan| plan.url().to_string()).unwrap_or_default();
        let kind = RefusalKind::Guardrail;
        observe.refusal(&Refusal {
            error_code: violation.code,
            rule,
            guardrail: violation.guardrail(),
            organization: plan.map_or("", |plan| &plan.facts.organization_id),
            endpoint: &url,
            detail: self.received.as_ref().map_or("", |received| received.id.as_str()),
            ..Refusal::new(kind, RefusalReason::Policy, listener, self.connection.client_ip)
        });
    }
}
