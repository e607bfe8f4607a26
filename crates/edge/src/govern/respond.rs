//! The way back: the response passes the policies of the endpoints that the request has passed, the innermost first.

use std::sync::Arc;

use adit_http1::{Head, Known, Version};
use adit_policy::{Decision, Edit, Phase};

use super::asker::Asker;
use super::chain::Chain;
use super::run::Scene;
use crate::forward::rewrite_request;
use crate::http::{RequestFacts, Visitor, VisitorError};
use crate::node::Node;
use crate::reply::Answer;
use crate::secure::Conn;

/// What policies made of a response.
#[derive(Debug)]
pub(crate) enum Responded {
    /// Its head was changed in place; its body is the upstream's.
    Edited,
    /// This goes to the visitor instead, and the upstream is given up.
    Replaced(Answer),
    /// The connection ends.
    Close,
}

/// The head of a response that a policy gives.
pub(super) fn head(status: u16, headers: &[(String, String)]) -> Head {
    let mut head = Head::new();
    head.start_response(status);
    for (name, value) in headers {
        head.push(name.as_bytes(), value.as_bytes());
    }
    head
}

/// The length of a body that is known stands in its head.
fn measured(head: &mut Head, body: &[u8]) {
    if !matches!(head.status(), 204 | 304) {
        head.set(b"Content-Length", body.len().to_string().as_bytes());
    }
}

impl Chain {
    /// A response of the upstream, whose head is ready for the visitor.
    ///
    /// # Errors
    /// The visitor has left while a policy waited.
    pub(crate) async fn response(
        &mut self,
        conn: &Arc<Conn>,
        response: &mut Head,
        visitor: &mut dyn Visitor,
    ) -> Result<Responded, VisitorError> {
        let origin = if self.hops.len() > 1 { "internal" } else { "upstream" };
        let mut body = None;
        let mut asker = Asker::Request(visitor);
        let ended = self
            .walk_back(&conn.node, response, &mut body, origin, &mut asker)
            .await?;
        self.finish(response, 0);
        Ok(match (ended, body) {
            (Some(ended), _) => ended,
            (None, None) => {
                self.settle(&conn.node, response, origin);
                Responded::Edited
            }
            (None, Some(body)) => Responded::Replaced(Answer::given(response, body)),
        })
    }

    /// A response that a policy gave in place of the upstream's. `None`: the connection ends.
    pub(super) async fn respond(
        &mut self,
        node: &Node,
        mut response: Head,
        body: Vec<u8>,
        asker: &mut Asker<'_>,
    ) -> Result<Option<Answer>, VisitorError> {
        measured(&mut response, &body);
        let mut body = Some(body);
        let ended = self
            .walk_back(node, &mut response, &mut body, "custom-response", asker)
            .await?;
        self.finish(&mut response, 0);
        Ok(match ended {
            Some(Responded::Replaced(answer)) => Some(answer),
            Some(Responded::Close) => None,
            Some(Responded::Edited) | None => Some(Answer::given(&response, body.unwrap_or_default())),
        })
    }

    /// Runs `on_http_response` of all endpoints that were passed.
    async fn walk_back(
        &mut self,
        node: &Node,
        response: &mut Head,
        body: &mut Option<Vec<u8>>,
        mut origin: &'static str,
        asker: &mut Asker<'_>,
    ) -> Result<Option<Responded>, VisitorError> {
        for at in (0..self.hops.len()).rev() {
            let Some(policy) = self.hops.get(at).and_then(|hop| hop.policy()).cloned() else {
                continue;
            };
            let scene = Scene {
                node,
                at,
                policy: &policy,
                phase: Phase::HttpResponse,
                response: Some((response, origin)),
            };
            match self.run(scene, asker).await? {
                Decision::Pass | Decision::Forward { .. } => {}
                Decision::Respond {
                    status,
                    headers,
                    body: new,
                    ..
                } => {
                    self.exchange.response_replaced();
                    let date = response.get(Known::Date).map(<[u8]>::to_vec);
                    *response = head(status, &headers);
                    measured(response, &new);
                    if let Some(date) = date {
                        response.set(b"Date", &date);
                    }
                    *body = Some(new);
                    origin = "custom-response";
                }
                Decision::Refuse { status, code, headers } => {
                    self.exchange.response_replaced();
                    return Ok(Some(Responded::Replaced(self.refused(status, code, headers))));
                }
                Decision::Close => return Ok(Some(Responded::Close)),
            }
        }
        Ok(None)
    }

    /// Puts the changes of the response's fields into its head, but for the first `done`.
    pub(super) fn finish(&self, response: &mut Head, done: usize) {
        for edit in self.exchange.edits().iter().skip(done) {
            match edit {
                Edit::Add {
                    response: true,
                    name,
                    value,
                } => {
                    response.push(name.as_bytes(), value.as_bytes());
                }
                Edit::Remove { response: true, name } => {
                    response.remove_name(name.as_bytes());
                }
                Edit::Add { .. } | Edit::Remove { .. } | Edit::Host(_) | Edit::Target(_) => {}
            }
        }
    }

    /// Writes the head that goes to this member's upstream: the visitor's, made ready, with what policies changed.
    /// Returns the glitches that were seen.
    ///
    /// # Errors
    /// 500 `ERR_NGROK_3900` if a policy made a target that none can be.
    pub(crate) fn dress(
        &self,
        request: &mut Head,
        conn: &Conn,
        host_header: Option<&str>,
        facts: &RequestFacts,
    ) -> Result<u32, Answer> {
        let Some(received) = &self.received else {
            return Err(Answer::internal());
        };
        request.clone_from(&received.head);
        let glitches = if received.is_rewritten {
            0
        } else {
            rewrite_request(request, conn, host_header, facts, &received.id)
        };
        for edit in self.exchange.edits() {
            match edit {
                Edit::Add {
                    response: false,
                    name,
                    value,
                } => {
                    request.push(name.as_bytes(), value.as_bytes());
                }
                Edit::Remove { response: false, name } => {
                    request.remove_name(name.as_bytes());
                }
                Edit::Host(host) => {
                    request.set(b"Host", host.as_bytes());
                }
                Edit::Target(target) => {
                    if request.set_target(target.as_bytes()).is_err() {
                        return Err(self.refused(500, Some(adit_names::code::ErrorCode::NGROK_3900), Vec::new()));
                    }
                }
                Edit::Add { .. } | Edit::Remove { .. } => {}
            }
        }
        if facts.version == Version::Http2 {
            request.train_case_names();
        }
        Ok(glitches)
    }
}
