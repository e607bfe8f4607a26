//! The one way out, as the operator set it.

use std::net::SocketAddr;
use std::sync::Arc;

use adit_outbound::{Client, Guard, Options, Resolve, Resolved, SystemResolver};
use adit_tls::Roots;

use crate::config::Settings;

/// The client; `own` is where this server listens.
///
/// # Errors
/// The certificates that the system trusts cannot be read.
pub(crate) fn client(settings: &Settings, own: &[SocketAddr]) -> Result<Client, adit_tls::Error> {
    let outbound = &settings.outbound;
    let resolver: Arc<dyn Resolve> = match SystemResolver::new() {
        Ok(resolver) => Arc::new(resolver),
        Err(error) => {
            tracing::warn!(
                error,
                "names cannot be resolved: policies reach addresses and internal endpoints only"
            );
            Arc::new(NoNames(error))
        }
    };
    Client::new(Options {
        guard: Guard {
            allow: outbound.allow.iter().map(|place| place.0.clone()).collect(),
            policy_external: outbound.policy_external,
            own: own.to_vec(),
        },
        resolver,
        roots: Roots::Platform,
    })
}

/// In the place of a resolver that cannot be had, and why.
struct NoNames(String);

impl Resolve for NoNames {
    fn resolve<'r>(&'r self, _: &'r str) -> Resolved<'r> {
        Box::pin(async { Err(self.0.clone()) })
    }
}
