//! Private keys: what is accepted, and which public key they belong to.

use adit_names::code::ErrorCode;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};

use super::pem::{self, Block};
use crate::problem::Problem;

/// Longest text of a key in bytes.
pub(super) const MAX_KEY: usize = 16 * 1024;
const FIELD: &str = "private_key_pem";
const CURVES: [&EcdsaSigningAlgorithm; 3] = [
    &ECDSA_P256_SHA256_ASN1_SIGNING,
    &ECDSA_P384_SHA384_ASN1_SIGNING,
    &ECDSA_P521_SHA512_ASN1_SIGNING,
];

/// The public key that belongs to a private one, as certificates have it (the bits of SubjectPublicKeyInfo).
pub(super) fn public_key(text: &str) -> Result<Vec<u8>, Problem> {
    let refuse = |error: &str| Problem::new(ErrorCode::NGROK_1903, FIELD).value("error", error);
    let blocks = pem::blocks(text).map_err(|_| Problem::new(ErrorCode::NGROK_1901, FIELD))?;
    // OpenSSL writes the curve as a block of its own in front of the key.
    let mut blocks = blocks.iter().filter(|block| block.label != "EC PARAMETERS");
    let Some(block) = blocks.next() else {
        return Err(Problem::new(ErrorCode::NGROK_1901, FIELD));
    };
    if block.label == "CERTIFICATE" {
        return Err(Problem::new(ErrorCode::NGROK_1924, FIELD));
    }
    if block.label == "ENCRYPTED PRIVATE KEY" || (block.has_headers && block.label.ends_with("PRIVATE KEY")) {
        return Err(Problem::new(ErrorCode::NGROK_1902, FIELD));
    }
    if blocks.next().is_some() {
        return Err(refuse("there is more than one block"));
    }
    read(block).ok_or_else(|| refuse("it is of another kind or damaged"))
}

fn read(block: &Block) -> Option<Vec<u8>> {
    let der = block.der.as_slice();
    let rsa = |key: rsa::KeyPair| key.public_key().as_ref().to_vec();
    let ec = |key: EcdsaKeyPair| key.public_key().as_ref().to_vec();
    match block.label.as_str() {
        "RSA PRIVATE KEY" => rsa::KeyPair::from_der(der).ok().map(rsa),
        "EC PRIVATE KEY" => CURVES
            .iter()
            .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
            .map(ec),
        "PRIVATE KEY" => rsa::KeyPair::from_pkcs8(der)
            .ok()
            .map(rsa)
            .or_else(|| {
                CURVES
                    .iter()
                    .find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok())
                    .map(ec)
            })
            .or_else(|| {
                let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
                Some(key.public_key().as_ref().to_vec())
            }),
        _ => None,
    }
}
