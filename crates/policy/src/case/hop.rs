//! Endpoints with the policies around them, and what stands around an exchange that is explained.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::compile::Policy;
use crate::effect::{Answer, Fault, Fetch};
use crate::guardrail::Selector;
use crate::inspector::Inspector;
use crate::view::{Endpoint, Tables};

/// One policy that requests to an endpoint pass.
#[derive(Clone)]
pub struct Layer {
    /// Stands before the paths of what is told; empty for the endpoint's own policy.
    pub prefix: String,
    /// The guardrail's name, if it is one's.
    pub name: String,
    /// The policy. `None`: it cannot be run, and lets nobody pass.
    pub policy: Option<Arc<Policy>>,
    /// Is it a guardrail's? Else it is the endpoint's own.
    pub guardrail: bool,
    /// It only tells what it would do.
    pub dry_run: bool,
    /// Ids of rules that do not hold for this endpoint.
    pub except: Vec<String>,
    /// Whom it is about, beyond where it stands.
    pub selector: Option<Selector>,
    /// What it refers to by name; without them what the case has.
    pub tables: Option<Arc<dyn Tables + Send + Sync>>,
    /// It is not of those who are told: they learn which of its rules did what, nothing of what stands in them, and nothing
    /// is sent for it.
    pub foreign: bool,
    /// What it requires of the endpoint's own policy and that has not.
    pub unmet: Option<Unmet>,
}

/// A requirement of a guardrail that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// What is required, in words.
    pub what: String,
    /// The grace is over: whom the guardrails let pass is refused.
    pub in_force: bool,
}

impl Layer {
    /// The own policy of an endpoint.
    #[must_use]
    pub fn own(policy: Option<Arc<Policy>>) -> Self {
        Self {
            prefix: String::new(),
            name: String::new(),
            policy,
            guardrail: false,
            dry_run: false,
            except: Vec::new(),
            selector: None,
            tables: None,
            foreign: false,
            unmet: None,
        }
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("prefix", &self.prefix)
            .field("guardrail", &self.guardrail)
            .finish_non_exhaustive()
    }
}

/// An endpoint that an exchange comes to.
#[derive(Debug, Clone)]
pub struct Hop {
    /// What its own policy sees of it.
    pub facts: Endpoint,
    /// Its guardrails, the outermost first, and then its own policy, if it has one.
    pub layers: Vec<Layer>,
    /// Has what no rule ends nowhere to go?
    pub cloud: bool,
    /// Is it reached from inside only?
    pub internal: bool,
}

impl Hop {
    /// What guardrails see of it before a member is chosen.
    pub(super) fn plan(&self) -> Endpoint {
        Endpoint {
            id: String::new(),
            name: String::new(),
            metadata: String::new(),
            kind: "",
            agent_id: String::new(),
            ..self.facts.clone()
        }
    }
}

/// What a server knows and a file does not.
pub trait Live: Sync {
    /// The endpoint that is asked about.
    fn first(&self) -> Arc<Hop>;

    /// The internal endpoint of this URL, for a policy of the last of `passed`.
    ///
    /// # Errors
    /// The code that the target itself would answer with.
    fn open(&self, url: &str, passed: &[Arc<Hop>]) -> Result<Arc<Hop>, Fault>;
}

/// Sends what a policy asks for.
pub trait Outside: Sync {
    /// Sends a request to somebody who is no internal endpoint, and waits for the answer. `service`: it fetches a key set,
    /// which may be anywhere; else it is a policy's own request.
    ///
    /// # Errors
    /// As those of [`crate::Effect::Fetch`].
    fn fetch(&self, fetch: &Fetch, service: bool) -> Result<Answer, Fault>;
}

/// What an explanation may use beside the request and the document.
#[derive(Clone, Default)]
pub struct Around<'a> {
    /// A server's endpoints; without them internal endpoints are taken to be there.
    pub live: Option<&'a dyn Live>,
    /// Performs network effects; without it none is.
    pub outside: Option<&'a dyn Outside>,
    /// The web application firewall.
    pub inspector: Option<&'a dyn Inspector>,
    /// What the document may refer to by name; what is not known is believed to be there, and told.
    pub names: Option<Arc<dyn Tables + Send + Sync>>,
    /// When it has to be over; looked at before each run of a policy, wherever that looks at the clock, and before each part
    /// of an expression. `None`: it takes as long as it takes.
    pub until: Option<Instant>,
}

impl fmt::Debug for Around<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around")
            .field("live", &self.live.is_some())
            .field("outside", &self.outside.is_some())
            .field("inspector", &self.inspector)
            .finish()
    }
}
