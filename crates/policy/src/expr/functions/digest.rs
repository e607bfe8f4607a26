//! Checksums, hashes, message authentication.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;
use twox_hash::XxHash64;

use super::super::scope::Scope;
use super::{Outcome, string};
use crate::value::Value;

/// The bytes of a string or bytes argument.
fn bytes(args: &[Value], at: usize) -> Result<&[u8], String> {
    match args.get(at) {
        Some(Value::Bytes(bytes)) => Ok(bytes),
        _ => string(args, at).map(str::as_bytes),
    }
}

fn formatted(digest: &[u8], args: &[Value], at: usize) -> Outcome {
    let format = match args.get(at) {
        Some(_) => string(args, at)?,
        None => "hex",
    };
    Ok(Value::Text(match format {
        "hex" => digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        "base64" => STANDARD.encode(digest),
        other => return Err(format!("the format {other:?} is not known: hex, base64")),
    }))
}

pub(super) fn crc32(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    formatted(&crc.checksum(bytes(args, 0)?).to_be_bytes(), args, 1)
}

pub(super) fn crc64(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let crc = crc::Crc::<u64>::new(&crc::CRC_64_GO_ISO);
    formatted(&crc.checksum(bytes(args, 0)?).to_be_bytes(), args, 1)
}

pub(super) fn md5(_: &Scope<'_>, args: &[Value]) -> Outcome {
    formatted(&md5::Md5::digest(bytes(args, 0)?), args, 1)
}

pub(super) fn sha1(_: &Scope<'_>, args: &[Value]) -> Outcome {
    sha(&digest::SHA1_FOR_LEGACY_USE_ONLY, args)
}

pub(super) fn sha256(_: &Scope<'_>, args: &[Value]) -> Outcome {
    sha(&digest::SHA256, args)
}

pub(super) fn sha512(_: &Scope<'_>, args: &[Value]) -> Outcome {
    sha(&digest::SHA512, args)
}

fn sha(algorithm: &'static digest::Algorithm, args: &[Value]) -> Outcome {
    formatted(digest::digest(algorithm, bytes(args, 0)?).as_ref(), args, 1)
}

pub(super) fn xxhash64(_: &Scope<'_>, args: &[Value]) -> Outcome {
    formatted(&XxHash64::oneshot(0, bytes(args, 0)?).to_be_bytes(), args, 1)
}

pub(super) fn hmac_sha1(_: &Scope<'_>, args: &[Value]) -> Outcome {
    mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, args)
}

pub(super) fn hmac_sha256(_: &Scope<'_>, args: &[Value]) -> Outcome {
    mac(hmac::HMAC_SHA256, args)
}

pub(super) fn hmac_sha512(_: &Scope<'_>, args: &[Value]) -> Outcome {
    mac(hmac::HMAC_SHA512, args)
}

fn mac(algorithm: hmac::Algorithm, args: &[Value]) -> Outcome {
    let key = hmac::Key::new(algorithm, bytes(args, 0)?);
    formatted(hmac::sign(&key, bytes(args, 1)?).as_ref(), args, 2)
}
