//! Every operation × every role × what is one's own, another's, another organisation's; and every operation × every
//! kind of credential.

use std::collections::HashMap;
use std::net::IpAddr;

use adit_model::catalogue::KINDS;
use adit_names::id::{Id, Prefix};
use serde_json::{Value, json};

use super::place::{Person, Place, id, token};
use crate::authorize::matrix::{Matrix, ROLES};
use crate::route_table::{Access, Route};
use crate::route_tree::ALL;

/// What the committed matrix says, read here once more and in another way than the program does.
fn cells() -> HashMap<String, Vec<&'static str>> {
    let text = include_str!("../../authorization.toml");
    let mut section = "";
    let mut cells = HashMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let Some((name, values)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let name = name.trim().trim_matches('"');
        let values: Vec<_> = values.trim().trim_matches('"').split_whitespace().collect();
        match section {
            "resources" => {
                let write = |cell: &&'static str| match *cell {
                    "W" => "all",
                    "O" | "R+O" => "own",
                    _ => "",
                };
                let read = |cell: &&'static str| match *cell {
                    "W" | "R" | "R+O" => "all",
                    "O" | "o" => "own",
                    _ => "",
                };
                cells.insert(format!("{name}:read"), values.iter().map(read).collect());
                for verb in ["create", "update", "delete"] {
                    cells.insert(format!("{name}:{verb}"), values.iter().map(write).collect());
                }
            }
            // `operators` is another test's: these organisations are none.
            "permissions" => {
                let cell = |cell: &&'static str| match *cell {
                    "✓" => "all",
                    "O" => "own",
                    _ => "",
                };
                cells.insert(name.to_owned(), values.iter().map(cell).collect());
            }
            _ => {}
        }
    }
    cells
}

#[test]
fn each_operation_has_a_permission_with_a_row() {
    let without = |route: &&&Route| match route.access {
        Access::With(permission) => Matrix::get().known(permission).is_none(),
        Access::Known | Access::Everybody | Access::Browser => false,
    };
    let without: Vec<_> = ALL.iter().filter(without).map(|r| (r.operation, r.access)).collect();
    assert!(without.is_empty(), "no line in authorization.toml: {without:?}");
}

/// The operation's path with this id in it, and nothing changed by it where that can be had.
pub(super) fn path(route: &Route, id: &str) -> String {
    let mut segments = route.path.split('/').map(|s| if s.starts_with('{') { id } else { s });
    let path = segments
        .next()
        .into_iter()
        .chain(segments)
        .collect::<Vec<_>>()
        .join("/");
    if route.parameters.iter().any(|(name, _)| *name == "dry_run") {
        format!("{path}?dry_run=true")
    } else {
        path
    }
}

/// One object of each kind, by the prefix of the ids at a path.
async fn objects(place: &Place, organization: Id, owner: Option<Id>) -> HashMap<&'static str, Id> {
    let mut made = HashMap::new();
    for kind in KINDS {
        if matches!(kind.name, "organization" | "user" | "member") {
            continue;
        }
        let object = place.put(organization, kind.name, owner, json!({})).await;
        made.insert(kind.name, object.id);
    }
    made
}

/// The id that a route's path takes of these.
fn id_for(route: &Route, of: &HashMap<&'static str, Id>) -> Option<String> {
    let subject = route.subject?;
    let id = of.get(subject.kind.name)?;
    Some(id.with_prefix(subject.prefix).to_string())
}

fn is_refused(status: u16, json: &Value, permission: &str) -> bool {
    status == 403 && json["error_code"] == "ERR_ADIT_2008" && json["details"]["permission"] == permission
}

#[tokio::test]
async fn every_operation_and_role_and_owner() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let theirs = place.organization(json!({"name": "theirs"})).await.id;
    let others = objects(&place, ours, None).await;
    let foreign = objects(&place, theirs, None).await;
    // Somebody who stays, so that nobody is the last administrator.
    place.user(ours, &["admin"]).await;
    let cells = cells();
    let mut checked = 0;
    for (column, role) in ROLES.iter().enumerate() {
        let person = place.user(ours, &[role]).await;
        let own = objects(&place, ours, Some(person.id)).await;
        for route in ALL.iter() {
            let Access::With(permission) = route.access else {
                continue;
            };
            let extent = cells.get(permission).map_or("", |row| row[column]);
            let ask = async |id: &str| {
                let path = path(route, id);
                let (status, json) = place.ask(&person.token, route.method.as_str(), &path, json!({})).await;
                (status, json, format!("{role}: {} {path}", route.method))
            };
            let some = id(Prefix::Event).to_string();
            let (status, json, what) = ask(&id_for(route, &own).unwrap_or(some)).await;
            assert_ne!(status, 401, "{what}: {json}");
            assert!(status < 500, "{what}: {json}");
            assert_eq!(
                is_refused(status, &json, permission),
                extent.is_empty(),
                "{what}: {json}"
            );
            checked += 1;
            if extent.is_empty() {
                continue;
            }
            let Some(others) = id_for(route, &others).filter(|_| route.path.contains('{')) else {
                continue;
            };
            assert_ne!(status, 404, "{what}: {json}");
            // Another's: as far as the role reaches.
            let (status, json, what) = ask(&others).await;
            let reads = route.subject.map(|s| format!("{}:read", s.kind.permission));
            let sees = reads.is_none_or(|p| cells.get(&p).is_none_or(|row| row[column] == "all"));
            match (extent, sees) {
                ("all", _) => assert!(!matches!(status, 401 | 403 | 404), "{what}: {json}"),
                (_, true) => assert!(is_refused(status, &json, permission), "{what}: {json}"),
                (_, false) => assert_eq!(
                    (status, json["error_code"].as_str()),
                    (404, Some("ERR_ADIT_2001")),
                    "{what}"
                ),
            }
            // Another organisation's: not there.
            let foreign = id_for(route, &foreign).unwrap();
            let (status, json, what) = ask(&foreign).await;
            assert_eq!(
                (status, json["error_code"].as_str()),
                (404, Some("ERR_ADIT_2001")),
                "{what}: {json}"
            );
            checked += 2;
        }
    }
    assert!(checked > 2_000, "{checked}");
}

