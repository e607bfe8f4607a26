//! What a server keeps in its data directory beside the store: the authority, and with `adit dev` the credentials of
//! the first start.
//!
//! One process at a time: a lock is held for as long as [`State`] lives.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::authority::{AuthorityError, AuthorityPem};
use crate::durable;

/// The authority's certificate, for clients.
pub const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca.key.pem";
const CREDENTIALS_FILE: &str = "credentials.json";
const LOCK_FILE: &str = "lock";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process uses it.
    #[error("another server is running on {0}")]
    Locked(PathBuf),
    /// The file system refused.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: io::Error,
    },
    /// A file is there, but not what it should be.
    #[error("{path}: {reason}; restore it from a backup, or move the directory away to start anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The authority cannot be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The system gives no randomness.
    #[error("the system gives no random numbers")]
    Random,
}

/// Secrets of the first start, kept so that every later start says the same.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Authtoken of agents.
    pub authtoken: String,
    /// Key of the API.
    pub api_key: String,
    /// Password of the first administrator.
    pub admin_password: String,
    /// One-time secret of the sign-in link.
    pub signin_token: String,
    /// Identifier of the credential behind the authtoken.
    pub credential_id: String,
    /// Identifier of the organisation.
    pub organization_id: String,
    /// First label of the public URL, the same at every start.
    pub public_label: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("credential_id", &self.credential_id)
            .finish_non_exhaustive()
    }
}

/// An opened data directory.
#[derive(Debug)]
pub struct State {
    dir: PathBuf,
    /// The authority.
    pub authority: AuthorityPem,
    _lock: File,
}

impl State {
    /// Opens `dir`, making what is not there yet.
    ///
    /// # Errors
    /// See [`StateError`].
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StateError::File { path, source }
        };
        create_private(dir).map_err(at(dir))?;
        let lock_path = dir.join(LOCK_FILE);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Locked(dir.to_owned())),
            Err(TryLockError::Error(source)) => {
                return Err(StateError::File {
                    path: lock_path,
                    source,
                });
            }
        }
        let authority = authority(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            authority,
            _lock: lock,
        })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Path of the authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.join(CA_FILE)
    }

    /// The secrets of the first start, made if there are none yet.
    ///
    /// # Errors
    /// See [`StateError`].
    pub fn credentials(&self) -> Result<Credentials, StateError> {
        credentials(&self.dir.join(CREDENTIALS_FILE))
    }
}

fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

/// Reads a file; `None` when there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), StateError> {
    durable::write(path, content, mode).map_err(|source| StateError::File {
        path: path.to_owned(),
        source,
    })
}

fn random<const N: usize>() -> Result<[u8; N], StateError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| StateError::Random)?;
    Ok(bytes)
}

fn authority(dir: &Path) -> Result<AuthorityPem, StateError> {
    let (certificate_path, key_path) = (dir.join(CA_FILE), dir.join(CA_KEY_FILE));
    let text = |path: &Path, bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| StateError::Damaged {
            path: path.to_owned(),
            reason: "not a PEM file".to_owned(),
        })
    };
    if let (Some(certificate), Some(key)) = (read(&certificate_path)?, read(&key_path)?) {
        return Ok(AuthorityPem {
            certificate: text(&certificate_path, certificate)?,
            key: text(&key_path, key)?,
        });
    }
    // The key first: a certificate without its key would be trusted for nothing.
    let made = AuthorityPem::generate("Adit local authority")?;
    write(&key_path, made.key.as_bytes(), 0o600)?;
    write(&certificate_path, made.certificate.as_bytes(), 0o644)?;
    Ok(made)
}

fn credentials(path: &Path) -> Result<Credentials, StateError> {
    if let Some(content) = read(path)? {
        return serde_json::from_slice(&content).map_err(|e| StateError::Damaged {
            path: path.to_owned(),
            reason: e.to_string(),
        });
    }
    let made = Credentials {
        authtoken: token()?,
        api_key: token()?,
        admin_password: secret("")?,
        signin_token: secret("")?,
        credential_id: id(adit_names::id::Prefix::Credential)?,
        organization_id: id(adit_names::id::Prefix::Account)?,
        public_label: adit_names::random_name::label(random()?),
    };
    let content = serde_json::to_vec_pretty(&made).map_err(|e| StateError::Damaged {
        path: path.to_owned(),
        reason: e.to_string(),
    })?;
    write(path, &content, 0o600)?;
    Ok(made)
}

/// A secret of 192 random bits.
pub(crate) fn secret(prefix: &str) -> Result<String, StateError> {
    let bytes = random::<24>()?;
    Ok(format!(
        "{prefix}{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    ))
}

/// A token in the form that servers and clients know: an id that sorts by time, `_`, and 32 letters and digits
/// (190 random bits).
pub(crate) fn token() -> Result<String, StateError> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let id = id(adit_names::id::Prefix::Credential)?;
    let mut token = id.rsplit_once('_').map_or(id.as_str(), |(_, text)| text).to_owned();
    token.push('_');
    let mut left = 32;
    while left > 0 {
        for byte in random::<64>()? {
            // Bytes beyond the last whole multiple would make some letters more likely than others.
            if left > 0 && byte < 248 {
                token.push(LETTERS.get(usize::from(byte % 62)).map_or('0', |l| char::from(*l)));
                left -= 1;
            }
        }
    }
    Ok(token)
}

fn id(prefix: adit_names::id::Prefix) -> Result<String, StateError> {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    Ok(adit_names::id::Id::new(prefix, seconds, random()?).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_says_the_same_and_two_at_once_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = State::open(dir.path()).unwrap();
        assert!(matches!(State::open(dir.path()), Err(StateError::Locked(_))));
        let token = first.credentials().unwrap().authtoken;
        drop(first);
        let second = State::open(dir.path()).unwrap();
        assert_eq!(second.credentials().unwrap().authtoken, token);
    }

    #[test]
    fn tokens_have_the_form_that_logins_check() {
        let t = token().unwrap();
        let (id, secret) = t.split_once('_').unwrap();
        assert_eq!((id.len(), secret.len()), (27, 32));
        assert!(t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        assert_ne!(t, token().unwrap());
    }

    #[test]
    fn a_damaged_file_is_named_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        state.credentials().unwrap();
        fs::write(dir.path().join(CREDENTIALS_FILE), b"{").unwrap();
        let e = state.credentials().unwrap_err();
        assert!(e.to_string().contains(CREDENTIALS_FILE), "{e}");
        assert_eq!(fs::read(dir.path().join(CREDENTIALS_FILE)).unwrap(), b"{");
    }
}
