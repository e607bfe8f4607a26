//! An API over a store of its own, with people and keys in it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_cluster::{Commands, Directory};
use adit_model::{Object, Prepared, SecretValue, catalogue};
use adit_names::cidr::CidrSet;
use adit_names::id::{Id, Prefix};
use adit_store::log::AuditKey;
use adit_store::{Actor, Again, Change, Engine, MasterKey, Source, Store, Write};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::login::cookie::Cookie;
use crate::login::session;
use crate::{Access, Api, Installation, Limits, OneNode, Options, Stored, hash_of};

pub(super) const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const SECOND: &str = "abcdefghijklmnopqrstuvwxyz012345";
/// The installation's own objects: users.
pub(super) const SYSTEM: Id = Id::from_bytes(Prefix::Account, [0; 20]);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A new id; later ones are greater.
pub(super) fn id(prefix: Prefix) -> Id {
    let mut random = [0; 16];
    random[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Id::new(prefix, 1_795_000_000, random)
}

/// The token of a key or credential that [`Place::put`] has made.
pub(super) fn token(id: Id) -> String {
    let first: String = id.base62().into_iter().map(char::from).collect();
    format!("{first}_{SECOND}")
}

pub(super) struct Place {
    pub(super) api: Arc<Api>,
    pub(super) store: Store,
    applied: watch::Receiver<u64>,
    feed: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

impl Place {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(adit_store::Options {
            engine: Engine::Sqlite(dir.path().join("adit.db")),
            node: "node-1".to_owned(),
            key: MasterKey::new([7; 32]),
        })
        .await
        .unwrap();
        let access = Arc::new(Access::new());
        let position = access.load_from(&store).await.unwrap();
        let (tell, applied) = watch::channel(position);
        #[allow(clippy::disallowed_methods, reason = "a test that panics ends it")]
        let feed = tokio::spawn(follow(store.clone(), access.clone(), tell));
        let limits = Limits {
            per_key: 0,
            per_address_unauthenticated: 0,
            concurrent_per_key: 0,
            creates_per_minute: 0,
        };
        let (commands, _) = Commands::new();
        let api = Api::new(Options {
            url: "https://api.adit.example.com".to_owned(),
            region: "local".to_owned(),
            node: "node-1".to_owned(),
            access,
            allow_cidrs: CidrSet::default(),
            directory: Arc::<Directory>::default(),
            commands,
            limits,
            cors_origins: Vec::new(),
            installation: Installation {
                base_domain: "adit.example.com".to_owned(),
                private_suffixes: Vec::new(),
                https_port: 443,
                http_port: 80,
                tcp_ports: Some((20_000, 20_100)),
                acme: false,
                actions: adit_policy::Actions::EdgeWithout(adit_policy::NoFirewall::NotBuilt),
            },
            stored: Some(Stored {
                store: store.clone(),
                applied: Arc::new(OneNode {
                    name: "node-1".to_owned(),
                    applied: applied.clone(),
                }),
            }),
        });
        Self {
            api: Arc::new(api.signing_with(Arc::new(AuditKey::find(dir.path()).unwrap()))),
            store,
            applied,
            feed,
            _dir: dir,
        }
    }

    /// Has a change done, whatever the rights; answers when the API knows of it.
    pub(super) async fn write(&self, organization: Id, change: Change) -> Option<Object> {
        let write = Write {
            organization,
            actor: Actor {
                principal: None,
                subject: "system".to_owned(),
                source: Source::System,
                credential: None,
                ip: None,
                user_agent: String::new(),
                operation_id: "op_1".to_owned(),
            },
            changes: vec![change],
            dry_run: false,
        };
        let written = self.store.write(write).await.unwrap();
        let mut applied = self.applied.clone();
        applied.wait_for(|at| *at >= written.position).await.unwrap();
        written.objects.into_iter().next()
    }

    /// Makes an object of a kind as it stands, with a token if its kind has one.
    pub(super) async fn put(&self, organization: Id, kind: &str, owner: Option<Id>, body: Value) -> Object {
        let described = catalogue::by_name(kind).unwrap();
        let id = match kind {
            "organization" => organization,
            _ => id(described.prefix),
        };
        let object = Object {
            id,
            kind: kind.to_owned(),
            organization,
            owner,
            schema: 1,
            revision: 0,
            created_at: 0,
            updated_at: 0,
            body: body.as_object().unwrap().clone(),
        };
        let mut secrets = Vec::new();
        if matches!(kind, "api_key" | "credential") {
            secrets.push(("token", SecretValue::Hashed(hash_of(SECOND))));
        }
        let prepared = Prepared {
            claims: Vec::new(),
            references: (described.references)(&object),
            secrets,
            object,
        };
        self.write(organization, Change::Create(prepared)).await.unwrap()
    }

    /// Changes one field of an object, whatever the rights.
    pub(super) async fn set(&self, seen: &Object, field: &'static str, value: Value) {
        let mut next = seen.clone();
        next.body.insert(field.to_owned(), value);
        let next = Prepared {
            object: next,
            claims: Vec::new(),
            references: Vec::new(),
            secrets: Vec::new(),
        };
        let update = Change::Update {
            seen: self.store.get(seen.id).await.unwrap().unwrap().revision,
            next: next.clone(),
            again: Again(Arc::new(move |_: &Object| Ok(Some(next.clone())))),
            only_seen: true,
        };
        self.write(seen.organization, update).await;
    }

    pub(super) async fn organization(&self, body: Value) -> Object {
        self.put(id(Prefix::Account), "organization", None, body).await
    }

    /// A user with these roles in an organisation: his id and the token of a key of his.
    pub(super) async fn user(&self, organization: Id, roles: &[&str]) -> Person {
        let email = format!("{}@example.com", id(Prefix::User).to_string().to_lowercase());
        let user = self
            .put(SYSTEM, "user", None, json!({"email": email, "name": "A"}))
            .await;
        let membership = json!({"user_id": user.id.to_string(), "role_ids": roles});
        let membership = self.put(organization, "member", None, membership).await;
        let key = self.key(organization, user.id, json!({})).await;
        Person {
            id: user.id,
            email,
            user,
            membership,
            token: token(key.id),
            key,
        }
    }

    /// Whether who shows this token has a permission over anything.
    pub(super) async fn may(&self, token: &str, permission: &str) -> bool {
        let (_, me) = self.ask(token, "GET", "/adit/me", Value::Null).await;
        me["permissions"].as_array().unwrap().iter().any(|p| p == permission)
    }

    /// A session of somebody in an organisation, as a browser shows it.
    pub(super) async fn session(&self, organization: Id, user: Id) -> (session::Session, Cookie) {
        let rights = self.api.told.access.read().mark_of_rights(user);
        let from = session::From {
            user,
            organization,
            ip: PEER,
            user_agent: "test",
            rights: &rights,
        };
        session::begin(&self.store, from, session::Lasts::default())
            .await
            .unwrap()
    }

    /// What the API answers to a browser that shows this.
    pub(super) async fn browse(
        &self,
        peer: IpAddr,
        shown: &[(&'static str, String)],
        method: &str,
        path: &str,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api{path}"))
            .header("host", "dashboard.adit.example.com")
            .header("content-type", "application/json");
        for (name, value) in shown {
            request = request.header(*name, value);
        }
        let body = match method {
            "GET" | "DELETE" => Bytes::new(),
            _ => Bytes::from_static(b"{}"),
        };
        let response = self.api.answer(request.body(Full::new(body)).unwrap(), peer).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub(super) async fn key(&self, organization: Id, owner: Id, body: Value) -> Object {
        self.put(organization, "api_key", Some(owner), body).await
    }

    /// What the API answers to who shows this token.
    pub(super) async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask_from(PEER, token, method, path, body).await
    }

    pub(super) async fn ask_from(
        &self,
        peer: IpAddr,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "api.adit.example.com")
            .header("ngrok-version", "2")
            .header("content-type", "application/json");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match method {
            "GET" | "DELETE" => Bytes::new(),
            _ => Bytes::from(body.to_string()),
        };
        let response = self.api.answer(request.body(Full::new(body)).unwrap(), peer).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

/// Somebody with a key.
pub(super) struct Person {
    pub(super) id: Id,
    pub(super) email: String,
    pub(super) user: Object,
    pub(super) membership: Object,
    pub(super) token: String,
    pub(super) key: Object,
}

/// Keeps what the API knows of people and keys, as a server does.
async fn follow(store: Store, access: Arc<Access>, tell: watch::Sender<u64>) {
    let mut wake = store.wake();
    loop {
        let after = *tell.borrow();
        let feed = store.changes(after).await.unwrap();
        assert!(!feed.resync);
        access.follow(&store, &feed.changed).await.unwrap();
        tell.send_replace(feed.position);
        if wake.wait_for(|at| *at > feed.position).await.is_err() {
            return;
        }
    }
}
