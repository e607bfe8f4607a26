//! What a document is for: it decides which phases and actions it may have, and which references exist.

use adit_names::endpoint_url::Scheme;

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// An endpoint offered by an agent: what no rule ends is forwarded to it.
    Agent,
    /// A cloud endpoint: it has no upstream, so a rule must end every request.
    Cloud,
    /// What the options of an agent were translated into ([`crate::Modules`]): as [`Owner::Agent`], and its refusals may
    /// have codes.
    Generated,
    /// A guardrail of the organisation: it neither forwards nor chooses certificates.
    Guardrail,
}

/// For what a document is checked and compiled.
#[derive(Clone, Copy)]
pub struct Subject<'r> {
    /// Whose it is.
    pub owner: Owner,
    /// Protocol of the endpoint.
    pub scheme: Scheme,
    /// Is the endpoint bound to names below `.internal`?
    pub internal: bool,
    /// What references are checked against; `None`: offline, they are believed.
    pub references: Option<&'r dyn References>,
    /// Which actions may stand in it.
    pub actions: Actions,
}

/// Which actions a document may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actions {
    /// Those that this build executes; others are refused with `ERR_ADIT_2210`: a rule that is accepted is enforced.
    Built,
    /// Those that the edge of this version performs as a whole: no logins among them.
    Edge,
    /// The same at an edge that has no web application firewall: rules that ask it are refused.
    EdgeWithout(NoFirewall),
    /// The same as [`Actions::Built`] on a server that has a web application firewall.
    BuiltWithWaf,
    /// The whole language: for tools that only read documents. Such a policy is checked and never compiled.
    Language,
}

/// Why a server has no web application firewall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoFirewall {
    /// The program was built without it.
    NotBuilt,
    /// Its rules cannot be loaded, or it fails its self-test.
    NotLoaded,
}

/// What a document may refer to.
pub trait References: Sync {
    /// Does the secret exist?
    fn has_secret(&self, vault: &str, name: &str) -> bool;
    /// Does the IP policy exist?
    fn has_ip_policy(&self, id: &str) -> bool;
    /// Does the certificate authority exist?
    fn has_authority(&self, id: &str) -> bool;
}

impl<'r> Subject<'r> {
    /// The policy of an agent's endpoint, references unchecked.
    #[must_use]
    pub const fn agent(scheme: Scheme) -> Self {
        Self {
            owner: Owner::Agent,
            scheme,
            internal: false,
            references: None,
            actions: Actions::Built,
        }
    }

    /// The policy of a cloud endpoint, references unchecked.
    #[must_use]
    pub const fn cloud(scheme: Scheme) -> Self {
        Self {
            owner: Owner::Cloud,
            ..Self::agent(scheme)
        }
    }

    /// A guardrail, references unchecked. It stands around endpoints of every protocol and may have all phases; those that
    /// an endpoint does not have are not run for it.
    #[must_use]
    pub const fn guardrail() -> Self {
        Self {
            owner: Owner::Guardrail,
            ..Self::agent(Scheme::Https)
        }
    }

    /// The same, references checked.
    #[must_use]
    pub const fn with_references(self, references: &'r dyn References) -> Self {
        Self {
            references: Some(references),
            ..self
        }
    }

    pub(crate) const fn is_http(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::Https)
    }
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject")
            .field("owner", &self.owner)
            .field("scheme", &self.scheme)
            .field("internal", &self.internal)
            .field("references", &self.references.is_some())
            .field("actions", &self.actions)
            .finish()
    }
}
