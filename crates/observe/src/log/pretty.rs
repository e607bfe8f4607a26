//! Lines of the log for people at a terminal: time, status, method and URL, duration, size, visitor.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use super::policy::refused_by;
use super::{instant, lossy};
use crate::activity::{Activity, ActivityEvent};
use crate::label::EndpointStatus;
use crate::outcome::connection::ConnectionOutcome;
use crate::outcome::policy::Policies;
use crate::outcome::request::RequestOutcome;
use crate::record::{Finished, Record};
use crate::redact::Redaction;

/// Appends the line of a finished exchange or connection.
pub(crate) fn finished(out: &mut String, record: &Record<'_>, redaction: &Redaction) {
    let _ = write!(out, "{} ", instant(record.at).strftime("%H:%M:%S%.3f"));
    let _ = match &record.outcome {
        Finished::Request(outcome) => request(out, outcome, redaction),
        Finished::Connection(outcome) => connection(out, outcome),
    };
    out.push('\n');
}

/// Appends the line of an activity, if it has one.
pub(crate) fn activity(out: &mut String, event: &ActivityEvent) -> bool {
    if event.activity.event_type().is_none() {
        return false;
    }
    let _ = write!(out, "{} ", instant(event.at).strftime("%H:%M:%S%.3f"));
    let _ = occurrence(out, &event.activity);
    out.push('\n');
    true
}

fn request(out: &mut String, outcome: &RequestOutcome<'_>, redaction: &Redaction) -> fmt::Result {
    match outcome.status {
        0 => out.write_str("---")?,
        status => write!(out, "{status}")?,
    }
    let scheme = if outcome.secure { "https" } else { "http" };
    let query = redaction.query(outcome.query);
    let mark = if query.is_empty() { "" } else { "?" };
    write!(
        out,
        " {} {scheme}://{}{}{mark}{} {} {}B {}",
        Visible(&lossy(outcome.method)),
        Visible(&lossy(outcome.host)),
        Visible(&lossy(outcome.path)),
        Visible(&lossy(&query)),
        Micros(outcome.timings.total_us),
        outcome.bytes_out,
        outcome.visitor.client_ip.to_canonical(),
    )?;
    ending(out, outcome.outcome, outcome.error_code, outcome.error_side)?;
    refusing(out, outcome.policies)
}

fn connection(out: &mut String, outcome: &ConnectionOutcome<'_>) -> fmt::Result {
    write!(
        out,
        "{} {} {} {}B in {}B out {}",
        outcome.protocol.as_str(),
        Visible(outcome.target.endpoint_url),
        Micros(outcome.timings.total_us),
        outcome.bytes_in,
        outcome.bytes_out,
        outcome.visitor.client_ip.to_canonical(),
    )?;
    ending(out, outcome.outcome, outcome.error_code, outcome.error_side)?;
    refusing(out, outcome.policies)
}

/// Which rule of a policy refused.
fn refusing(out: &mut String, policies: Policies<'_>) -> fmt::Result {
    match refused_by(policies) {
        Some((rule, action)) => write!(out, " by {} {}", Visible(rule), Visible(action)),
        None => Ok(()),
    }
}

/// How it ended, unless as it should.
fn ending(out: &mut String, outcome: crate::Outcome, code: Option<&str>, side: Option<crate::Side>) -> fmt::Result {
    if outcome != crate::Outcome::Completed {
        write!(out, " {}", outcome.as_str())?;
    }
    if let Some(code) = code {
        write!(out, " {}", Visible(code))?;
    }
    if let Some(side) = side {
        write!(out, " ({})", side.as_str())?;
    }
    Ok(())
}

fn occurrence(out: &mut String, activity: &Activity) -> fmt::Result {
    match activity {
        Activity::SessionStarted(session) => write!(
            out,
            "agent {} connected: {}",
            Visible(&session.id),
            Visible(&session.user_agent)
        ),
        Activity::SessionUpdated(session, change) => write!(
            out,
            "agent {} {}: {} connections",
            Visible(&session.id),
            change.as_str(),
            change.legs()
        ),
        Activity::SessionStopped(session, end) => write!(
            out,
            "agent {} left: {} {}",
            Visible(&session.id),
            end.stop_code.as_str(),
            Visible(&end.error)
        ),
        Activity::Endpoint(change) => {
            let status = change.status.map_or("gone", EndpointStatus::as_str);
            write!(out, "endpoint {} {status}", Visible(&change.endpoint.url))?;
            match change.status {
                Some(EndpointStatus::Online) => {
                    write!(out, " -> {}", Visible(&change.endpoint.upstream_url))
                }
                Some(EndpointStatus::Degraded | EndpointStatus::Offline) | None => {
                    write!(out, ": {}", change.reason.as_str())
                }
            }
        }
        Activity::Refused(summary) => {
            write!(
                out,
                "refused {} x{}: {} from {}",
                summary.kind.as_str(),
                summary.count,
                summary.reason.as_str(),
                summary.example_ip.to_canonical(),
            )?;
            for text in [&summary.error_code, &summary.endpoint, &summary.example] {
                if !text.is_empty() {
                    write!(out, " {}", Visible(text))?;
                }
            }
            Ok(())
        }
    }
}

/// Text of visitors and agents for a terminal: characters that move the cursor, begin a command or turn the
/// direction of writing are shown as escapes.
struct Visible<'a>(&'a str);

impl Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    write!(f, "{}", character.escape_unicode())?;
                }
                _ if character.is_control() => write!(f, "{}", character.escape_default())?,
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// A duration in microseconds with a fitting unit.
struct Micros(u64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1?}", Duration::from_micros(self.0))
    }
}
