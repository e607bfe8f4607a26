//! Endpoints of agents beside those of the cloud: one list, one order.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use adit_cluster::{Binding, ClaimKey, Leg, Member, MemberOptions, Proto, RemoteCommands, SessionFacts};
use adit_names::endpoint_url::EndpointUrl;
use adit_names::id::{Id, Prefix};
use adit_protocol::client_family::ClientFamily;
use serde_json::{Value, json};

use crate::place::{Place, URL, place};

const POLICY: &str = "on_http_request:\n  - actions:\n      - type: deny\n";

/// An agent's endpoint that is on line; its id.
pub(crate) fn online(place: &Place, name: &str, credential: &str) -> String {
    online_of(place, place.ours.id, name, credential, "")
}

/// An agent's endpoint of an organisation that is on line; its id.
pub(crate) fn online_of(place: &Place, organization: Id, name: &str, credential: &str, metadata: &str) -> String {
    let organization = organization.to_string();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let id = |prefix| {
        Id::at_millis(
            prefix,
            u64::try_from(now.as_millis()).unwrap(),
            [name.as_bytes()[0]; 16],
        )
    };
    let facts = SessionFacts {
        id: id(Prefix::Session).to_string(),
        epoch: 0,
        organization: organization.clone(),
        credential: credential.to_owned(),
        family: ClientFamily::Go,
        client_type: "ngrok-go".to_owned(),
        agent_version: "2.1.1".to_owned(),
        user_agent: "ngrok-go/2.1.1".to_owned(),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        hostname: String::new(),
        metadata: metadata.to_owned(),
        addr: ([192, 0, 2, 1], 4000).into(),
        started: SystemTime::UNIX_EPOCH,
        heartbeat_interval: Duration::from_secs(10),
        remote: RemoteCommands::default(),
        idle_streams: Arc::default(),
    };
    let tunnel = id(Prefix::Tunnel).to_string();
    let options = MemberOptions::new(Proto::Https);
    let member = Arc::new(Member::new(name.to_owned(), tunnel, options, Arc::new(facts)));
    let (mux, _incoming, _driver) = adit_mux::session(adit_mux::Config::server(), Instant::now());
    member.set_leg(&Leg {
        number: 0,
        worker: 0,
        mux,
        failures: Arc::default(),
    });
    let url = format!("https://{name}.adit.example.com:8443");
    let url = EndpointUrl::from_canonical(&url, Binding::Public).unwrap();
    let key = ClaimKey::of(&url, &organization);
    place.directory.open(&key, &url, &organization).put(&member, None);
    id(Prefix::Endpoint).to_string()
}

#[tokio::test]
async fn one_list_has_both_in_one_order() {
    let place = place().await;
    let mut all = Vec::new();
    for n in 0..4 {
        let body = json!({
            "url": format!("https://cloud{n}.adit.example.com:8443"),
            "type": "cloud",
            "traffic_policy": POLICY,
        });
        let made = place.ask("POST", "/endpoints", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        all.push(made.id().to_owned());
        all.push(online(&place, &format!("{n}agent"), "cr_1"));
    }
    all.sort_unstable_by(|a, b| b.cmp(a));
    let mut seen = Vec::new();
    let mut path = "/endpoints?limit=3".to_owned();
    loop {
        let page = place.ask("GET", &path, Value::Null).await;
        let endpoints = page.json["endpoints"].as_array().unwrap();
        seen.extend(endpoints.iter().map(|e| e["id"].as_str().unwrap().to_owned()));
        let fields: Vec<usize> = endpoints.iter().map(|e| e.as_object().unwrap().len()).collect();
        assert!(
            fields.windows(2).all(|w| w[0] == w[1]),
            "agents' endpoints have all fields: {fields:?}"
        );
        match page.json["next_page_uri"].as_str() {
            Some(next) => path = next.strip_prefix(URL).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, all);
    for text in ["agent", "ephemeral"] {
        let filter = format!("/endpoints?filter=obj.type%3D%3D%22{text}%22");
        let agents = place.ask("GET", &filter, Value::Null).await;
        let agents = agents.json["endpoints"].as_array().unwrap();
        assert_eq!(agents.len(), 4, "{text}");
        assert!(agents.iter().all(|e| e["type"] == "agent"));
    }
}

#[tokio::test]
async fn only_an_agent_changes_its_endpoint() {
    let place = place().await;
    let id = online(&place, "app", "cr_1");
    let one = format!("/endpoints/{id}");
    let shown = place.ask("GET", &one, Value::Null).await;
    assert_eq!(
        (shown.status.as_u16(), &shown.json["type"]),
        (200, &json!("agent")),
        "{}",
        shown.text
    );
    for (method, body) in [("PATCH", json!({"description": "x"})), ("DELETE", Value::Null)] {
        let refused = place.ask(method, &one, body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (400, "ERR_ADIT_2018"),
            "{}",
            refused.text
        );
    }
    let theirs = place.theirs.key.clone();
    for method in ["GET", "DELETE"] {
        assert_eq!(place.ask_as(&theirs, method, &one, Value::Null).await.status, 404);
    }
    let body = json!({"url": "https://app.adit.example.com:8443", "type": "cloud", "traffic_policy": POLICY});
    let taken = place.ask("POST", "/endpoints", body).await;
    assert_eq!(taken.code(), "ERR_NGROK_334", "{}", taken.text);
}

/// Who may only see what his own authtokens brought sees that, in each list.
#[tokio::test]
async fn own_rights_reach_own_agents() {
    let place = place().await;
    let machine = place
        .make("/adit/service_users", json!({"name": "machine", "role_ids": ["agent"]}))
        .await;
    let of_machine = json!({"owner_id": machine["id"]});
    let credential = place.make("/credentials", of_machine.clone()).await;
    let own = online(&place, "own", credential["id"].as_str().unwrap());
    online(&place, "foreign", "cr_0ujtsYcgvSTl8PAuAdqWYSMnLOv");
    let all = place.ask("GET", "/tunnels", Value::Null).await;
    assert_eq!(all.json["tunnels"].as_array().unwrap().len(), 2);
    let key = place.make("/api_keys", of_machine).await;
    let key = key["token"].as_str().unwrap();
    let tunnels = place.ask_as(key, "GET", "/tunnels", Value::Null).await;
    assert_eq!(tunnels.json["tunnels"].as_array().unwrap().len(), 1, "{}", tunnels.text);
    let endpoints = place.ask_as(key, "GET", "/endpoints", Value::Null).await;
    let endpoints = endpoints.json["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0]["id"], own);
    let refused = place.ask_as(key, "GET", "/ip_policies", Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "ERR_ADIT_2008"));
}
