//! Every operation whose path names an object, asked with what is another organisation's: as if it were not there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use adit_cluster::{Binding, ClaimKey, Leg, Member, MemberOptions, Proto, RemoteCommands, SessionFacts};
use adit_model::catalogue::KINDS;
use adit_names::endpoint_url::EndpointUrl;
use adit_names::id::{Id, Prefix};
use adit_protocol::client_family::ClientFamily;
use adit_store::log::EntriesPage;
use serde_json::{Value, json};

use super::place::{Place, id};
use crate::authorize::matrix::ROLES;
use crate::route_table::{Access, Route};
use crate::route_tree::ALL;
use crate::unbuilt;

/// What an organisation has of everything, by the first two segments of a path that matter: `ip_policies`, `audit`.
async fn everything(place: &Place, organization: Id) -> HashMap<&'static str, String> {
    let mut found = HashMap::new();
    let person = place.user(organization, &["admin"]).await;
    for kind in KINDS {
        let id = match kind.name {
            "organization" => organization,
            "user" => person.id,
            "member" => person.membership.id,
            name => place.put(organization, name, Some(person.id), json!({})).await.id,
        };
        found.insert(kind.path, id.to_string());
    }
    let bot = found["service_users"].parse::<Id>().unwrap().with_prefix(Prefix::Bot);
    found.insert("bot_users", bot.to_string());
    let (session, _) = place.session(organization, person.id).await;
    found.insert("sessions", session.id.to_string());
    let page = EntriesPage {
        organization: Some(organization),
        limit: 1,
        ..EntriesPage::default()
    };
    let entry = place.store.entries(&page).await.unwrap().remove(0);
    found.insert("audit", entry.event_id);
    let (session, tunnel) = agent(place, organization);
    found.insert("tunnel_sessions", session);
    found.insert("tunnels", tunnel);
    found
}

/// An agent of an organisation that is on line: its session and its tunnel.
fn agent(place: &Place, organization: Id) -> (String, String) {
    let organization = organization.to_string();
    let (session, tunnel) = (id(Prefix::Session).to_string(), id(Prefix::Tunnel).to_string());
    let facts = SessionFacts {
        id: session.clone(),
        epoch: 0,
        organization: organization.clone(),
        credential: "cr_1".to_owned(),
        family: ClientFamily::Go,
        client_type: "ngrok-go".to_owned(),
        agent_version: "2.1.1".to_owned(),
        user_agent: "ngrok-go/2.1.1".to_owned(),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        hostname: String::new(),
        metadata: String::new(),
        addr: ([192, 0, 2, 1], 4000).into(),
        started: SystemTime::UNIX_EPOCH,
        heartbeat_interval: Duration::from_secs(10),
        remote: RemoteCommands::default(),
        idle_streams: Arc::default(),
    };
    let options = MemberOptions::new(Proto::Https);
    let member = Arc::new(Member::new("a".to_owned(), tunnel.clone(), options, Arc::new(facts)));
    let (mux, _incoming, _driver) = adit_mux::session(adit_mux::Config::server(), Instant::now());
    member.set_leg(&Leg {
        number: 0,
        worker: 0,
        mux,
        failures: Arc::default(),
    });
    let url = format!(
        "https://{}.adit.example.com",
        tunnel.trim_start_matches("tn_").to_lowercase()
    );
    let url = EndpointUrl::from_canonical(&url, Binding::Public).unwrap();
    let key = ClaimKey::of(&url, &organization);
    let directory = &place.api.told.directory;
    directory.open(&key, &url, &organization).put(&member, None);
    (session, tunnel)
}

/// The resource that a path is about.
fn resource(route: &Route) -> &'static str {
    let path = route.path.trim_start_matches('/');
    let path = path.strip_prefix("adit/").unwrap_or(path);
    path.split('/').next().unwrap()
}

/// The path with these in the places of its names.
fn path(route: &Route, id: &str) -> String {
    let filled: Vec<_> = route
        .path
        .split('/')
        .map(|s| if s.starts_with('{') { id } else { s })
        .collect();
    filled.join("/")
}

/// An answer without what is another one each time.
fn shape((status, json): (u16, Value), id: &str) -> (u16, String) {
    let operation = json["details"]["operation_id"].as_str().unwrap_or("-").to_owned();
    (status, json.to_string().replace(&operation, "op").replace(id, "id"))
}

#[tokio::test]
async fn what_is_foreign_is_not_there() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let theirs = place.organization(json!({"name": "theirs"})).await.id;
    let foreign = everything(&place, theirs).await;
    place.user(ours, &["admin"]).await;
    let names = |route: &&&Route| {
        // `{module}` is the name of one, and no object.
        let names = route.path.contains('{') && !route.path.ends_with("{module}");
        names && matches!(route.access, Access::Known | Access::With(_))
    };
    let (mut not_there, mut not_allowed) = (0, 0);
    for role in ROLES {
        let person = place.user(ours, &[role]).await;
        for route in ALL.iter().filter(names) {
            // Roles that are built in have names for ids, and an operation that is not built has no objects.
            let there = foreign.get(resource(route)).cloned();
            let there = match there {
                Some(there) => there,
                None => {
                    assert!(unbuilt::is_unbuilt(route), "{}: what would be foreign?", route.path);
                    "x_0ujtsYcgvSTl8PAuAdqWYSMnLOv".to_owned()
                }
            };
            let (prefix, _) = there.split_once('_').unwrap();
            let nowhere = format!("{prefix}_0ujtsYcgvSTl8PAuAdqWYSMnLOv");
            let before = *place.store.wake().borrow();
            let mut answers = Vec::new();
            for id in [&there, &nowhere] {
                let path = path(route, id);
                let answer = place.ask(&person.token, route.method.as_str(), &path, json!({})).await;
                answers.push((answer.0, answer.1["error_code"].clone(), shape(answer, id), path));
            }
            let [(status, code, shown, path), (.., nothing, _)] = answers.as_slice() else {
                panic!("two were asked");
            };
            let what = format!("{role}: {} {path}: {}", route.method, shown.1);
            assert_eq!(shown, nothing, "{what}");
            assert_eq!(*place.store.wake().borrow(), before, "{what}");
            let lacks = match route.access {
                Access::With(permission) => !place.may(&person.token, permission).await,
                _ => false,
            };
            match (*status, code.as_str()) {
                (404, _) => not_there += 1,
                // He may not do this to anything.
                (403, Some("ERR_ADIT_2008")) if lacks => not_allowed += 1,
                (400, Some("ERR_ADIT_2009")) if unbuilt::is_unbuilt(route) => {}
                _ => panic!("{what}"),
            }
        }
    }
    assert!(not_there > 400 && not_allowed > 200, "{not_there} {not_allowed}");
}
