//! Requests and their answers, without sockets: shapes, refusals, pages, commands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests: also in their helper functions"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adit_api::{Access, Api, Installation, Limits, Options, Secrets, hash_of};
use adit_cluster::{
    Command, CommandError, CommandQueue, Commands, Directory, OnlineSession, RemoteCommands, SessionFacts, Target,
};
use adit_model::{Object, SecretValue};
use adit_names::cidr::CidrSet;
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_protocol::client_family::ClientFamily;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const URL: &str = "https://api.adit.example.com:8443";
const OURS: &str = "ac_3ujtsYcgvSTl8PAuAdqWYSMnLOv";
const USER: &str = "usr_4ujtsYcgvSTl8PAuAdqWYSMnLOv";
const FIRST: &str = "0ujtsYcgvSTl8PAuAdqWYSMnLOv";
const READER: &str = "1ujtsYcgvSTl8PAuAdqWYSMnLOv";
const SECOND: &str = "abcdefghijklmnopqrstuvwxyz012345";

struct Place {
    api: Api,
    directory: Arc<Directory>,
    queue: CommandQueue,
}

fn place() -> Place {
    let directory = Arc::<Directory>::default();
    let (commands, queue) = Commands::new();
    let access = Access::new();
    let key = |first: &str, permissions: &[&str]| {
        object(&format!("ak_{first}"), "api_key", &json!({"permissions": permissions}))
    };
    let keys = [key(FIRST, &[]), key(READER, &["tunnel_sessions:read"])];
    let hash = || vec![("token".to_owned(), SecretValue::Hashed(hash_of(SECOND)))];
    let secrets: Secrets = keys.iter().map(|key| (key.id, hash())).collect();
    let people = [
        object(OURS, "organization", &json!({"name": "ours"})),
        object(USER, "user", &json!({"email": "a@example.com"})),
        object(
            "nod_5ujtsYcgvSTl8PAuAdqWYSMnLOv",
            "member",
            &json!({"user_id": USER, "role_ids": ["admin"]}),
        ),
    ];
    access.load(people.into_iter().chain(keys), &secrets);
    let api = Api::new(Options {
        url: URL.to_owned(),
        region: "local".to_owned(),
        node: "node-1".to_owned(),
        access: Arc::new(access),
        allow_cidrs: CidrSet::default(),
        directory: directory.clone(),
        commands,
        limits: Limits::default(),
        cors_origins: vec!["*".to_owned()],
        installation: Installation {
            base_domain: "adit.example.com".to_owned(),
            private_suffixes: Vec::new(),
            https_port: 8443,
            http_port: 8080,
            tcp_ports: None,
            acme: false,
            actions: adit_policy::Actions::EdgeWithout(adit_policy::NoFirewall::NotBuilt),
        },
        stored: None,
    });
    Place { api, directory, queue }
}

fn object(id: &str, kind: &str, body: &Value) -> Object {
    Object {
        id: id.parse().unwrap(),
        kind: kind.to_owned(),
        organization: OURS.parse().unwrap(),
        owner: Some(USER.parse().unwrap()),
        schema: 1,
        revision: 1,
        created_at: 0,
        updated_at: 0,
        body: body.as_object().unwrap().clone(),
    }
}

fn session_id(n: u64) -> String {
    Id::new(Prefix::Session, 1_795_532_400 + n, [1; 16]).to_string()
}

impl Place {
    fn online(&self, n: u64, organization: &str) -> String {
        let facts = SessionFacts {
            id: session_id(n),
            epoch: 0,
            organization: organization.to_owned(),
            credential: "cr_1".to_owned(),
            family: ClientFamily::Unknown,
            client_type: "app".to_owned(),
            agent_version: "3.0".to_owned(),
            user_agent: "app/1.2 (a test) ngrok-go/2.4.0".to_owned(),
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
            hostname: "box".to_owned(),
            metadata: "{\"a\": \"ü\"}".to_owned(),
            addr: SocketAddr::from(([192, 0, 2, 9], 5_000)),
            started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_532_400),
            heartbeat_interval: Duration::from_secs(10),
            remote: RemoteCommands {
                stop: Some(String::new()),
                restart: Some("not here".to_owned()),
                update: None,
            },
            idle_streams: Arc::default(),
        };
        let id = facts.id.clone();
        self.directory.session_online(OnlineSession {
            facts: Arc::new(facts),
            legs: Vec::new(),
        });
        id
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> (Response<()>, Value) {
        let (head, body) = self.api.answer(request, PEER).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let json = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap()
        };
        (Response::from_parts(head, ()), json)
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (head, json) = self.answer(request(method, path, FIRST, body)).await;
        (head.status().as_u16(), json)
    }
}

