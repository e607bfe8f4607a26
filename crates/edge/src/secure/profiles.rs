//! The TLS profiles of a node: one for endpoints, one for agents, one for `tls://` endpoints terminated here,
//! and those that a bind brought along.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use adit_cluster::{Member, MemberKey};
use adit_policy::{Revoked, TlsAuthority, TlsProfile, Verification};
use adit_tls::{ClientAuth, ClientRoots, Identity, Resolver, ServerProfile, TicketKeys, Version};
use aws_lc_rs::digest::{Context, SHA256};

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
    /// Those of policies, by what they say.
    said: Mutex<HashMap<[u8; 32], ServerProfile, foldhash::fast::RandomState>>,
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
            said: Mutex::new(HashMap::default()),
            special: Mutex::new(HashMap::default()),
            resolver,
            tickets,
        })
    }

    /// The profile that a policy wants.
    ///
    /// # Errors
    /// When certificate, key or authorities cannot be used.
    pub(crate) fn said(&self, tls: &TlsProfile, http: bool) -> Result<ServerProfile, adit_tls::Error> {
        let key = key_of(tls, http);
        if let Some(p) = self.said.lock().ok().and_then(|s| s.get(&key).cloned()) {
            return Ok(p);
        }
        let resolver: Arc<dyn Resolver> = match (&tls.certificate, &tls.private_key) {
            (Some(chain), Some(key)) => Arc::new(Fixed(Identity::from_pem(chain.as_bytes(), key.as_bytes())?)),
            _ => self.resolver.clone(),
        };
        let version = |text: &str| {
            if text == "1.3" { Version::Tls13 } else { Version::Tls12 }
        };
        let mut builder = ServerProfile::builder(resolver)
            .tickets(self.tickets.clone())
            .min_version(version(tls.min_version))
            .max_version(version(tls.max_version));
        if http {
            builder = builder.alpn(HTTP);
        }
        if let Some(verification) = tls.verification {
            let roots = roots(&tls.authorities)?;
            builder = builder.client_auth(match verification {
                Verification::RequireAndVerify => ClientAuth::Require { roots },
                Verification::RequireAny => ClientAuth::RequireAny { roots },
                Verification::Request => ClientAuth::Request { roots },
            });
        }
        let profile = builder.build()?;
        if let Ok(mut s) = self.said.lock() {
            if s.len() >= SPECIAL_MAX {
                s.clear();
            }
            s.insert(key, profile.clone());
        }
        Ok(profile)
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

/// Who may have issued visitors' certificates, each with what it has taken back.
fn roots(authorities: &[TlsAuthority]) -> Result<ClientRoots, adit_tls::Error> {
    authorities.iter().try_fold(ClientRoots::default(), |all, authority| {
        let roots = ClientRoots::from_pem(authority.pem.as_bytes())?;
        Ok(all.and(match &authority.revoked {
            Revoked::None => roots,
            Revoked::Listed(list) => roots.with_crl_der(list.der())?,
            Revoked::Unknown => roots.with_unknown_revocations(),
        }))
    })
}

/// A digest of all that a policy says, so that nothing of it is kept a second time.
fn key_of(tls: &TlsProfile, http: bool) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let empty = String::new();
    let parts = [
        tls.min_version,
        tls.max_version,
        tls.certificate.as_ref().unwrap_or(&empty),
        tls.private_key.as_ref().unwrap_or(&empty),
        match tls.verification {
            None => "",
            Some(Verification::RequireAndVerify) => "verified",
            Some(Verification::RequireAny) => "any",
            Some(Verification::Request) => "asked",
        },
        if http { "http" } else { "" },
    ];
    let authorities = tls.authorities.iter().flat_map(|authority| {
        let revoked: &[u8] = match &authority.revoked {
            Revoked::None => b"none",
            Revoked::Listed(list) => list.digest(),
            Revoked::Unknown => b"unknown",
        };
        [authority.pem.as_bytes(), revoked]
    });
    for part in parts.into_iter().map(str::as_bytes).chain(authorities) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    key
}

/// The certificate of a bind, whatever name is asked for.
#[derive(Debug)]
struct Fixed(Identity);

impl Resolver for Fixed {
    fn identity(&self, _: Option<&str>) -> Option<Identity> {
        Some(self.0.clone())
    }
}
