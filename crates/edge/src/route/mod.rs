//! What a request's host means: the pool of endpoints that serve it, or why nobody does.

pub(crate) mod cloud;
mod routed;
pub(crate) mod visitor;

use adit_cluster::Class;
use adit_http1::Head;
use adit_names::host::CanonicalHost;
use adit_snapshot::ControlName;

use crate::reply::Answer;
use crate::secure::Conn;

pub(crate) use routed::{Routed, Side};

/// The canonical form of the last `Host` of a connection: nearly always the same one again.
#[derive(Debug, Default)]
pub(crate) struct HostCache {
    raw: Vec<u8>,
    canonical: String,
}

impl HostCache {
    /// The canonical host of a `Host` value.
    ///
    /// # Errors
    /// 400 `ERR_ADIT_4002` when it is not a host.
    pub(crate) fn canonical(&mut self, raw: &[u8]) -> Result<&str, Answer> {
        if self.canonical.is_empty() || self.raw != raw {
            let (host, _port) = CanonicalHost::from_host_header(raw).map_err(|_| Answer::bad_host())?;
            self.canonical.clear();
            self.canonical.push_str(host.as_str());
            self.raw.clear();
            self.raw.extend_from_slice(raw);
        }
        Ok(&self.canonical)
    }

    /// The canonical host that was last looked up.
    pub(crate) fn last(&self) -> &str {
        &self.canonical
    }
}

/// Finds the endpoints of `host` (canonical) for a request with this head on `conn`.
///
/// # Errors
/// 421 when this connection may not be used for the host, 403 when its organisation does not let this address in,
/// 404 when nothing is online under it.
pub(crate) fn route(conn: &Conn, head: &Head, host: &str) -> Result<Routed, Answer> {
    let class = if conn.tls.is_some() { Class::Sni } else { Class::Http };
    let pool = conn.node.directory.find(class, host);
    let config = conn.node.config.load();
    let routed = cloud::beside(&config.told, class, host, pool);
    if let Some(sni) = conn.sni.as_deref()
        && sni != host
        && !may_share(conn, sni, host, routed.as_ref())
    {
        return Err(Answer::misdirected());
    }
    match routed {
        Some(routed) if !routed.is_passthrough() => {
            visitor::check(&config, conn, head, routed.organization())?;
            Ok(routed)
        }
        _ if conn.tls.is_none() => Err(plain_answer(conn, host)),
        _ => Err(Answer::offline(host)),
    }
}

/// The answer on the plain port for a name without an `http://` endpoint: the TLS port, if the name lives
/// there. Never a redirect to a host that is not known.
fn plain_answer(conn: &Conn, host: &str) -> Answer {
    let config = conn.node.config.load();
    let control = config.control_name(host);
    // Who sends an API key in the clear must notice at once, not have it work after a redirect.
    let lives_there = control.is_some_and(|name| name != ControlName::Api)
        || conn
            .node
            .directory
            .find(Class::Sni, host)
            .is_some_and(|p| !p.is_passthrough())
        || config.told.find_cloud(Class::Sni, host).is_some();
    if lives_there {
        Answer::redirect_to_tls(host, config.public_ports.https)
    } else {
        Answer::offline(host)
    }
}

/// Whether a connection made for `sni` may carry requests for `host`: the certificate that was shown covers both, one
/// organisation owns both, and neither demands more of a visitor's TLS than the other. Everything else gets 421, and a
/// browser opens a new connection.
fn may_share(conn: &Conn, sni: &str, host: &str, of_host: Option<&Routed>) -> bool {
    let config = conn.node.config.load();
    if config.control_name(sni).is_some() || config.control_name(host).is_some() {
        return false;
    }
    let of_sni = cloud::beside(&config.told, Class::Sni, sni, conn.node.directory.find(Class::Sni, sni));
    let (Some(of_host), Some(of_sni)) = (of_host, of_sni) else {
        return false;
    };
    let one_label_below_base = |name: &str| {
        name.strip_suffix(config.base_domain.as_str())
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|label| !label.is_empty() && !label.contains('.'))
    };
    let same_rules = match (&of_host.pool, &of_sni.pool) {
        (Some(host), Some(sni)) => host.has_tls_rules_of(sni),
        // Those of the cloud are looked at below.
        (Some(one), None) | (None, Some(one)) => !one.has_tls_rules(),
        (None, None) => true,
    };
    one_label_below_base(sni)
        && one_label_below_base(host)
        && of_host.organization() == of_sni.organization()
        && !of_host.is_passthrough()
        && !of_sni.is_passthrough()
        && !of_host.has_tls_rules_of_cloud()
        && !of_sni.has_tls_rules_of_cloud()
        && same_rules
}
