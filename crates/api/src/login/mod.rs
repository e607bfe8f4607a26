//! How people sign in at the dashboard, and stay signed in (control plane 3.2).
//!
//! ```text
//! password ─▶ throttle ─▶ argon2id ─▶ sign_in ─▶ session (table work) ─▶ cookie
//! link (setup, reset, invitation) ─▶ once ─▶ a new password
//! ```
//!
//! Requests with a session are let in where those with keys are: [`crate::authenticate`].

mod accept;
mod commonest;
pub(crate) mod cookie;
mod given;
pub(crate) mod link;
pub(crate) mod own;
pub mod password;
pub(crate) mod same_site;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod sign_in;
mod throttle;

use std::sync::OnceLock;

pub(crate) use accept::accept;
pub use link::{reset_with, set_up_with};
pub use session::end_all as end_sessions;

use self::password::{Cost, Passwords};
use self::throttle::Throttle;
use crate::error::ApiError;

/// What sign-ins need.
#[derive(Debug, Default)]
pub(crate) struct Login {
    cost: Cost,
    /// Made when they are first needed: that takes as long as a sign-in.
    passwords: OnceLock<Option<Passwords>>,
    throttle: Throttle,
}

impl Login {
    /// With hashes that cost as much as this.
    pub(crate) fn new(cost: Cost) -> Self {
        Self {
            cost,
            ..Self::default()
        }
    }

    /// Hashes and checks passwords.
    ///
    /// # Errors
    /// 500 if the cost is out of bounds or the system gives no random bytes.
    pub(crate) fn passwords(&self) -> Result<&Passwords, ApiError> {
        let made = self.passwords.get_or_init(|| match Passwords::new(self.cost) {
            Ok(passwords) => Some(passwords),
            Err(error) => {
                tracing::error!(%error, "nobody can sign in");
                None
            }
        });
        made.as_ref()
            .ok_or_else(|| ApiError::internal("no password can be hashed"))
    }
}
