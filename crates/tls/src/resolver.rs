//! Which identity answers for which name: one question, asked once per full handshake.

use std::fmt;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::client_hello::host_name;
use crate::identity::Identity;

/// Finds the identity for a name. Called on the data workers for each handshake, so it must not
/// block; the edge answers from its snapshot.
pub trait Resolver: Send + Sync + fmt::Debug {
    /// The identity to present to a client that asked for `server_name` (in the form of
    /// [`crate::client_hello::ClientHello::server_name`]). `None` ends the handshake with
    /// `unrecognized_name`.
    fn identity(&self, server_name: Option<&str>) -> Option<Identity>;
}

/// An identity is the resolver that always answers with itself.
impl Resolver for Identity {
    fn identity(&self, _server_name: Option<&str>) -> Option<Identity> {
        Some(self.clone())
    }
}

/// What rustls asks.
#[derive(Debug)]
pub(crate) struct Adapter(pub(crate) Arc<dyn Resolver>);

impl ResolvesServerCert for Adapter {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().and_then(|n| host_name(n.as_bytes()));
        self.0.identity(name.as_deref())?.choose(hello.signature_schemes())
    }
}
