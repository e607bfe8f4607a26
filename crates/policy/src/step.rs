//! A policy at work: a machine without future, clock or socket (traffic policy 7.1).
//!
//! An [`Exchange`] lives as long as a request and its response; each layer's policy runs over it as a [`Run`] per
//! phase. `step` borrows the view only for its call; what it needs from outside it asks for with an [`Effect`], whose
//! answer is the next [`Input`].

use std::sync::Arc;

use adit_names::code::ErrorCode;

use crate::action::{Cx, Flow};
use crate::compile::{Policy, Rule};
use crate::document::Phase;
use crate::expr::{Budget, Failure, Overlay, Results, Scope};
use crate::subject::Owner;
use crate::value::Value;
use crate::view::View;

/// What a step is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The first step of a run.
    Begin,
    /// Answer to [`Effect::OpenInternal`].
    Opened(Result<(), Fault>),
}

/// Why an effect did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Code of the answer that the target itself would have given.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
}

/// What a step gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The phase is over for this policy.
    Done(Decision),
    /// Somebody has to do something first.
    Need(Effect),
}

/// What a policy cannot do itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Choose a member of the internal endpoint `scheme://host:port` of the organisation.
    OpenInternal {
        /// The target.
        url: String,
    },
}

/// How a phase ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Nothing decided: the next layer, the upstream.
    Pass,
    /// An answer of the policy: the upstream is not reached. In a response phase it replaces the response.
    Respond {
        /// Status.
        status: u16,
        /// Fields, names in lower case; the length is not among them.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
        /// Do the response phases run on it (`custom-response`), or is it the edge's last word?
        continues: bool,
    },
    /// A refusal: answered by the edge in its own form with this code (`edge.md` 10.1).
    Refuse {
        /// Status.
        status: u16,
        /// The code; `None`: an empty body without a code.
        code: Option<ErrorCode>,
        /// Fields beyond the edge's own.
        headers: Vec<(String, String)>,
    },
    /// The internal endpoint that was opened answers instead of the upstream.
    Forward {
        /// `scheme://host:port`
        url: String,
    },
    /// The connection is closed without an answer.
    Close,
}

/// One change of a message, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A field is added behind those that are there.
    Add {
        /// Of the response, else of the request.
        response: bool,
        /// Name in lower case.
        name: String,
        /// Value.
        value: String,
    },
    /// All fields of a name are removed.
    Remove {
        /// Of the response, else of the request.
        response: bool,
        /// Name in lower case.
        name: String,
    },
    /// The Host value is replaced.
    Host(String),
    /// Path and query are replaced.
    Target(String),
}

/// An expression or template that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// Where it stands.
    pub path: String,
    /// What happened.
    pub message: String,
}

/// Most log entries of an exchange.
const MAX_LOGS: usize = 32;
/// Most errors that are kept of an exchange.
const MAX_ERRORS: usize = 64;

/// What policies have made of one request and its response. A copy is what a retry goes back to.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    pub(crate) overlay: Overlay,
    pub(crate) results: Results,
    pub(crate) edits: Vec<Edit>,
    pub(crate) logs: Vec<Value>,
    pub(crate) logs_dropped: u32,
    pub(crate) errors: Vec<PolicyError>,
    pub(crate) tickets: Vec<crate::state::Ticket>,
    /// Target of the effect that is being waited for.
    pub(crate) opening: Option<String>,
    pub(crate) used: u32,
    pub(crate) draws: u64,
    pub(crate) phase: Option<Phase>,
}

impl Exchange {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes of the messages, in order.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The request's fields (without `host`) if they were changed: all of them.
    #[must_use]
    pub fn request_fields(&self) -> Option<&[(String, Vec<u8>)]> {
        self.overlay.request.as_deref()
    }

    /// The response's fields if they were changed: all of them.
    #[must_use]
    pub fn response_fields(&self) -> Option<&[(String, Vec<u8>)]> {
        self.overlay.response.as_deref()
    }

