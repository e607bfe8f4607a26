//! Public keys that sign heads and exports.

use std::path::Path;

use adit_store::log::{Checkpoint, is_signed, jcs};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::exit::Failure;

/// Keys that are trusted; any, as long as none is known.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    keys: Vec<Vec<u8>>,
}

impl Trusted {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn public(&mut self, key: Vec<u8>) {
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }

    /// The keys that stand as `public_key` anywhere in an answer of the server or a manifest.
    pub(super) fn add(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(text)) = map.get("public_key")
                    && let Ok(key) = BASE64_STANDARD.decode(text)
                {
                    self.public(key);
                }
                map.values().for_each(|value| self.add(value));
            }
            Value::Array(items) => items.iter().for_each(|value| self.add(value)),
            _ => {}
        }
    }

    /// A file: an answer of `GET /adit/audit/keys`, or the key itself in base64.
    pub(super) fn read(&mut self, path: &Path) -> Result<(), Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("{shown} cannot be read: {e}")))?;
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => self.add(&value),
            Err(_) => {
                if let Ok(key) = BASE64_STANDARD.decode(text.trim()) {
                    self.public(key);
                }
            }
        }
        if self.keys.iter().all(|key| key.len() != 32) {
            return Err(Failure::usage(format!("{shown} holds no public key")));
        }
        Ok(())
    }

    /// Whether a signed head counts.
    pub(super) fn counts(&self, head: &Checkpoint) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|key| head.is_signed_by(key))
    }

    /// Whether an object is signed: `signature`, over the JCS of the rest.
    pub(super) fn signed(&self, object: &Value) -> bool {
        let mut rest = object.clone();
        let signature = rest.as_object_mut().and_then(|map| map.remove("signature"));
        let signature = signature.as_ref().and_then(Value::as_str);
        let Some(signature) = signature.and_then(|text| BASE64_STANDARD.decode(text).ok()) else {
            return false;
        };
        let mut text = String::new();
        jcs::write(&rest, &mut text);
        self.keys.iter().any(|key| is_signed(key, text.as_bytes(), &signature))
    }
}
