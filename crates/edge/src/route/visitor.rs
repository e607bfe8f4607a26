//! From where an organisation's endpoints may be visited: asked before anything else is done for a visitor.

use std::net::IpAddr;

use adit_http1::Head;
use adit_snapshot::EdgeConfig;

use super::Routed;
use crate::forward;
use crate::reply::Answer;
use crate::secure::Conn;

/// Whether this request may go to endpoints of `organization`.
///
/// # Errors
/// 403 `ERR_NGROK_3205`.
pub(super) fn check(config: &EdgeConfig, conn: &Conn, head: &Head, organization: &str) -> Result<(), Answer> {
    if !config.told.has_restrictions() {
        return Ok(());
    }
    let ip = forward::client_ip(head, conn);
    if config.told.visitor_may_come_from(organization, ip) {
        Ok(())
    } else {
        Err(Answer::address_blocked(ip))
    }
}

/// Whether a connection from this address to a name on the TLS port has to end before TLS begins: every endpoint of
/// the name would refuse it. What a trusted proxy stands for is known only from its requests.
pub(crate) fn blocks_name(config: &EdgeConfig, routed: &Routed, ip: IpAddr) -> bool {
    let told = &config.told;
    if !told.has_restrictions() || (!routed.is_passthrough() && config.is_trusted_proxy(ip)) {
        return false;
    }
    !told.visitor_may_come_from(routed.organization(), ip)
}

/// The same for a TCP port.
pub(crate) fn blocks_port(config: &EdgeConfig, routed: &Routed, ip: IpAddr) -> bool {
    !config.told.visitor_may_come_from(routed.organization(), ip)
}
