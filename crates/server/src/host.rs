//! What is done on the machine itself, without signing in: ways back in for who is locked out (control plane 3.2, 3.8).
//!
//! Whoever reads the files of the host may do this. It goes through the store's gate and into the log under the name
//! `host:<user of the system>`. A server may run meanwhile, as the store is made for several that write; it learns of
//! it from the feed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adit_api::login::{end_sessions, reset_with};
use adit_model::kind::user::canonical_email;
use adit_model::timestamp::timestamp;
use adit_model::{Object, Prepared, catalogue};
use adit_names::id::{Id, Prefix};
use adit_store::log::account::SYSTEM;
use adit_store::{
    Actor, Again, Change, Engine, Fact, MasterKey, OpenError, Options, Source, Store, StoreError, Write, WriteError,
};
use serde_json::json;

use crate::config::Settings;
use crate::edge_config::node_name;
use crate::state::{self, StateError};
use crate::wire;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// There is no database.
    #[error("there is no store here: {} is missing", .0.display())]
    NoStore(PathBuf),
    /// The store cannot be opened.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error("{0}")]
    Read(#[from] StoreError),
    /// The store refused, or could not be written in time.
    #[error("nothing was changed: {0}")]
    Write(#[from] WriteError),
    /// The system gives no randomness.
    #[error("{0}")]
    Random(#[from] StateError),
    /// Nobody has this address.
    #[error("no user has the e-mail address {0}")]
    NoUser(String),
    /// There is no such organisation.
    #[error("there is no organisation {0}")]
    NoOrganization(String),
}

/// What a restriction is about whose enforcement can be ended here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restricted {
    /// The dashboard.
    Dashboard,
    /// The API.
    Api,
}

impl Restricted {
    /// As the field `type` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Api => "api",
        }
    }
}

/// A restriction that is not enforced any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Whose it is.
    pub organization: Id,
    /// Its id.
    pub id: Id,
}

/// A user who gets a new password.
#[derive(Clone)]
pub struct Reset {
    /// His address as it is kept.
    pub email: String,
    /// What is in the link; good once.
    pub token: String,
    /// RFC 3339 time until which the link is good: an hour.
    pub until: String,
    /// Whether he can sign in at all.
    pub is_active: bool,
}

impl std::fmt::Debug for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reset")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// The store of an installation, for a command.
#[derive(Debug)]
pub struct Host {
    store: Store,
}

impl Host {
    /// Opens the store of an installation, whether a server runs or not.
    ///
    /// # Errors
    /// There is none, it does not answer, or its master key is not there.
    pub async fn open(settings: &Settings, data_dir: &Path) -> Result<Self, HostError> {
        let engine = wire::engine(settings, data_dir);
        // One that is not there would be made.
        if let Engine::Sqlite(path) = &engine
            && !path.exists()
        {
            return Err(HostError::NoStore(path.clone()));
        }
        let options = Options {
            engine,
            node: node_name(settings),
            key: MasterKey::existing(&wire::key_places(settings, data_dir))?,
        };
        let store = Store::open(options).await?;
        Ok(Self { store })
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Restrictions of this type are no longer enforced, of one organisation (by id) or of all: those that were.
    ///
    /// # Errors
    /// There is no such organisation; the store is away. What is done for the organisations before stays done.
    pub async fn disable_restrictions(
        &self,
        restricted: Restricted,
        organization: Option<&str>,
    ) -> Result<Vec<Disabled>, HostError> {
        let only = match organization {
            Some(given) => Some(self.organization(given).await?),
            None => None,
        };
        let mut disabled = Vec::new();
        for object in self.store.all(&["ip_restriction"]).await?.objects {
            let is_meant = object.text("type") == restricted.name()
                && object.flag("enforced")
                && only.is_none_or(|only| only == object.organization);
            let Some(next) = is_meant.then(|| unenforced(&object)).flatten() else {
                continue;
            };
            let (organization, id) = (object.organization, object.id);
            let update = Change::Update {
                seen: object.revision,
                next,
                again: Again(Arc::new(|object: &Object| Ok(unenforced(object)))),
                only_seen: false,
            };
            self.write(organization, update).await?;
            disabled.push(Disabled { organization, id });
        }
        Ok(disabled)
    }

    async fn organization(&self, given: &str) -> Result<Id, HostError> {
        let missing = || HostError::NoOrganization(given.to_owned());
        let id = Id::parse_as(Prefix::Account, given).map_err(|_| missing())?;
        self.store.get(id).await?.map(|found| found.id).ok_or_else(missing)
    }

    /// Makes a link by which a user chooses a new password, and ends his sessions. Recorded first, in the log of each
    /// organisation that he is in.
    ///
    /// # Errors
    /// There is no such user; the store is away.
    pub async fn reset_user(&self, email: &str) -> Result<Reset, HostError> {
        let missing = || HostError::NoUser(email.to_owned());
        let canonical = canonical_email(email).ok_or_else(missing)?;
        let (id, _) = self.store.holder("email", &canonical).await?.ok_or_else(missing)?;
        let user = self.store.get(id).await?.ok_or_else(missing)?;
        for organization in self.organizations_of(id).await? {
            let fact = Fact {
                event_type: "password_reset_requested.v0",
                object: Some(("user".to_owned(), id.to_string())),
                after: json!({ "user_id": id.to_string() }),
            };
            self.write(organization, Change::Fact(fact)).await?;
        }
        let token = state::secret("")?;
        let until = reset_with(&self.store, &token, id).await?;
        end_sessions(&self.store, id, None).await?;
        Ok(Reset {
            email: canonical,
            token,
            until: timestamp(until, false),
            is_active: user.flag("active"),
        })
    }

    /// Those that a user is in; the installation itself for who is in none.
    async fn organizations_of(&self, user: Id) -> Result<Vec<Id>, HostError> {
        let mut members = self.store.all(&["member"]).await?.objects;
        let user = user.to_string();
        members.retain(|member| member.text("user_id") == user);
        let mut organizations: Vec<Id> = members.iter().map(|member| member.organization).collect();
        if organizations.is_empty() {
            organizations.push(SYSTEM);
        }
        Ok(organizations)
    }

    async fn write(&self, organization: Id, change: Change) -> Result<(), HostError> {
        let write = Write {
            organization,
            actor: Actor {
                principal: None,
                subject: format!("host:{}", user_of_the_system()),
                source: Source::Host,
                credential: None,
                ip: None,
                user_agent: String::new(),
                operation_id: String::new(),
            },
            changes: vec![change],
            dry_run: false,
        };
        self.store.write(write).await?;
        Ok(())
    }
}

/// A restriction that only records; none if it does no more than that already.
fn unenforced(restriction: &Object) -> Option<Prepared> {
    let kind = catalogue::by_name("ip_restriction").filter(|_| restriction.flag("enforced"))?;
    let mut next = restriction.clone();
    next.body.insert("enforced".to_owned(), false.into());
    Some(Prepared::new(kind, next))
}

/// Who runs this program: his name, or his number where no name is known.
#[cfg(unix)]
fn user_of_the_system() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    // Only what is in the file: a directory service that does not answer must not hold up who is locked out.
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut lines = users.lines().map(|line| line.split(':'));
    let name = lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1) == Some(uid.as_str())).then_some(name)
    });
    name.map_or_else(|| uid.clone(), str::to_owned)
}

#[cfg(not(unix))]
fn user_of_the_system() -> String {
    std::env::var("USERNAME").unwrap_or_else(|_| "unknown".to_owned())
}
