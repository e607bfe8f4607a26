//! `cargo xtask test`: everything a change has to pass. Continuous integration runs exactly this.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::install::{self, Package, Probe};
use crate::process::Cmd;
use crate::steps::{self, Counted, Step};
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{compat, deps};

/// The version of cargo-deny that `deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";

/// What the tests call besides our own programs.
const PACKAGES: &[Package] = &[
    Package {
        name: "nginx",
        probe: Probe::Program("nginx"),
        purpose: "upstreams and the other side of differential tests",
    },
    Package {
        name: "openssl",
        probe: Probe::Program("openssl"),
        purpose: "a TLS client and server that are not ours",
    },
    Package {
        name: "nghttp2-client",
        probe: Probe::Program("h2load"),
        purpose: "an HTTP/2 client that is not ours",
    },
    Package {
        name: "netcat-openbsd",
        probe: Probe::Program("nc"),
        purpose: "raw TCP",
    },
    Package {
        name: "strace",
        probe: Probe::Program("strace"),
        purpose: "counting the system calls of a request",
    },
    Package {
        name: "libmodsecurity-dev",
        probe: Probe::File("/usr/include/modsecurity/modsecurity.h"),
        purpose: "the web application firewall",
    },
    Package {
        name: "modsecurity-crs",
        probe: Probe::File("/etc/modsecurity/crs/crs-setup.conf"),
        purpose: "its rules",
    },
    Package {
        name: "python3-venv",
        probe: Probe::Python("ensurepip, venv"),
        purpose: "SDKs for Python in an environment of their own",
    },
];

const STEPS: &[Step<Workspace>] = &[
    Step {
        name: "packages",
        about: "Debian packages that the tests call",
        run: |_| install::debian(PACKAGES).into(),
    },
    Step {
        name: "fmt",
        about: "the source is formatted",
        run: |ws| ws.cargo(["fmt", "--all", "--check"]).run().into(),
    },
    Step {
        name: "deps",
        about: "a crate knows only those it may know",
        run: |ws| deps::check(ws.metadata()).into(),
    },
    Step {
        name: "clippy",
        about: "no lint speaks up",
        run: |ws| {
            ws.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
                .run()
                .into()
        },
    },
    Step {
        name: "agent-only",
        about: "the binary without the server part, as on other platforms",
        run: |ws| {
            ws.cargo([
                "clippy",
                "--package",
                "adit",
                "--no-default-features",
                "--features",
                "agent",
                "--",
                "-D",
                "warnings",
            ])
            .run()
            .into()
        },
    },
    Step {
        name: "deny",
        about: "licences, banned crates, sources (cargo-deny)",
        run: |ws| deny(ws).into(),
    },
    Step {
        name: "build",
        about: "programs and tests, once",
        run: |ws| build(ws).into(),
    },
    Step {
        name: "test",
        about: "all tests of the workspace",
        run: test,
    },
    Step {
        name: "waf",
        about: "the web application firewall finds what it has to find, with Debian's library and rules",
        run: firewall,
    },
    Step {
        name: "loom",
        about: "no wake-up is lost in adit-mux, under every order of its threads",
        run: loom,
    },
    Step {
        name: "compat",
        about: "programs of other people work unmodified",
        run: foreign_clients,
    },
];

/// Options of `cargo xtask test`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Run only these steps
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave these steps out
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    skip: Vec<String>,
    /// List the steps
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let chosen = steps::choose(STEPS, &args.only, &args.skip)?;
    if args.list {
        for step in chosen {
            println!("{:<11} {}", step.name, step.about);
        }
        return Ok(());
    }
    steps::run("cargo xtask test", &chosen, workspace)
}

fn deny(ws: &Workspace) -> Result<()> {
    let cargo_deny = install::cargo_tool(ws, "cargo-deny", CARGO_DENY)?;
    // Not `advisories`: that needs the advisory database, which is not to be had everywhere.
    Cmd::new(cargo_deny)
        .args(["--locked", "check", "bans", "licenses", "sources"])
        .dir(ws.root())
        .run()
}

/// Builds what `test` and `compat` then only run. One command, so that each dependency is built once, with the
/// features that all of these want together.
fn build(ws: &Workspace) -> Result<()> {
    ws.cargo(["build", "--workspace", "--bins", "--examples", "--tests"])
        .run()
}

fn built_adit(ws: &Workspace) -> Result<PathBuf> {
    build(ws)?;
    Ok(ws.binary("dev", "adit"))
}

fn test(ws: &Workspace) -> Counted {
    let mut tally = Tally::default();
    let result = built_adit(ws).and_then(|adit| {
        ws.cargo(["test", "--workspace", "--no-fail-fast"])
            .env("ADIT_BIN", adit)
            .run_lines(|line| tally.read_cargo(line))
    });
    not_empty(tally, result)
}

/// With the library linked, which nothing else of a run has.
fn firewall(ws: &Workspace) -> Counted {
    let mut tally = Tally::default();
    let with = ["--package", "adit-waf", "--features", "libmodsecurity"];
    let server = ["--package", "adit", "--features", "waf"];
    let lints = ["--all-targets", "--", "-D", "warnings"];
    let linted = [with, server]
        .into_iter()
        .try_for_each(|with| ws.cargo(["clippy"]).args(with).args(lints).run());
    let result = linted.and_then(|()| {
        ws.cargo(["test"]).args(with).run_lines(|line| tally.read_cargo(line))?;
        let tests = ["--test", "policy", "--test", "e2e", "firewall"];
        ws.cargo(["test"])
            .args(server)
            .args(tests)
            .run_lines(|line| tally.read_cargo(line))
    });
    not_empty(tally, result)
}

fn loom(ws: &Workspace) -> Counted {
    let mut tally = Tally::default();
    // A folder of its own: the flag changes every crate, and without it the next build would start over.
    let flags = match std::env::var("RUSTFLAGS") {
        Ok(flags) => format!("{flags} --cfg loom"),
        Err(_) => "--cfg loom".to_owned(),
    };
    let result = ws
        .cargo(["test", "--package", "adit-mux", "--lib", "--release", "--target-dir"])
        .arg(ws.target().join("loom"))
        .env("RUSTFLAGS", flags)
        .run_lines(|line| tally.read_cargo(line));
    not_empty(tally, result)
}

fn foreign_clients(ws: &Workspace) -> Counted {
    match built_adit(ws) {
        Ok(adit) => compat::run(ws, &adit),
        Err(error) => Err(error).into(),
    }
}

/// A run that executed no test proves nothing.
fn not_empty(tally: Tally, result: Result<()>) -> Counted {
    let result = result.and_then(|()| {
        if tally.passed == 0 {
            bail!("no test was executed");
        }
        Ok(())
    });
    Counted { tally, result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_are_unique() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn a_run_without_tests_fails() {
        assert!(not_empty(Tally::default(), Ok(())).result.is_err());
    }
}
