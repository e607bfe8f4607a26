//! Cipher suites and groups, in our order, as rustls providers.
//!
//! rustls chooses a group by the order of the *list* a client sends, even if the client sent its
//! key share for another one: that costs a HelloRetryRequest, a whole round trip. And a server
//! that orders suites itself does not look at what the client can do fast. Both are decided here
//! instead, before rustls sees the hello: there is one provider for each combination of preferred
//! cipher and the group for which a share is at hand. The differences are a few pointers each.

use std::sync::{Arc, OnceLock};

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::{cipher_suite as suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};

use crate::client_hello::ClientHello;

/// AES-128 first: its handshake hashes with SHA-256, for which common processors have
/// instructions, and 128 bits are enough.
static AES_FIRST: [SupportedCipherSuite; 9] = [
    suite::TLS13_AES_128_GCM_SHA256,
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS13_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

static CHACHA_FIRST: [SupportedCipherSuite; 9] = [
    suite::TLS13_CHACHA20_POLY1305_SHA256,
    suite::TLS13_AES_128_GCM_SHA256,
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// Post-quantum first, then by speed.
static GROUPS: [&dyn SupportedKxGroup; 4] = [
    kx_group::X25519MLKEM768,
    kx_group::X25519,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
];

/// Number of [`Variant`]s.
pub(super) const VARIANTS: usize = 2 * (GROUPS.len() + 1);

/// One combination of preferred cipher and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    chacha: bool,
    /// Index into [`GROUPS`], if only that group shall be considered.
    group: Option<usize>,
}

impl Variant {
    /// What fits this client best. A group is only preferred if its share is there.
    pub(super) fn of(hello: &ClientHello) -> Self {
        let shared = |group: &&dyn SupportedKxGroup| hello.tls13 && hello.key_shares.contains(&u16::from(group.name()));
        Self {
            chacha: hello.prefers_chacha,
            group: GROUPS.iter().position(shared),
        }
    }

    /// Without a wish for a group: where TLS 1.3 is not spoken, shares mean nothing.
    pub(super) const fn any_group(self) -> Self {
        Self { group: None, ..self }
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        [false, true].into_iter().flat_map(|chacha| {
            std::iter::once(None)
                .chain((0..GROUPS.len()).map(Some))
                .map(move |group| Self { chacha, group })
        })
    }

    /// Its place in [`Self::all`].
    pub(super) fn index(self) -> usize {
        usize::from(self.chacha) * (GROUPS.len() + 1) + self.group.map_or(0, |group| group + 1)
    }

    pub(super) fn provider(self) -> Arc<CryptoProvider> {
        static PROVIDERS: OnceLock<Vec<Arc<CryptoProvider>>> = OnceLock::new();
        PROVIDERS
            .get_or_init(|| Self::all().map(|variant| Arc::new(variant.build())).collect())
            .get(self.index())
            .cloned()
            .unwrap_or_else(|| Arc::new(self.build()))
    }

    fn build(self) -> CryptoProvider {
        CryptoProvider {
            cipher_suites: if self.chacha {
                CHACHA_FIRST.to_vec()
            } else {
                AES_FIRST.to_vec()
            },
            kx_groups: match self.group.and_then(|index| GROUPS.get(index)) {
                Some(group) => vec![*group],
                None => GROUPS.to_vec(),
            },
            ..default_provider()
        }
    }
}

/// The provider with everything, in our order: for clients and for verifying certificates.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Variant {
        chacha: false,
        group: None,
    }
    .provider()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(key_shares: &[u16], prefers_chacha: bool) -> ClientHello {
        ClientHello {
            server_name: None,
            name_sent: false,
            alpn: Vec::new(),
            tls13: true,
            max_version: 0x0304,
            consumed: 0,
            prefers_chacha,
            key_shares: key_shares.to_vec(),
        }
    }

    #[test]
    fn variants_are_numbered_as_they_are_listed() {
        assert_eq!(Variant::all().count(), VARIANTS);
        for (index, variant) in Variant::all().enumerate() {
            assert_eq!(variant.index(), index);
        }
    }

    #[test]
    fn the_group_with_a_share_is_taken_the_best_first() {
        let groups = |shares: &[u16]| {
            let provider = Variant::of(&hello(shares, false)).provider();
            provider
                .kx_groups
                .iter()
                .map(|group| u16::from(group.name()))
                .collect::<Vec<_>>()
        };
        assert_eq!(groups(&[29]), [29]);
        assert_eq!(groups(&[29, 4588]), [4588]);
        assert_eq!(groups(&[24, 23]), [23]);
        assert_eq!(groups(&[0x0a0a, 30]), [4588, 29, 23, 24]);
        let chacha = Variant::of(&hello(&[], true)).provider();
        assert_eq!(
            chacha.cipher_suites.first().map(SupportedCipherSuite::suite),
            Some(rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256)
        );
    }
}
