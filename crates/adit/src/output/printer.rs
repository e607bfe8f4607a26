//! Where the lines go: one writer, one form, one level.
//!
//! Errors of the writer are ignored: an agent whose output nobody reads any more still serves its visitors.

use std::fs::File;
use std::io::{IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;

use super::line::{Form, Level, Line};
use crate::exit::Failure;

/// What `--log-format` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people; on a pipe the same as logfmt.
    Term,
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// The flags about output.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LogArgs {
    /// Where the lines go: stdout, stderr, false (nowhere), or a file that is appended to. The line that tells the
    /// public URL is on stdout in any case
    #[arg(long, value_name = "FILE|stdout|stderr|false", help_heading = "Output")]
    pub(crate) log: Option<String>,
    /// The form of the lines; without it: `message key=value …`
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) log_format: Option<LogFormat>,
    /// The least important lines that are printed
    #[arg(
        long,
        value_enum,
        value_name = "LEVEL",
        default_value = "info",
        help_heading = "Output"
    )]
    pub(crate) log_level: Level,
}

/// Prints lines.
pub(crate) struct Printer {
    form: Form,
    level: Level,
    sink: Mutex<Option<Box<dyn Write + Send>>>,
    /// The log is elsewhere, so the stable line is printed on stdout as well.
    announce: bool,
}

impl Printer {
    pub(crate) fn new(args: &LogArgs) -> Result<Self, Failure> {
        let (sink, terminal, announce): (Option<Box<dyn Write + Send>>, bool, bool) = match args.log.as_deref() {
            None | Some("stdout") => (
                Some(Box::new(std::io::stdout())),
                std::io::stdout().is_terminal(),
                false,
            ),
            Some("stderr") => (Some(Box::new(std::io::stderr())), std::io::stderr().is_terminal(), true),
            Some("false") => (None, false, true),
            Some(path) => {
                let file = File::options().create(true).append(true).open(path).map_err(|error| {
                    Failure::usage(format!("the log file {path} cannot be opened"))
                        .at("--log")
                        .because(error.to_string())
                        .fix("give a path that can be written, or stdout, stderr or false")
                })?;
                (Some(Box::new(file)), false, true)
            }
        };
        let form = match args.log_format {
            None => Form::Plain,
            Some(LogFormat::Json) => Form::Json,
            Some(LogFormat::Term) if terminal => Form::Term {
                colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            },
            Some(LogFormat::Term | LogFormat::Logfmt) => Form::Logfmt,
        };
        Ok(Self {
            form,
            level: args.log_level,
            sink: Mutex::new(sink),
            announce,
        })
    }

    /// Prints a line if it matters enough.
    pub(crate) fn print(&self, line: &Line) {
        if line.level > self.level {
            return;
        }
        let text = line.render(self.form, jiff::Timestamp::now());
        if let Some(sink) = &mut *self.sink.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(sink, "{text}").and_then(|()| sink.flush());
        }
    }

    /// Prints the line that tells a public URL: in the log, and on stdout in its stable form if the log is elsewhere.
    pub(crate) fn announce(&self, line: &Line) {
        self.print(line);
        if self.announce {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{}", line.render(Form::Plain, jiff::Timestamp::now())).and_then(|()| out.flush());
        }
    }
}
