//! The first objects of an installation: the operators' organisation, its administrator, a key of the API, and for
//! agents an authtoken.

use adit_api::DEFAULT_AUTHTOKEN as DEFAULT;
use adit_api::login::password::{Cost, FIELD, PasswordError, hash_now};
use adit_api::login::set_up_with;
use adit_model::{Context, Object, Prepared, SecretValue, catalogue};
use adit_names::id::{Id, Prefix};
use adit_store::log::account::SYSTEM;
use adit_store::{Actor, Change, MasterKey, Source, Store, Write, WriteError};
use aws_lc_rs::{digest, rand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::Settings;
use crate::edge_config;
use crate::state::{Credentials, State, StateError};
use crate::wire::{self, ServerError};

/// What is made first. Tokens are whole, `FIRST_SECOND`: their first half is that of their object's id.
#[derive(Clone)]
pub struct First {
    /// Name of the organisation.
    pub organization: String,
    /// Its id.
    pub organization_id: Id,
    /// E-mail of the administrator.
    pub email: String,
    /// Key of the API.
    pub api_key: String,
    /// Authtoken of agents.
    pub authtoken: String,
    /// Password of the administrator; none if he has to choose one.
    pub password: Option<String>,
    /// By which the administrator chooses his password at the dashboard; good once, for a day.
    pub setup: String,
}

impl std::fmt::Debug for First {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("First")
            .field("organization_id", &self.organization_id)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// Why the first objects are not there.
#[derive(Debug, thiserror::Error)]
pub enum FirstError {
    /// The store refused them.
    #[error("the first objects cannot be written: {0}")]
    Write(#[from] WriteError),
    /// The store cannot be read.
    #[error("{0}")]
    Read(#[from] adit_store::StoreError),
    /// The administrator's password cannot be hashed.
    #[error("{0}")]
    Password(#[from] PasswordError),
    /// A token of the data directory has no id.
    #[error("a token of the data directory does not have the form of one")]
    Token,
    /// A kind refuses what is made here.
    #[error("the first {kind} is refused: {reason}")]
    Refused {
        /// The kind.
        kind: &'static str,
        /// Why.
        reason: String,
    },
}

impl First {
    /// New ones.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(organization: &str, email: &str) -> Result<Self, StateError> {
        Ok(Self {
            organization: organization.to_owned(),
            organization_id: new_id(Prefix::Account)?,
            email: email.to_owned(),
            api_key: crate::state::token()?,
            authtoken: crate::state::token()?,
            password: None,
            setup: crate::state::secret("")?,
        })
    }

    /// Those of a data directory, whose tokens stay valid.
    ///
    /// # Errors
    /// Its ids cannot be read.
    pub fn of(credentials: &Credentials, base_domain: &str) -> Result<Self, FirstError> {
        Ok(Self {
            organization: "adit".to_owned(),
            organization_id: credentials.organization_id.parse().map_err(|_| FirstError::Token)?,
            email: format!("admin@{base_domain}"),
            api_key: credentials.api_key.clone(),
            authtoken: credentials.authtoken.clone(),
            password: Some(credentials.admin_password.clone()),
            setup: credentials.signin_token.clone(),
        })
    }

    /// Where the administrator chooses his password.
    #[must_use]
    pub fn setup_link(&self, settings: &Settings, base_domain: &str) -> String {
        format!(
            "{}/#setup={}",
            edge_config::dashboard(settings, base_domain),
            self.setup
        )
    }

    /// Makes them, unless their organisation is there already; true if they were made. What was deleted since is not
    /// made again. As long as the administrator has no password, his setup link is good for another day.
    ///
    /// # Errors
    /// See [`FirstError`]; nothing was written then.
    pub async fn make(&self, store: &Store, base_domain: &str) -> Result<bool, FirstError> {
        let user = self.organization_id.with_prefix(Prefix::User);
        if store.get(self.organization_id).await?.is_some() {
            let has_password = store.secrets(&[user]).await?.contains_key(&user);
            if !has_password && store.get(user).await?.is_some() {
                set_up_with(store, &self.setup, user).await?;
            }
            return Ok(false);
        }
        let member = self.organization_id.with_prefix(Prefix::Member);
        let maker = Maker {
            organization: self.organization_id,
            user,
            base_domain,
        };
        let name = self.email.split('@').next().unwrap_or_default();
        let organization = json!({ "name": self.organization, "operators": true });
        let person = json!({ "email": self.email, "name": name, "active": true });
        let membership = json!({
            "user_id": user.to_string(), "role_ids": ["admin"], "active": true, "source": "init",
        });
        let mut all = vec![
            maker.make("organization", self.organization_id, organization)?,
            maker.make("user", user, person)?,
            maker.make("member", member, membership)?,
        ];
        if let (Some(password), Some(user)) = (&self.password, all.get_mut(1)) {
            let hash = hash_now(Cost::default(), password)?;
            let bytes = Zeroizing::new(hash.as_bytes().to_vec());
            user.secrets.push((FIELD, SecretValue::Sealed(bytes)));
        }
        for (kind, prefix, token) in [
            ("api_key", Prefix::ApiKey, &self.api_key),
            ("credential", Prefix::Credential, &self.authtoken),
        ] {
            let (id, hash) = halves(prefix, token).ok_or(FirstError::Token)?;
            let mut made = maker.make(kind, id, json!({ "description": "made at the first start" }))?;
            // Like that which a user makes for himself.
            if kind == "credential" {
                made.object.body.insert(DEFAULT.to_owned(), true.into());
            }
            made.secrets.push(("token", SecretValue::Hashed(hash)));
            all.push(made);
        }
        store
            .write(Write {
                organization: self.organization_id,
                actor: Actor {
                    principal: None,
                    subject: "system".to_owned(),
                    source: Source::System,
                    credential: None,
                    ip: None,
                    user_agent: String::new(),
                    operation_id: String::new(),
                },
                changes: all.into_iter().map(Change::Create).collect(),
                dry_run: false,
            })
            .await?;
        set_up_with(store, &self.setup, user).await?;
        Ok(true)
    }
}

/// Makes the first objects of an installation that has no organisation yet; false if it has one.
///
/// # Errors
/// The store cannot be opened or refuses.
pub async fn initialize(
    settings: &Settings,
    state: &State,
    first: &First,
    base_domain: &str,
) -> Result<bool, ServerError> {
    let engine = wire::engine(settings, state.dir());
    let key = MasterKey::find(&wire::key_places(settings, state.dir()), &engine).await?;
    let node = edge_config::node_name(settings);
    let store = Store::open(adit_store::Options { engine, node, key }).await?;
    let made = if store.count("organization", None).await? == 0 {
        first.make(&store, base_domain).await?
    } else {
        false
    };
    store.close().await;
    Ok(made)
}

/// Makes objects of one organisation.
struct Maker<'a> {
    organization: Id,
    user: Id,
    base_domain: &'a str,
}

impl Maker<'_> {
    fn make(&self, kind: &'static str, id: Id, body: Value) -> Result<Prepared, FirstError> {
        let refused = |reason: String| FirstError::Refused { kind, reason };
        let descriptor = catalogue::by_name(kind).ok_or_else(|| refused("there is no such kind".to_owned()))?;
        let owner = matches!(kind, "api_key" | "credential").then_some(self.user);
        let now = jiff::Timestamp::now().as_microsecond();
        let mut object = Object {
            id,
            kind: kind.to_owned(),
            // Users are the installation's, whoever makes them.
            organization: if kind == "user" { SYSTEM } else { self.organization },
            owner,
            schema: descriptor.schema,
            revision: 0,
            created_at: now,
            updated_at: now,
            body: descriptor
                .fields
                .iter()
                .filter(|f| f.secret.is_none() && !f.hidden)
                .map(|f| (f.name.to_owned(), f.default_value()))
                .collect(),
        };
        if let Value::Object(given) = body {
            object.body.extend(given);
        }
        let context = Context {
            now,
            base_domain: self.base_domain.to_owned(),
            private_suffixes: Vec::new(),
            https_port: 443,
            http_port: 80,
            tcp_ports: None,
            acme: false,
            organization: self.organization,
            is_operators: true,
            principal: None,
        };
        let problems = (descriptor.complete)(&mut object, None, &context);
        if let Some(problem) = problems.first() {
            return Err(refused(format!("{}: {}", problem.field, problem.code)));
        }
        Ok(Prepared::new(descriptor, object))
    }
}

/// Id and hash of a token.
fn halves(prefix: Prefix, token: &str) -> Option<(Id, [u8; 32])> {
    let (first, second) = token.split_once('_')?;
    let id = format!("{}_{first}", prefix.as_str()).parse().ok()?;
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, second.as_bytes()).as_ref());
    Some((id, hash))
}

fn new_id(prefix: Prefix) -> Result<Id, StateError> {
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| StateError::Random)?;
    let seconds = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    Ok(Id::new(prefix, seconds, random))
}
