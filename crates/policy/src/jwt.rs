//! JSON Web Tokens and key sets (RFC 7515, 7517, 7518, 8037, 8725): parsing and signatures, nothing fetched.

use aws_lc_rs::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;

/// Longest token.
const MAX_TOKEN: usize = 16 * 1024;
/// Keys of a set that are looked at.
const MAX_KEYS: usize = 256;

/// A token whose form is right; nothing of it is verified.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) header: Json,
    pub(crate) payload: Json,
    pub(crate) signature: Vec<u8>,
    /// Header and payload as signed.
    signed: String,
}

impl Token {
    /// Three parts, the first two JSON objects.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TOKEN {
            return None;
        }
        let mut parts = text.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let object = |part: &str| -> Option<Json> {
            let json: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
            json.is_object().then_some(json)
        };
        Some(Self {
            header: object(header)?,
            payload: object(payload)?,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            signed: text.get(..header.len() + 1 + payload.len())?.to_owned(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// Is the signature that of this key?
    pub(crate) fn is_signed_by(&self, key: &Key, algorithm: Algorithm) -> bool {
        key.verify(algorithm, self.signed.as_bytes(), &self.signature)
    }
}

/// A signature algorithm of RFC 7518, 8037; only those with public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Algorithm {
    pub(crate) const NAMES: [(&'static str, Self); 10] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("ES512", Self::Es512),
        ("EdDSA", Self::EdDsa),
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, algorithm)| algorithm)
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        Some(match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::Es256 | Self::Es384 | Self::Es512 | Self::EdDsa => return None,
        })
    }

    /// Curve and algorithm of an elliptic one.
    fn curve(self) -> Option<(&'static str, &'static dyn VerificationAlgorithm)> {
        Some(match self {
            Self::Es256 => ("P-256", &signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => ("P-384", &signature::ECDSA_P384_SHA384_FIXED),
            Self::Es512 => ("P-521", &signature::ECDSA_P521_SHA512_FIXED),
            Self::EdDsa => ("Ed25519", &signature::ED25519),
            _ => return None,
        })
    }
}

#[derive(Debug, Clone)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point as it is verified with.
    Curve {
        name: String,
        point: Vec<u8>,
    },
}

/// A public key of a set.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) kid: Option<String>,
    algorithm: Option<String>,
    public: Public,
}

impl Key {
    fn parse(json: &Json) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Json::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        if text("use").is_some_and(|usage| usage != "sig") {
            return None;
        }
        if let Some(operations) = json.get("key_ops").and_then(Json::as_array)
            && !operations.iter().any(|operation| operation == "verify")
        {
            return None;
        }
        let public = match text("kty")? {
            "RSA" => Public::Rsa {
                n: bytes("n")?,
                e: bytes("e")?,
            },
            "EC" => {
                let name = text("crv")?.to_owned();
                let size: usize = match name.as_str() {
                    "P-256" => 32,
                    "P-384" => 48,
                    "P-521" => 66,
                    _ => return None,
                };
                let mut point = vec![4];
                for part in ["x", "y"] {
                    let part = bytes(part)?;
                    // Leading zeros may have been cut off.
                    point.resize(point.len() + size.checked_sub(part.len())?, 0);
                    point.extend(part);
                }
                Public::Curve { name, point }
            }
            "OKP" => Public::Curve {
                name: text("crv")?.to_owned(),
                point: bytes("x")?,
            },
            _ => return None,
        };
        Some(Self {
            kid: text("kid").map(str::to_owned),
            algorithm: text("alg").map(str::to_owned),
            public,
        })
    }

    /// Can the key be used with the algorithm?
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let named = self
            .algorithm
            .as_deref()
            .is_none_or(|name| Algorithm::from_name(name) == Some(algorithm));
        named
            && match &self.public {
                Public::Rsa { .. } => algorithm.rsa().is_some(),
                Public::Curve { name, .. } => algorithm.curve().is_some_and(|(curve, _)| curve == name),
            }
    }

    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&self.public, algorithm.rsa(), algorithm.curve()) {
            (Public::Rsa { n, e }, Some(parameters), _) => RsaPublicKeyComponents { n, e }
                .verify(parameters, message, signature)
                .is_ok(),
            (Public::Curve { name, point }, _, Some((curve, verification))) if curve == name => {
                UnparsedPublicKey::new(verification, point)
                    .verify(message, signature)
                    .is_ok()
            }
            _ => false,
        }
    }
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeySet {
    pub(crate) keys: Vec<Key>,
}

impl KeySet {
    /// A JSON Web Key Set; keys that cannot be used here are left out.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let json: Json = serde_json::from_slice(text).ok()?;
        let keys = json.get("keys")?.as_array()?;
        Some(Self {
            keys: keys.iter().take(MAX_KEYS).filter_map(Key::parse).collect(),
        })
    }
}

/// For the fuzzer: a token and a key set, whatever they are.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    let (token, set) = data.split_at(data.len() / 2);
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(token) = Token::parse(text)
    {
        assert!(
            token.header.is_object() && token.payload.is_object(),
            "both are objects"
        );
    }
    if let (Ok(token), Some(set)) = (std::str::from_utf8(token), KeySet::parse(set))
        && let Some(token) = Token::parse(token)
    {
        for key in &set.keys {
            for (_, algorithm) in Algorithm::NAMES {
                let _ = key.fits(algorithm) && token.is_signed_by(key, algorithm);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_three_parts_of_which_two_are_objects() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let fine = format!("{}.{}.", part("{}"), part("{\"a\":1}"));
        assert!(Token::parse(&fine).is_some());
        for text in [
            String::new(),
            "a.b".to_owned(),
            format!("{fine}.x"),
            format!("{}.{}.", part("[]"), part("{}")),
            format!("{}=.{}.", part("{}"), part("{}")),
            format!("{}.{}.!", part("{}"), part("{}")),
            format!("{fine}{}", "A".repeat(MAX_TOKEN)),
        ] {
            assert!(Token::parse(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn keys_fit_only_their_algorithm() {
        let set = KeySet::parse(
            br#"{"keys":[{"kty":"oct","k":"AA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},
                {"kty":"EC","crv":"P-256","x":"AA","y":"AA","use":"enc"},{"kty":"RSA","n":"AA","e":"AQAB","alg":"RS256"}]}"#,
        )
        .unwrap();
        let fitting = |algorithm| set.keys.iter().filter(|key| key.fits(algorithm)).count();
        assert_eq!(set.keys.len(), 2, "no shared secrets, no keys of other uses");
        assert_eq!(
            (
                fitting(Algorithm::Es256),
                fitting(Algorithm::Es384),
                fitting(Algorithm::Rs256),
                fitting(Algorithm::Ps256)
            ),
            (1, 0, 1, 0)
        );
    }
}
