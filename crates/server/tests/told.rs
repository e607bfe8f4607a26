//! What is written into the store is in force at the edge: for agents that log in and bind, for those that are on line,
//! and for visitors; and what agents do is in the log.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use adit_agent::{Ca, Error, Session};
use adit_model::{Context, Object, Prepared, catalogue, draft};
use adit_names::id::{Id, Prefix};
use adit_server::config::Settings;
use adit_server::state::{Credentials, State};
use adit_server::{AccessLog, First, Options, Server};
use adit_store::log::{Chain, EntriesPage};
use adit_store::{Actor, Change, Source, Store, Write};
use serde_json::{Value, json};

const BASE: &str = "adit.localhost";
/// What has to happen within two seconds, on a machine that does other things as well.
const SOON: Duration = Duration::from_secs(20);

/// A server with a service behind it.
struct World {
    server: Server,
    credentials: Credentials,
    https: SocketAddr,
    http: SocketAddr,
    organization: Id,
    next: u8,
}

impl World {
    fn start(dir: &Path) -> Self {
        let local = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        let (https, http, admin) = (local(), local(), local());
        let state = State::open(dir).unwrap();
        let credentials = state.credentials().unwrap();
        let mut settings = Settings::default();
        settings.agents.accept_without_sni = Some(true);
        settings.domains.private_suffixes = vec!["localhost".to_owned()];
        let (https_address, http_address) = (https.local_addr().unwrap(), http.local_addr().unwrap());
        let server = Server::start(Options {
            state,
            base_domain: BASE.to_owned(),
            https,
            http: Some(http),
            admin,
            workers: 1,
            access_log: AccessLog::Off,
            settings,
            firewall: Err(adit_policy::NoFirewall::NotBuilt),
            first: Some(First::of(&credentials, BASE).unwrap()),
        })
        .unwrap();
        Self {
            server,
            https: https_address,
            http: http_address,
            organization: credentials.organization_id.parse().unwrap(),
            credentials,
            next: 0,
        }
    }

    async fn agent(&self) -> Result<Session, Error> {
        Session::builder()
            .environment(|_| None)
            .authtoken(self.credentials.authtoken.clone())
            .connect_url(self.https.to_string())
            .connect_server_name(format!("connect.{BASE}"))
            .ca(Ca::file(self.server.state().ca_file()).unwrap())
            .connect()
            .await
    }

    fn store(&self) -> &Store {
        self.server.store()
    }

    fn credential(&self) -> Id {
        let (first, _) = self.credentials.authtoken.split_once('_').unwrap();
        format!("cr_{first}").parse().unwrap()
    }

    /// Writes, and waits until the node has applied it.
    async fn write(&self, organization: Id, change: Change) -> Vec<Object> {
        let written = self
            .store()
            .write(Write {
                organization,
                actor: Actor {
                    principal: None,
                    subject: "test".to_owned(),
                    source: Source::Host,
                    credential: None,
                    ip: None,
                    user_agent: String::new(),
                    operation_id: String::new(),
                },
                changes: vec![change],
                dry_run: false,
            })
            .await
            .unwrap();
        let mut applied = self.server.applied();
        applied.wait_for(|at| *at >= written.position).await.unwrap();
        written.objects
    }

    async fn create(&mut self, kind: &str, prefix: Prefix, organization: Id, body: Value) -> Id {
        self.next += 1;
        let id = Id::new(prefix, 1_800_000_000, [self.next; 16]);
        let kind = catalogue::by_name(kind).unwrap();
        let body = body.as_object().unwrap();
        let context = context(organization);
        let prepared = draft::create(kind, true, body, id, None, &context).unwrap();
        self.write(organization, Change::Create(prepared)).await;
        id
    }

    async fn change(&self, id: Id, patch: Value) {
        let object = self.store().get(id).await.unwrap().unwrap();
        let next = changed(&object, &patch);
        let change = Change::Update {
            seen: object.revision,
            next,
            again: adit_store::Again(std::sync::Arc::new(|_: &Object| Ok(None))),
            only_seen: true,
        };
        self.write(object.organization, change).await;
    }

    async fn delete(&self, id: Id) {
        let organization = self.store().get(id).await.unwrap().unwrap().organization;
        self.write(organization, Change::Delete { id, only: None }).await;
    }

