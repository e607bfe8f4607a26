//! An API over a real store, with the loop that keeps what it knows of people and keys.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use adit_api::login::password::Cost;
use adit_api::{Access, Api, Installation, Limits, OneNode, Options, Stored, hash_of};
use adit_cluster::{CommandQueue, Commands, Directory};
use adit_model::{Object, Prepared, SecretValue, catalogue};
use adit_names::cidr::CidrSet;
use adit_names::id::{Id, Prefix};
use adit_store::log::AuditKey;
use adit_store::{Actor, Change, MasterKey, Source, Store, Write};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::described;

pub(crate) const URL: &str = "https://api.adit.example.com:8443";
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const SECOND: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// Hashes that cost next to nothing.
const CHEAP: Cost = Cost {
    memory: 64,
    passes: 1,
    lanes: 1,
};

/// An organisation with an administrator and his key.
#[derive(Clone, Debug)]
pub(crate) struct Org {
    pub(crate) id: Id,
    pub(crate) user: Id,
    pub(crate) key: String,
}

pub(crate) struct Place {
    pub(crate) api: Arc<Api>,
    pub(crate) store: Store,
    pub(crate) directory: Arc<Directory>,
    pub(crate) ours: Org,
    pub(crate) theirs: Org,
    pub(crate) applied: watch::Sender<u64>,
    pub(crate) audit_key: Arc<AuditKey>,
    _queue: CommandQueue,
    _dir: Option<TempDir>,
    pub(crate) follower: JoinHandle<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.json["error_code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub(crate) fn id(&self) -> &str {
        self.json["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {}", self.text))
    }
}

pub(crate) async fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let mut place = place_in(dir.path(), Limits::default()).await;
    place._dir = Some(dir);
    place
}

pub(crate) async fn place_with(limits: Limits) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let mut place = place_in(dir.path(), limits).await;
    place._dir = Some(dir);
    place
}

pub(crate) async fn place_in(dir: &Path, limits: Limits) -> Place {
    let options = adit_store::Options {
        engine: crate::engine(dir).await,
        node: "node-1".to_owned(),
        key: MasterKey::new([7; 32]),
    };
    let store = Store::open(options).await.unwrap();
    let ours = org(&store, 1).await;
    let theirs = org(&store, 2).await;
    over(store, ours, theirs, limits).await
}

/// An API over this store.
async fn over(store: Store, ours: Org, theirs: Org, limits: Limits) -> Place {
    let access = Arc::new(Access::new());
    let position = access.load_from(&store).await.unwrap();
    let (applied, seen) = watch::channel(position);
    let follower = tokio::spawn(follow(store.clone(), access.clone(), applied.clone()));
    let directory = Arc::<Directory>::default();
    let (commands, queue) = Commands::new();
    let keys = tempfile::tempdir().unwrap();
    let audit_key = Arc::new(AuditKey::find(keys.path()).unwrap());
    let api = Api::new(Options {
        url: URL.to_owned(),
        region: "local".to_owned(),
        node: "node-1".to_owned(),
        access,
        allow_cidrs: CidrSet::default(),
        directory: directory.clone(),
        commands,
        limits,
        cors_origins: vec!["*".to_owned()],
        installation: Installation {
            base_domain: "adit.example.com".to_owned(),
            private_suffixes: Vec::new(),
            https_port: 8443,
            http_port: 8080,
            tcp_ports: Some((20_000, 20_010)),
            acme: false,
            actions: adit_policy::Actions::EdgeWithout(adit_policy::NoFirewall::NotBuilt),
        },
        stored: Some(Stored {
            store: store.clone(),
            applied: Arc::new(OneNode {
                name: "node-1".to_owned(),
                applied: seen,
            }),
        }),
    });
    Place {
        api: Arc::new(api.signing_with(audit_key.clone()).hashing_at(CHEAP)),
        store,
        directory,
        ours,
        theirs,
        applied,
        audit_key,
        _queue: queue,
        _dir: None,
        follower,
    }
}

/// As the server's loop does it, without the edge.
async fn follow(store: Store, access: Arc<Access>, applied: watch::Sender<u64>) {
    let mut wake = store.wake();
    loop {
        let after = *applied.borrow();
        let feed = store.changes(after).await.unwrap();
        assert!(!feed.resync);
        access.follow(&store, &feed.changed).await.unwrap();
        applied.send_replace(feed.position);
        if wake.wait_for(|at| *at > feed.position).await.is_err() {
            return;
        }
    }
}

