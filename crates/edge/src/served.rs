//! A stream to an agent that carries a connection's bytes, and to what it belongs.

use std::sync::Arc;
use std::time::Instant;

use adit_cluster::{Came, Member, Pool, UpstreamFailure};
use adit_observe::EndpointReason;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::flows::Flow;
use crate::forward::{self, Opened};
use crate::node::Node;
use crate::relay::{self, RelayEnd, Relayed};

/// What the open stream belongs to.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) opened: Opened,
    pub(crate) pool: Arc<Pool>,
    pub(crate) member: Arc<Member>,
    pub(crate) flow: Arc<Flow>,
}

impl Served {
    /// Moves bytes both ways until both sides have ended; the first `sent` bytes of the visitor are with the agent.
    /// Also says what it came to about the endpoint.
    pub(crate) async fn relay<IO: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        sent: usize,
        node: &Node,
    ) -> Relayed {
        let taking = self.opened.taking.take();
        let (member, stream) = (&self.member, &mut self.opened.stream);
        let pool = &self.pool;
        let answered = || {
            node.came(pool, member, Came::Answered);
            node.upstream_answered(member, Instant::now());
        };
        let mut relayed = relay::relay(io, stream, Bytes::new(), Bytes::new(), taking, &self.flow, answered).await;
        relayed.bytes_in += sent as u64;
        if relayed.bytes_out == 0 {
            relayed.upstream_refused = self.silent(&relayed, node).await;
        }
        relayed
    }

    /// Not a byte came back: says what that means. True if the upstream was not reached.
    async fn silent(&mut self, relayed: &Relayed, node: &Node) -> bool {
        if matches!(relayed.end, RelayEnd::SessionLost | RelayEnd::Visitor | RelayEnd::Cut) {
            return false;
        }
        let member = &self.member;
        if self.opened.causes.is_none() {
            // An open SDK closes the stream if its upstream cannot be reached. So it does if the upstream closes in
            // silence: that alone does not prove that the upstream is down.
            if relayed.agent_ended_first {
                node.upstream_failed(member, Instant::now(), silence());
            }
            return false;
        }
        let cause = match relayed.end {
            RelayEnd::Agent => forward::dial_failed(self.opened.causes.take()).await,
            _ => None,
        };
        match cause {
            Some(cause) => {
                node.came(&self.pool, member, Came::Failed);
                node.upstream_failed(member, Instant::now(), forward::not_reached(&cause));
                true
            }
            None => {
                node.came(&self.pool, member, Came::Answered);
                node.upstream_answered(member, Instant::now());
                false
            }
        }
    }
}

fn silence() -> UpstreamFailure {
    UpstreamFailure {
        reason: EndpointReason::UpstreamRefused,
        is_connect: false,
        detail: "the agent closed the connection before a byte came".to_owned(),
    }
}