fn request(method: &str, path: &str, first: &str, body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "api.adit.example.com:8443")
        .header("ngrok-version", "2")
        .header("authorization", format!("Bearer {first}_{SECOND}"));
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn a_session_has_every_described_field() {
    let place = place();
    let id = place.online(1, OURS);
    let session = json!({
        "agent_version": "1.2",
        "credential": {"id": "cr_1", "uri": format!("{URL}/credentials/cr_1")},
        "id": id,
        "ip": "192.0.2.9",
        "metadata": "{\"a\": \"ü\"}",
        "os": "linux",
        "region": "local",
        "started_at": "2026-11-24T15:00:00Z",
        "transport": "ngrok/2",
        "uri": format!("{URL}/tunnel_sessions/{id}"),
    });
    let (status, json) = place.ask("GET", &format!("/tunnel_sessions/{id}"), "").await;
    assert_eq!((status, &json), (200, &session));
    let (status, json) = place.ask("GET", "/tunnel_sessions?limit=100", "").await;
    assert_eq!(status, 200);
    assert_eq!(
        json,
        json!({
            "tunnel_sessions": [session],
            "uri": format!("{URL}/tunnel_sessions?limit=100"),
            "next_page_uri": null,
        })
    );
    let (_, json) = place.ask("GET", &format!("/adit/tunnel_sessions/{id}"), "").await;
    assert_eq!(json["user_agent"], json!(["app/1.2 (a test)", "ngrok-go/2.4.0"]));
    assert_eq!(json["commands"]["stop"], json!({"supported": true, "reason": ""}));
    assert_eq!(json["commands"]["restart"]["reason"], "not here");
    assert_eq!(json["id"], *id);
    place.directory.session_offline(&id);
    assert_eq!(place.ask("GET", &format!("/tunnel_sessions/{id}"), "").await.0, 404);
}

#[tokio::test]
async fn pages_lead_through_all_of_ones_own() {
    let place = place();
    for n in 0..5 {
        place.online(n, OURS);
    }
    let foreign = place.online(9, "ac_theirs");
    let mut seen = Vec::new();
    let mut path = "/tunnel_sessions?limit=2".to_owned();
    loop {
        let (status, json) = place.ask("GET", &path, "").await;
        assert_eq!(status, 200, "{json}");
        assert_eq!(json["uri"], format!("{URL}{path}"));
        let page = json["tunnel_sessions"].as_array().unwrap();
        assert!(!page.is_empty());
        seen.extend(page.iter().map(|s| s["id"].as_str().unwrap().to_owned()));
        match json["next_page_uri"].as_str() {
            Some(next) => path = next.strip_prefix(URL).unwrap().to_owned(),
            None => break,
        }
    }
    let newest_first: Vec<_> = (0..5).rev().map(session_id).collect();
    assert_eq!(seen, newest_first);
    for (filter, count) in [("obj.os%3D%3D%22linux%22", 5), ("obj.os%3D%3D%22plan9%22", 0)] {
        let (_, json) = place.ask("GET", &format!("/tunnel_sessions?filter={filter}"), "").await;
        assert_eq!(json["tunnel_sessions"].as_array().unwrap().len(), count, "{filter}");
    }
    assert_eq!(
        place.ask("GET", &format!("/tunnel_sessions/{foreign}"), "").await.0,
        404
    );
}

