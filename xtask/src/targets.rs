//! `cargo xtask targets`: the agent type-checks for the platforms it also runs on, from one machine.
//!
//! A check compiles no machine code of ours and links nothing, but build scripts run, and the crypto library's would
//! compile C for the other platform. Its objects are never looked at, so a stand-in compiler that makes empty files
//! takes the place of a cross toolchain. What this cannot show is whether the C part builds and the program runs
//! there: that needs a machine of that kind.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::install::twice;
use crate::process::{self, Cmd};
use crate::workspace::Workspace;

const TARGETS: &[&str] = &["x86_64-pc-windows-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"];

/// Stand-in for the C compiler and for `ar`: makes the files that are asked for, empty, and copies nothing.
const STAND_IN: &str = r#"#!/bin/sh
for last in "$@"; do
  case "$last" in
    --version | -dumpversion) echo "clang version 16.0.0"; exit 0 ;;
  esac
  [ "$previous" = "-o" ] && : > "$last"
  case "$last" in *.a | *.lib) : > "$last" ;; esac
  previous=$last
done
exit 0
"#;

/// Options of `cargo xtask targets`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Targets to check; default: Windows and macOS
    targets: Vec<String>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let chosen: Vec<&str> = if args.targets.is_empty() {
        TARGETS.to_vec()
    } else {
        args.targets.iter().map(String::as_str).collect()
    };
    let stand_in = stand_in(&workspace.target().join("targets"))?;
    for target in chosen {
        println!("\n== {target}");
        add(target)?;
        check(workspace, target, &stand_in, &["--package", "adit-agent"])?;
        check(
            workspace,
            target,
            &stand_in,
            &["--package", "adit", "--no-default-features", "--features", "agent"],
        )?;
    }
    Ok(())
}

/// The standard library for `target`: asked of rustup if there is one.
fn add(target: &str) -> Result<()> {
    if process::in_path("rustup").is_none() {
        println!("no rustup here: assuming that the toolchain has {target}");
        return Ok(());
    }
    twice("rustup", || Cmd::new("rustup").args(["target", "add", target]).run())
}

fn check(workspace: &Workspace, target: &str, stand_in: &Path, package: &[&str]) -> Result<()> {
    let suffix = target.replace('-', "_");
    workspace
        .cargo(["check", "--target", target, "--target-dir"])
        .arg(workspace.target().join("targets"))
        .args(package)
        .env(&format!("CC_{suffix}"), stand_in)
        .env(&format!("CXX_{suffix}"), stand_in)
        .env(&format!("AR_{suffix}"), stand_in)
        .run()
}

fn stand_in(folder: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let path = folder.join("stand-in-cc");
    fs::write(&path, STAND_IN).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    if !path.is_absolute() {
        bail!("cargo's target folder is not an absolute path: {}", path.display());
    }
    Ok(path)
}
