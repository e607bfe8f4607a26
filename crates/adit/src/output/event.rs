//! The agent's events as lines: the message catalogue (agent protocol 8.7).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adit_agent::SessionEvent;

use super::line::{Level, Line};
use super::printer::Printer;

/// Prints what happens in a session.
pub(crate) struct EventLines {
    printer: Printer,
    /// It is online: only then a failure is a loss.
    online: AtomicBool,
}

impl EventLines {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            online: AtomicBool::new(false),
        }
    }

    pub(crate) fn print(&self, event: &SessionEvent) {
        let line = |level, object, message| Line::new(level, object, message);
        match event {
            SessionEvent::Connecting { attempt } => {
                self.printer
                    .print(&line(Level::Debug, "session", "session connecting").field("attempt", attempt.to_string()));
            }
            SessionEvent::Online {
                id,
                region,
                version,
                resumed,
                banner,
            } => {
                self.online.store(true, Ordering::Relaxed);
                self.printer.print(
                    &line(Level::Info, "session", "session established")
                        .field("id", id)
                        .field("region", region)
                        .field("version", version)
                        .field("legs", "1")
                        .field("resumed", resumed.to_string()),
                );
                if !banner.is_empty() {
                    self.printer
                        .print(&line(Level::Info, "session", "banner").field("text", banner));
                }
            }
            SessionEvent::Lost {
                cause,
                retry_in,
                attempt,
            } => {
                let lost = if self.online.swap(false, Ordering::Relaxed) {
                    "session lost"
                } else {
                    "cannot reach the server"
                };
                self.printer.print(
                    &line(Level::Warn, "session", lost)
                        .field("cause", cause.to_string())
                        .known("code", cause.code().unwrap_or_default()),
                );
                self.printer.print(
                    &line(Level::Info, "session", "reconnecting")
                        .field("in", seconds(*retry_in))
                        .field("attempt", attempt.to_string()),
                );
            }
            SessionEvent::EndpointOnline {
                name,
                url,
                upstream,
                again: _,
            } => {
                self.printer.announce(
                    &line(Level::Info, "endpoints", "started endpoint")
                        .field("name", name)
                        .field("url", url)
                        .field("upstream", upstream),
                );
            }
            SessionEvent::EndpointRefused {
                name,
                code,
                message,
                retry_in,
            } => {
                let refused = line(Level::Error, "endpoints", "endpoint refused")
                    .field("name", name)
                    .known("code", code.clone().unwrap_or_default())
                    .field("err", message);
                self.printer
                    .print(&refused.known("retry_in", retry_in.map(seconds).unwrap_or_default()));
            }
            SessionEvent::EndpointStopped {
                name,
                url,
                code,
                message,
            } => {
                self.printer.print(
                    &line(Level::Info, "endpoints", "endpoint stopped")
                        .field("name", name)
                        .field("url", url)
                        .known("code", code.clone().unwrap_or_default())
                        .field("reason", if message.is_empty() { "closed" } else { message }),
                );
            }
            SessionEvent::EndpointStatus {
                name,
                status,
                reason,
                detail,
            } => {
                self.printer.print(
                    &line(Level::Info, "endpoints", "endpoint status")
                        .field("name", name)
                        .field("status", status)
                        .known("reason", reason)
                        .known("detail", detail),
                );
            }
            SessionEvent::Notice { level, code, text, url } => {
                let level = if level == "info" { Level::Info } else { Level::Warn };
                self.printer.print(
                    &line(level, "session", "warning")
                        .known("code", code)
                        .field("text", text)
                        .known("url", url),
                );
            }
            SessionEvent::Draining { reason, deadline } => {
                self.printer.print(
                    &line(Level::Info, "session", "draining")
                        .known("reason", reason)
                        .field("deadline", seconds(*deadline)),
                );
            }
            SessionEvent::UpstreamFailed {
                name,
                upstream,
                visitor: _,
                error,
            } => {
                self.printer.print(
                    &line(Level::Warn, "endpoints", "upstream dial failed")
                        .field("name", name)
                        .field("addr", upstream)
                        .field("err", error),
                );
            }
            SessionEvent::UpstreamUp { name, upstream } => {
                self.printer.print(
                    &line(Level::Info, "endpoints", "upstream up")
                        .field("name", name)
                        .field("addr", upstream),
                );
            }
            SessionEvent::RemoteCommand { command, accepted } => {
                self.printer.print(
                    &line(Level::Info, "session", "remote command")
                        .field("name", *command)
                        .field("accepted", accepted.to_string()),
                );
            }
            SessionEvent::Closed { cause } => {
                let cause = cause.as_ref().map_or_else(|| "closed".to_owned(), ToString::to_string);
                self.printer
                    .print(&line(Level::Debug, "session", "session closed").field("cause", cause));
            }
            // Later versions of the library may tell more; lines come with their catalogue entry.
            _ => {}
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f32())
}
