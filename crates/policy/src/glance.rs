//! A look at a request before anything is set up for it. Most requests match no rule of their policy; where predicates of
//! the first tier alone can tell, the exchange needs no machine, no overlay and no memory of its own (traffic policy 7.1).

use crate::compile::{Policy, Rule};
use crate::document::Phase;
use crate::exchange::Facts;
use crate::expr::{Budget, Overlay, Scope};
use crate::step::TICK_RULES;
use crate::view::View;

impl Policy {
    /// Whether this policy surely leaves the exchange of a request alone: no rule of its request phase applies, no later
    /// phase has any, and nothing is read of a body. A [`Run`](crate::Run) over `view` then passes, and leaves no verdict,
    /// error or edit. `false` says nothing: the policy has to be run.
    ///
    /// Of `on_tcp_connect`, which is the connection's, it says nothing.
    #[must_use]
    pub fn leaves_alone(&self, view: &View<'_>) -> bool {
        let rules = self.rules(Phase::HttpRequest);
        let later = [Phase::HttpResponse, Phase::EventStreamMessage];
        if self.sees_body || rules.len() > TICK_RULES as usize || !later.into_iter().all(|phase| self.is_idle(phase)) {
            return false;
        }
        let (overlay, facts, budget) = (Overlay::default(), Facts::default(), Budget::default());
        let scope = Scope {
            view,
            overlay: &overlay,
            vars: &[],
            results: &[],
            extra: &[],
            bodies: None,
            facts: Some(&facts),
            budget: &budget,
            draws: 0.into(),
        };
        rules.iter().all(|rule| rule.surely_does_not_apply(&scope))
    }
}

impl Rule {
    fn surely_does_not_apply(&self, scope: &Scope<'_>) -> bool {
        for (_, program) in &self.expressions {
            match program.at_a_glance(scope) {
                Some(true) => {}
                Some(false) => return true,
                None => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use adit_names::endpoint_url::Scheme;

    use super::*;
    use crate::state::State;
    use crate::subject::Subject;
    use crate::view::{Connection, Endpoint, NoTables, Request};

    fn is_left_alone(policy: &str) -> bool {
        let policy = crate::compile(policy, Subject::agent(Scheme::Https)).unwrap();
        let client: SocketAddr = "203.0.113.10:51000".parse().unwrap();
        let connection = Connection::new(client, client);
        let endpoint = Endpoint {
            scheme: Scheme::Https,
            host: "app.example.com".to_owned(),
            port: 443,
            url: "https://app.example.com".to_owned(),
            id: String::new(),
            name: String::new(),
            metadata: String::new(),
            kind: "agent",
            agent_id: String::new(),
            organization_id: String::new(),
            organization_name: String::new(),
        };
        let fields = vec![("X-A".to_owned(), b"1".to_vec())];
        policy.leaves_alone(&View {
            now: 0,
            seed: 7,
            connection: &connection,
            endpoint: &endpoint,
            request: Some(Request {
                id: "",
                method: "GET",
                version: "HTTP/1.1",
                scheme: Scheme::Https,
                authority: "app.example.com",
                target: "/p",
                fields: &fields,
                content_length: None,
                received_at: 0,
            }),
            response: None,
            tables: &NoTables,
            state: &State::default(),
        })
    }

    fn rule(expressions: &str) -> String {
        format!("on_http_request:\n  - expressions: [{expressions}]\n    actions: [{{type: deny}}]\n")
    }

    #[test]
    fn only_what_surely_does_not_apply_is_left_alone() {
        let other = "\"req.method == 'PUT'\"";
        let this = "\"hasReqHeader('x-a')\"";
        assert!(is_left_alone(&rule(other)));
        assert!(is_left_alone(&rule(&format!("{this}, {other}"))));
        assert!(!is_left_alone(&rule(this)));
        assert!(!is_left_alone("on_http_request:\n  - actions: [{type: deny}]\n"));
        // An error is told by a run alone, and so is what the second tier evaluates.
        assert!(!is_left_alone(&rule("\"getReqHeader('x-none')[0] == 'a'\"")));
        assert!(!is_left_alone(&rule("\"req.method + 'x' == 'PUT'\"")));
        // Somebody has to look at the response.
        let later = "on_http_response:\n  - actions: [{type: deny}]\n";
        assert!(!is_left_alone(&format!("{}{later}", rule(other))));
        // More rules than are looked at without the clock.
        let one = "  - expressions: [\"req.method == 'PUT'\"]\n    actions: [{type: deny}]\n";
        let many = |count: usize| format!("on_http_request:\n{}", one.repeat(count));
        assert!(is_left_alone(&many(64)));
        assert!(!is_left_alone(&many(65)));
    }
}
