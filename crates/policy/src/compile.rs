//! From text to what runs: one function for every place where a policy is written, so that what one accepts the others
//! do (traffic policy 1.5).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Scheme;

use crate::action::config::Config;
use crate::action::read::Reader;
use crate::action::schema::{self, Ends, Protocols, Spec};
use crate::action::terminate_tls::{Profile, TlsProfile};
use crate::action::{self, Act, ActionKey};
use crate::document::{self, Action, Content, Document, Node, Path, Phase, PhaseRules};
use crate::exchange::{Exchange, PolicyError};
use crate::expr::{Failure, Program};
use crate::fault::{Cost, Fault, Findings, Warning, suggest};
use crate::subject::{Actions, Owner, Subject};
use crate::view::View;

/// A compiled policy: shared, immutable.
#[derive(Debug)]
pub struct Policy {
    pub(crate) owner: Owner,
    phases: [Vec<Arc<Rule>>; 4],
    /// An expression or template reads the request's body.
    pub(crate) sees_body: bool,
    reads_results: bool,
    /// Vault and name.
    secrets: Vec<(String, String)>,
    actions: Vec<&'static str>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) path: String,
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) dry_run: bool,
    pub(crate) skips_errors: bool,
    /// Each with its path.
    pub(crate) expressions: Vec<(String, Program)>,
    pub(crate) actions: Vec<Compiled>,
}

#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) name: &'static str,
    /// Its place among [all actions](action::names).
    pub(crate) number: u8,
    pub(crate) path: String,
    pub(crate) key: ActionKey,
    pub(crate) run: Box<dyn Act>,
}

impl Policy {
    /// The policy of an agent's endpoint that does what these do, one after the other in each phase. Variables do not mix:
    /// no document can name those of another.
    #[must_use]
    pub fn joined(parts: &[Arc<Self>]) -> Self {
        let mut out = Self {
            owner: Owner::Agent,
            phases: Default::default(),
            sees_body: false,
            reads_results: false,
            actions: Vec::new(),
            secrets: Vec::new(),
        };
        for part in parts {
            for (to, rules) in out.phases.iter_mut().zip(&part.phases) {
                to.extend(rules.iter().cloned());
            }
            out.sees_body |= part.sees_body;
            out.reads_results |= part.reads_results;
            for secret in &part.secrets {
                if !out.secrets.contains(secret) {
                    out.secrets.push(secret.clone());
                }
            }
            for action in part.actions.iter().copied() {
                if !out.actions.contains(&action) {
                    out.actions.push(action);
                }
            }
        }
        out
    }

    /// May one of its rules put an answer of its own in the place of a response?
    #[must_use]
    pub fn replaces_responses(&self) -> bool {
        let rules = self.rules(Phase::HttpResponse).iter().filter(|rule| !rule.dry_run);
        rules
            .flat_map(|rule| &rule.actions)
            .any(|action| action.name == "custom-response")
    }

    pub(crate) fn rules(&self, phase: Phase) -> &[Arc<Rule>] {
        self.phases.get(phase.index()).map_or(&[], Vec::as_slice)
    }

    /// Has it nothing to do in this phase? Then no run is needed.
    #[must_use]
    pub fn is_idle(&self, phase: Phase) -> bool {
        self.rules(phase).is_empty()
    }

    /// Types of its actions, each once; those of dry runs do not count.
    #[must_use]
    pub fn actions(&self) -> &[&'static str] {
        &self.actions
    }

    /// Does an expression or template read results of actions? If no policy of an exchange does, it can be
    /// [without them](Exchange::without_results).
    #[must_use]
    pub fn reads_results(&self) -> bool {
        self.reads_results
    }

    /// The secrets that it names, each once: vault and name.
    #[must_use]
    pub fn secrets(&self) -> &[(String, String)] {
        &self.secrets
    }

