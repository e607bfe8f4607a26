//! The handshake, both sides. rustls decides; here it is fed and its answers are written.

mod accept;
mod connect;
mod drive;

pub use accept::accept;
pub use connect::connect;

use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion, SupportedCipherSuite};

use crate::error::Error;
use crate::profile::Version;
use crate::stream::Info;

/// What is worth knowing about a finished handshake.
fn info(common: &CommonState, server_name: Option<String>) -> Result<Info, Error> {
    let (Some(version), Some(suite)) = (common.protocol_version(), common.negotiated_cipher_suite()) else {
        return Err(Error::Config("the handshake ended without agreement".to_owned()));
    };
    Ok(Info {
        alpn: common.alpn_protocol().map(Into::into),
        server_name: server_name.map(Into::into),
        version: if version == ProtocolVersion::TLSv1_3 {
            Version::Tls13
        } else {
            Version::Tls12
        },
        cipher_suite: suite_name(suite.suite()),
        resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        peer_verified: false,
        peer_certificates: common
            .peer_certificates()
            .map(|chain| chain.iter().map(|cert| cert.to_vec()).collect())
            .unwrap_or_default(),
    })
}

/// Records that one key may protect.
fn record_limit(suite: SupportedCipherSuite) -> u64 {
    match suite {
        SupportedCipherSuite::Tls12(suite) => suite.common.confidentiality_limit,
        SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
    }
}

/// The name in IANA's registry.
const fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        _ => "unknown",
    }
}
