//! `cargo xtask deps`: which crate of the workspace knows which, and whether it may.
//!
//! The tables below are the rule; the manifests are what is. An edge that is in no table fails here and in
//! `cargo test`: either the code goes elsewhere, or the table changes in the same commit, with its reason.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata};

use crate::workspace::Workspace;

/// Each crate (without `adit-`) and the crates it may know, from the leaves up.
const MAY_KNOW: &[(&str, &[&str])] = &[
    // Leaves: know nobody.
    ("names", &[]),
    ("mux", &[]),
    ("http1", &[]),
    ("tls", &[]),
    // Data and rules without sockets, and the one way out.
    ("protocol", &["names"]),
    ("observe", &["names"]),
    ("model", &["names"]),
    ("policy", &["names"]),
    ("outbound", &["names", "tls", "observe"]),
    // Apart: calls a C library, and is not built unless somebody asks for it.
    ("waf", &["names", "policy"]),
    // The middle.
    ("snapshot", &["names", "model", "policy"]),
    ("store", &["names", "model", "observe"]),
    // A member brings its traffic policy along.
    ("cluster", &["names", "protocol", "mux", "tls", "policy", "observe"]),
    ("events", &["model", "store", "policy", "outbound", "observe"]),
    ("certs", &["model", "store", "cluster", "outbound", "observe"]),
    ("identity", &["policy", "cluster", "outbound", "observe"]),
    // The top. The edge never knows store, model, events or api: it is told by snapshots and tells by outcomes.
    (
        "edge",
        &[
            "names", "mux", "http1", "tls", "protocol", "policy", "snapshot", "cluster", "identity", "outbound",
            "observe",
        ],
    ),
    (
        "api",
        &[
            "names", "model", "store", "cluster", "events", "policy", "certs", "identity", "observe",
        ],
    ),
    // A library for other people's programs: no part of the server.
    ("agent", &["names", "protocol", "mux", "http1", "tls"]),
    // The roots.
    (
        "server",
        &[
            "names", "mux", "http1", "tls", "protocol", "observe", "model", "policy", "outbound", "snapshot", "store",
            "cluster", "events", "certs", "identity", "edge", "api",
        ],
    ),
    // `adit api` is a client on HTTP/1.1.
    (
        "adit",
        &["agent", "http1", "policy", "outbound", "server", "store", "waf"],
    ),
    ("xtask", &[]),
];

/// Edges that only tests have (`[dev-dependencies]`), beyond those above.
const TESTS_MAY_KNOW: &[(&str, &[&str])] = &[
    // The end-to-end tests of the binary speak to it as a visitor does.
    ("adit", &["tls"]),
    // What is in force at the edge is seen by an agent.
    ("server", &["agent"]),
    // Sessions that its tests invent have a family of clients, and connections that nobody drives.
    ("api", &["protocol", "mux"]),
];

/// Foreign crates that are one crate's business: (the crate, who may name it). Whoever else needs what it does asks
/// the owner, so that replacing it touches one folder.
const OWNED: &[(&str, &[&str])] = &[
    ("rustls", &["tls"]),
    ("tokio-rustls", &["tls"]),
    // The model reads a list of revoked certificates by the rules of those who verify; policies carry it to them.
    ("rustls-webpki", &["model", "policy", "tls"]),
    ("rustls-platform-verifier", &["tls"]),
    ("webpki-roots", &["tls"]),
    ("httparse", &["http1"]),
    ("h2", &["edge"]),
    ("hyper", &["api", "outbound"]),
    ("hickory-resolver", &["outbound"]),
    ("papaya", &["cluster"]),
    ("prometheus-client", &["observe"]),
    ("maxminddb", &["server"]),
    ("psl", &["names"]),
    ("idna", &["names"]),
    ("clap", &["adit", "xtask"]),
    ("anyhow", &["adit", "server", "xtask"]),
    ("tracing-subscriber", &["adit", "server"]),
];

/// Options of `cargo xtask deps`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, workspace: &Workspace) -> Result<()> {
    for member in members(workspace.metadata()) {
        let list = |kind| {
            let names: Vec<_> = member.knows(kind).into_iter().collect();
            names.join(" ")
        };
        let (built, tests) = (list(Kind::Built), list(Kind::TestsOnly));
        let tests = if tests.is_empty() {
            tests
        } else {
            format!("  (tests: {tests})")
        };
        println!("{:<9} → {built}{tests}", member.name);
    }
    check(workspace.metadata())
}

/// Fails with every edge that no table allows.
pub(crate) fn check(metadata: &Metadata) -> Result<()> {
    let members = members(metadata);
    let complaints: Vec<_> = members.iter().flat_map(Member::complaints).collect();
    if !complaints.is_empty() {
        bail!("{}\nThe tables are in xtask/src/deps.rs", complaints.join("\n"));
    }
    println!("{} crates, every edge allowed", members.len());
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Ordinary and build dependencies.
    Built,
    /// `[dev-dependencies]`.
    TestsOnly,
}