#[tokio::test]
async fn each_refusal_has_its_status_code_and_form() {
    let place = place();
    let id = place.online(1, OURS);
    let session = format!("/tunnel_sessions/{id}");
    let stop = format!("{session}/stop");
    for (method, path, body, status, code) in [
        ("GET", "/nowhere", "", 404, "ERR_ADIT_2003"),
        ("PUT", session.as_str(), "", 405, "ERR_ADIT_2002"),
        ("POST", "/tunnels", "{}", 405, "ERR_ADIT_2002"),
        ("GET", &stop, "", 405, "ERR_ADIT_2002"),
        ("GET", "/tunnel_sessions/nonsense", "", 404, "ERR_ADIT_2001"),
        (
            "GET",
            "/tunnel_sessions/tn_0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            "",
            404,
            "ERR_ADIT_2001",
        ),
        (
            "POST",
            "/tunnel_sessions/ts_0ujtsYcgvSTl8PAuAdqWYSMnLOv/stop",
            "{}",
            404,
            "ERR_ADIT_2001",
        ),
        (
            "GET",
            "/tunnels/tn_0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            "",
            404,
            "ERR_ADIT_2001",
        ),
        ("GET", "/tunnels?limit=0", "", 400, "ERR_NGROK_233"),
        ("GET", "/tunnels?limit=x", "", 400, "ERR_NGROK_244"),
        (
            "GET",
            "/tunnels?before_id=ts_0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            "",
            400,
            "ERR_NGROK_227",
        ),
        ("GET", "/tunnels?page=2", "", 400, "ERR_NGROK_231"),
        ("GET", "/tunnels?limit=1&limit=1", "", 400, "ERR_NGROK_232"),
        ("GET", "/tunnels?limit=%zz", "", 400, "ERR_NGROK_230"),
        ("GET", "/tunnels", "{\"a\":1}", 400, "ERR_NGROK_211"),
        ("POST", &stop, "{", 400, "ERR_NGROK_213"),
        ("POST", &stop, "[]", 400, "ERR_NGROK_215"),
        ("POST", &stop, "{\"force\":true}", 400, "ERR_NGROK_214"),
        ("POST", &stop, "{\"id\":\"ts_other\"}", 400, "ERR_NGROK_215"),
        (
            "POST",
            &format!("{session}/update"),
            "{\"version\":3}",
            400,
            "ERR_NGROK_215",
        ),
    ] {
        let (head, json) = place.answer(request(method, path, FIRST, body)).await;
        assert_eq!(head.status(), status, "{method} {path} {body}: {json}");
        assert_eq!(json["error_code"], code, "{method} {path} {body}: {json}");
        assert_eq!(json["status_code"], status);
        assert!(
            json["msg"].as_str().is_some_and(|m| m.len() > 10 && !m.contains('{')),
            "{json}"
        );
        let details = json["details"].as_object().unwrap();
        assert!(details.values().all(Value::is_string), "{json}");
        assert_eq!(
            details["operation_id"],
            *head.headers()["ngrok-operation-id"].to_str().unwrap()
        );
        assert_eq!(head.headers()["content-type"], "application/json; charset=utf-8");
        if status == 405 {
            assert_eq!(head.headers()["allow"], details["supported"].as_str().unwrap());
        }
    }
}

