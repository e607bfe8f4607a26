//! What traffic policies decided about an exchange or a connection: part of its one outcome (edge 11.1).
//!
//! Whoever ran the policies writes it down as a block of bytes ([`PolicyFacts`]), which is bounded and travels through
//! the ring as it is; whoever makes lines of it reads the block back ([`Policies`]). Where no policy ran there is no block.

/// Most verdicts of one outcome.
pub(crate) const MAX_VERDICTS: usize = 32;
/// Bytes that the log entries of one outcome may have together.
const MAX_LOGS: usize = 16 * 1024;
/// Bytes of everything else.
const MAX_REST: usize = 16 * 1024;
/// Longest name, and longest text of an error, in bytes.
const MAX_TEXT: usize = 255;
/// Longest text of values of a verdict, in bytes.
const MAX_VALUES: usize = 2 * 1024;
/// Upper bound of a block: what it may hold, with the lengths and marks of everything in it.
pub(crate) const MAX_BLOCK: usize = MAX_LOGS + MAX_REST + 1024;

/// What one action or rule decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyVerdict<'a> {
    /// `on_http_request`, …
    pub phase: &'a str,
    /// The rule's name, else its place in the phase: `[1]`.
    pub rule: &'a str,
    /// The rule's id; empty without one.
    pub id: &'a str,
    /// Type of the action; empty if it is about the rule.
    pub action: &'a str,
    /// `allow`, `deny`, `error`, `would_deny` and so on; `not_matched` for a rule in a full trace.
    pub verdict: &'a str,
    /// How the action ended the chain (`respond`, `redirect`, `forward`, `close`, `deny`); empty if it did not.
    pub ended: &'a str,
    /// The guardrail that it is of (`gr_…`); empty if it is the endpoint's own.
    pub guardrail: &'a str,
    /// How long it took, in microseconds; 0 if nobody measured.
    pub us: u64,
    /// An object in JSON: what the rule read and the action found, in a full trace; else empty.
    pub values: &'a str,
}

/// Which kind of action said whether somebody may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// `restrict-ips`
    IpPolicy,
    /// `basic-auth`
    BasicAuth,
    /// `circuit-breaker`
    CircuitBreaker,
    /// `verify-webhook`
    WebhookVerification,
    /// `compress-response`: its algorithm.
    Compression,
}

impl Decided {
    const ALL: [Self; 5] = [
        Self::IpPolicy,
        Self::BasicAuth,
        Self::CircuitBreaker,
        Self::WebhookVerification,
        Self::Compression,
    ];

    const fn mark(self) -> u8 {
        match self {
            Self::IpPolicy => 0,
            Self::BasicAuth => 1,
            Self::CircuitBreaker => 2,
            Self::WebhookVerification => 3,
            Self::Compression => 4,
        }
    }
}

