//! Passwords: argon2id, on few threads, so that no sign-in can slow the rest.
//!
//! What is kept is a PHC string, `$argon2id$v=19$m=19456,t=2,p=1$…`, in the store's table of secrets under
//! [`FIELD`]. An unknown user costs what a wrong password costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adit_names::code::ErrorCode;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::fresh::random;

/// Field of the user's secret.
pub const FIELD: &str = "password";
/// Bytes that a password may have, as NFC.
pub const BYTES: std::ops::RangeInclusive<usize> = 12..=1024;

/// Most sign-ins that wait for a thread.
const QUEUE: usize = 64;
const SALT: usize = 16;

/// How dear a hash is (`auth.argon2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    /// OWASP's second choice: 19 MiB, 2 passes, 1 lane.
    fn default() -> Self {
        Self {
            memory: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

impl Cost {
    fn argon2(self) -> Option<Argon2<'static>> {
        let params = Params::new(self.memory, self.passes, self.lanes, None).ok()?;
        Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// Whether a password was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// It was. With a new hash if the kept one is of another cost.
    Right { anew: Option<Zeroizing<String>> },
    /// It was not, or nobody has one.
    Wrong,
}

/// Hashes and checks passwords.
#[derive(Debug)]
pub struct Passwords {
    cost: Cost,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Checked where there is no user: what cannot be right.
    nobodys: Zeroizing<String>,
}

impl Passwords {
    /// Two at once per core.
    ///
    /// # Errors
    /// The cost is out of argon2's bounds, or the system gives no random bytes.
    pub fn new(cost: Cost) -> Result<Self, PasswordError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let nobody: [u8; 32] = random().map_err(|_| PasswordError::Random)?;
        Ok(Self {
            cost,
            threads: Arc::new(Semaphore::new(cores * 2)),
            waiting: AtomicUsize::new(0),
            nobodys: hash(cost, &nobody)?,
        })
    }

    /// The hash of a password that somebody chose.
    ///
    /// # Errors
    /// 4011 too short, 4020 too long, `ERR_ADIT_2111` one of the commonest, 503 if too many wait.
    pub(crate) async fn hash(&self, password: &str) -> Result<Zeroizing<String>, ApiError> {
        let password = normal(password);
        if password.len() < *BYTES.start() {
            return Err(ApiError::new(ErrorCode::NGROK_4011, &[]).detail("limit", BYTES.start().to_string()));
        }
        if password.len() > *BYTES.end() {
            return Err(ApiError::new(ErrorCode::NGROK_4020, &[]).detail("limit", BYTES.end().to_string()));
        }
        if super::commonest::has(&password) {
            return Err(ApiError::new(ErrorCode::ADIT_2111, &[]).detail("field", "password"));
        }
        let cost = self.cost;
        let made = self.run(move || hash(cost, password.as_bytes())).await?;
        made.map_err(|error| broken(&error))
    }

    /// Whether a password is the one whose hash is kept; without a hash the same work is done.
    ///
    /// # Errors
    /// 503 if too many wait.
    pub(crate) async fn check(&self, password: &str, kept: Option<Zeroizing<String>>) -> Result<Checked, ApiError> {
        let password = normal(password);
        if password.len() > *BYTES.end() {
            return Ok(Checked::Wrong);
        }
        let is_known = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.nobodys.clone());
        let cost = self.cost;
        self.run(move || {
            let Ok(parsed) = PasswordHash::new(&kept) else {
                return Checked::Wrong;
            };
            let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
            if !right || !is_known {
                return Checked::Wrong;
            }
            let anew = (cost_of(&parsed) != Some(cost)).then(|| hash(cost, password.as_bytes()).ok());
            Checked::Right { anew: anew.flatten() }
        })
        .await
    }

    /// Runs it on a thread of its own as soon as one is free.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let busy = || {
            let reason = [("reason", "too many people are signing in")];
            ApiError::new(ErrorCode::ADIT_2012, &reason).retry_after(5)
        };
        let waits = Waits::among(&self.waiting).ok_or_else(busy)?;
        let permit = self.threads.clone().acquire_owned().await.map_err(|_| busy())?;
        drop(waits);
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| broken(&error))
    }
}

