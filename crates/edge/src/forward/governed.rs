//! Pumping an exchange whose response passes policies: it stands still at the head of the response until they have
//! spoken.

use adit_cluster::Member;

use super::pump::{End, Pump};
use super::upstream::Upstream;
use super::verdict;
use crate::govern::{Chain, Responded};
use crate::http::Visitor;
use crate::node::Node;

/// Pumps to the end.
pub(super) async fn pumped<V: Visitor, U: Upstream>(
    pump: &mut Pump<'_, V, U>,
    node: &Node,
    member: &Member,
    chain: &mut Option<Box<Chain>>,
) -> End {
    loop {
        match (verdict::pumped(pump, node, member).await, chain.as_deref_mut()) {
            (End::Head, Some(chain)) => {
                chain.upstream_answered(node, pump.response.status() >= 500);
                match chain.response(node, pump.response) {
                    Responded::Edited => {}
                    Responded::Replaced(answer) => return End::Replaced(answer),
                    Responded::Close => return End::Closed,
                }
                if let Err(error) = pump.send_head() {
                    return End::Visitor(error);
                }
            }
            (end, _) => return end,
        }
    }
}
