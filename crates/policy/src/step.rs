//! A policy at work: a machine without future, clock or socket (traffic policy 7.1).
//!
//! An [`Exchange`] lives as long as a request and its response; each layer's policy runs over it as a [`Run`] per
//! phase. `step` borrows the view only for its call; what it needs from outside it asks for with an [`Effect`], whose
//! answer is the next [`Input`].

use std::sync::Arc;
use std::time::Duration;

use adit_names::code::ErrorCode;
use bytes::Bytes;

use crate::action::{Cx, Flow, Pending};
use crate::compile::{Policy, Rule};
use crate::document::Phase;
use crate::effect::{BodyFault, Effect, Input};
use crate::exchange::{Exchange, Trace};
use crate::expr::{Failure, Program};
use crate::subject::Owner;
use crate::value::Value;
use crate::verdict::{Verdict, VerdictOutcome};
use crate::view::View;

/// What a step gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The phase is over for this policy.
    Done(Decision),
    /// Somebody has to do something first.
    Need(Effect),
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

/// Rules between two looks at the clock.
pub(crate) const TICK_RULES: u32 = 64;
/// Elements between two looks at the clock.
const TICK_UNITS: u32 = 1000;
/// Longer than this a phase is told to be slow.
const SLOW: Duration = Duration::from_millis(2);
/// Longer than this it ends.
const TOO_SLOW: Duration = Duration::from_millis(20);
/// Bytes of a body that expressions may see.
const SEEN_BODY: usize = 64 * 1024;

/// One policy in one phase of one exchange.
#[derive(Debug)]
pub struct Run {
    policy: Arc<Policy>,
    phase: Phase,
    /// Put before paths of errors: `guardrails[0].`
    prefix: String,
    rule: usize,
    action: usize,
    /// Has the rule been found to match?
    matched: bool,
    vars: Vec<(String, Value)>,
    pending: Option<Pending>,
    /// The body that was asked for: the response's?
    body_of_response: bool,
    /// An expression's body was asked for.
    waits_for_seen_body: bool,
    /// What expressions see of a body is that there is none.
    without_body: bool,
    waits_for_tick: bool,
    /// A tick was asked for only so that what was written down is measured: so many verdicts.
    waits_for_mark: bool,
    marked: usize,
    dry_run: bool,
    /// Every expression by the second tier.
    cel: bool,
    except: Vec<String>,
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
            pending: None,
            body_of_response: false,
            waits_for_seen_body: false,
            without_body: false,
            waits_for_tick: false,
            waits_for_mark: false,
            marked: 0,
            dry_run: false,
            cel: false,
            except: Vec::new(),
        }
    }
}

impl Trace {
    fn is_full(self) -> bool {
        matches!(self, Self::Rules | Self::Full)
    }

