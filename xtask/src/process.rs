//! Child processes: shown before they run, never with a standard input, their failure an error that can be read.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// The cargo that runs this program, else the one in PATH.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The first program of this name in PATH.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// One command to run.
#[derive(Debug, Clone)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
}

impl Cmd {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            envs: Vec::new(),
            dir: None,
        }
    }

    pub(crate) fn cargo() -> Self {
        Self::new(cargo())
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((key.into(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Runs to the end with our output.
    pub(crate) fn run(&self) -> Result<()> {
        println!("$ {self}");
        let status = self.command().status().with_context(|| self.cannot_start())?;
        self.check(status)
    }

    /// Runs to the end; each line of standard output is printed and then shown to `on_line`.
    pub(crate) fn run_lines(&self, mut on_line: impl FnMut(&str)) -> Result<()> {
        println!("$ {self}");
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| self.cannot_start())?;
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                let line = line.with_context(|| format!("reading the output of `{self}`"))?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                on_line(&line);
            }
        }
        let status = child.wait().with_context(|| format!("waiting for `{self}`"))?;
        self.check(status)
    }

    /// Runs quietly and gives standard output; an error carries what was said on standard error.
    pub(crate) fn output(&self) -> Result<String> {
        let out = self.command().output().with_context(|| self.cannot_start())?;
        if !out.status.success() {
            bail!(
                "`{self}` ended with {}: {}",
                out.status,
                String::from_utf8_lossy(&out.stderr).trim_end()
            );
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// Whether it can be run and ends well; says nothing.
    pub(crate) fn succeeds(&self) -> bool {
        self.command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        // `cargo run` describes this package to us; its children are about other packages.
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(&key);
            }
        }
        command.envs(self.envs.iter().map(|(key, value)| (key, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    fn check(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("`{self}` ended with {status}");
        }
        Ok(())
    }

    fn cannot_start(&self) -> String {
        format!("`{}` cannot be started", self.program.to_string_lossy())
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // PATH is long, and of no help to somebody who types the command.
        for (key, value) in self.envs.iter().filter(|(key, _)| key != "PATH") {
            write!(f, "{}={} ", key.to_string_lossy(), quoted(value))?;
        }
        let program = Path::new(&self.program);
        let name = program.file_name().unwrap_or(&self.program);
        f.write_str(&name.to_string_lossy())?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    if text.is_empty() || text.contains([' ', '"', '\'', '$', '*', ';']) {
        format!("'{text}'")
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_can_be_typed() {
        let cmd = Cmd::new("/usr/bin/cargo")
            .args(["test", "a b"])
            .env("RUSTFLAGS", "--cfg loom");
        assert_eq!(cmd.to_string(), "RUSTFLAGS='--cfg loom' cargo test 'a b'");
    }

    #[test]
    fn lines_are_seen_and_a_bad_end_is_an_error() {
        let mut seen = Vec::new();
        let done = Cmd::new("sh")
            .args(["-c", "echo one; echo two; exit 3"])
            .run_lines(|line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "two"]);
        assert!(done.unwrap_err().to_string().contains("exit status: 3"));
    }
}