    /// The least versions that its rules ask for.
    pub(crate) fn tls_min_versions(&self) -> impl Iterator<Item = &'static str> {
        let rules = self.rules(Phase::TcpConnect).iter().filter(|rule| !rule.dry_run);
        rules
            .flat_map(|rule| &rule.actions)
            .filter_map(|action| action.run.tls())
            .map(Profile::min_version)
    }

    /// Rules of all its phases.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.phases.iter().map(Vec::len).sum()
    }

    /// Does a rule terminate TLS?
    #[must_use]
    pub fn terminates_tls(&self) -> bool {
        self.actions.contains(&"terminate-tls")
    }

    /// How TLS is terminated, asked right after the ClientHello (traffic policy 4.22): of the matching rules the last
    /// counts, and nothing else of them runs. `None`: no rule says anything.
    ///
    /// # Errors
    /// A template has no value: the connection cannot go on.
    pub fn tls_profile(&self, view: &View<'_>) -> Result<Option<TlsProfile>, PolicyError> {
        let mut exchange = Exchange::new();
        let mut chosen = None;
        for rule in self.rules(Phase::TcpConnect).iter().filter(|rule| !rule.dry_run) {
            let mut profiles = rule
                .actions
                .iter()
                .filter_map(|action| Some((action, action.run.tls()?)));
            let Some((action, profile)) = profiles.next_back() else {
                continue;
            };
            let mut matches = true;
            for (_, program) in &rule.expressions {
                // An expression that fails is no match, as elsewhere.
                matches &= exchange.scoped(view, &[], |scope| program.is_true(scope)) == Ok(true);
            }
            if matches {
                let profile = exchange.scoped(view, &[], |scope| profile.evaluate(scope));
                chosen = Some(profile.map_err(|failure| PolicyError {
                    path: action.path.clone(),
                    message: match failure {
                        Failure::Error(message) => message,
                        Failure::Budget => "the phase has used up its elements".to_owned(),
                    },
                })?);
            }
        }
        Ok(chosen)
    }
}

/// A document that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Does a rule end every request, so that an endpoint without upstream can have it?
    pub terminating: bool,
    /// Has it no rule at all?
    pub empty: bool,
    /// The phases in which it has rules.
    pub phases: Vec<Phase>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Warning>,
    /// What its expressions may cost.
    pub cost: Cost,
}

/// Checks a document without keeping what it compiles to.
///
/// # Errors
/// All that is wrong with it, at most [`crate::MAX_FAULTS`]; the first is the one to show where only one fits.
pub fn check(text: &str, subject: Subject<'_>) -> Result<Checked, Vec<Fault>> {
    build(text, &subject).map(|(_, checked)| checked)
}

/// Compiles a document.
///
/// # Errors
/// As [`check`].
pub fn compile(text: &str, subject: Subject<'_>) -> Result<Policy, Vec<Fault>> {
    // Only what can be enforced is compiled.
    let subject = match subject.actions {
        Actions::Language => Subject {
            actions: Actions::Built,
            ..subject
        },
        Actions::Built | Actions::BuiltWithWaf | Actions::Edge | Actions::EdgeWithout(_) => subject,
    };
    build(text, &subject).map(|(policy, _)| policy)
}

fn build(text: &str, subject: &Subject<'_>) -> Result<(Policy, Checked), Vec<Fault>> {
    let mut findings = Findings::default();
    let document = document::read(text, subject, &mut findings);
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let mut builder = Builder {
        subject,
        findings: &mut findings,
        legacy: document.legacy,
        text: hasher.finish(),
        logins: Vec::new(),
        terminating: false,
        sees_body: false,
        reads_results: false,
        actions: Vec::new(),
        phases: Default::default(),
    };
    for phase in &document.phases {
        builder.phase(phase);
    }
    let terminating = builder.terminating;
    let sees_body = builder.sees_body;
    let reads_results = builder.reads_results;
    let actions = builder.actions;
    let phases = builder.phases;
    let ending_phase = if subject.is_http() {
        Phase::HttpRequest
    } else {
        Phase::TcpConnect
    };
    if subject.owner == Owner::Cloud && !terminating && !misread(&findings, ending_phase) {
        unanswered(&document, ending_phase, &mut findings);
    }
    if !findings.faults.is_empty() {
        findings.faults.sort_by_key(|fault| (fault.line, fault.column));
        return Err(findings.faults);
    }
    let has_rules = Phase::ALL
        .into_iter()
        .zip(&phases)
        .filter(|(_, rules)| !rules.is_empty());
    let has_rules: Vec<Phase> = has_rules.map(|(phase, _)| phase).collect();
    let policy = Policy {
        owner: subject.owner,
        phases: if document.enabled { phases } else { Default::default() },
        sees_body,
        reads_results,
        actions: if document.enabled { actions } else { Vec::new() },
        secrets: findings.secrets,
    };
    Ok((
        policy,
        Checked {
            terminating,
            empty: has_rules.is_empty(),
            phases: has_rules,
            warnings: findings.warnings,
            cost: findings.cost,
        },
    ))
}