    /// Is what an action did to be written down?
    fn tells(self, flow: &Flow) -> bool {
        match flow {
            Flow::Need(_) => false,
            Flow::End(_) | Flow::Broken(_) => self != Self::Off,
            Flow::Next => self > Self::Decisions,
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

    /// The same, every rule only told what it would do (a guardrail in the mode `dry_run`).
    #[must_use]
    pub fn with_dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// The same without the rules of these ids (exceptions of a guardrail).
    #[must_use]
    pub fn without(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.except.extend(ids);
        self
    }

    /// The same, every expression evaluated by the second tier (both give the same: this is for tests of it).
    #[must_use]
    pub(crate) fn with_cel(mut self, cel: bool) -> Self {
        self.cel = cel;
        self
    }

    /// The path of the action that asked for something last; empty if no action did.
    pub(crate) fn asks_at(&self) -> String {
        let rule = self.policy.rules(self.phase).get(self.rule);
        let action = rule
            .filter(|_| self.matched)
            .and_then(|rule| rule.actions.get(self.action));
        action.map_or_else(String::new, |action| format!("{}{}", self.prefix, action.path))
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
            exchange.rules = 0;
            exchange.used_at_tick = 0;
            exchange.used_aside = 0;
        }
        let policy = Arc::clone(&self.policy);
        let rules = policy.rules(self.phase);
        let mut input = match self.take(exchange, input) {
            Ok(input) => input,
            Err(decision) => return Step::Done(decision),
        };
        if self.phase == Phase::HttpRequest
            && policy.sees_body
            && !self.without_body
            && input.is_none()
            && self.rule == 0
            && !self.matched
            && exchange.bodies.request.is_none()
        {
            self.waits_for_seen_body = true;
            return Step::Need(Effect::Body {
                response: false,
                limit: SEEN_BODY,
            });
        }
        while let Some(rule) = rules.get(self.rule) {
            if input.is_none() && self.asks_for_mark(exchange) {
                return Step::Need(Effect::Tick);
            }
            if !self.matched {
                if exchange.rules >= TICK_RULES || exchange.used - exchange.used_at_tick >= TICK_UNITS {
                    self.waits_for_tick = true;
                    return Step::Need(Effect::Tick);
                }
                exchange.rules += 1;
                match self.enter(rule, exchange, view) {
                    Ok(true) => self.matched = true,
                    Ok(false) => {
                        self.rule += 1;
                        continue;
                    }
                    Err(code) => return Step::Done(self.broken(code)),
                }
            }
            if rule.dry_run || self.dry_run {
                self.rehearse(rule, exchange, view);
            } else {
                while let Some(action) = rule.actions.get(self.action) {
                    if input.is_none() && self.asks_for_mark(exchange) {
                        return Step::Need(Effect::Tick);
                    }
                    let mut cx = Cx {
                        view,
                        exchange,
                        vars: &mut self.vars,
                        pending: &mut self.pending,
                        phase: self.phase,
                        prefix: &self.prefix,
                        path: &action.path,
                        key: action.key,
                    };
                    let flow = match input.take() {
                        Some(input) => action.run.resume(&mut cx, input),
                        None => action.run.run(&mut cx),
                    };
                    if exchange.trace.tells(&flow) {
                        self.note_action(rule, action.name, &action.path, &flow, exchange);
                    }
                    if !matches!(flow, Flow::Need(_)) {
                        exchange.ran.add(self.phase, action.number);
                    }
                    match flow {
                        Flow::Next => self.action += 1,
                        Flow::End(decision) => {
                            self.rule = usize::MAX;
                            return Step::Done(decision);
                        }
                        Flow::Need(effect) => {
                            if let Effect::Body { response, .. } = effect {
                                self.body_of_response = response;
                            }
                            return Step::Need(effect);
                        }
                        Flow::Broken(code) => return Step::Done(self.broken(code)),
                    }
                }
            }
            self.rule += 1;
            self.action = 0;
            self.matched = false;
        }
        Step::Done(Decision::Pass)
    }

    /// Goes on as if what was asked for last had been answered as it was before: the action that asked lets pass, and an
    /// expression that reads a body has none. For asking once more whether an exchange may stay.
    pub fn step_over(&mut self, exchange: &mut Exchange, view: &View<'_>) -> Step {
        self.pending = None;
        if self.waits_for_seen_body {
            self.waits_for_seen_body = false;
            self.without_body = true;
        } else {
            self.action += 1;
        }
        self.step(exchange, view, Input::Begin)
    }

    /// What the machine itself was waiting for is taken here; the rest is for the action that asked.
    fn take(&mut self, exchange: &mut Exchange, input: Input) -> Result<Option<Input>, Decision> {
        match input {
            Input::Begin => Ok(None),
            Input::Tick(_) if self.waits_for_mark => {
                self.waits_for_mark = false;
                Ok(None)
            }
            Input::Tick(spent) if self.waits_for_tick => {
                self.waits_for_tick = false;
                exchange.rules = 0;
                exchange.used_at_tick = exchange.used;
                if spent > TOO_SLOW {
                    return Err(self.broken(ErrorCode::ADIT_5204));
                }
                if spent > SLOW && !exchange.slow {
                    exchange.slow = true;
                    let millis = spent.as_millis();
                    exchange.error(format!("{}{}", self.prefix, self.phase), format!("slow: {millis} ms"));
                }
                Ok(None)
            }
            Input::Body(result) if self.waits_for_seen_body => {
                self.waits_for_seen_body = false;
                match result {
                    Ok(body) => {
                        exchange.bodies.request = Some(body);
                        Ok(None)
                    }
                    Err(BodyFault::TooLarge) => Err(self.broken(ErrorCode::ADIT_5202)),
                    Err(BodyFault::NoRoom) => Err(self.broken(ErrorCode::NGROK_743)),
                    Err(BodyFault::Failed) => Err(self.broken(ErrorCode::NGROK_3902)),
                }
            }
            Input::Body(Ok(body)) => {
                *exchange.bodies.of(self.body_of_response) = Some(body);
                Ok(Some(Input::Body(Ok(Bytes::new()))))
            }
            other => Ok(Some(other)),
        }
    }

    /// Is there something in a trace that was not measured yet? Then whoever steps is asked to look at the clock.
    fn asks_for_mark(&mut self, exchange: &Exchange) -> bool {
        let told = exchange.verdicts.len();
        self.waits_for_mark = exchange.trace == Trace::Rules && told > self.marked;
        self.marked = told;
        self.waits_for_mark
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

    fn verdict(
        &self,
        rule: &Rule,
        path: &str,
        action: &'static str,
        outcome: VerdictOutcome,
        values: Vec<(String, Value)>,
    ) -> Verdict {
        Verdict {
            path: format!("{}{path}", self.prefix),
            id: rule.id.clone(),
            name: rule.name.clone(),
            action,
            outcome,
            us: 0,
            values,
        }
    }

    /// Does the rule apply? What is traced is noted.
    fn enter(&self, rule: &Rule, exchange: &mut Exchange, view: &View<'_>) -> Result<bool, ErrorCode> {
        if !self.except.is_empty() && rule.id.as_ref().is_some_and(|id| self.except.contains(id)) {
            return Ok(false);
        }
        let dry_run = rule.dry_run || self.dry_run;
        for (at, (path, program)) in rule.expressions.iter().enumerate() {
            let full = exchange.trace.is_full();
            let draws = exchange.draws;
            match exchange.scoped(view, &self.vars, |scope| program.is_true_in(scope, full || self.cel)) {
                Ok(true) => {}
                Ok(false) => {
                    if full {
                        let mut values = Vec::new();
                        if !exchange.is_late() {
                            values = exchange.aside(draws, |exchange| {
                                exchange.scoped(view, &self.vars, |scope| program.reads(scope))
                            });
                        }
                        if exchange.trace == Trace::Full {
                            values.extend(self.truths(&program.text, draws, exchange, view));
                        }
                        let outcome = VerdictOutcome::NotMatched {
                            expression: at,
                            text: program.text.to_string(),
                        };
                        let verdict = self.verdict(rule, &rule.path, "", outcome, values);
                        exchange.verdict(verdict);
                    }
                    return Ok(false);
                }
                Err(failure) => {
                    let message = match failure {
                        Failure::Error(message) => message,
                        Failure::Budget => "the phase has used up its elements (ERR_ADIT_5204)".to_owned(),
                    };
                    if exchange.trace != Trace::Off || dry_run {
                        let outcome = if dry_run {
                            VerdictOutcome::Would("would_error")
                        } else {
                            VerdictOutcome::Error(message.clone())
                        };
                        let verdict = self.verdict(rule, &rule.path, "", outcome, Vec::new());
                        exchange.verdict(verdict);
                    }
                    exchange.error(format!("{}{path}", self.prefix), message);
                    // A guardrail that cannot be evaluated lets nobody through.
                    let closed = self.policy.owner == Owner::Guardrail && !rule.skips_errors && !dry_run;
                    return if closed { Err(ErrorCode::ADIT_5201) } else { Ok(false) };
                }
            }
        }
        if exchange.trace > Trace::Decisions {
            let verdict = self.verdict(rule, &rule.path, "", VerdictOutcome::Matched, Vec::new());
            exchange.verdict(verdict);
        }
        Ok(true)
    }

    /// Which parts of an expression that `&&` and `||` join are true; those that there is time for.
    fn truths(&self, text: &str, draws: u64, exchange: &mut Exchange, view: &View<'_>) -> Vec<(String, Value)> {
        let parts = crate::case::operands(text).into_iter();
        let truth = |part: &str| {
            if exchange.is_late() {
                return None;
            }
            let (program, _) = Program::compile(part, self.phase, &[]).ok()?;
            let value = exchange.aside(draws, |exchange| {
                exchange.scoped(view, &self.vars, |scope| program.is_true_in(scope, true))
            });
            Some(match value {
                Ok(value) => Value::Bool(value),
                Err(Failure::Error(message)) => Value::Text(format!("error: {message}")),
                Err(Failure::Budget) => Value::from("error: the phase has used up its elements"),
            })
        };
        let mut truth = truth;
        parts.filter_map(|part| Some((part.to_owned(), truth(part)?))).collect()
    }

    fn note_action(&self, rule: &Rule, name: &'static str, path: &str, flow: &Flow, exchange: &mut Exchange) {
        let outcome = match flow {
            Flow::Next | Flow::Need(_) => VerdictOutcome::Next,
            Flow::Broken(code) => VerdictOutcome::Error(code.as_str().to_owned()),
            Flow::End(decision) => VerdictOutcome::Ended(match decision {
                Decision::Pass => "pass",
                Decision::Respond { .. } if name == "redirect" => "redirect",
                Decision::Respond { continues: true, .. } => "respond",
                Decision::Respond { .. } | Decision::Refuse { .. } => "deny",
                Decision::Forward { .. } => "forward",
                Decision::Close => "close",
            }),
        };
        let values = if exchange.trace.is_full() {
            let prefix = name.replace('-', "_");
            let own = |known: &str| {
                let (_, rest) = known.split_once('.').unwrap_or_default();
                rest.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('.'))
            };
            let mut values = crate::action::shown(name, exchange.rendered.take());
            let results = exchange.results.iter().filter(|(known, _)| own(known));
            values.extend(results.map(|(known, value)| ((*known).to_owned(), value.clone())));
            values
        } else {
            Vec::new()
        };
        let verdict = self.verdict(rule, path, name, outcome, values);
        exchange.verdict(verdict);
    }

    /// Tells what the rule would do; changes nothing and calls nobody (traffic policy 6.4).
    fn rehearse(&mut self, rule: &Rule, exchange: &mut Exchange, view: &View<'_>) {
        let mut shadow = exchange.shadow();
        let mut vars = self.vars.clone();
        let mut would = ("would_pass", "", rule.path.as_str());
        for action in &rule.actions {
            let mut pending = None;
            let before = shadow.overlay.target.clone();
            let mut cx = Cx {
                view,
                exchange: &mut shadow,
                vars: &mut vars,
                pending: &mut pending,
                phase: self.phase,
                prefix: &self.prefix,
                path: &action.path,
                // Counters of its own.
                key: action.key.shadow(),
            };
            let flow = action.run.run(&mut cx);
            let here = |what| (what, action.name, action.path.as_str());
            match flow {
                Flow::Next if shadow.overlay.target != before => would = here("would_rewrite"),
                Flow::Next => {}
                Flow::Need(_) => {
                    would = here("would_call");
                    break;
                }
                Flow::Broken(_) => {
                    would = here("would_error");
                    break;
                }
                Flow::End(Decision::Respond { .. }) if action.name == "redirect" => {
                    would = here("would_redirect");
                    break;
                }
                Flow::End(Decision::Pass | Decision::Forward { .. }) => break,
                Flow::End(_) => {
                    would = here("would_deny");
                    break;
                }
            }
        }
        exchange.used = shadow.used;
        let (what, action, path) = would;
        let verdict = self.verdict(rule, path, action, VerdictOutcome::Would(what), Vec::new());
        exchange.verdict(verdict);
    }
}
