//! Streams that are kept for the next request (edge 7.8): those of a member are anybody's; one that is pinned belongs to
//! one connection of a visitor.
//!
//! Logins of NTLM and Negotiate hold for the upstream's connection and not for a request, so what follows on the
//! visitor's connection goes over the same stream, and nobody else's request ever does.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use adit_cluster::{AgentStream, Directory, Member, MemberKey};
use adit_http1::{Head, Known};

use crate::http::Visitor;

/// A stream kept between the requests of one connection; ended with it, and when its agent or this node leaves: it
/// lies with the idle streams of its member.
#[derive(Debug)]
pub(crate) struct Pinned {
    ticket: u64,
    member: Arc<Member>,
    directory: Arc<Directory>,
}

impl Pinned {
    pub(super) fn new(stream: AgentStream, member: Arc<Member>, directory: Arc<Directory>) -> Self {
        Self {
            ticket: member.idle().pin(stream),
            member,
            directory,
        }
    }

    /// The member that it leads to.
    pub(super) fn member(&self) -> MemberKey {
        self.member.key
    }

    fn take(&self) -> Option<AgentStream> {
        self.member.idle().unpin(self.ticket).and_then(quiet)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(stream) = self.member.idle().unpin(self.ticket) {
            self.directory.end_stream(stream);
        }
    }
}

/// What there is for a request.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) stream: Option<AgentStream>,
    /// It belongs to the visitor's connection.
    pub(super) is_pinned: bool,
}

impl Kept {
    /// The stream of the visitor's own, whatever its age: its login is worth more than the risk that the upstream closes
    /// it in this moment. Else the newest idle one of the member, if it was idle for at most `max_age`; with none, no
    /// such stream may be used.
    pub(super) fn take<V: Visitor>(visitor: &mut V, member: &Member, now: Instant, max_age: Option<Duration>) -> Self {
        let own = visitor
            .pinned()
            .and_then(|place| place.take_if(|p| p.member() == member.key))
            .and_then(|pinned| pinned.take());
        Self {
            is_pinned: own.is_some(),
            stream: own.or_else(|| idle(member, now, max_age?)),
        }
    }
}

fn idle(member: &Member, now: Instant, max_age: Duration) -> Option<AgentStream> {
    loop {
        if let Some(stream) = quiet(member.idle().take(now, max_age)?) {
            return Some(stream);
        }
    }
}

/// The stream, if nothing has happened on it since its last response: else its upstream has closed it, or what came is
/// the answer to nothing, and must not become the next visitor's.
fn quiet(mut stream: AgentStream) -> Option<AgentStream> {
    let no_wake = Context::from_waker(Waker::noop());
    stream.poll_chunk(&no_wake).is_pending().then_some(stream)
}

/// Whether an exchange is part of a login that holds for the connection: the upstream asks for one, or the visitor
/// sends its part, after which the upstream need not say so any more.
pub(super) fn authenticates_connection(request: &Head, response: &Head) -> bool {
    let is_such = |value: &[u8]| {
        let scheme = value.split(|b| *b == b' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
    };
    // A field may carry several challenges; their order is the upstream's.
    let mut asked = response.get_all(Known::WwwAuthenticate);
    asked.any(|field| field.split(|b| *b == b',').any(|c| is_such(c.trim_ascii())))
        || request.get_all(Known::Authorization).any(is_such)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_of_connections_are_told_by_either_side() {
        let told = |request: &str, response: &str| {
            let (mut asked, mut answered) = (Head::default(), Head::default());
            answered.start_response(401);
            asked.push(b"Authorization", request.as_bytes());
            answered.push(b"WWW-Authenticate", response.as_bytes());
            authenticates_connection(&asked, &answered)
        };
        assert!(told("Basic eDp5", "NTLM"));
        assert!(told("Basic eDp5", "Negotiate oYG2"));
        assert!(told("Basic eDp5", "Basic realm=\"x\", negotiate"));
        assert!(told("NTLM TlRMTVNTUAAB", "Basic"));
        assert!(told("negotiate YII", "Basic"));
        assert!(!told("Basic eDp5", "Basic realm=\"ntlm\""));
        assert!(!told("Bearer x", "NTLMv9"));
    }
}