#[tokio::test]
async fn without_a_key_or_a_version_nothing_is_answered() {
    let place = place();
    for (change, status, code) in [
        (("authorization", ""), 401, "ERR_NGROK_200"),
        (("authorization", "Digest x"), 401, "ERR_NGROK_201"),
        (("authorization", "Bearer x"), 401, "ERR_NGROK_202"),
        (("ngrok-version", ""), 400, "ERR_NGROK_218"),
        (("ngrok-version", "1"), 400, "ERR_NGROK_217"),
        (("host", "elsewhere.adit.example.com"), 421, "ERR_ADIT_4210"),
        (("host", ""), 421, "ERR_ADIT_4210"),
    ] {
        let mut request = request("GET", "/tunnels", FIRST, "");
        let (name, value) = change;
        request.headers_mut().remove(name);
        if !value.is_empty() {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (head, json) = place.answer(request).await;
        assert_eq!(
            (head.status().as_u16(), &json["error_code"]),
            (status, &code.into()),
            "{change:?}"
        );
        assert_eq!(head.headers().contains_key("www-authenticate"), status == 401);
    }
    let mut root = request("GET", "/", FIRST, "");
    root.headers_mut().remove("authorization");
    root.headers_mut().remove("ngrok-version");
    let (head, json) = place.answer(root).await;
    assert_eq!(head.status(), 200);
    assert_eq!(json["subresource_uris"]["tunnels"], format!("{URL}/tunnels"));
}

#[tokio::test]
async fn a_key_does_only_what_it_may() {
    let place = place();
    let id = place.online(1, OURS);
    let (head, _) = place.answer(request("GET", "/tunnel_sessions", READER, "")).await;
    assert_eq!(head.status(), 200);
    let stop = format!("/tunnel_sessions/{id}/stop");
    let (head, json) = place.answer(request("POST", &stop, READER, "{}")).await;
    assert_eq!(
        (head.status().as_u16(), &json["error_code"]),
        (403, &"ERR_ADIT_2008".into())
    );
    assert_eq!(json["details"]["permission"], "sessions:control");
}

#[tokio::test]
async fn head_says_what_get_would() {
    let place = place();
    let (get, json) = place.answer(request("GET", "/tunnels", FIRST, "")).await;
    let (head, nothing) = place.answer(request("HEAD", "/tunnels", FIRST, "")).await;
    assert_eq!(
        (get.status(), head.status(), nothing),
        (head.status(), get.status(), Value::Null)
    );
    let length = head.headers()["content-length"].to_str().unwrap();
    assert_eq!(length, json.to_string().len().to_string());
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let place = place();
    let id = place.online(1, OURS);
    let body = format!("{{\"id\":\"{}\"}}", "x".repeat(1 << 20));
    let (status, json) = place.ask("POST", &format!("/tunnel_sessions/{id}/stop"), &body).await;
    assert_eq!((status, &json["error_code"]), (413, &"ERR_ADIT_2004".into()));
    assert_eq!(json["details"]["limit"], "1048576");
}

/// Such a request needs no key, so nothing of its body is kept.
#[tokio::test]
async fn a_body_where_none_is_taken_is_refused_early() {
    let place = place();
    let body = format!("{{\"id\":\"{}\"}}", "x".repeat(300));
    let (status, json) = place.ask("GET", "/", &body).await;
    assert_eq!((status, &json["error_code"]), (400, &"ERR_NGROK_211".into()), "{json}");
    assert_eq!(place.ask("GET", "/", "{}").await.0, 200);
}

#[tokio::test]
async fn a_command_goes_to_its_agent_and_the_answer_comes_back() {
    let mut place = place();
    let id = place.online(1, OURS);
    let refused = |code: ErrorCode| CommandError::Refused {
        code,
        text: "The agent's own words.".to_owned(),
    };
    let update = Command::Update {
        version: "3.4".to_owned(),
        permit_major_version: false,
    };
    for (path, body, command, answer, status, code) in [
        ("stop", "", Command::Stop, Ok(()), 204, None),
        ("stop", "null", Command::Stop, Ok(()), 204, None),
        ("restart", "{}", Command::Restart, Ok(()), 204, None),
        ("update", "{\"version\":\"3.4\"}", update, Ok(()), 204, None),
        (
            "stop",
            "{\"id\":\"\"}",
            Command::Stop,
            Err(refused(ErrorCode::NGROK_805)),
            400,
            Some("ERR_NGROK_805"),
        ),
        (
            "restart",
            "",
            Command::Restart,
            Err(refused(ErrorCode::NGROK_808)),
            400,
            Some("ERR_NGROK_808"),
        ),
        (
            "stop",
            "",
            Command::Stop,
            Err(refused(ErrorCode::NGROK_810)),
            503,
            Some("ERR_NGROK_810"),
        ),
        (
            "stop",
            "",
            Command::Stop,
            Err(CommandError::NotFound),
            404,
            Some("ERR_ADIT_2001"),
        ),
    ] {
        let request = request("POST", &format!("/tunnel_sessions/{id}/{path}"), FIRST, body);
        let Place { api, queue, .. } = &mut place;
        let agent = async {
            let request = queue.recv().await.unwrap();
            let target = Target::Session {
                id: id.clone(),
                command,
            };
            assert_eq!(request.target, target);
            request.answer(answer.clone());
        };
        let (response, ()) = tokio::join!(api.answer(request, PEER), agent);
        assert_eq!(response.status(), status, "{path} {body}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        match code {
            None => assert!(body.is_empty()),
            Some(code) => {
                let json: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(json["error_code"], code);
                let own_words = json["msg"].as_str().unwrap().starts_with("The agent's own words.");
                assert_eq!(own_words, status != 404, "{json}");
            }
        }
    }
}
