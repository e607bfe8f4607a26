//! What a fresh machine lacks: Debian packages, cargo tools. Says what it installs; tries what needs the network twice.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{self, Cmd};
use crate::workspace::Workspace;

/// A Debian package and how to see that what we need of it is there (however it was installed).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    /// Name for `apt-get`.
    pub(crate) name: &'static str,
    /// What shows that it is there.
    pub(crate) probe: Probe,
    /// What needs it, for the message to somebody who has to install it by hand.
    pub(crate) purpose: &'static str,
}

/// How the presence of a package is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Probe {
    /// A program in PATH.
    Program(&'static str),
    /// A file.
    File(&'static str),
    /// Modules that `python3` can import.
    Python(&'static str),
}

impl Package {
    fn present(&self) -> bool {
        match self.probe {
            Probe::Program(name) => process::in_path(name).is_some(),
            Probe::File(path) => std::path::Path::new(path).exists(),
            Probe::Python(modules) => Cmd::new("python3")
                .args(["-c", &format!("import {modules}")])
                .succeeds(),
        }
    }
}

/// Installs the packages that are missing: as root with apt-get, else the error says what to type.
pub(crate) fn debian(packages: &[Package]) -> Result<()> {
    let missing = |packages: &[Package]| -> Vec<Package> {
        packages.iter().filter(|package| !package.present()).copied().collect()
    };
    let wanted = missing(packages);
    if wanted.is_empty() {
        println!("packages: all {} present", packages.len());
        return Ok(());
    }
    let names: Vec<_> = wanted.iter().map(|package| package.name).collect();
    for package in &wanted {
        println!("missing: {} ({})", package.name, package.purpose);
    }
    if process::in_path("apt-get").is_none() || !is_root() {
        bail!(
            "missing on this machine: {list}. On Debian: sudo apt-get install {list}",
            list = names.join(" ")
        );
    }
    println!("installing from Debian: {}", names.join(" "));
    // A developer may be upgrading in another window: wait for the lock.
    let apt = || {
        Cmd::new("apt-get")
            .args(["-q", "-o", "DPkg::Lock::Timeout=120"])
            .env("DEBIAN_FRONTEND", "noninteractive")
    };
    twice("apt-get", || {
        apt().arg("update").run()?;
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(&names)
            .run()
    })?;
    let still = missing(&wanted);
    if let Some(package) = still.first() {
        bail!(
            "{} was installed, but {:?} is still not there",
            package.name,
            package.probe
        );
    }
    Ok(())
}

/// A program from crates.io in this very version: in `target/tools`, in PATH, or else built into `target/tools`.
pub(crate) fn cargo_tool(workspace: &Workspace, name: &str, version: &str) -> Result<PathBuf> {
    let root = workspace.target().join("tools");
    let own = root.join("bin").join(name);
    let is_it = |program: &PathBuf| {
        Cmd::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|said| said.split_whitespace().any(|word| word == version))
    };
    for program in [Some(own.clone()), process::in_path(name)].into_iter().flatten() {
        if program.is_file() && is_it(&program) {
            return Ok(program);
        }
    }
    println!("installing {name} {version} into target/tools: some minutes, once");
    let build = root.join("build");
    // Unoptimised: these run for seconds and are built anew on each fresh machine, in half the time.
    twice(name, || {
        Cmd::cargo()
            .args([
                "install",
                "--quiet",
                "--debug",
                "--locked",
                "--force",
                name,
                "--version",
                version,
            ])
            .arg("--root")
            .arg(&root)
            .arg("--target-dir")
            .arg(&build)
            .dir(workspace.root())
            .run()
    })?;
    std::fs::remove_dir_all(&build).with_context(|| format!("removing {}", build.display()))?;
    Ok(own)
}

/// Tries a thing that needs the network a second time, since the first failure may be the network's.
pub(crate) fn twice(what: &str, mut go: impl FnMut() -> Result<()>) -> Result<()> {
    let Err(first) = go() else { return Ok(()) };
    println!("{what}: {first:#}; trying once more in 5 s");
    thread::sleep(Duration::from_secs(5));
    go().with_context(|| {
        format!(
            "{what} failed twice. It needs its package registry: is the network there, and does its client work here?"
        )
    })
}

fn is_root() -> bool {
    Cmd::new("id").arg("-u").output().is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_seen() {
        let shell = Package {
            name: "dash",
            probe: Probe::Program("sh"),
            purpose: "test",
        };
        let nothing = Package {
            name: "none",
            probe: Probe::File("/nonexistent/file"),
            purpose: "test",
        };
        assert!(shell.present());
        assert!(!nothing.present());
        debian(&[shell]).unwrap();
    }

    #[test]
    fn a_success_is_not_repeated() {
        let mut calls = 0;
        twice("it", || {
            calls += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(calls, 1);
    }
}
