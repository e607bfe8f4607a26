//! How a server speaks: versions, protocols, client certificates, tickets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, ProducesTickets};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

use super::client_auth::{ClientAuth, Verifier};
use super::suites::{VARIANTS, Variant};
use super::{Version, check_alpn, config, versions};
use crate::client_hello::ClientHello;
use crate::error::Error;
use crate::identity::Identity;
use crate::resolver::{Adapter, Resolver};
use crate::ticket::{TicketKeys, unix_time};

/// How a server speaks TLS. One profile serves all names whose rules are the same; the
/// [`Resolver`] finds the certificate. Cloning shares it.
#[derive(Clone)]
pub struct ServerProfile {
    inner: Arc<Inner>,
}

struct Inner {
    configs: Vec<Arc<ServerConfig>>,
    resolver: Arc<dyn Resolver>,
    verifier: Option<Arc<Verifier>>,
    tls13: bool,
    hash: [u8; 32],
    clock: fn() -> u64,
}

impl ServerProfile {
    /// A profile that presents what `resolver` finds, and otherwise has the defaults: TLS 1.2 and
    /// 1.3, no ALPN, no client certificates, no tickets.
    pub fn builder(resolver: Arc<dyn Resolver>) -> ServerProfileBuilder {
        ServerProfileBuilder {
            resolver,
            alpn: Vec::new(),
            min: Version::Tls12,
            max: Version::Tls13,
            client_auth: ClientAuth::None,
            tickets: None,
            clock: unix_time,
        }
    }

    /// What separates the tickets of this profile from those of others: a hash over versions,
    /// ALPN, client-certificate mode, authorities and revocation lists.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.inner.hash
    }

    /// The identity that answers for a name now.
    #[must_use]
    pub fn identity(&self, server_name: Option<&str>) -> Option<Identity> {
        self.inner.resolver.identity(server_name)
    }

    /// rustls' configuration that fits this client best.
    pub(crate) fn config(&self, hello: &ClientHello) -> Result<Arc<ServerConfig>, Error> {
        let mut variant = Variant::of(hello);
        if !self.inner.tls13 {
            variant = variant.any_group();
        }
        self.inner
            .configs
            .get(variant.index())
            .cloned()
            .ok_or_else(|| Error::Config("a profile without configuration".to_owned()))
    }

    pub(crate) fn verifier(&self) -> Option<&Verifier> {
        self.inner.verifier.as_deref()
    }

    /// The time by which certificates are judged.
    pub(crate) fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs((self.inner.clock)()))
    }
}

/// Our clock as rustls asks for it.
#[derive(Debug)]
struct Clock(fn() -> u64);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs((self.0)())))
    }
}

impl fmt::Debug for ServerProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerProfile").finish_non_exhaustive()
    }
}

/// Builds a [`ServerProfile`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ServerProfileBuilder {
    resolver: Arc<dyn Resolver>,
    alpn: Vec<Vec<u8>>,
    min: Version,
    max: Version,
    client_auth: ClientAuth,
    tickets: Option<TicketKeys>,
    clock: fn() -> u64,
}

impl ServerProfileBuilder {
    /// Application protocols in the server's order of preference. A client that offers some, but
    /// none of these, is refused with `no_application_protocol`; one that offers none is accepted.
    /// An empty list (the default) selects nothing, whatever is offered.
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: &[P]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_ref().to_vec()).collect();
        self
    }

    /// The lowest version spoken.
    pub const fn min_version(mut self, version: Version) -> Self {
        self.min = version;
        self
    }

    /// The highest version spoken.
    pub const fn max_version(mut self, version: Version) -> Self {
        self.max = version;
        self
    }

    /// Whether client certificates are asked for.
    pub fn client_auth(mut self, mode: ClientAuth) -> Self {
        self.client_auth = mode;
        self
    }

    /// Issues and accepts session tickets, two for each handshake, valid for twelve hours.
    pub fn tickets(mut self, keys: TicketKeys) -> Self {
        self.tickets = Some(keys);
        self
    }

    /// With a clock of the test's own, in seconds since 1970.
    #[doc(hidden)]
    pub const fn clock(mut self, clock: fn() -> u64) -> Self {
        self.clock = clock;
        self
    }

    /// The profile.
    ///
    /// # Errors
    /// [`Error::Config`] if the versions are in the wrong order, an ALPN name is empty or too
    /// long, or client authorities are missing or malformed.
    pub fn build(self) -> Result<ServerProfile, Error> {
        check_alpn(&self.alpn)?;
        let versions = versions(self.min, self.max)?;
        let hash = self.hash();
        let verifier = self.client_auth.verifier()?;
        let ticketer = self.tickets.as_ref().map(|keys| keys.ticketer(hash));
        let resolver = Arc::new(Adapter(self.resolver.clone()));
        let configs = Variant::all()
            .map(|variant| {
                let client_auth: Arc<dyn ClientCertVerifier> = match &verifier {
                    Some(verifier) => verifier.clone(),
                    None => Arc::new(NoClientAuth),
                };
                let mut server = ServerConfig::builder_with_provider(variant.provider())
                    .with_protocol_versions(versions)
                    .map_err(config)?
                    .with_client_cert_verifier(client_auth)
                    .with_cert_resolver(resolver.clone());
                self.finish(&mut server, ticketer.as_ref());
                Ok(Arc::new(server))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        debug_assert_eq!(configs.len(), VARIANTS);
        Ok(ServerProfile {
            inner: Arc::new(Inner {
                configs,
                resolver: self.resolver.clone(),
                verifier,
                tls13: self.max == Version::Tls13,
                hash,
                clock: self.clock,
            }),
        })
    }

    fn finish(&self, server: &mut ServerConfig, ticketer: Option<&Arc<dyn ProducesTickets>>) {
        server.alpn_protocols.clone_from(&self.alpn);
        server.ignore_client_order = true;
        server.require_ems = true;
        server.enable_secret_extraction = true;
        server.max_early_data_size = 0;
        server.time_provider = Arc::new(Clock(self.clock));
        server.session_storage = Arc::new(NoServerSessionStorage {});
        match ticketer {
            Some(ticketer) => {
                server.ticketer = ticketer.clone();
                server.send_tls13_tickets = 2;
            }
            None => server.send_tls13_tickets = 0,
        }
    }

    fn hash(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut part = |bytes: &[u8]| {
            context.update(&bytes.len().to_be_bytes());
            context.update(bytes);
        };
        part(self.min.as_str().as_bytes());
        part(self.max.as_str().as_bytes());
        part(&self.alpn.len().to_be_bytes());
        for protocol in &self.alpn {
            part(protocol);
        }
        part(&[self.client_auth.mode()]);
        for bytes in self
            .client_auth
            .roots()
            .into_iter()
            .flat_map(|roots| roots.fingerprint())
        {
            part(bytes);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}
