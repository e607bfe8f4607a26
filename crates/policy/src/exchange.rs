//! What policies have made of one request and its response, and what the edge takes from it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;

use crate::action::ActionKey;
use crate::action::compress::{self, Compress};
use crate::action::cors;
use crate::body::{Coding, Event};
use crate::document::Phase;
use crate::expr::{Budget, Overlay, Results, Scope};
use crate::ran::Ran;
use crate::state::Permit;
use crate::terms::{Attempt, Terms};
use crate::value::Value;
use crate::verdict::Verdict;
use crate::view::{Intelligence, View};

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
/// Most verdicts that are kept of an exchange.
const MAX_VERDICTS: usize = 32;

/// How much of what happens is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Trace {
    /// Verdicts of dry runs only.
    #[default]
    Off,
    /// Those and what ended the chain or failed, at most 32.
    Decisions,
    /// Verdicts of rules that matched and what their actions did, at most 32 (traffic policy 6.3).
    Verdicts,
    /// Every rule, with the values of what its first false expression reads and the results of its actions, at most 32;
    /// what decided is among them. Each rule costs many times what it costs otherwise.
    Rules,
    /// The same, any number of them: for tools.
    Full,
}

/// What is looked up at most once for an exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) client: OnceLock<Option<Arc<Intelligence>>>,
    pub(crate) server: OnceLock<Option<Arc<Intelligence>>>,
}

/// What policies have made of one request and its response. A copy is what a retry goes back to.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    pub(crate) overlay: Overlay,
    pub(crate) results: Results,
    /// Nobody reads them.
    pub(crate) drops_results: bool,
    pub(crate) edits: Vec<Edit>,
    pub(crate) logs: Vec<Value>,
    pub(crate) logs_dropped: u32,
    pub(crate) errors: Vec<PolicyError>,
    pub(crate) tickets: Vec<crate::state::Ticket>,
    pub(crate) permits: Vec<Arc<Permit>>,
    /// Those of a try before this one.
    pub(crate) carried: Vec<Arc<Permit>>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) trace: Trace,
    pub(crate) ran: Ran,
    pub(crate) terms: Terms,
    /// `compress-response` of a request phase: decided when there is a response.
    pub(crate) compress: Option<Arc<Compress>>,
    pub(crate) coding: Option<Coding>,
    /// `cors`: fields that the response gets, whoever made it.
    pub(crate) cors: Vec<(&'static str, String)>,
    pub(crate) bodies: Bodies,
    pub(crate) event: Option<Event>,
    pub(crate) facts: Facts,
    pub(crate) used: u32,
    pub(crate) draws: u64,
    pub(crate) phase: Option<Phase>,
    /// Rules since the last tick, and elements used at it.
    pub(crate) rules: u32,
    pub(crate) used_at_tick: u32,
    /// Elements that telling of this phase has used.
    pub(crate) used_aside: u32,
    /// With a full trace: when telling ends.
    pub(crate) until: Option<Instant>,
    pub(crate) slow: bool,
    /// With a full trace: fields of the action at work, their templates evaluated.
    pub(crate) rendered: Option<Rendered>,
    /// Rates that have counted it: action, and hash of endpoint and key.
    pub(crate) counted: Vec<(ActionKey, u64)>,
}

/// Fields by their names, with their values.
pub(crate) type Rendered = Box<Vec<(String, String)>>;

/// Bodies that actions have asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) request: Option<Bytes>,
    pub(crate) response: Option<Bytes>,
    pub(crate) received_at: Option<i64>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

impl Bodies {
    pub(crate) fn of(&mut self, response: bool) -> &mut Option<Bytes> {
        if response {
            &mut self.response
        } else {
            &mut self.request
        }
    }
}

impl Exchange {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with so much written down.
    #[must_use]
    pub fn with_trace(mut self, trace: Trace) -> Self {
        self.set_trace(trace);
        self
    }

    /// Writes down so much from now on.
    pub fn set_trace(&mut self, trace: Trace) {
        self.trace = trace;
    }

    /// The same without results of actions (traffic policy 7.1): for an exchange of which no layer's policy
    /// [reads any](crate::Policy::reads_results), and whose trace is off.
    #[must_use]
    pub fn without_results(mut self) -> Self {
        self.drops_results = true;
        self
    }

