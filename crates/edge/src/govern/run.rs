//! One policy over one phase. What needs no waiting is done between two steps; only who waits costs a future.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_http1::Head;
use adit_policy::{Decision, Effect, Input, Phase, Policy, Run, State, Step, View};
use adit_snapshot::Guardrail;

use super::asker::Asker;
use super::chain::Chain;
use super::seen::Sight;
use super::{effects, internal};
use crate::http::VisitorError;
use crate::node::Node;
use crate::record_connection::counted_micros;

/// What a run is about.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) node: &'a Node,
    /// The endpoint among those that were passed.
    pub(super) at: usize,
    pub(super) policy: &'a Arc<Policy>,
    /// The guardrail that the policy is of; else it is the endpoint's own.
    pub(super) guardrail: Option<&'a Arc<Guardrail>>,
    pub(super) phase: Phase,
    /// The head of the response, and who made it.
    pub(super) response: Option<(&'a Head, &'static str)>,
}

/// How far a run has come.
enum Ran {
    Done(Decision),
    Needs(Box<Paused>),
}

/// A run that waits.
struct Paused {
    run: Run,
    effect: Effect,
    clock: Clock,
}

/// How long a phase has taken, without what was waited for.
struct Clock {
    began: Instant,
    waited: Duration,
    /// Of an exchange that is traced: when it was looked at last.
    marked: Instant,
}

impl Clock {
    fn start() -> Self {
        let began = Instant::now();
        Self {
            began,
            waited: Duration::ZERO,
            marked: began,
        }
    }
}

impl Chain {
    /// Runs one policy over one phase to its decision.
    ///
    /// # Errors
    /// The visitor has left, or his body is none.
    pub(super) async fn run(&mut self, scene: Scene<'_>, asker: &mut Asker<'_>) -> Result<Decision, VisitorError> {
        let told = self.exchange.verdicts().len();
        let decision = match self.begin(scene) {
            Ran::Done(decision) => decision,
            // In a place of its own: the futures of all those that never wait stay small.
            Ran::Needs(paused) => Box::pin(self.go_on_with(scene, *paused, asker)).await?,
        };
        self.rehearsed(scene, told);
        self.note_refusal(scene, &decision);
        Ok(decision)
    }

    fn begin(&mut self, scene: Scene<'_>) -> Ran {
        if scene.policy.is_idle(scene.phase) {
            return Ran::Done(Decision::Pass);
        }
        let mut run = self.new_run(scene);
        let mut clock = Clock::start();
        match self.step(scene, &mut run, Input::Begin, &mut clock) {
            Step::Done(decision) => {
                self.spend(scene, &clock);
                Ran::Done(decision)
            }
            Step::Need(effect) => Ran::Needs(Box::new(Paused { run, effect, clock })),
        }
    }

    async fn go_on_with(
        &mut self,
        scene: Scene<'_>,
        paused: Paused,
        asker: &mut Asker<'_>,
    ) -> Result<Decision, VisitorError> {
        let Paused {
            mut run,
            mut effect,
            mut clock,
        } = paused;
        loop {
            let since = Instant::now();
            let input = effects::perform(self, scene, effect, asker).await?;
            clock.waited += since.elapsed();
            match self.step(scene, &mut run, input, &mut clock) {
                Step::Done(decision) => {
                    self.spend(scene, &clock);
                    return Ok(decision);
                }
                Step::Need(next) => effect = next,
            }
        }
    }

    fn spend(&mut self, scene: Scene<'_>, clock: &Clock) {
        let passed = clock.began.elapsed();
        // Where not every rule is told, what is told has decided: that is how long it took to get there.
        self.exchange.measured(counted_micros(passed));
        let spent = passed.saturating_sub(clock.waited);
        match scene.response {
            None => self.spent += spent,
            Some(_) => self.spent_back += spent,
        }
    }

    /// A run as the endpoint has it.
    pub(super) fn new_run(&self, scene: Scene<'_>) -> Run {
        let run = scene.policy.begin(scene.phase);
        match scene.guardrail.zip(self.plan_at(scene.at)) {
            Some((guardrail, plan)) => plan.dress(run, guardrail),
            None => run,
        }
    }

    /// Steps until there is a decision, or something that has to be waited for.
    fn step(&mut self, scene: Scene<'_>, run: &mut Run, mut input: Input, clock: &mut Clock) -> Step {
        loop {
            let step = self.look(scene, &scene.node.policy_state, |exchange, view| {
                run.step(exchange, view, std::mem::replace(&mut input, Input::Begin))
            });
            if self.exchange.is_traced() {
                let now = Instant::now();
                self.exchange.measured(counted_micros(now - clock.marked));
                clock.marked = now;
            }
            match step {
                Step::Need(Effect::OpenInternal { url }) => {
                    let opened = internal::open(scene.node, &url, &self.hops);
                    input = Input::Opened(opened.map(|target| self.opened = Some(target)));
                }
                Step::Need(Effect::Tick) => input = Input::Tick(clock.began.elapsed().saturating_sub(clock.waited)),
                step => return step,
            }
        }
    }

    /// Runs a policy once more without counting or opening anything: what it asked for once is taken as answered.
    pub(super) fn run_again(&mut self, scene: Scene<'_>, unused: &State) -> Decision {
        if scene.policy.is_idle(scene.phase) {
            return Decision::Pass;
        }
        let mut run = self.new_run(scene);
        let mut step = self.look(scene, unused, |exchange, view| run.step(exchange, view, Input::Begin));
        loop {
            let input = match step {
                Step::Done(decision) => return decision,
                Step::Need(Effect::OpenInternal { .. }) => Some(Input::Opened(Ok(()))),
                Step::Need(Effect::Tick) => Some(Input::Tick(Duration::ZERO)),
                Step::Need(_) => None,
            };
            step = self.look(scene, unused, |exchange, view| match input {
                Some(input) => run.step(exchange, view, input),
                None => run.step_over(exchange, view),
            });
        }
    }

    /// Calls `f` with what the policy may look at now.
    pub(super) fn look(
        &mut self,
        scene: Scene<'_>,
        state: &State,
        f: impl FnOnce(&mut adit_policy::Exchange, &View<'_>) -> Step,
    ) -> Step {
        let sight = Sight {
            node: scene.node,
            at: scene.at,
            guardrail: scene.guardrail.map(|guardrail| &**guardrail),
            with_request: scene.phase != Phase::TcpConnect,
            response: scene.response,
            state,
        };
        self.seen_as(sight, f).unwrap_or(Step::Done(Decision::Close))
    }
}
