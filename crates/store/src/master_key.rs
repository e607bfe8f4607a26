//! The master key: seals what is used and never shown again (control plane 10.4). It is never in the database.

use std::path::{Path, PathBuf};

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::file;
use crate::log::sha256;
use crate::store::Engine;

/// 32 bytes.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// Where the key is looked for. The first that is set is used, and must work.
#[derive(Clone, Debug)]
pub struct KeyPlaces {
    /// The key itself in base64: `ADIT_SERVER__MASTER_KEY`.
    pub given: Option<Zeroizing<String>>,
    /// A file, base64 or 32 bytes: `master_key_file`.
    pub file: Option<PathBuf>,
    /// Here lies `master.key` if neither is set; made where nothing is sealed yet.
    pub data_dir: PathBuf,
}

/// Name of the file in the data directory.
const FILE: &str = "master.key";
/// Nothing that could be a key is longer.
const LONGEST: u64 = 1_024;

impl MasterKey {
    /// A key that was kept somewhere.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Finds the key, or makes one if the store at `engine` has sealed nothing yet. A new key is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// A place that is set has no key; a file can be read by everybody; there is no key although something is sealed;
    /// the database does not answer.
    pub async fn find(places: &KeyPlaces, engine: &Engine) -> Result<Self, OpenError> {
        let path = match Self::existing(places) {
            Err(OpenError::NoKey(path)) => path,
            found => return found,
        };
        if crate::store::has_secrets(engine).await? {
            return Err(OpenError::NoKey(path));
        }
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| OpenError::Key("the system's randomness".to_owned()))?;
        let mut text = Zeroizing::new(BASE64_STANDARD.encode(bytes.as_slice()));
        text.push('\n');
        file::create(&path, text.as_bytes()).map_err(|error| OpenError::file(&path, error))?;
        Ok(Self(bytes))
    }

    /// Finds the key of an installation that has one; makes none.
    ///
    /// # Errors
    /// As [`MasterKey::find`]; [`OpenError::NoKey`] if no place has one.
    pub fn existing(places: &KeyPlaces) -> Result<Self, OpenError> {
        if let Some(text) = &places.given {
            return Self::read(text.as_bytes()).ok_or_else(|| OpenError::Key("ADIT_SERVER__MASTER_KEY".to_owned()));
        }
        if let Some(path) = &places.file {
            return Self::load(path)?.ok_or_else(|| OpenError::file(path, std::io::ErrorKind::NotFound.into()));
        }
        let path = places.data_dir.join(FILE);
        Self::load(&path)?.ok_or(OpenError::NoKey(path))
    }

    fn load(path: &Path) -> Result<Option<Self>, OpenError> {
        let at = |error| OpenError::file(path, error);
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(error)),
        };
        if file::is_open_to_all(&meta) && !file::is_on_safe_mount(path) {
            return Err(OpenError::Exposed(path.to_owned()));
        }
        if meta.len() > LONGEST {
            return Err(OpenError::Key(path.display().to_string()));
        }
        let bytes = Zeroizing::new(std::fs::read(path).map_err(at)?);
        let key = Self::read(&bytes).ok_or_else(|| OpenError::Key(path.display().to_string()))?;
        Ok(Some(key))
    }

    /// Base64, or 32 bytes as they are.
    fn read(bytes: &[u8]) -> Option<Self> {
        if let Ok(key) = <[u8; 32]>::try_from(bytes) {
            return Some(Self::new(key));
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let key = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).ok()?);
        <[u8; 32]>::try_from(key.as_slice()).ok().map(Self::new)
    }

    /// Names the key without telling it.
    pub(crate) fn id(&self) -> String {
        let hash = sha256(&[b"adit-master-key-id\0", self.0.as_slice()]);
        crate::hex(hash.get(..8).unwrap_or_default())
    }

    /// A key for one purpose, which says nothing about this one or others.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let tag = hmac::sign(&key, purpose.as_bytes());
        let mut out = Zeroizing::new([0; 32]);
        out.copy_from_slice(tag.as_ref());
        out
    }
}
