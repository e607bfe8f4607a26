//! The control plane's REST API, in the shapes that ngrok's clients were generated for.
//!
//! A request goes one way through [`Api::answer`]:
//!
//! ```text
//! host ─▶ route_tree (path, method) ─▶ limits, authenticate ─▶ version ─▶ authorize ─▶ query, body ─▶ handler ─▶ Reply
//! ```
//!
//! Programs show keys at the API's host, browsers the cookie of a session at the dashboard's (`surface`, `login`).
//!
//! * `route_table` is the one list of operations: a new one is a line there and a function. What all stored resources
//!   have in common follows from their kinds (`resource`), written once.
//! * `access` knows people, roles and keys, in memory; `authenticate` finds who asks, [`Access`] is kept by the feed.
//! * `authorize` is the one place that decides who may do what: `authorization.toml` is its matrix.
//! * `error` is the one form of all refusals; its codes come from [`adit_names::code`].
//! * `live` shows what is on line now, read from [`adit_cluster::Directory`], and gives commands to agents.
//! * [`serve`] speaks HTTP/1.1 and HTTP/2 on a connection that somebody else has accepted and secured.
//!
//! Everything runs on the control thread; nothing here can make a visitor wait.

mod access;
mod answer;
mod applied;
mod audit;
mod authenticate;
mod authorize;
mod background;
mod body;
mod call;
mod compress;
mod conditional;
mod cors;
mod door;
mod error;
pub mod filter;
mod fresh;
mod limits;
mod live;
pub mod login;
pub mod openapi;
mod page;
mod people;
mod policy;
mod query;
mod record;
mod resource;
#[cfg(test)]
mod rights_tests;
mod route_table;
mod route_tree;
pub mod serve;
mod supervise;
mod surface;
mod unbuilt;

use std::sync::Arc;

use adit_cluster::{Commands, Directory};
use adit_names::cidr::CidrSet;
use adit_policy::Inspector;
use adit_store::Store;
use adit_store::log::AuditKey;

pub use access::{Access, Secrets};
pub use answer::Body;
pub use applied::{Applied, OneNode, Waiting};
pub use authenticate::hash_of;
pub use limits::Limits;
pub use people::authtoken::DEFAULT as DEFAULT_AUTHTOKEN;
pub use policy::{Explains, Whose};

/// What an API is made of.
pub struct Options {
    /// Where it is found, `https://api.example.com` with the port if that is not 443, without a slash at the end:
    /// what the URIs in its answers begin with.
    pub url: String,
    /// Region of this node, as sessions and endpoints show it.
    pub region: String,
    /// Name of this node.
    pub node: String,
    /// Who there is and what he may.
    pub access: Arc<Access>,
    /// Addresses that the API may be used from at all; everywhere if there are none (`control.allow_cidrs`).
    pub allow_cidrs: CidrSet,
    /// What is live.
    pub directory: Arc<Directory>,
    /// The way to the agents.
    pub commands: Commands,
    /// How often and how many at once.
    pub limits: Limits,
    /// Origins whose pages may read answers; `*` is all.
    pub cors_origins: Vec<String>,
    /// What names and ports there are.
    pub installation: Installation,
    /// What was set. Without it everything that is not live is answered as if the store were away.
    pub stored: Option<Stored>,
}

/// Names and ports of the installation.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Base domain, canonical.
    pub base_domain: String,
    /// Suffixes that are accepted beside the Public Suffix List.
    pub private_suffixes: Vec<String>,
    /// Public port of `https://` endpoints.
    pub https_port: u16,
    /// Public port of `http://` endpoints.
    pub http_port: u16,
    /// Ports of `tcp://` endpoints: first and last.
    pub tcp_ports: Option<(u16, u16)>,
    /// Whether certificates are obtained for names outside the base domain.
    pub acme: bool,
    /// The actions that policies may have which are written here.
    pub actions: adit_policy::Actions,
}

/// The store, and how far the nodes have come with it.
pub struct Stored {
    /// The store.
    pub store: Store,
    /// How far the nodes have come.
    pub applied: Arc<dyn Applied>,
}

/// The API.
pub struct Api {
    told: Options,
    /// Host of its URL.
    host: String,
    /// Origin of the dashboard, without a slash at the end.
    dashboard: String,
    login: login::Login,
    counters: limits::Counters,
    /// Signs heads and exports of the audit log.
    audit_key: Option<Arc<AuditKey>>,
    record: record::Record,
    /// The node's endpoints and its way out, for explanations of policies.
    explains: Option<Arc<dyn Explains>>,
    /// The web application firewall, for cases that ask it.
    firewall: Option<Arc<dyn Inspector>>,
}

impl Api {
    /// An API.
    pub fn new(told: Options) -> Self {
        let host = surface::host_of(&told.url).to_ascii_lowercase();
        let Installation {
            base_domain,
            https_port,
            ..
        } = &told.installation;
        let port = if *https_port == 443 {
            String::new()
        } else {
            format!(":{https_port}")
        };
        let dashboard = format!("https://dashboard.{base_domain}{port}");
        let counters = limits::Counters::new(told.limits);
        Self {
            told,
            host,
            dashboard,
            login: login::Login::default(),
            counters,
            audit_key: None,
            record: record::Record::default(),
            explains: None,
            firewall: None,
        }
    }

    /// The same with the key that signs heads and exports of the audit log.
    #[must_use]
    pub fn signing_with(mut self, key: Arc<AuditKey>) -> Self {
        self.audit_key = Some(key);
        self
    }

    /// The same with a node whose endpoints can be explained.
    #[must_use]
    pub fn explaining_with(mut self, explains: Arc<dyn Explains>) -> Self {
        self.explains = Some(explains);
        self
    }

    /// The same with a web application firewall for cases that ask it.
    #[must_use]
    pub fn inspecting_with(mut self, firewall: Option<Arc<dyn Inspector>>) -> Self {
        self.firewall = firewall;
        self
    }

    /// The same with passwords that cost as much as this to hash; without it as [`login::password::Cost::default`].
    #[must_use]
    pub fn hashing_at(mut self, cost: login::password::Cost) -> Self {
        self.login = login::Login::new(cost);
        self
    }

    /// How many nodes are live, among whom limits are divided.
    fn nodes(&self) -> u32 {
        self.told.stored.as_ref().map_or(1, |stored| stored.applied.nodes())
    }

    /// The store, and how far the nodes have come with it.
    ///
    /// # Errors
    /// 503 `ERR_ADIT_2012` if there is none.
    fn stored(&self) -> Result<&Stored, error::ApiError> {
        self.told
            .stored
            .as_ref()
            .ok_or_else(|| error::ApiError::unavailable("this node has no store"))
    }

    /// The absolute URI of a path below it, which begins with a slash.
    fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.told.url)
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("url", &self.told.url)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
