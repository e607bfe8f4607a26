//! Processes of the program: their lines, their end, and that none outlives the tests.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use super::wait::DEADLINE;

/// A running process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdout: Arc<Lines>,
    stderr: Arc<Lines>,
}

/// How a process ended, with all that it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }
}

impl Process {
    /// Starts `command`, with nothing of this process's own configuration in its environment.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        for (name, _) in std::env::vars_os() {
            if let Some(text) = name.to_str()
                && (text.starts_with("ADIT_")
                    || text.starts_with("NGROK_")
                    || text.to_ascii_lowercase().ends_with("_proxy"))
                && !command.get_envs().any(|(set, _)| set == name)
            {
                command.env_remove(&name);
            }
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        watch('+', child.id());
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on stdout that `wanted` accepts.
    #[track_caller]
    pub(crate) fn line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.stdout.find(wanted).unwrap_or_else(|| {
            panic!(
                "no line {what:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.stdout.text(),
                self.stderr.text()
            )
        })
    }

    /// Everything on stdout so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Everything on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Sends a signal by name, such as `TERM`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        // The ends of both pipes come with the end of the process.
        let over = self.stdout.wait_end() && self.stderr.wait_end();
        assert!(
            over,
            "still running\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout.text(),
            self.stderr.text()
        );
        let status = self.child.wait().unwrap();
        watch('-', self.child.id());
        Ended {
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        watch('-', self.child.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Lines that a process writes.
#[derive(Debug, Default)]
struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    ended: bool,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let reader = lines.clone();
        let echo = std::env::var_os("ADIT_E2E_LOG").is_some();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if echo {
                    eprintln!("| {line}");
                }
                reader.with(|s| s.lines.push_back(line));
            }
            reader.with(|s| s.ended = true);
        });
        lines
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        done
    }

    /// The first line, past or to come, that is accepted.
    fn find(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        self.wait(|s| match s.lines.iter().find(|l| wanted(l)) {
            Some(line) => Some(Some(line.clone())),
            None => s.ended.then_some(None),
        })?
    }

    fn wait_end(&self) -> bool {
        self.wait(|s| s.ended.then_some(())).is_some()
    }

    fn wait<T>(&self, look: impl Fn(&State) -> Option<T>) -> Option<T> {
        let until = Instant::now() + DEADLINE;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn text(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines.iter().map(|l| format!("{l}\n")).collect()
    }
}

/// Servers that several tests share live in statics, which are never dropped; and a test run may be interrupted.
/// So a shell keeps the list of what runs, and kills it when its stdin ends, which is when this process ends.
fn watch(change: char, pid: u32) {
    const SCRIPT: &str = r#"all=" "
while read change pid; do case $change in
  +) all="$all$pid ";;
  -) all=$(printf %s "$all" | sed "s/ $pid / /");;
esac; done
kill -9 $all 2>/dev/null"#;
    static WATCHER: LazyLock<Mutex<ChildStdin>> = LazyLock::new(|| {
        #[allow(clippy::zombie_processes, reason = "it outlives this process on purpose")]
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Mutex::new(shell.stdin.take().unwrap())
    });
    let mut stdin = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(stdin, "{change} {pid}").and_then(|()| stdin.flush());
}
