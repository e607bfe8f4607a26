//! The usual case: one upstream, one agent, one name.

use super::agent::Agent;
use super::h2_visitor::H2;
use super::message::{Message, Of};
use super::server::Server;
use super::upstream::{Service, Upstream};
use super::visitor::Visitor;

/// An HTTP endpoint whose service is `U`: [`Upstream`] when the test plays it step by step, [`Service`] when it
/// answers by a rule.
#[derive(Debug)]
pub(crate) struct Site<'a, U> {
    pub(crate) server: &'a Server,
    pub(crate) upstream: U,
    pub(crate) agent: Agent,
    pub(crate) host: String,
}

impl<'a> Site<'a, Upstream> {
    /// `https://NAME.adit.localhost`, with more flags for the agent.
    #[track_caller]
    pub(crate) fn scripted(server: &'a Server, name: &str, flags: &[&str]) -> Self {
        let upstream = Upstream::bind();
        let host = server.host(name);
        let agent = Agent::http(server, upstream.address())
            .url(&format!("https://{host}"))
            .args(flags)
            .start();
        Self {
            server,
            upstream,
            agent,
            host,
        }
    }
}

impl<'a> Site<'a, Service> {
    /// The same; `answer` makes the whole response to each request.
    #[track_caller]
    pub(crate) fn answering(
        server: &'a Server,
        name: &str,
        flags: &[&str],
        answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let upstream = Service::start(answer);
        let host = server.host(name);
        let agent = Agent::http(server, upstream.address())
            .url(&format!("https://{host}"))
            .args(flags)
            .start();
        Self {
            server,
            upstream,
            agent,
            host,
        }
    }
}

impl<U> Site<'_, U> {
    /// A TLS connection that speaks HTTP/1.1.
    #[track_caller]
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::tls(self.server, &self.host)
    }

    /// A connection that speaks HTTP/2.
    #[track_caller]
    pub(crate) fn h2(&self) -> H2 {
        H2::connect(self.server, &self.host)
    }

    /// One `GET` on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Message {
        let mut visitor = self.visitor();
        visitor.send(self.get_text(target));
        visitor.receive(Of::Get)
    }

    /// The text of a plain `GET`.
    pub(crate) fn get_text(&self, target: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host)
    }
}
