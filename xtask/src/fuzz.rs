//! `cargo xtask fuzz`: each target of `fuzz/` for a bounded number of inputs.
//!
//! Without a sanitiser this runs on stable Rust: the code is free of `unsafe`, so what is sought are panics, endless
//! loops and runaway memory, and those show without one. `--sanitizer address` needs unstable compiler flags,
//! allowed for that one build.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::install;
use crate::process::Cmd;
use crate::workspace::Workspace;

const CARGO_FUZZ: &str = "0.13.2";

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Targets; all of them when none is named
    targets: Vec<String>,
    /// Inputs per target
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// `none` or `address`
    #[arg(long, default_value = "none")]
    sanitizer: String,
    /// Largest input in bytes
    #[arg(long, default_value_t = 8192)]
    max_len: u32,
    /// List the targets
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let known = targets(workspace)?;
    if args.list {
        println!("{}", known.join("\n"));
        return Ok(());
    }
    if let Some(unknown) = args.targets.iter().find(|name| !known.contains(name)) {
        bail!("there is no fuzz target `{unknown}`; targets: {}", known.join(", "));
    }
    let cargo_fuzz = install::cargo_tool(workspace, "cargo-fuzz", CARGO_FUZZ)?;
    let chosen = if args.targets.is_empty() { &known } else { &args.targets };
    let fuzz = workspace.root().join("fuzz");
    for target in chosen {
        println!("\n== fuzz {target}: {} inputs", args.runs);
        // New inputs go into the first folder; the seeds in the source tree are only read.
        let corpus = fuzz.join("corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("making {}", corpus.display()))?;
        let mut cmd = Cmd::new(&cargo_fuzz)
            .args(["run", "--sanitizer", &args.sanitizer, "--target-dir"])
            .arg(workspace.target().join("fuzz"))
            .arg(target)
            .arg(&corpus)
            .dir(workspace.root());
        let seeds = fuzz.join("seeds").join(target);
        if seeds.is_dir() {
            cmd = cmd.arg(seeds);
        }
        // `timeout` is per input: what takes a minute, even on a busy machine, is a defect of its own.
        cmd = cmd.args([
            "--",
            &format!("-runs={}", args.runs),
            &format!("-max_len={}", args.max_len),
            "-timeout=60",
            "-rss_limit_mb=2048",
        ]);
        if args.sanitizer != "none" {
            cmd = cmd.env("RUSTC_BOOTSTRAP", "1");
        }
        cmd.run()
            .with_context(|| format!("fuzz target {target}: the input that failed is under fuzz/artifacts/{target}"))?;
    }
    println!(
        "\n{} fuzz targets, {} inputs each: nothing found",
        chosen.len(),
        args.runs
    );
    Ok(())
}

/// The targets by name: one file each.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root().join("fuzz").join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if let (Some(name), Some("rs")) = (path.file_stem(), path.extension().and_then(|e| e.to_str())) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