/// One fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyFact<'a> {
    /// A verdict.
    Verdict(PolicyVerdict<'a>),
    /// What a kind of action decided, and whom it was about; that may be empty.
    Decision {
        /// The kind.
        by: Decided,
        /// `allow`, `block`, `allow_while_open`; an algorithm.
        decision: &'a str,
        /// The user name of `basic-auth`.
        who: &'a str,
    },
    /// An expression or template that failed.
    Error {
        /// Where it stands.
        path: &'a str,
        /// What happened.
        message: &'a str,
    },
    /// Metadata that a `log` action wrote: an object in JSON.
    Log(&'a str),
    /// So many log entries were too many or too large.
    LogsDropped(u64),
    /// This guardrail (`gr_…`) refused.
    RefusedBy(&'a str),
}

const VERDICT: u8 = 1;
const DECISION: u8 = 2;
const ERROR: u8 = 3;
const LOG: u8 = 4;
const DROPPED: u8 = 5;
const REFUSED: u8 = 6;

/// Facts being written down. What is beyond the bounds is left out: texts are cut, values of verdicts and log entries go
/// as a whole, and the latter are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFacts {
    block: Vec<u8>,
    ran: Ran,
    verdicts: usize,
    logs: usize,
    rest: usize,
    dropped: u64,
}

impl PolicyFacts {
    /// A verdict.
    pub fn verdict(&mut self, verdict: &PolicyVerdict<'_>) {
        if self.verdicts == MAX_VERDICTS {
            return;
        }
        let PolicyVerdict {
            phase,
            rule,
            id,
            action,
            verdict,
            ended,
            guardrail,
            us,
            values,
        } = *verdict;
        let mut digits = [0; 20];
        let us = decimal(us, &mut digits);
        // Half of the room is for what decided, which comes last.
        let has_room = values.len() <= MAX_VALUES && self.rest + values.len() < MAX_REST / 2;
        let values = if has_room { values } else { "" };
        if self.add(
            &[VERDICT, 0],
            &[phase, rule, id, action, verdict, ended, guardrail, us, values],
        ) {
            self.verdicts += 1;
        }
    }

    /// What a kind of action decided.
    pub fn decision(&mut self, by: Decided, decision: &str, who: &str) {
        self.add(&[DECISION, by.mark()], &[decision, who]);
    }

    /// A guardrail refused.
    pub fn refused_by(&mut self, guardrail: &str) {
        self.add(&[REFUSED, 0], &[guardrail]);
    }

    /// An expression or template that failed.
    pub fn error(&mut self, path: &str, message: &str) {
        self.add(&[ERROR, 0], &[path, message]);
    }

    /// Metadata of a `log` action, as an object in JSON.
    pub fn log(&mut self, metadata: &str) {
        if self.logs + metadata.len() + 5 > MAX_LOGS {
            self.dropped += 1;
            return;
        }
        self.logs += metadata.len() + 5;
        self.block.extend_from_slice(&[LOG, 0]);
        text(metadata, &mut self.block);
    }

    /// Log entries that there was no place for.
    pub fn logs_dropped(&mut self, count: u64) {
        self.dropped += count;
    }

    /// Ends with how many log entries are missing.
    #[must_use]
    pub fn finished(mut self) -> Self {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            self.block.extend_from_slice(&[DROPPED, 0]);
            self.block.extend_from_slice(&dropped.to_le_bytes());
        }
        self
    }

    /// An action ran so often: the number of its phase (two bits), and its own among those that the observer
    /// [knows](crate::Options::actions) (six bits). Takes no memory.
    pub fn ran(&mut self, code: u8, times: u32) {
        self.ran.add(code, times);
    }

    /// As outcomes have it.
    #[must_use]
    pub fn view(&self) -> Policies<'_> {
        Policies {
            block: &self.block,
            ran: self.ran.bytes(),
        }
    }

    /// Adds a fact of texts; false if there is no room.
    fn add(&mut self, marks: &[u8; 2], texts: &[&str]) -> bool {
        let cut = |text: &&'_ str| -> usize {
            let most = if text.starts_with('{') { MAX_VALUES } else { MAX_TEXT };
            text.floor_char_boundary(most)
        };
        let size = texts.iter().map(|text| cut(text) + 3).sum::<usize>() + 2;
        if self.rest + size > MAX_REST {
            return false;
        }
        self.rest += size;
        self.block.extend_from_slice(marks);
        for one in texts {
            text(one.get(..cut(one)).unwrap_or_default(), &mut self.block);
        }
        true
    }
}

/// Bytes of an action that ran: which, and how often.
const RAN: usize = 5;
/// Most actions that ran.
const MAX_RAN: usize = 24;
/// Upper bound of their bytes.
pub(crate) const MAX_RAN_BYTES: usize = RAN * MAX_RAN;

/// Which actions ran. Inside the facts, since it is there for exchanges that have nothing else to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ran {
    bytes: [u8; MAX_RAN_BYTES],
    length: u8,
}

impl Default for Ran {
    fn default() -> Self {
        Self {
            bytes: [0; MAX_RAN_BYTES],
            length: 0,
        }
    }
}

impl Ran {
    fn add(&mut self, code: u8, times: u32) {
        let from = usize::from(self.length);
        if let Some(into) = self
            .bytes
            .get_mut(from..)
            .and_then(|rest| rest.first_chunk_mut::<RAN>())
        {
            let [a, b, c, d] = times.to_le_bytes();
            *into = [code, a, b, c, d];
            self.length += RAN as u8;
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// A number in decimal digits, without memory.
fn decimal(mut value: u64, digits: &mut [u8; 20]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (value % 10) as u8;
        }
        value /= 10;
        if value == 0 {
            break;
        }
    }
    digits
        .get(at..)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .unwrap_or_default()
}

fn text(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text.as_bytes().get(..usize::from(length)).unwrap_or_default());
}

/// The facts of an outcome; empty where no policy had anything to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies<'a> {
    pub(crate) block: &'a [u8],
    /// Which actions ran, as [`Ran`] has it.
    pub(crate) ran: &'a [u8],
}