    /// Status and code of what a visitor of the plain port gets.
    async fn visit(&self, host: &str) -> (u16, String) {
        let (http, host) = (self.http, host.to_owned());
        // The agent runs on the thread of the test.
        let visited = tokio::task::spawn_blocking(move || {
            let mut io = TcpStream::connect(http).unwrap();
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            io.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            io.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = visited.await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let code = answer.lines().find_map(|l| l.strip_prefix("ngrok-error-code: "));
        (status, code.unwrap_or_default().to_owned())
    }

    /// Types of the entries of the organisation's `live` chain, oldest first.
    async fn live(&self) -> Vec<String> {
        let page = EntriesPage {
            organization: Some(self.organization),
            chain: Some(Chain::Live),
            limit: 100,
            ..EntriesPage::default()
        };
        let entries = self.store().entries(&page).await.unwrap();
        entries.into_iter().rev().map(|e| e.event_type).collect()
    }
}

fn context(organization: Id) -> Context {
    Context {
        now: 0,
        base_domain: BASE.to_owned(),
        private_suffixes: vec!["localhost".to_owned()],
        https_port: 443,
        http_port: 80,
        tcp_ports: None,
        acme: false,
        organization,
        is_operators: true,
        principal: None,
    }
}

fn changed(object: &Object, patch: &Value) -> Prepared {
    let kind = catalogue::by_name(&object.kind).unwrap();
    let patch = patch.as_object().unwrap();
    draft::update(kind, true, object, patch, &[], &context(object.organization))
        .unwrap()
        .unwrap()
}

/// Waits until something is so; how long that took.
async fn until(mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < SOON, "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// A service that answers whoever comes.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for io in listener.incoming() {
            let mut io = io.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && io.read(&mut byte).is_ok_and(|n| n == 1) {
                head.extend_from_slice(&byte);
            }
            let _ = io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    format!("http://{address}")
}

async fn offer(session: &Session, url: &str, upstream: &str) -> Result<adit_agent::Forwarder, Error> {
    session.http().url(url).listen_and_forward(upstream).await
}

#[tokio::test]
async fn visitors_are_held_to_ip_restrictions_and_cloud_endpoints_fail_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut w = World::start(dir.path());
    let organization = w.organization;
    let session = w.agent().await.unwrap();
    let app = format!("app.{BASE}");
    let forwarder = offer(&session, &format!("http://{app}"), &service()).await.unwrap();
    assert_eq!(w.visit(&app).await.0, 200);

    let policy = w.create("ip_policy", Prefix::IpPolicy, organization, json!({})).await;
    let rule = json!({ "ip_policy_id": policy.to_string(), "action": "allow", "cidr": "203.0.113.0/24" });
    let rule = w
        .create("ip_policy_rule", Prefix::IpPolicyRule, organization, rule)
        .await;
    let body = json!({ "type": "endpoints", "enforced": true, "ip_policy_ids": [policy.to_string()] });
    let restriction = w
        .create("ip_restriction", Prefix::IpRestriction, organization, body)
        .await;
    assert_eq!(w.visit(&app).await, (403, "ERR_NGROK_3205".to_owned()));
    w.change(rule, json!({ "cidr": "127.0.0.0/8" })).await;
    assert_eq!(w.visit(&app).await.0, 200);
    w.change(rule, json!({ "cidr": "203.0.113.0/24" })).await;
    assert_eq!(w.visit(&app).await.0, 403);
    w.change(restriction, json!({ "enforced": false })).await;
    assert_eq!(w.visit(&app).await.0, 200);

    let cloud = format!("cloud.{BASE}");
    assert_eq!(w.visit(&cloud).await.0, 404);
    let policy = "on_http_request:\n  - actions:\n      - type: deny\n";
    let body = json!({ "type": "cloud", "url": format!("http://{cloud}"), "traffic_policy": policy });
    let endpoint = w.create("endpoint", Prefix::Endpoint, organization, body).await;
    assert_eq!(w.visit(&cloud).await, (403, String::new()));
    let answers = "on_http_request:\n  - actions:\n      - type: custom-response\n        config: {status_code: 299}\n";
    w.change(endpoint, json!({ "traffic_policy": answers })).await;
    assert_eq!(w.visit(&cloud).await.0, 299);
    // What no API would let in keeps the last good form in force.
    w.change(endpoint, json!({ "traffic_policy": "on_http_request: [1]" }))
        .await;
    assert_eq!(w.visit(&cloud).await.0, 299);
    let refused = offer(&session, &format!("http://{cloud}"), &service())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("ERR_NGROK_334"));
    w.delete(endpoint).await;
    assert_eq!(w.visit(&cloud).await.0, 404);
    forwarder.close().await;
    session.close().await;
    w.server.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn guardrails_that_cannot_be_read_let_nobody_pass_and_others_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let mut w = World::start(dir.path());
    let organization = w.organization;
    let session = w.agent().await.unwrap();
    let app = format!("app.{BASE}");
    let forwarder = offer(&session, &format!("http://{app}"), &service()).await.unwrap();
    assert_eq!(w.visit(&app).await.0, 200);