/// Is something wrong in this phase, or with the whole document? Then nobody knows whether it would end requests.
fn misread(findings: &Findings, phase: Phase) -> bool {
    findings
        .faults
        .iter()
        .any(|fault| fault.path.is_empty() || fault.path.starts_with(phase.name()) || !fault.path.starts_with("on_"))
}

fn unanswered(document: &Document, phase: Phase, findings: &mut Findings) {
    let found = document.phases.iter().find(|rules| rules.phase == phase);
    let key = found.map_or_else(|| phase.name(), |rules| rules.key.as_str());
    let at = found.map_or(document::Position::START, |rules| rules.at);
    findings.fault(
        ErrorCode::NGROK_2235,
        &Path::ROOT.key(key),
        at,
        "no rule ends every request, and a cloud endpoint has no upstream of its own",
        "add a last rule without expressions that ends with forward-internal, custom-response or deny",
    );
}

struct Builder<'b, 's> {
    subject: &'b Subject<'s>,
    findings: &'b mut Findings,
    legacy: bool,
    /// Hash of the text: counters of equal documents at one endpoint go on.
    text: u64,
    /// `auth_id`s of login actions.
    logins: Vec<String>,
    terminating: bool,
    sees_body: bool,
    reads_results: bool,
    actions: Vec<&'static str>,
    phases: [Vec<Arc<Rule>>; 4],
}

impl Builder<'_, '_> {
    fn phase(&mut self, rules: &PhaseRules) {
        let prefix = self.prefix();
        let phase_path = Path::ROOT.key(&rules.key);
        // A rule before this one ends every request.
        let mut ended = false;
        for (i, rule) in rules.rules.iter().enumerate() {
            let path = phase_path.index(i);
            if ended {
                self.findings.warn(
                    "unreachable_rule",
                    &path,
                    rule.at,
                    "a rule before it ends every request",
                );
            }
            let mut expressions = Vec::new();
            let mut unconditional = true;
            let mut after_handshake = false;
            let expressions_path = path.key("expressions");
            for (at, node) in &rule.expressions {
                let path = expressions_path.index(*at);
                let text = node.text().unwrap_or_default();
                let mut reader = self.reader(rules.phase);
                let program = reader.program(ErrorCode::NGROK_2200, &path, node, text, 0, &[]);
                let (body, results, early) = (reader.sees_body, reader.reads_results, reader.after_handshake);
                self.sees_body |= body;
                self.reads_results |= results;
                after_handshake |= early;
                unconditional &= program.as_ref().is_some_and(|program| program.literal() == Some(true));
                if let Some(program) = program {
                    expressions.push((format!("{}{path}", prefix), program));
                }
            }
            let actions_path = path.key("actions");
            let mut actions = Vec::new();
            let mut ends = false;
            for (j, action) in rule.actions.iter().enumerate() {
                let path = actions_path.index(action.index);
                if ends {
                    self.findings.fault(
                        ErrorCode::NGROK_2207,
                        &path,
                        action.at,
                        "an action before it in the rule ends the chain",
                        "remove it, or move it before",
                    );
                    break;
                }
                let (compiled, terminates) = self.action(rules.phase, &path, action, (i, j));
                ends |= terminates;
                actions.extend(compiled);
            }
            let decides = match rules.phase {
                Phase::HttpRequest => true,
                Phase::TcpConnect => !self.subject.is_http(),
                Phase::HttpResponse | Phase::EventStreamMessage => false,
            };
            if ends && unconditional && !rule.dry_run {
                ended = true;
                self.terminating |= decides;
            }
            if rules.phase == Phase::TcpConnect
                && actions.iter().any(|action| action.name == "terminate-tls")
                && !self.subject.is_http()
                && after_handshake
            {
                self.findings.fault(
                    ErrorCode::NGROK_2200,
                    &expressions_path,
                    rule.at,
                    "a rule with terminate-tls is asked before the handshake: its facts are not known then",
                    "use address, port, SNI or JA4",
                );
            }
            if !rule.dry_run {
                for action in &actions {
                    if !self.actions.contains(&action.name) {
                        self.actions.push(action.name);
                    }
                }
            }
            let never = expressions.iter().any(|(_, program)| program.literal() == Some(false));
            if !never && let Some(list) = self.phases.get_mut(rules.phase.index()) {
                list.push(Arc::new(Rule {
                    path: format!("{}{path}", prefix),
                    id: rule.id.clone(),
                    name: rule.name.clone(),
                    dry_run: rule.dry_run,
                    skips_errors: rule.skips_errors,
                    expressions,
                    actions,
                }));
            }
        }
    }