    /// Path and query if they were rewritten.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.overlay.target.as_deref()
    }

    /// The Host value if it was replaced.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.overlay.host.as_deref()
    }

    /// What `log` said; entries beyond 32 are counted by [`Exchange::logs_dropped`].
    #[must_use]
    pub fn logs(&self) -> &[Value] {
        &self.logs
    }

    /// Entries that were too many.
    #[must_use]
    pub fn logs_dropped(&self) -> u32 {
        self.logs_dropped
    }

    /// Expressions and templates that failed.
    #[must_use]
    pub fn errors(&self) -> &[PolicyError] {
        &self.errors
    }

    /// A result of an action by its name below `actions.`, for example `ngrok.rate_limit.limited`.
    #[must_use]
    pub fn result(&self, name: &str) -> Option<&Value> {
        self.results
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The response was replaced (another layer sees the new one): edits of the old one are void.
    pub fn response_replaced(&mut self) {
        self.overlay.response = None;
        self.edits.retain(|edit| {
            !matches!(
                edit,
                Edit::Add { response: true, .. } | Edit::Remove { response: true, .. }
            )
        });
    }

    /// Tells the circuit breakers that the exchange passed how it ended: an error is a status of 500 or more from the
    /// upstream, or none at all. What an edge answered itself, and visitors that went away, are not told.
    pub fn upstream_answered(&mut self, state: &crate::state::State, now: i64, error: bool) {
        for ticket in self.tickets.drain(..) {
            state.breakers.outcome(&ticket, now, error);
        }
    }

    pub(crate) fn error(&mut self, path: String, message: String) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(PolicyError { path, message });
        }
    }

    pub(crate) fn log(&mut self, entry: Value) {
        if self.logs.len() < MAX_LOGS {
            self.logs.push(entry);
        } else {
            self.logs_dropped = self.logs_dropped.saturating_add(1);
        }
    }

    /// The last run of an action wins, as a whole.
    pub(crate) fn set_results(&mut self, prefix: &str, results: impl IntoIterator<Item = (&'static str, Value)>) {
        self.results
            .retain(|(name, _)| !name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')));
        self.results.extend(results);
    }

    /// Runs `f` in a scope over what there is now.
    pub(crate) fn scoped<R>(
        &mut self,
        view: &View<'_>,
        vars: &[(String, Value)],
        f: impl FnOnce(&Scope<'_>) -> R,
    ) -> R {
        let budget = Budget::new(self.used);
        let scope = Scope {
            view,
            overlay: &self.overlay,
            vars,
            results: &self.results,
            extra: &[],
            budget: &budget,
            draws: self.draws.into(),
        };
        let out = f(&scope);
        let draws = scope.draws.into_inner();
        self.used = budget.used();
        self.draws = draws;
        out
    }
}

/// One policy in one phase of one exchange.
#[derive(Debug)]
pub struct Run {
    policy: Arc<Policy>,
    phase: Phase,
    /// Put before paths of errors: `guardrails[0].`.
    prefix: String,
    rule: usize,
    action: usize,
    /// Has the rule been found to match?
    matched: bool,
    vars: Vec<(String, Value)>,
}

impl Policy {
    /// A run of this policy's rules for `phase`.
    #[must_use]
    pub fn begin(self: &Arc<Self>, phase: Phase) -> Run {
        Run {
            policy: Arc::clone(self),
            phase,
            prefix: String::new(),
            rule: 0,
            action: 0,
            matched: false,
            vars: Vec::new(),
        }
    }
}

impl Run {
    /// The same, with a text before the paths of its errors.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Variables that were set in this phase.
    #[must_use]
    pub fn vars(&self) -> &[(String, Value)] {
        &self.vars
    }

    /// Goes on until the phase is decided or something is needed.
    ///
    /// Never blocks and never fails: what goes wrong inside is a decision (500 with a code, or a closed connection).
    pub fn step(&mut self, exchange: &mut Exchange, view: &View<'_>, input: Input) -> Step {
        if exchange.phase != Some(self.phase) {
            // Layers of one phase share its elements.
            exchange.phase = Some(self.phase);
            exchange.used = 0;
        }
        let policy = Arc::clone(&self.policy);
        let rules = policy.rules(self.phase);
        let mut input = Some(input).filter(|input| *input != Input::Begin);
        while let Some(rule) = rules.get(self.rule) {
            if !self.matched {
                match self.matches(rule, exchange, view) {
                    Ok(true) => self.matched = true,
                    Ok(false) => {
                        self.rule += 1;
                        continue;
                    }
                    Err(code) => return Step::Done(self.broken(code)),
                }
            }
            while let Some(action) = rule.actions.get(self.action) {
                let mut cx = Cx {
                    view,
                    exchange,
                    vars: &mut self.vars,
                    phase: self.phase,
                    prefix: &self.prefix,
                    path: &action.path,
                    key: action.key,
                };
                let flow = match input.take() {
                    Some(input) => action.run.resume(&mut cx, input),
                    None => action.run.run(&mut cx),
                };
                match flow {
                    Flow::Next => self.action += 1,
                    Flow::End(decision) => {
                        self.rule = usize::MAX;
                        return Step::Done(decision);
                    }
                    Flow::Need(effect) => return Step::Need(effect),
                    Flow::Broken(code) => return Step::Done(self.broken(code)),
                }
            }
            self.rule += 1;
            self.action = 0;
            self.matched = false;
        }
        Step::Done(Decision::Pass)
    }

    /// The policy itself failed: nothing passes.
    fn broken(&mut self, code: ErrorCode) -> Decision {
        self.rule = usize::MAX;
        if self.phase == Phase::TcpConnect {
            return Decision::Close;
        }
        Decision::Refuse {
            status: code.status().unwrap_or(500),
            code: Some(code),
            headers: Vec::new(),
        }
    }

    fn matches(&self, rule: &Rule, exchange: &mut Exchange, view: &View<'_>) -> Result<bool, ErrorCode> {
        for (path, program) in &rule.expressions {
            match exchange.scoped(view, &self.vars, |scope| program.is_true(scope)) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(failure) => {
                    let message = match failure {
                        Failure::Error(message) => message,
                        Failure::Budget => "the phase has used up its elements (ERR_ADIT_5204)".to_owned(),
                    };
                    exchange.error(format!("{}{path}", self.prefix), message);
                    // A guardrail that cannot be evaluated lets nobody through.
                    return if self.policy.owner == Owner::Guardrail {
                        Err(ErrorCode::ADIT_5201)
                    } else {
                        Ok(false)
                    };
                }
            }
        }
        Ok(true)
    }
}
