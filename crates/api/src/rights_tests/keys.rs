//! Owners of keys and authtokens, and what keys may make (control plane 2.5, 3.6).

use adit_names::id::Id;
use serde_json::{Value, json};

use super::place::{Place, token};

fn answer((status, json): (u16, Value)) -> (u16, String) {
    let code = json["error_code"].as_str().unwrap_or_default();
    (status, code.to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn make(place: &Place, token: &str, path: &str, body: Value) -> (u16, String) {
    answer(place.ask(token, "POST", path, body).await)
}

#[tokio::test]
async fn owners() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let theirs = place.organization(json!({"name": "theirs"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let developer = place.user(ours, &["developer"]).await;
    let lead = place.user(ours, &["developer", "team-manager"]).await;
    let security = place.user(ours, &["security"]).await;
    let foreigner = place.user(theirs, &["viewer"]).await;
    let idle = place.user(ours, &["viewer"]).await;
    place.set(&idle.user, "active", json!(false)).await;
    let program = place.put(ours, "service_user", None, json!({"name": "ci"})).await;
    let ok = (201, String::new());
    for path in ["/api_keys", "/credentials"] {
        let for_ = |id: Id| json!({"owner_id": id.to_string()});
        // One's own, said or not.
        assert_eq!(make(&place, &developer.token, path, json!({})).await, ok);
        assert_eq!(make(&place, &developer.token, path, for_(developer.id)).await, ok);
        assert_eq!(
            make(&place, &developer.token, path, json!({"owner_id": developer.email})).await,
            ok
        );
        // Another's, without and with the right to manage members.
        for owner in [
            for_(lead.id),
            for_(program.id),
            for_(foreigner.id),
            json!({"owner_id": "x@example.com"}),
        ] {
            assert_eq!(
                make(&place, &developer.token, path, owner).await,
                refused(403, "ERR_NGROK_630")
            );
        }
        assert_eq!(make(&place, &admin.token, path, for_(developer.id)).await, ok);
        assert_eq!(
            make(&place, &admin.token, path, json!({"owner_email": developer.email})).await,
            ok
        );
        assert_eq!(make(&place, &admin.token, path, for_(program.id)).await, ok);
        let bot = json!({"owner_id": program.id.with_prefix(adit_names::id::Prefix::Bot).to_string()});
        assert_eq!(make(&place, &admin.token, path, bot).await, ok);
        assert_eq!(
            make(&place, &admin.token, path, for_(foreigner.id)).await,
            refused(400, "ERR_NGROK_634")
        );
        assert_eq!(
            make(&place, &admin.token, path, for_(idle.id)).await,
            refused(403, "ERR_NGROK_636")
        );
        // Never for somebody who may more.
        assert_eq!(make(&place, &lead.token, path, for_(developer.id)).await, ok);
        assert_eq!(
            make(&place, &lead.token, path, for_(security.id)).await,
            refused(403, "ERR_ADIT_2008")
        );
        assert_eq!(
            make(&place, &lead.token, path, for_(admin.id)).await,
            refused(403, "ERR_ADIT_2008")
        );
    }
}

#[tokio::test]
async fn keys_make_no_stronger_keys() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let limits = json!({"permissions": ["api_keys:write", "api_keys:read", "ip_policies:read"]});
    let key = place.key(ours, admin.id, limits).await;
    let limited = token(key.id);
    let of = |permissions: &[&str]| json!({ "permissions": permissions });
    let ok = (201, String::new());
    let no = refused(403, "ERR_ADIT_2008");
    assert_eq!(
        make(&place, &limited, "/adit/api_keys", of(&["ip_policies:read"])).await,
        ok
    );
    assert_eq!(
        make(&place, &limited, "/adit/api_keys", of(&["ip_policies:update"])).await,
        no
    );
    assert_eq!(make(&place, &limited, "/adit/api_keys", of(&[])).await, no);
    assert_eq!(make(&place, &limited, "/api_keys", json!({})).await, no);
    // Nor does it become one.
    let own = format!("/adit/api_keys/{}", key.id);
    let update = async |body| answer(place.ask(&limited, "PATCH", &own, body).await);
    assert_eq!(update(of(&["ip_policies:read", "vaults:read"])).await, no);
    assert_eq!(update(json!({"description": "x"})).await.0, 200);
    assert_eq!(update(of(&["api_keys:write"])).await.0, 200);
    // What it gave up is gone: it does not even see itself any more.
    let gone = refused(404, "ERR_ADIT_2001");
    assert_eq!(update(of(&["api_keys:write", "ip_policies:read"])).await, gone);
}

#[tokio::test]
async fn a_key_may_what_its_owner_may_now() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let person = place.user(ours, &["developer"]).await;
    let policies = async || place.ask(&person.token, "POST", "/ip_policies", json!({})).await.0;
    assert_eq!(policies().await, 201);
    place.set(&person.membership, "role_ids", json!(["viewer"])).await;
    assert_eq!(policies().await, 403);
    // A viewer has keys that read, not keys that write.
    let key = |permission: &str| json!({ "permissions": [permission] });
    assert_eq!(
        make(&place, &person.token, "/adit/api_keys", key("vaults:read"))
            .await
            .0,
        201
    );
    let write = make(&place, &person.token, "/adit/api_keys", key("vaults:create")).await;
    assert_eq!(write, refused(403, "ERR_NGROK_635"));
}

#[tokio::test]
async fn the_last_use_of_a_key_is_known() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let idle = place.key(ours, admin.id, json!({})).await;
    assert_eq!(place.ask(&admin.token, "GET", "/adit/me", Value::Null).await.0, 200);
    place.api.write_used().await;
    let shown = async |id: Id| {
        place
            .ask(&admin.token, "GET", &format!("/adit/api_keys/{id}"), Value::Null)
            .await
            .1
    };
    let used = shown(admin.key.id).await;
    assert_eq!(used["last_ip"], super::place::PEER.to_string());
    let at: jiff::Timestamp = used["last_used_at"].as_str().unwrap().parse().unwrap();
    let ago = jiff::Timestamp::now().as_second() - at.as_second();
    assert!((0..60).contains(&ago), "{used}");
    assert_eq!(shown(idle.id).await["last_used_at"], Value::Null);
}

#[tokio::test]
async fn developers_keep_to_their_own_where_ownership_is_strict() {
    let place = Place::new().await;
    let settings = json!({"name": "ours", "settings": {"strict_ownership": true}});
    let ours = place.organization(settings).await.id;
    let other = place.user(ours, &["developer"]).await;
    let person = place.user(ours, &["developer"]).await;
    let ask = async |method: &str, id: Id| {
        let path = format!("/api_keys/{id}");
        answer(
            place
                .ask(&person.token, method, &path, json!({"description": "x"}))
                .await,
        )
    };
    assert_eq!(ask("GET", person.key.id).await.0, 200);
    assert_eq!(ask("PATCH", person.key.id).await.0, 200);
    assert_eq!(ask("GET", other.key.id).await, refused(404, "ERR_ADIT_2001"));
    assert_eq!(ask("DELETE", other.key.id).await, refused(404, "ERR_ADIT_2001"));
    let (_, list) = place.ask(&person.token, "GET", "/api_keys", Value::Null).await;
    let ids: Vec<_> = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["id"].clone())
        .collect();
    assert_eq!(ids, [json!(person.key.id.to_string())]);
}
