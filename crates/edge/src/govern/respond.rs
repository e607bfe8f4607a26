//! The way back: the response passes the policies of the endpoints that the request has passed, the innermost first.

use std::sync::Arc;

use adit_http1::{Head, Known, Version};
use adit_policy::{Decision, Edit, Phase};
use bytes::Bytes;
use smallvec::SmallVec;

use super::asker::Asker;
use super::chain::Chain;
use super::run::Scene;
use crate::forward::{Behind, rewrite_request};
use crate::http::{RequestFacts, VisitorError};
use crate::node::Node;
use crate::reply::Answer;
use crate::secure::Conn;

/// What policies made of a response.
#[derive(Debug)]
pub(crate) enum Responded {
    /// Its head was changed in place; this is its body if a policy read it, else it is the upstream's.
    Edited(Option<Bytes>),
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
        behind: &mut dyn Behind,
    ) -> Result<Responded, VisitorError> {
        let origin = if self.hops.len() > 1 { "internal" } else { "upstream" };
        let mut asker = Asker::Response { conn, behind };
        let (ended, is_own) = self.walk_back(&conn.node, response, origin, &mut asker).await?;
        self.finish(response, 0);
        let body = self.exchange.take_response_body();
        Ok(match ended {
            Some(ended) => ended,
            None if is_own => Responded::Replaced(Answer::given(response, body.unwrap_or_default().into())),
            None => {
                self.settle(&conn.node, response, origin);
                Responded::Edited(body)
            }
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
        self.exchange.set_response_body(body);
        let (ended, _) = self.walk_back(node, &mut response, "custom-response", asker).await?;
        self.finish(&mut response, 0);
        let body = self.exchange.take_response_body().unwrap_or_default();
        Ok(match ended {
            Some(Responded::Replaced(answer)) => Some(answer),
            Some(Responded::Close) => None,
            Some(Responded::Edited(_)) | None => Some(Answer::given(&response, body.into())),
        })
    }

    /// Runs `on_http_response` of all endpoints that were passed, and of the guardrails around them. Also says whether the response is a policy's own now,
    /// its body among those that policies see.
    async fn walk_back(
        &mut self,
        node: &Node,
        response: &mut Head,
        mut origin: &'static str,
        asker: &mut Asker<'_>,
    ) -> Result<(Option<Responded>, bool), VisitorError> {
        let mut is_own = false;
        let layers = (0..self.levels()).rev().flat_map(|at| {
            let layers = self.layers_back(at, Phase::HttpResponse);
            layers.into_iter().map(move |layer| (at, layer))
        });
        for (at, (policy, guardrail)) in layers.collect::<SmallVec<[_; 2]>>() {
            let scene = Scene {
                node,
                at,
                policy: &policy,
                guardrail: guardrail.as_ref(),
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
                    self.exchange.set_response_body(new);
                    is_own = true;
                    origin = "custom-response";
                }
                Decision::Refuse { status, code, headers } => {
                    self.exchange.response_replaced();
                    let refused = self.refused(status, code, headers);
                    return Ok((Some(Responded::Replaced(refused)), is_own));
                }
                Decision::Close => return Ok((Some(Responded::Close), is_own)),
            }
        }
        Ok((None, is_own))
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
        request.copy_from(&received.head);
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
