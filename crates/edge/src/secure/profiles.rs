//! The TLS profiles of a node: one for endpoints, one for agents, one for `tls://` endpoints terminated here,
//! and those that a bind brought along.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use adit_cluster::{Member, MemberKey};
use adit_tls::{ClientAuth, ClientRoots, Identity, Resolver, ServerProfile, TicketKeys};

/// Protocols of HTTP endpoints, in our order.
const HTTP: &[&[u8]] = &[b"h2", b"http/1.1", b"http/1.0"];
/// Most profiles that binds brought along; beyond, one is made per handshake.
const SPECIAL_MAX: usize = 4096;

/// Profiles of a node. One profile serves any number of names: certificates come from the resolver.
#[derive(Debug)]
pub(crate) struct Profiles {
    pub(crate) endpoints: ServerProfile,
    pub(crate) connect: ServerProfile,
    /// `tls://` endpoints that end here: no ALPN, since what the upstream speaks is not known.
    pub(crate) tls_endpoints: ServerProfile,
    special: Mutex<HashMap<MemberKey, ServerProfile, foldhash::fast::RandomState>>,
    resolver: Arc<dyn Resolver>,
    tickets: TicketKeys,
}

impl Profiles {
    /// Profiles whose certificates come from `resolver`.
    ///
    /// # Errors
    /// When the TLS library refuses a profile.
    pub(crate) fn new(resolver: Arc<dyn Resolver>, tickets: TicketKeys) -> Result<Self, adit_tls::Error> {
        let base = || ServerProfile::builder(resolver.clone()).tickets(tickets.clone());
        Ok(Self {
            endpoints: base().alpn(HTTP).build()?,
            connect: base().alpn(&[b"adit-agent/1"]).build()?,
            tls_endpoints: base().build()?,
            special: Mutex::new(HashMap::default()),
            resolver,
            tickets,
        })
    }

    /// The profile of an endpoint whose bind brought a certificate or client authorities; `None` when it
    /// brought neither.
    ///
    /// # Errors
    /// When certificate, key or authorities cannot be used.
    pub(crate) fn special(&self, member: &Member, http: bool) -> Result<Option<ServerProfile>, adit_tls::Error> {
        let o = &member.options;
        if o.tls_identity_pem.is_none() && o.mutual_tls_ca_pem.is_none() {
            return Ok(None);
        }
        if let Some(p) = self.special.lock().ok().and_then(|s| s.get(&member.key).cloned()) {
            return Ok(Some(p));
        }
        let resolver: Arc<dyn Resolver> = match &o.tls_identity_pem {
            Some((chain, key)) => Arc::new(Fixed(Identity::from_pem(chain, key)?)),
            None => self.resolver.clone(),
        };
        let mut builder = ServerProfile::builder(resolver).tickets(self.tickets.clone());
        if http {
            builder = builder.alpn(HTTP);
        }
        if let Some(ca) = &o.mutual_tls_ca_pem {
            builder = builder.client_auth(ClientAuth::Require {
                roots: ClientRoots::from_pem(ca)?,
            });
        }
        let profile = builder.build()?;
        if let Ok(mut s) = self.special.lock() {
            if s.len() >= SPECIAL_MAX {
                s.clear();
            }
            s.insert(member.key, profile.clone());
        }
        Ok(Some(profile))
    }
}

/// The certificate of a bind, whatever name is asked for.
#[derive(Debug)]
struct Fixed(Identity);

impl Resolver for Fixed {
    fn identity(&self, _: Option<&str>) -> Option<Identity> {
        Some(self.0.clone())
    }
}