/// An organisation as `adit server init` makes it; the n-th.
async fn org(store: &Store, n: u8) -> Org {
    let id = |prefix| Id::new(prefix, 1_790_000_000, [n; 16]);
    let (organization, user, key) = (id(Prefix::Account), id(Prefix::User), id(Prefix::ApiKey));
    let object = |id: Id, kind: &str, body: Value| Object {
        id,
        kind: kind.to_owned(),
        organization,
        owner: (kind == "api_key").then_some(user),
        schema: 1,
        revision: 0,
        created_at: 0,
        updated_at: 0,
        body: body.as_object().unwrap().clone(),
    };
    let objects = [
        object(
            organization,
            "organization",
            json!({"name": format!("org-{n}"), "operators": n == 1}),
        ),
        object(
            user,
            "user",
            json!({"email": format!("a{n}@example.com"), "name": format!("a{n}"), "active": true}),
        ),
        object(
            id(Prefix::Member),
            "member",
            json!({"user_id": user.to_string(), "role_ids": ["admin"], "active": true}),
        ),
        object(key, "api_key", json!({"owner_id": user.to_string()})),
    ];
    let changes = objects.into_iter().map(|object| {
        let kind = catalogue::by_name(&object.kind).unwrap();
        let mut prepared = Prepared::new(kind, object);
        if prepared.object.id == key {
            prepared.secrets.push(("token", SecretValue::Hashed(hash_of(SECOND))));
        }
        Change::Create(prepared)
    });
    store.write(by_the_host(organization, changes.collect())).await.unwrap();
    let first: String = key.base62().iter().copied().map(char::from).collect();
    Org {
        id: organization,
        user,
        key: format!("{first}_{SECOND}"),
    }
}

fn by_the_host(organization: Id, changes: Vec<Change>) -> Write {
    Write {
        organization,
        actor: Actor {
            principal: None,
            subject: "host:test".to_owned(),
            source: Source::Host,
            credential: None,
            ip: None,
            user_agent: String::new(),
            operation_id: String::new(),
        },
        changes,
        dry_run: false,
    }
}

impl Place {
    /// A node that starts anew on the same store.
    pub(crate) async fn restarted(&self) -> Self {
        over(
            self.store.clone(),
            self.ours.clone(),
            self.theirs.clone(),
            Limits::default(),
        )
        .await
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.send_from(PEER, request).await
    }

    pub(crate) async fn send_from(&self, peer: IpAddr, request: Request<Full<Bytes>>) -> Answer {
        let method = Method::from_bytes(request.method().as_str().to_ascii_uppercase().as_bytes()).unwrap();
        let path = request.uri().path().to_owned();
        let host = request.headers().get("host").cloned();
        let (head, body) = self.api.answer(request, peer).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        };
        described::check(&method, host.as_ref(), &path, &answer);
        answer
    }

    /// Writes behind the API's back.
    pub(crate) async fn write(&self, changes: Vec<Change>) {
        self.store.write(by_the_host(self.ours.id, changes)).await.unwrap();
    }

    /// From now on this node applies nothing any more.
    pub(crate) fn hang(&self) {
        self.follower.abort();
    }

    /// As our administrator.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        self.ask_as(&self.ours.key, method, path, body).await
    }

    pub(crate) async fn ask_as(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(request(key, method, path, &body)).await
    }

    pub(crate) async fn ask_with(&self, header: (&str, &str), method: &str, path: &str, body: Value) -> Answer {
        let mut request = request(&self.ours.key, method, path, &body);
        let name: http::HeaderName = header.0.parse().unwrap();
        request.headers_mut().insert(name, header.1.parse().unwrap());
        self.send(request).await
    }

    /// Makes an object that has to be made.
    pub(crate) async fn make(&self, path: &str, body: Value) -> Value {
        let answer = self.ask("POST", path, body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text);
        answer.json
    }

    /// The last position of the log.
    pub(crate) fn position(&self) -> u64 {
        *self.store.wake().borrow()
    }
}

pub(crate) fn request(key: &str, method: &str, path: &str, body: &Value) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "api.adit.example.com:8443")
        .header("ngrok-version", "2")
        .header("authorization", format!("Bearer {key}"));
    let mut bytes = Bytes::new();
    if !body.is_null() {
        request = request.header("content-type", "application/json");
        bytes = body.to_string().into();
    }
    request.body(Full::from(bytes)).unwrap()
}
