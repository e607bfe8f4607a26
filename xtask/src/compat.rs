//! Foreign clients: programs of other people that must work unmodified with Adit (`compat/`).
//!
//! The convention. A suite is a folder `compat/NAME` with an executable `run`. Beside it may lie what it needs from
//! a registry; all of it is installed below `target/compat`, never into the source tree:
//!
//! | file | becomes |
//! |---|---|
//! | `requirements.txt` | a Python environment, its `bin` first in PATH |
//! | `package.json` (+ `package-lock.json`) | `node_modules`, in NODE_PATH |
//! | `go.mod` | the module's programs, in `ADIT_COMPAT_BIN` and PATH |
//! | `Cargo.toml` (a workspace of its own) | the crate's programs, in `ADIT_COMPAT_BIN` and PATH |
//!
//! `run` is called in its folder with `ADIT_BIN` (the binary under test) and `ADIT_COMPAT_DIR` (a folder of its own
//! below `target`), has fifteen minutes, ends with status 0 when all is well, and says `N passed, N failed` in a line
//! of its own; without such a line it counts as one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, anyhow};

use crate::install::twice;
use crate::process::{self, Cmd};
use crate::steps::Counted;
use crate::tally::Tally;
use crate::workspace::Workspace;

const MINUTES: u32 = 15;

/// One suite: `compat/NAME/run`.
#[derive(Debug)]
pub(crate) struct Suite {
    name: String,
    source: PathBuf,
    /// Its folder below `target`.
    work: PathBuf,
}

/// The suites below `folder`, by name; their work folders lie below `work`.
fn suites(folder: &Path, work: &Path) -> Result<Vec<Suite>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let source = entry?.path();
        if let (true, Some(name)) = (source.join("run").is_file(), source.file_name()) {
            let name = name.to_string_lossy().into_owned();
            let work = work.join(&name);
            found.insert(name.clone(), Suite { name, source, work });
        }
    }
    Ok(found.into_values().collect())
}

/// Installs what the suites need and runs each; all are run, the failed ones are named at the end.
pub(crate) fn run(workspace: &Workspace, adit: &Path) -> Counted {
    let cargo_target = workspace.target().join("compat").join("cargo");
    let found = suites(&workspace.root().join("compat"), &workspace.target().join("compat"));
    match found {
        Ok(suites) => run_all(&suites, adit, &cargo_target),
        Err(error) => Err(error).into(),
    }
}

/// Installs what one suite needs and runs it, with more in its environment, within `minutes`.
pub(crate) fn run_one(
    workspace: &Workspace,
    name: &str,
    adit: &Path,
    environment: &[(&str, &str)],
    minutes: u32,
) -> Result<()> {
    let found = suites(&workspace.root().join("compat"), &workspace.target().join("compat"))?;
    let suite = found
        .iter()
        .find(|suite| suite.name == name)
        .with_context(|| format!("there is no compat/{name}"))?;
    let place = suite.prepare(&workspace.target().join("compat").join("cargo"))?;
    suite.run(&place, adit, environment, minutes).1
}

fn run_all(suites: &[Suite], adit: &Path, cargo_target: &Path) -> Counted {
    let mut tally = Tally::default();
    let mut failed = Vec::new();
    for suite in suites {
        println!("-- compat/{}", suite.name);
        let (said, result) = match suite.prepare(cargo_target) {
            Ok(place) => suite.run(&place, adit, &[], MINUTES),
            Err(error) => (None, Err(error)),
        };
        let mut counted = said.unwrap_or_else(|| Tally {
            passed: u64::from(result.is_ok()),
            failed: 0,
        });
        if let Err(error) = result {
            println!("-- compat/{}: {error:#}", suite.name);
            counted.failed = counted.failed.max(1);
        }
        if counted.failed > 0 {
            failed.push(suite.name.as_str());
        }
        tally.add(counted);
    }
    let result = if failed.is_empty() {
        println!("{} suites", suites.len());
        Ok(())
    } else {
        Err(anyhow!("foreign clients that do not work: {}", failed.join(", ")))
    };
    Counted { tally, result }
}

/// Where a suite's packages were put.
#[derive(Debug, Default)]
struct Place {
    path: Vec<PathBuf>,
    node_modules: Option<PathBuf>,
    bin: Option<PathBuf>,
}

impl Suite {
    fn prepare(&self, cargo_target: &Path) -> Result<Place> {
        fs::create_dir_all(&self.work).with_context(|| format!("making {}", self.work.display()))?;
        let mut place = Place::default();
        if self.has("requirements.txt") {
            place.path.push(self.python()?);
        }
        if self.has("package.json") {
            place.node_modules = Some(self.npm()?);
        }
        if self.has("go.mod") {
            place.bin = Some(self.go()?);
        }
        if self.has("Cargo.toml") {
            place.bin = Some(self.rust(cargo_target)?);
        }
        place.path.extend(place.bin.clone());
        Ok(place)
    }

