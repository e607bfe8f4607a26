//! Requests that the policy of their endpoint leaves alone: most of them. What can be told without a chain is told without
//! one; who asks again later, because guardrails or networks have changed, has one made then.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use adit_policy::{Phase, View};
use adit_snapshot::PolicyTrace;

use super::chain::{AsReceived, Chain, Verdict};
use super::connection::{self, micros};
use super::hop::Hop;
use super::tables::OfOrganization;
use super::view::{self, RequestFields};
use crate::secure::Conn;

/// A request that has met its endpoint's policy and no rule of it.
#[derive(Debug)]
pub(crate) struct LeftAlone {
    hop: Hop,
    client: IpAddr,
}

impl LeftAlone {
    /// Looks at a request that no guardrail is about. `None`: the policy has to be run.
    pub(crate) fn look(conn: &Conn, hop: Hop, request: &AsReceived<'_>, client: IpAddr) -> Option<Self> {
        let config = conn.node.config.load();
        if request.is_rewritten || config.policy_trace != PolicyTrace::Denied {
            return None;
        }
        let policy = hop.policy()?;
        let generation = config.told.networks_generation_of(hop.organization());
        if !policy.is_idle(Phase::TcpConnect) && !conn.has_passed(policy, generation) {
            return None;
        }
        let now = micros(SystemTime::now());
        let facts = hop.facts();
        let fields = RequestFields(request.head);
        let tables = OfOrganization {
            config: &config,
            organization: &facts.organization_id,
        };
        let connection = connection::of_http(conn, client);
        let view = View {
            now,
            seed: crate::forward::random(),
            connection: &connection,
            endpoint: facts,
            request: Some(view::request(
                request.head,
                &fields,
                request.id,
                conn.tls.is_some(),
                now,
            )),
            response: None,
            tables: &tables,
            state: &conn.node.policy_state,
        };
        policy.leaves_alone(&view).then_some(Self { hop, client })
    }

    /// One that has met nothing, as nothing stood there.
    pub(crate) fn by_all(hop: Hop, client: IpAddr) -> Self {
        Self { hop, client }
    }

    /// The chain that it would have had.
    pub(crate) fn into_chain(self, conn: &Conn, request: &AsReceived<'_>, host: &str) -> Box<Chain> {
        let mut chain = Chain::of_request(conn, request, host, self.client);
        chain.hops.push(self.hop);
        chain
    }

    /// What the policies and guardrails that are in force now would do with it, if they would not let it pass.
    pub(crate) fn refused_now(&self, conn: &Arc<Conn>, request: &AsReceived<'_>, host: &str) -> Option<Verdict> {
        let asked = Self {
            hop: self.hop.clone(),
            client: self.client,
        };
        let mut chain = asked.into_chain(conn, request, host);
        let refused = chain.refused_now(&conn.node);
        chain.give();
        refused
    }

    /// Who asks.
    pub(crate) fn client_ip(&self) -> IpAddr {
        self.client
    }
}