    /// Begins again as it was in `before`, or with nothing, for another try. Places of `concurrency-limit` that were taken
    /// since are kept for the actions that take them again, until [`Exchange::settle_permits`]; what a rate has counted
    /// it does not count again.
    pub fn begin_again(&mut self, before: Option<&Self>) {
        let (trace, ran) = (self.trace, self.ran);
        let permits = std::mem::take(&mut self.permits);
        let counted = std::mem::take(&mut self.counted);
        *self = before.cloned().unwrap_or_default();
        self.trace = trace;
        self.ran = ran;
        self.carried = permits;
        self.counted = counted;
    }

    /// Gives free the places of a try before that no action has taken again.
    pub fn settle_permits(&mut self) {
        self.carried.clear();
    }

    /// Which actions have run, tries that were given up too.
    #[must_use]
    pub fn ran(&self) -> &Ran {
        &self.ran
    }

    /// Is every rule written down? Then what was is to be [measured](Self::measured) after each step.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.trace == Trace::Rules
    }

    /// What was written down since it was said last has taken so long, in microseconds.
    pub fn measured(&mut self, micros: u64) {
        for verdict in self.verdicts.iter_mut().filter(|verdict| verdict.us == 0) {
            verdict.us = micros.max(1);
        }
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

    /// What rules and actions did, as far as it is written down.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Limits, times and choices that the edge has to keep from here on. Read after the request phases.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// A result of an action by its name below `actions.`, for example `ngrok.rate_limit.limited`.
    #[must_use]
    pub fn result(&self, name: &str) -> Option<&Value> {
        self.results
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The request's body if an action asked for it: it is sent instead of what is read, since it may have been
    /// changed; its length is among the fields if one was.
    #[must_use]
    pub fn take_request_body(&mut self) -> Option<Bytes> {
        self.bodies.request.take()
    }

    /// The response's body, likewise.
    #[must_use]
    pub fn take_response_body(&mut self) -> Option<Bytes> {
        self.bodies.response.take()
    }

    /// The body of the request, or of the response, if an action has it.
    pub(crate) fn body(&self, response: bool) -> Option<&Bytes> {
        if response {
            self.bodies.response.as_ref()
        } else {
            self.bodies.request.as_ref()
        }
    }

    /// The places of `concurrency-limit` that were taken so far: they are free when what is returned is dropped. Else that
    /// is the end of the exchange.
    #[must_use]
    pub fn take_permits(&mut self) -> Vec<Arc<Permit>> {
        std::mem::take(&mut self.permits)
    }

    /// They are this exchange's again.
    pub fn give_permits(&mut self, permits: Vec<Arc<Permit>>) {
        self.permits.extend(permits);
    }

    /// The body of a response that a policy gave: actions see it without asking for it.
    pub fn set_response_body(&mut self, body: Vec<u8>) {
        self.bodies.response = Some(body.into());
    }

    /// The request's body was wholly received, with these trailers.
    pub fn body_received(&mut self, at: i64, trailers: Vec<(String, Vec<u8>)>) {
        self.bodies.received_at = Some(at);
        self.bodies.trailers = trailers;
    }

    /// The message of an event stream that the next run of [`Phase::EventStreamMessage`] is about.
    pub fn set_event(&mut self, event: Event) {
        // Each message is a phase of its own, with elements of its own.
        self.phase = None;
        self.event = Some(event);
    }

    /// The message after its run.
    #[must_use]
    pub fn take_event(&mut self) -> Option<Event> {
        self.event.take()
    }

    /// The response was replaced (another layer sees the new one): edits of the old one are void.
    pub fn response_replaced(&mut self) {
        self.overlay.response = None;
        self.coding = None;
        self.bodies.response = None;
        self.edits.retain(|edit| {
            !matches!(
                edit,
                Edit::Add { response: true, .. } | Edit::Remove { response: true, .. }
            )
        });
    }

    /// Does a response stay as it is: is nothing put off until there is one, and is no body to be encoded?
    #[must_use]
    pub fn leaves_response(&self) -> bool {
        self.compress.is_none() && self.cors.is_empty() && self.coding.is_none()
    }

    /// Does what the request phases have put off until there is a response: compression and the fields of `cors`. Called
    /// once, after the response phases of all layers, with the response as it then is (also one that the edge made).
    pub fn settle_response(&mut self, view: &View<'_>) {
        if let Some(compress) = self.compress.take()
            && self.coding.is_none()
        {
            compress::decide(&compress, self, view);
        }
        if !self.cors.is_empty() {
            // What the upstream says of it itself is replaced, also where nothing is said in its place.
            for name in cors::FIELDS {
                self.remove_response(view, name);
            }
        }
        for (name, value) in std::mem::take(&mut self.cors) {
            let fields = self.response_overlay(view);
            if name == "vary" {
                let listed = fields.iter().any(|(known, values)| {
                    known.eq_ignore_ascii_case(name)
                        && values
                            .split(|b| *b == b',')
                            .any(|item| item.trim_ascii().eq_ignore_ascii_case(value.as_bytes()))
                });
                if listed {
                    continue;
                }
            }
            self.add_response(view, name, value);
        }
    }

    /// How the body of the response is to be encoded from here on.
    #[must_use]
    pub fn coding(&self) -> Option<Coding> {
        self.coding
    }

    /// Is the exchange to be tried once more, after its try number `attempt` (from 1) ended so? The method is that of
    /// `view`. What the edge must see to itself: nothing of a response was sent to the visitor, the body was held, the
    /// budget is kept.
    pub fn retries(&mut self, view: &View<'_>, attempt: u32, ended: Attempt) -> bool {
        self.results.retain(|(name, _)| *name != "adit.retry.attempts");
        self.results
            .push(("adit.retry.attempts", Value::Int(i64::from(attempt))));
        let Some(retry) = self.terms.retry.clone() else {
            return false;
        };
        let method = view.request.as_ref().map_or("", |request| request.method);
        if attempt >= retry.attempts || !retry.methods.iter().any(|known| known == method) {
            return false;
        }
        let Some(condition) = &retry.condition else {
            return retry.fits(method, attempt, ended);
        };
        if !retry.on.is_empty() && retry.fits(method, attempt, ended) {
            return true;
        }
        let last = match ended {
            Attempt::Status(status) => Value::record([(
                "res",
                Value::record([
                    ("status_code", Value::Int(status.into())),
                    ("statusCode", Value::Int(status.into())),
                ]),
            )]),
            Attempt::ConnectFailure | Attempt::Reset => Value::record([("error", Value::from("no response"))]),
        };
        let extra = [("last_attempt", last), ("attempts", Value::Int(i64::from(attempt)))];
        self.scoped_with(view, &[], &extra, |scope| condition.is_true(scope))
            .unwrap_or(false)
    }

    /// Tells the circuit breakers that the exchange passed how it ended: an error is a status of 500 or more from the
    /// upstream, or none at all. What an edge answered itself, and visitors that went away, are not told.
    pub fn upstream_answered(&mut self, state: &crate::state::State, now: i64, error: bool) {
        for ticket in self.tickets.drain(..) {
            state.breakers.outcome(&ticket, now, error);
        }
    }

    /// Elements that were used in this phase, if it is the one at work.
    pub(crate) fn used_in(&self, phase: Phase) -> u32 {
        if self.phase == Some(phase) { self.used } else { 0 }
    }

    /// Notes what the template of a field came to, if everything is told.
    pub(crate) fn note_rendered(&mut self, field: &str, text: &str) {
        if self.trace == Trace::Full {
            let rendered = self.rendered.get_or_insert_default();
            rendered.push((field.to_owned(), text.to_owned()));
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

    /// Writes down what was decided about the exchange, by a rule or by who runs it.
    pub fn verdict(&mut self, verdict: Verdict) {
        if self.trace != Trace::Full && self.verdicts.len() >= MAX_VERDICTS {
            // What decided stands in the place of the last one that did not.
            let decided = |verdict: &Verdict| verdict.outcome.decides();
            if !decided(&verdict) {
                return;
            }
            match self.verdicts.iter().rposition(|known| !decided(known)) {
                Some(last) => drop(self.verdicts.remove(last)),
                None => return,
            }
        }
        self.verdicts.push(verdict);
    }

    /// The last run of an action wins, as a whole.
    pub(crate) fn set_results(&mut self, prefix: &str, results: impl IntoIterator<Item = (&'static str, Value)>) {
        if self.drops_results {
            return;
        }
        self.results
            .retain(|(name, _)| !name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')));
        self.results.extend(results);
    }

    /// The fields of the response, ready to be changed.
    pub(crate) fn response_overlay(&mut self, view: &View<'_>) -> &mut Vec<(String, Vec<u8>)> {
        let response = &view.response;
        self.overlay.response.get_or_insert_with(|| {
            let mut copy = Vec::new();
            if let Some(response) = response {
                response
                    .fields
                    .each(&mut |name, value| copy.push((name.to_owned(), value.to_vec())));
            }
            copy
        })
    }

    /// The fields of the request without `host`, ready to be changed.
    pub(crate) fn request_overlay(&mut self, view: &View<'_>) -> &mut Vec<(String, Vec<u8>)> {
        let request = &view.request;
        self.overlay.request.get_or_insert_with(|| {
            let mut copy = Vec::new();
            if let Some(request) = request {
                request.fields.each(&mut |name, value| {
                    if !name.eq_ignore_ascii_case("host") {
                        copy.push((name.to_owned(), value.to_vec()));
                    }
                });
            }
            copy
        })
    }

    pub(crate) fn remove_response(&mut self, view: &View<'_>, name: &str) {
        let fields = self.response_overlay(view);
        let before = fields.len();
        fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if fields.len() < before {
            self.edits.push(Edit::Remove {
                response: true,
                name: name.to_owned(),
            });
        }
    }

    pub(crate) fn add_response(&mut self, view: &View<'_>, name: &str, value: String) {
        self.response_overlay(view)
            .push((name.to_owned(), value.clone().into_bytes()));
        self.edits.push(Edit::Add {
            response: true,
            name: name.to_owned(),
            value,
        });
    }

    pub(crate) fn remove_request(&mut self, view: &View<'_>, name: &str) {
        let fields = self.request_overlay(view);
        let before = fields.len();
        fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if fields.len() < before {
            self.edits.push(Edit::Remove {
                response: false,
                name: name.to_owned(),
            });
        }
    }

    pub(crate) fn add_request(&mut self, view: &View<'_>, name: &str, value: String) {
        self.request_overlay(view)
            .push((name.to_owned(), value.clone().into_bytes()));
        self.edits.push(Edit::Add {
            response: false,
            name: name.to_owned(),
            value,
        });
    }

    /// What a dry run works on: it sees what there is and leaves nothing.
    pub(crate) fn shadow(&self) -> Self {
        Self {
            overlay: self.overlay.clone(),
            results: self.results.clone(),
            used: self.used,
            draws: self.draws,
            phase: self.phase,
            ..Self::default()
        }
    }

    /// Evaluates what is only told, as it was after `draws` numbers of the generator. Neither elements nor numbers of the
    /// phase are used up by it: what comes later is what it is without a trace. Telling of a phase has as many elements as
    /// the phase; for tools, each evaluation has those that the phase has left.
    pub(crate) fn aside<R>(&mut self, draws: u64, f: impl FnOnce(&mut Self) -> R) -> R {
        let own = (self.used, self.draws);
        if self.trace != Trace::Full {
            self.used = self.used_aside;
        }
        self.draws = draws;
        let out = f(self);
        self.used_aside = self.used;
        (self.used, self.draws) = own;
        out
    }

    /// Is there no time left for telling?
    pub(crate) fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Runs `f` in a scope over what there is now.
    pub(crate) fn scoped<R>(
        &mut self,
        view: &View<'_>,
        vars: &[(String, Value)],
        f: impl FnOnce(&Scope<'_>) -> R,
    ) -> R {
        self.scoped_with(view, vars, &[], f)
    }

    pub(crate) fn scoped_with<R>(
        &mut self,
        view: &View<'_>,
        vars: &[(String, Value)],
        extra: &[(&'static str, Value)],
        f: impl FnOnce(&Scope<'_>) -> R,
    ) -> R {
        let budget = Budget::new(self.used);
        let scope = Scope {
            view,
            overlay: &self.overlay,
            vars,
            results: &self.results,
            extra,
            bodies: Some(&self.bodies),
            facts: Some(&self.facts),
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