    fn run(
        &self,
        place: &Place,
        adit: &Path,
        environment: &[(&str, &str)],
        minutes: u32,
    ) -> (Option<Tally>, Result<()>) {
        // `timeout` ends a suite's whole process group, servers that it left running included.
        let run = self.source.join("run");
        let mut cmd = if process::in_path("timeout").is_some() {
            Cmd::new("timeout")
                .args(["--kill-after=10s", &format!("{minutes}m")])
                .arg(&run)
        } else {
            Cmd::new(&run)
        };
        cmd = cmd
            .dir(&self.source)
            .env("ADIT_BIN", adit)
            .env("ADIT_COMPAT_DIR", &self.work)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PATH", joined_path(&place.path));
        for (name, value) in environment {
            cmd = cmd.env(name, value);
        }
        if let Some(modules) = &place.node_modules {
            cmd = cmd.env("NODE_PATH", modules);
        }
        if let Some(bin) = &place.bin {
            cmd = cmd.env("ADIT_COMPAT_BIN", bin);
        }
        let mut said = None;
        let result = cmd
            .run_lines(|line| said = Tally::of_plain(line).or(said))
            .with_context(|| format!("compat/{}/run (it has {minutes} minutes)", self.name));
        (said, result)
    }

    fn has(&self, file: &str) -> bool {
        self.source.join(file).is_file()
    }

    fn python(&self) -> Result<PathBuf> {
        let venv = self.work.join("venv");
        let bin = venv.join("bin");
        self.when_changed("venv", &["requirements.txt"], || {
            println!("installing from PyPI: {}", self.listed("requirements.txt")?);
            Cmd::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).run()?;
            Cmd::new(bin.join("python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(self.source.join("requirements.txt"))
                .run()
        })?;
        Ok(bin)
    }

    fn npm(&self) -> Result<PathBuf> {
        let files = ["package.json", "package-lock.json"];
        self.when_changed("node_modules", &files, || {
            println!("installing from npm what {}/package.json names", self.name);
            for file in files.iter().filter(|file| self.has(file)) {
                fs::copy(self.source.join(file), self.work.join(file))?;
            }
            let verb = if self.has("package-lock.json") { "ci" } else { "install" };
            Cmd::new("npm")
                .args([verb, "--no-audit", "--no-fund", "--loglevel=error"])
                .dir(&self.work)
                .run()
        })?;
        Ok(self.work.join("node_modules"))
    }

    fn go(&self) -> Result<PathBuf> {
        let bin = self.work.join("bin");
        fs::create_dir_all(&bin)?;
        println!("building the Go module compat/{}", self.name);
        twice("go build", || {
            Cmd::new("go")
                .args(["build", "-o"])
                .arg(format!("{}/", bin.display()))
                .arg("./...")
                .dir(&self.source)
                .run()
        })?;
        Ok(bin)
    }

    fn rust(&self, target: &Path) -> Result<PathBuf> {
        println!("building the crate compat/{}", self.name);
        // One target folder for all of them: they share the larger part of their dependencies.
        twice("cargo build", || {
            Cmd::cargo()
                .args(["build", "--locked", "--target-dir"])
                .arg(target)
                .dir(&self.source)
                .run()
        })?;
        Ok(target.join("debug"))
    }

    /// Runs `install` unless it succeeded before with the same `files`.
    fn when_changed(&self, what: &str, files: &[&str], install: impl Fn() -> Result<()>) -> Result<()> {
        let mut now = String::new();
        for file in files.iter().filter(|file| self.has(file)) {
            now += &fs::read_to_string(self.source.join(file))?;
        }
        let stamp = self.work.join(format!(".{what}.installed"));
        if self.work.join(what).is_dir() && fs::read_to_string(&stamp).is_ok_and(|then| then == now) {
            return Ok(());
        }
        twice(&format!("compat/{}: {what}", self.name), install)?;
        fs::write(&stamp, now).with_context(|| format!("writing {}", stamp.display()))
    }

    /// The lines of a list of packages, for the message.
    fn listed(&self, file: &str) -> Result<String> {
        let text = fs::read_to_string(self.source.join(file))?;
        let names: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        Ok(names.join(" "))
    }
}

fn joined_path(first: &[PathBuf]) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = first.iter().cloned().chain(env::split_paths(&path));
    env::join_paths(all).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_found_run_and_counted() {
        let work = tempfile::tempdir().unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/compat");
        let suites = suites(&folder, work.path()).unwrap();
        let names: Vec<_> = suites.iter().map(|suite| suite.name.as_str()).collect();
        assert_eq!(names, ["counts", "silent"]);
        let Counted { tally, result } = run_all(&suites, Path::new("/adit"), work.path());
        // Four of `counts`, and `silent` as one.
        assert_eq!(tally, Tally { passed: 5, failed: 1 });
        let said = result.unwrap_err().to_string();
        assert_eq!(said, "foreign clients that do not work: counts");
    }

    #[test]
    fn packages_are_installed_once_per_list() {
        let folder = tempfile::tempdir().unwrap();
        let suite = Suite {
            name: "test".to_owned(),
            source: folder.path().to_owned(),
            work: folder.path().join("work"),
        };
        fs::write(suite.source.join("list"), "a==1\n").unwrap();
        fs::create_dir_all(suite.work.join("kit")).unwrap();
        let calls = std::cell::Cell::new(0);
        let install = || {
            calls.set(calls.get() + 1);
            Ok(())
        };
        suite.when_changed("kit", &["list"], install).unwrap();
        suite.when_changed("kit", &["list"], install).unwrap();
        assert_eq!(calls.get(), 1);
        fs::write(suite.source.join("list"), "a==2\n").unwrap();
        suite.when_changed("kit", &["list"], install).unwrap();
        assert_eq!(calls.get(), 2);
    }
}