    let deny = "on_http_request: [{actions: [{type: deny, config: {status_code: 451}}]}]";
    let body = |policy: &str| json!({ "name": "all", "policy": policy, "mode": "enforce" });
    let stranger = Id::new(Prefix::Account, 1_800_000_000, [99; 16]);
    w.create("guardrail", Prefix::Guardrail, stranger, body(deny)).await;
    assert_eq!(w.visit(&app).await.0, 200, "it is another organisation's");
    let rail = w.create("guardrail", Prefix::Guardrail, organization, body(deny)).await;
    assert_eq!(w.visit(&app).await.0, 451);
    // What no API would let in: where it is not known whom to let in, nobody is.
    w.change(rail, json!({ "policy": "on_http_request: [1]" })).await;
    assert_eq!(w.visit(&app).await, (500, "ERR_ADIT_5201".to_owned()));
    w.change(
        rail,
        json!({ "policy": "on_http_response: [{actions: [{type: remove-headers, config: {headers: [x-a]}}]}]" }),
    )
    .await;
    assert_eq!(w.visit(&app).await.0, 200);
    // An expression that fails at the time is no yes either.
    let fails = "on_http_request: [{expressions: [\"req.headers['x-none'][0] == 'a'\"], actions: [{type: deny}]}]";
    w.change(rail, json!({ "policy": fails })).await;
    assert_eq!(w.visit(&app).await, (500, "ERR_ADIT_5201".to_owned()));
    let skips = fails.replace("[{expressions", "[{on_expression_error: skip, expressions");
    w.change(rail, json!({ "policy": skips })).await;
    assert_eq!(w.visit(&app).await.0, 200);
    w.delete(rail).await;
    forwarder.close().await;
    session.close().await;
    w.server.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_was_revoked_ends_soon_and_stays_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut w = World::start(dir.path());
    let credential = w.credential();
    let session = w.agent().await.unwrap();
    let (app, other) = (format!("app.{BASE}"), format!("other.{BASE}"));
    let upstream = service();
    let _app = offer(&session, &format!("http://{app}"), &upstream).await.unwrap();
    let _other = offer(&session, &format!("http://{other}"), &upstream).await.unwrap();

    // A narrower ACL takes away what it does not allow.
    w.change(credential, json!({ "acl": [format!("bind:{app}")] })).await;
    let took = until(async || w.visit(&other).await.0 == 404).await;
    println!("a changed ACL took {took:?}");
    assert_eq!(w.visit(&app).await.0, 200);
    let refused = offer(&session, &format!("http://{other}"), &upstream)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("ERR_NGROK_316"));
    w.change(credential, json!({ "acl": [] })).await;

    // Names that another organisation has reserved are not to be had.
    let stranger = Id::new(Prefix::Account, 1_800_000_000, [99; 16]);
    let body = json!({ "domain": format!("theirs.{BASE}") });
    w.create("reserved_domain", Prefix::ReservedDomain, stranger, body)
        .await;
    let refused = offer(&session, &format!("http://theirs.{BASE}"), &upstream)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("ERR_NGROK_320"));

    let directory = w.server.edge().node().directory.clone();
    assert_eq!(directory.sessions().len(), 1);
    w.change(credential, json!({ "disabled": true })).await;
    let took = until(async || directory.sessions().is_empty()).await;
    println!("a revocation took {took:?}");
    assert_eq!(w.visit(&app).await.0, 404);
    assert_eq!(w.agent().await.unwrap_err().code(), Some("ERR_NGROK_300"));
    w.change(credential, json!({ "disabled": false })).await;
    let session = w.agent().await.unwrap();
    w.delete(credential).await;
    assert_eq!(w.agent().await.unwrap_err().code(), Some("ERR_NGROK_107"));
    session.close().await;
    w.server.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_agents_do_is_in_the_log_and_a_second_start_knows_everything() {
    let dir = tempfile::tempdir().unwrap();
    let w = World::start(dir.path());
    let session = w.agent().await.unwrap();
    let forwarder = offer(&session, &format!("http://app.{BASE}"), &service())
        .await
        .unwrap();
    until(async || w.live().await.len() >= 2).await;
    let before = w.live().await;
    assert_eq!(before, ["agent_session_start.v0", "endpoint_online.v0"]);
    forwarder.close().await;
    session.close().await;
    let token = w.credentials.authtoken.clone();
    w.server.stop(Duration::from_secs(1)).await;

    let w = World::start(dir.path());
    assert_eq!(w.credentials.authtoken, token);
    assert_eq!(w.store().count("organization", None).await.unwrap(), 1);
    assert_eq!(w.store().count("credential", None).await.unwrap(), 1);
    assert!(w.live().await.starts_with(&before), "what was recorded stays");
    let session = w.agent().await.unwrap();
    until(async || w.live().await.iter().filter(|t| *t == "agent_session_start.v0").count() == 2).await;
    session.close().await;
    w.server.stop(Duration::from_secs(1)).await;
}