    /// Before paths of what runs, so that generated rules are told apart from those that somebody wrote.
    const fn prefix(&self) -> &'static str {
        match self.subject.owner {
            Owner::Generated => "options.",
            Owner::Agent | Owner::Cloud | Owner::Guardrail => "",
        }
    }

    fn reader(&mut self, phase: Phase) -> Reader<'_, '_> {
        Reader {
            phase,
            subject: self.subject,
            legacy: self.legacy,
            sees_body: false,
            reads_results: false,
            after_handshake: false,
            findings: self.findings,
        }
    }

    fn refuse(&mut self, code: ErrorCode, path: &Path<'_>, node: &Node, message: String, fix: String) {
        self.findings.of(code, &path.key("type"), node, message, fix);
    }

    /// The action, and whether it ends the chain.
    fn action(
        &mut self,
        phase: Phase,
        path: &Path<'_>,
        action: &Action,
        place: (usize, usize),
    ) -> (Option<Compiled>, bool) {
        let name = action.kind.text().unwrap_or_default();
        let Some((spec, build)) = action::find(name) else {
            let fix = if name == "ai-gateway" {
                "use http-request or an upstream gateway".to_owned()
            } else {
                suggest(name, action::names())
            };
            let message = format!("unknown action `{name}`");
            self.refuse(ErrorCode::NGROK_2201, path, &action.kind, message, fix);
            return (None, false);
        };
        if let Some((_, new, true)) = action::ALIASES.iter().find(|(alias, ..)| *alias == name) {
            let message = format!("`{name}` is another name of `{new}`");
            self.findings
                .warn("deprecated_name", &path.key("type"), action.kind.at, message);
        }
        if !self.fits(phase, path, &action.kind, spec) {
            return (None, false);
        }
        let empty = Node {
            content: Content::Map(Vec::new()),
            at: action.at,
            end: action.at,
        };
        let node = action.config.as_ref().unwrap_or(&empty);
        let config_path = path.key("config");
        let mut reader = self.reader(phase);
        let config = reader.record(spec.fields, &config_path, node);
        (spec.check)(&mut reader, &config, &config_path, node);
        let (sees_body, reads_results) = (reader.sees_body, reader.reads_results);
        self.sees_body |= sees_body;
        self.reads_results |= reads_results;
        let ends = match spec.ends {
            Ends::Never => false,
            Ends::Always => true,
            Ends::UnlessContinue => config.literal("on_error") != Some("continue"),
            Ends::UnlessAllow => config.get("allow").is_none(),
        };
        self.login(spec, path, action, &config);
        let compiled = build.map(|build| Compiled {
            name: spec.name,
            number: action::number(spec.name),
            path: format!("{}{path}", self.prefix()),
            key: self.key(spec, &config, phase, place),
            run: build(&config, phase),
        });
        (compiled, ends)
    }

    fn fits(&mut self, phase: Phase, path: &Path<'_>, kind: &Node, spec: &'static Spec) -> bool {
        let name = spec.name;
        let bit = match phase {
            Phase::TcpConnect => schema::T,
            Phase::HttpRequest => schema::Q,
            Phase::HttpResponse => schema::S,
            Phase::EventStreamMessage => schema::E,
        };
        if spec.phases & bit == 0 {
            let phases: Vec<_> = [
                (schema::T, Phase::TcpConnect),
                (schema::Q, Phase::HttpRequest),
                (schema::S, Phase::HttpResponse),
                (schema::E, Phase::EventStreamMessage),
            ]
            .into_iter()
            .filter(|(bit, _)| spec.phases & bit != 0)
            .map(|(_, phase)| phase.name())
            .collect();
            let message = format!("`{name}` cannot stand in {phase}");
            let fix = format!("move it to {}", phases.join(" or "));
            self.refuse(ErrorCode::NGROK_2202, path, kind, message, fix);
            return false;
        }
        if self.subject.owner == Owner::Guardrail && matches!(name, "forward-internal" | "terminate-tls") {
            let message = format!("`{name}` cannot stand in a guardrail");
            self.refuse(ErrorCode::NGROK_2202, path, kind, message, "remove it".to_owned());
            return false;
        }
        if self.subject.owner == Owner::Cloud && name == "websocket-tcp" {
            let message = format!("`{name}` needs an agent: a cloud endpoint has no service");
            let fix = "move it to the policy of the agent's endpoint".to_owned();
            self.refuse(ErrorCode::NGROK_2205, path, kind, message, fix);
            return false;
        }
        let scheme = self.subject.scheme;
        let misplaced = name == "forward-internal" && phase == Phase::TcpConnect && self.subject.is_http();
        let fits = match spec.protocols {
            Protocols::All => true,
            Protocols::NotUdp => scheme != Scheme::Udp,
            Protocols::Tls => matches!(scheme, Scheme::Https | Scheme::Tls),
            Protocols::Https => scheme == Scheme::Https,
        };
        if !fits || misplaced {
            let message = format!("`{name}` does not work on {scheme} endpoints in {phase}");
            self.refuse(ErrorCode::NGROK_2205, path, kind, message, "remove it".to_owned());
            return false;
        }
        if !action::is_built_for(name, self.subject.actions) {
            let (message, fix) = action::why_not_built(name, self.subject.actions);
            self.refuse(ErrorCode::ADIT_2210, path, kind, message, fix.to_owned());
            return false;
        }
        true
    }

    fn login(&mut self, spec: &Spec, path: &Path<'_>, action: &Action, config: &Config) {
        if !matches!(spec.name, "oauth" | "openid-connect" | "saml") {
            return;
        }
        let id = config.literal("auth_id").unwrap_or_default().to_owned();
        if self.logins.contains(&id) {
            self.findings.fault(
                ErrorCode::NGROK_2239,
                path,
                action.at,
                format!("another login action has the auth_id `{id}`"),
                "give each its own",
            );
        } else {
            self.logins.push(id);
        }
    }

    /// What counters are kept by: place in the document, or name and settings of a rate limit.
    fn key(&self, spec: &Spec, config: &Config, phase: Phase, place: (usize, usize)) -> ActionKey {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        match config.literal("name") {
            Some(name) if spec.name == "rate-limit" => {
                name.hash(&mut hasher);
                config.int("capacity", 0).hash(&mut hasher);
                config.duration("rate", std::time::Duration::ZERO).hash(&mut hasher);
            }
            _ => {
                phase.hash(&mut hasher);
                place.hash(&mut hasher);
            }
        }
        ActionKey(hasher.finish())
    }
}