impl<'a> Policies<'a> {
    /// Is there none?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.block.is_empty() && self.ran.is_empty()
    }

    /// Which actions ran, and how often.
    pub(crate) fn ran(&self) -> impl Iterator<Item = (u8, u32)> + use<'a> {
        self.ran
            .as_chunks::<RAN>()
            .0
            .iter()
            .map(|[code, a, b, c, d]| (*code, u32::from_le_bytes([*a, *b, *c, *d])))
    }

    /// The facts in the order in which they were written down.
    pub fn facts(&self) -> impl Iterator<Item = PolicyFact<'a>> + use<'a> {
        let mut from = Block(self.block);
        std::iter::from_fn(move || from.fact())
    }
}

struct Block<'a>(&'a [u8]);

impl<'a> Block<'a> {
    fn fact(&mut self) -> Option<PolicyFact<'a>> {
        let (&[kind, mark], rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(match kind {
            VERDICT => PolicyFact::Verdict(PolicyVerdict {
                phase: self.text()?,
                rule: self.text()?,
                id: self.text()?,
                action: self.text()?,
                verdict: self.text()?,
                ended: self.text()?,
                guardrail: self.text()?,
                us: self.text()?.parse().ok()?,
                values: self.text()?,
            }),
            DECISION => PolicyFact::Decision {
                by: *Decided::ALL.get(usize::from(mark))?,
                decision: self.text()?,
                who: self.text()?,
            },
            ERROR => PolicyFact::Error {
                path: self.text()?,
                message: self.text()?,
            },
            LOG => PolicyFact::Log(self.text()?),
            REFUSED => PolicyFact::RefusedBy(self.text()?),
            DROPPED => {
                let (count, rest) = self.0.split_first_chunk::<8>()?;
                self.0 = rest;
                PolicyFact::LogsDropped(u64::from_le_bytes(*count))
            }
            _ => return None,
        })
    }

    fn text(&mut self) -> Option<&'a str> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_as_they_were_written_down() {
        let verdict = PolicyVerdict {
            phase: "on_http_request",
            rule: "office only",
            action: "restrict-ips",
            verdict: "deny",
            ended: "deny",
            guardrail: "gr_1",
            us: u64::MAX,
            values: r#"{"a":1}"#,
            ..PolicyVerdict::default()
        };
        let mut facts = PolicyFacts::default();
        facts.verdict(&verdict);
        facts.refused_by("gr_1");
        facts.decision(Decided::BasicAuth, "allow", "anna");
        facts.error("on_http_request[0].expressions[0]", "no such key");
        facts.log(r#"{"x":"y"}"#);
        facts.logs_dropped(3);
        let facts = facts.finished();
        assert_eq!(
            facts.view().facts().collect::<Vec<_>>(),
            [
                PolicyFact::Verdict(verdict),
                PolicyFact::RefusedBy("gr_1"),
                PolicyFact::Decision {
                    by: Decided::BasicAuth,
                    decision: "allow",
                    who: "anna"
                },
                PolicyFact::Error {
                    path: "on_http_request[0].expressions[0]",
                    message: "no such key"
                },
                PolicyFact::Log(r#"{"x":"y"}"#),
                PolicyFact::LogsDropped(3),
            ]
        );
        for end in 0..facts.block.len() {
            // Whatever is cut off, nothing is read that is not there.
            let cut = Policies {
                block: &facts.block[..end],
                ran: &[],
            };
            let _ = cut.facts().count();
        }
        assert!(PolicyFacts::default().finished().view().is_empty());
        let mut facts = PolicyFacts::default();
        for code in 0..30 {
            facts.ran(code, u32::from(code) << 20);
        }
        let ran: Vec<_> = facts.view().ran().collect();
        assert_eq!((ran.len(), ran[1], ran[23]), (MAX_RAN, (1, 1 << 20), (23, 23 << 20)));
    }

    #[test]
    fn there_is_an_end_to_all_of_it() {
        let mut facts = PolicyFacts::default();
        let long = "é".repeat(4000);
        for _ in 0..100 {
            facts.log(&format!("{{\"x\":\"{long}\"}}"));
            facts.error(&long, &long);
            facts.verdict(&PolicyVerdict {
                rule: &long,
                values: &format!("{{{long}}}"),
                ..PolicyVerdict::default()
            });
            facts.decision(Decided::IpPolicy, &long, &long);
        }
        let facts = facts.finished();
        assert!(facts.block.len() <= MAX_BLOCK, "{}", facts.block.len());
        let all: Vec<_> = facts.view().facts().collect();
        let verdicts = all.iter().filter(|f| matches!(f, PolicyFact::Verdict(_))).count();
        assert!(verdicts <= MAX_VERDICTS && verdicts > 1, "{verdicts}");
        assert!(all.contains(&PolicyFact::LogsDropped(98)), "{:?}", all.last());
    }
}