/// A crate of the workspace as its manifest declares it.
#[derive(Debug)]
struct Member {
    /// Without `adit-`.
    name: String,
    ours: Vec<(Kind, String)>,
    foreign: Vec<(Kind, String)>,
    /// Foreign crates named without a version.
    unversioned: Vec<String>,
}

fn members(metadata: &Metadata) -> Vec<Member> {
    let mut members: Vec<_> = metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let mut member = Member {
                name: short(package.name.as_str()),
                ours: Vec::new(),
                foreign: Vec::new(),
                unversioned: Vec::new(),
            };
            for dependency in &package.dependencies {
                let kind = if dependency.kind == DependencyKind::Development {
                    Kind::TestsOnly
                } else {
                    Kind::Built
                };
                let is_ours = dependency.path.is_some();
                if !is_ours && dependency.req.comparators.is_empty() {
                    member.unversioned.push(dependency.name.clone());
                }
                let list = if is_ours { &mut member.ours } else { &mut member.foreign };
                list.push((kind, short(&dependency.name)));
            }
            member
        })
        .collect();
    let place = |name: &str| MAY_KNOW.iter().position(|(known, _)| *known == name);
    members.sort_by_key(|member| (place(&member.name).unwrap_or(usize::MAX), member.name.clone()));
    members
}

fn short(name: &str) -> String {
    name.strip_prefix("adit-").unwrap_or(name).to_owned()
}

fn row<'t>(table: &'t [(&str, &'t [&'t str])], name: &str) -> Option<&'t [&'t str]> {
    table.iter().find(|(first, _)| *first == name).map(|(_, rest)| *rest)
}

impl Member {
    fn knows(&self, kind: Kind) -> BTreeSet<&str> {
        self.ours
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, name)| name.as_str())
            .collect()
    }

    fn complaints(&self) -> Vec<String> {
        let Some(allowed) = row(MAY_KNOW, &self.name) else {
            return vec![format!("{}: a crate that no table knows", self.name)];
        };
        let in_tests = row(TESTS_MAY_KNOW, &self.name).unwrap_or_default();
        let mut complaints = Vec::new();
        for (kind, other) in &self.ours {
            let fine =
                allowed.contains(&other.as_str()) || (*kind == Kind::TestsOnly && in_tests.contains(&other.as_str()));
            if !fine {
                let what = if *kind == Kind::TestsOnly { " (for tests)" } else { "" };
                complaints.push(format!("{} → {other}{what}: this edge is not allowed", self.name));
            }
        }
        for other in &self.unversioned {
            complaints.push(format!("{} → {other}: name a version", self.name));
        }
        for (kind, other) in &self.foreign {
            if let (Kind::Built, Some(owners)) = (kind, row(OWNED, other))
                && !owners.contains(&self.name.as_str())
            {
                complaints.push(format!(
                    "{} → {other}: that crate is the business of {} alone",
                    self.name,
                    owners.join(", ")
                ));
            }
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_has_only_allowed_edges() {
        let workspace = Workspace::find().unwrap();
        check(workspace.metadata()).unwrap();
    }

    #[test]
    fn a_forbidden_edge_is_named() {
        let member = |name: &str, ours: &[(Kind, &str)], foreign: &[(Kind, &str)]| {
            let own = |list: &[(Kind, &str)]| list.iter().map(|(k, n)| (*k, (*n).to_owned())).collect();
            Member {
                name: name.to_owned(),
                ours: own(ours),
                foreign: own(foreign),
                unversioned: Vec::new(),
            }
            .complaints()
        };
        let built = |name| (Kind::Built, name);
        assert_eq!(
            member("edge", &[built("mux"), built("store")], &[]),
            ["edge → store: this edge is not allowed"]
        );
        assert_eq!(
            member("mux", &[(Kind::TestsOnly, "edge")], &[]),
            ["mux → edge (for tests): this edge is not allowed"]
        );
        assert_eq!(
            member("edge", &[], &[built("rustls"), (Kind::TestsOnly, "rustls")]),
            ["edge → rustls: that crate is the business of tls alone"]
        );
        assert_eq!(member("drawer", &[], &[]), ["drawer: a crate that no table knows"]);
    }

    #[test]
    fn the_table_has_no_cycle() {
        // A crate may only know crates that stand above it in the table, so there can be none.
        for (i, (name, others)) in MAY_KNOW.iter().enumerate() {
            for other in *others {
                let j = MAY_KNOW.iter().position(|(known, _)| known == other);
                assert!(j.is_some_and(|j| j < i), "{name} → {other}");
            }
        }
    }
}