/// Everything that can be shown as a key, and what each operation answers to it.
#[tokio::test]
async fn every_operation_and_credential() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let key = async |organization: Id, owner: Id, body: Value| token(place.key(organization, owner, body).await.id);
    let authtoken = place.put(ours, "credential", Some(admin.id), json!({})).await;
    let deleted = place.key(ours, admin.id, json!({})).await;
    place
        .write(
            ours,
            adit_store::Change::Delete {
                id: deleted.id,
                only: None,
            },
        )
        .await;
    let sleeping = place.user(ours, &["admin"]).await;
    place.set(&sleeping.user, "active", json!(false)).await;
    let away = place.user(ours, &["admin"]).await;
    place.set(&away.membership, "active", json!(false)).await;
    let program = place
        .put(ours, "service_user", None, json!({"name": "ci", "active": false}))
        .await;
    let suspended = place.organization(json!({"name": "late", "suspended": true})).await.id;
    let theirs = place.user(suspended, &["admin"]).await;
    let nobody = place.user(ours, &[]).await;
    let wrong = format!("{}x", admin.token.split_at(admin.token.len() - 1).0);
    let credentials = [
        ("no key", String::new(), 401, "ERR_NGROK_200"),
        ("malformed", "nonsense".to_owned(), 401, "ERR_NGROK_202"),
        ("unknown", token(id(Prefix::ApiKey)), 401, "ERR_NGROK_203"),
        ("wrong second part", wrong, 401, "ERR_NGROK_203"),
        ("deleted", token(deleted.id), 401, "ERR_NGROK_203"),
        (
            "expired",
            key(ours, admin.id, json!({"expires_at": "2020-01-01T00:00:00Z"})).await,
            401,
            "ERR_NGROK_203",
        ),
        (
            "disabled",
            key(ours, admin.id, json!({"disabled": true})).await,
            401,
            "ERR_NGROK_203",
        ),
        ("authtoken", token(authtoken.id), 401, "ERR_NGROK_207"),
        ("key id", admin.key.id.to_string(), 401, "ERR_NGROK_208"),
        ("user not active", sleeping.token, 403, "ERR_NGROK_636"),
        ("membership not active", away.token, 403, "ERR_NGROK_636"),
        (
            "service user not active",
            key(ours, program.id, json!({})).await,
            403,
            "ERR_NGROK_636",
        ),
        ("organisation suspended", theirs.token, 403, "ERR_NGROK_205"),
        ("no roles", nobody.token, 403, "ERR_NGROK_635"),
    ];
    let is_closed = |route: &&&Route| !matches!(route.access, Access::Everybody | Access::Browser);
    let routes = ALL.iter().filter(is_closed);
    for (route, n) in routes.zip(0_u32..) {
        let path = path(route, "x");
        // An address that fails often is refused for a while.
        let peer = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
        for (what, token, status, code) in &credentials {
            let answer = place
                .ask_from(peer, token, route.method.as_str(), &path, json!({}))
                .await;
            let got = (answer.0, answer.1["error_code"].as_str());
            assert_eq!(got, (*status, Some(*code)), "{what}: {} {path}", route.method);
        }
    }
}

/// A key that is limited to one permission opens the operations of that and no other.
#[tokio::test]
async fn every_operation_and_limited_key() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours", "operators": true})).await.id;
    let Person { id: owner, .. } = place.user(ours, &["admin"]).await;
    let mut keys = HashMap::new();
    for permission in Matrix::get().permissions() {
        let key = place.key(ours, owner, json!({"permissions": [permission]})).await;
        keys.insert(permission, token(key.id));
    }
    for route in ALL.iter() {
        let Access::With(permission) = route.access else {
            continue;
        };
        let path = path(route, "x");
        let asked = route.method.as_str();
        let (status, json) = place.ask(&keys[permission], asked, &path, json!({})).await;
        assert!(!is_refused(status, &json, permission), "{asked} {path}: {json}");
        let other = if permission == "vaults:read" {
            "vaults:create"
        } else {
            "vaults:read"
        };
        let (status, json) = place.ask(&keys[other], asked, &path, json!({})).await;
        assert!(is_refused(status, &json, permission), "{asked} {path}: {json}");
    }
}