fn broken(error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%error, "a password was not hashed");
    ApiError::new(ErrorCode::NGROK_10000, &[])
}

/// One that waits; counted for as long as it lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn among(waiting: &'a AtomicUsize) -> Option<Self> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(waiting))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why no password can be hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The cost is out of bounds.
    #[error("auth.argon2 is out of bounds")]
    Cost,
    /// No random bytes.
    #[error("the system gives no random numbers")]
    Random,
}

/// The hash of a password, for who makes users without the API. Takes as long as [`Cost`] says.
///
/// # Errors
/// See [`PasswordError`].
pub fn hash_now(cost: Cost, password: &str) -> Result<Zeroizing<String>, PasswordError> {
    hash(cost, normal(password).as_bytes())
}

fn hash(cost: Cost, password: &[u8]) -> Result<Zeroizing<String>, PasswordError> {
    let salt: [u8; SALT] = random().map_err(|_| PasswordError::Random)?;
    let argon2 = cost.argon2().ok_or(PasswordError::Cost)?;
    let hash = argon2.hash_password_with_salt(password, &salt);
    hash.map(|hash| Zeroizing::new(hash.to_string()))
        .map_err(|_| PasswordError::Cost)
}

fn cost_of(hash: &PasswordHash) -> Option<Cost> {
    let params = Params::try_from(hash).ok()?;
    (hash.algorithm.as_str() == "argon2id").then_some(Cost {
        memory: params.m_cost(),
        passes: params.t_cost(),
        lanes: params.p_cost(),
    })
}

/// The same password however the keyboard composed it.
fn normal(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost {
        memory: 64,
        passes: 1,
        lanes: 1,
    };

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let kept = passwords.hash("correct horse ba\u{308}ttery").await.unwrap();
        let check = |text: &'static str, kept: Option<&Zeroizing<String>>| passwords.check(text, kept.cloned());
        let right = Checked::Right { anew: None };
        assert_eq!(check("correct horse b\u{e4}ttery", Some(&kept)).await.unwrap(), right);
        assert_eq!(check("correct horse", Some(&kept)).await.unwrap(), Checked::Wrong);
        assert_eq!(check("correct horse", None).await.unwrap(), Checked::Wrong);
        let broken = Zeroizing::new("$argon2id$nonsense".to_owned());
        assert_eq!(check("correct horse", Some(&broken)).await.unwrap(), Checked::Wrong);
    }

    #[tokio::test]
    async fn lengths_are_bytes() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let code = |result: Result<_, ApiError>| result.map(|_: Zeroizing<String>| ()).map_err(|e| e.code());
        assert_eq!(code(passwords.hash("elevenbytes").await), Err(ErrorCode::NGROK_4011));
        assert_eq!(code(passwords.hash("123QWEasdzxc").await), Err(ErrorCode::ADIT_2111));
        assert_eq!(code(passwords.hash("twelve-bytes").await), Ok(()));
        assert_eq!(code(passwords.hash(&"x".repeat(1024)).await), Ok(()));
        assert_eq!(
            code(passwords.hash(&"x".repeat(1025)).await),
            Err(ErrorCode::NGROK_4020)
        );
    }

    #[tokio::test]
    async fn another_cost_means_a_new_hash() {
        let old = Passwords::new(CHEAP).unwrap().hash("twelve-bytes").await.unwrap();
        let passwords = Passwords::new(Cost { passes: 2, ..CHEAP }).unwrap();
        let Checked::Right { anew: Some(anew) } = passwords.check("twelve-bytes", Some(old)).await.unwrap() else {
            panic!("no new hash");
        };
        assert!(anew.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{}", &*anew);
        let again = passwords.check("twelve-bytes", Some(anew)).await.unwrap();
        assert_eq!(again, Checked::Right { anew: None });
    }

    #[test]
    fn the_cost_is_in_the_hash() {
        let hash = hash_now(Cost::default(), "twelve-bytes").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", &*hash);
    }
}
