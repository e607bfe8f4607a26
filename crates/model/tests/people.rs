//! Organisations, users, members, invitations, roles.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::kind::BUILT_IN_ROLES;
use adit_model::kind::organization::{limit_of, setting};
use adit_model::kind::user::canonical_email;
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use common::*;
use serde_json::{Value, json};

#[test]
fn addresses_have_one_form() {
    for (given, kept) in [
        ("eva@example.com", "eva@example.com"),
        ("Eva.Meier+ci@Example.COM", "eva.meier+ci@example.com"),
        (" eva@example.com ", "eva@example.com"),
        ("eva@bücher.example", "eva@xn--bcher-kva.example"),
        ("jürg@example.com", "jürg@example.com"),
        ("root@localhost", "root@localhost"),
    ] {
        assert_eq!(canonical_email(given).as_deref(), Some(kept));
    }
    for given in [
        "",
        "eva",
        "@example.com",
        "eva@",
        "eva@-x.example.com",
        "eva@*.example.com",
        "e va@example.com",
        ".eva@example.com",
        "eva.@example.com",
        "e..va@example.com",
        "a@b@example.com",
        "eva\n@example.com",
        "eva@10.0.0.1",
    ] {
        assert_eq!(canonical_email(given), None, "{given}");
    }
    assert_eq!(canonical_email(&format!("{}@example.com", "a".repeat(65))), None);
}

#[test]
fn users_are_claimed_by_address() {
    let prepared = create_as("user", true, sample("user")).unwrap();
    assert_eq!(
        (prepared.claims[0].class, prepared.claims[0].key.as_str()),
        ("email", "eva@example.com")
    );
    assert_eq!(prepared.claims[0].foreign, ErrorCode::NGROK_4101);
    let object = stored(prepared);
    let answer = shown(&object, true);
    assert_eq!(
        answer["uri"],
        format!("https://api.example.com/adit/users/{}", object.id)
    );
    assert_eq!(
        answer["mfa"],
        json!({"totp": false, "passkeys": [], "recovery_codes_left": 0})
    );
    for (body, blamed_at) in [
        (json!({"email": "x", "name": "Eva"}), "email 4103"),
        (json!({"name": "Eva"}), "email 4103"),
        (json!({"email": "a@example.com"}), "name 4104"),
        (json!({"email": "a@example.com", "name": ""}), "name 4104"),
        (json!({"email": "a@example.com", "name": "x".repeat(256)}), "name 4105"),
        (
            json!({"email": "a@example.com", "name": "x", "locale": "de DE"}),
            "locale 215",
        ),
    ] {
        assert_eq!(blamed(create_as("user", true, body)), [blamed_at]);
    }
    assert!(update(&object, json!({"email": "EVA@example.com"})).unwrap().is_none());
}

#[test]
fn members_and_invitations_name_roles() {
    let role = id(Prefix::Role, 1);
    let user = id(Prefix::User, 1);
    let body = json!({"user_id": user.to_string(), "role_ids": [role.to_string(), "admin"]});
    let prepared = create_as("member", true, body).unwrap();
    assert_eq!(prepared.claims[0].key, format!("{} {user}", id(Prefix::Account, 1)));
    assert_eq!(prepared.references.len(), 1);
    assert_eq!(prepared.references[0].to, role);
    let answer = shown(&stored(prepared), true);
    assert_eq!(
        answer["user"],
        json!({"id": user.to_string(), "uri": format!("https://api.example.com/adit/users/{user}")})
    );
    assert_eq!(answer["source"], "invite");
    assert_eq!(
        blamed(create_as("member", true, json!({"role_ids": []}))),
        ["user_id 215"]
    );
    for role in BUILT_IN_ROLES {
        assert!(
            create_as(
                "invitation",
                true,
                json!({"email": "a@example.com", "role_ids": [role]})
            )
            .is_ok()
        );
    }
    let invitation = object("invitation");
    assert_eq!(invitation.body["expires_at"], "2026-11-25T11:06:40Z");
    let answer = shown(&invitation, true);
    assert_eq!((&answer["state"], &answer["link"]), (&json!("open"), &Value::Null));
    let body = json!({"email": "x", "role_ids": ["boss"]});
    assert_eq!(
        blamed(create_as("invitation", true, body)),
        ["email 4103", "role_ids[0] 215"]
    );
}

#[test]
fn an_invitation_that_was_used_claims_nothing() {
    let kind = kind("invitation");
    let mut invitation = object("invitation");
    assert_eq!((kind.claims)(&invitation)[0].taken, ErrorCode::NGROK_1231);
    invitation.body.insert("state".to_owned(), json!("accepted"));
    assert!((kind.claims)(&invitation).is_empty());
}

#[test]
fn roles_have_permissions_and_names_of_their_own() {
    let make = |body: Value| create_as("role", true, body);
    let prepared = make(sample("role")).unwrap();
    assert_eq!(prepared.claims[0].key, format!("{} deploy", id(Prefix::Account, 1)));
    for (body, blamed_at) in [
        (json!({}), "name 215"),
        (json!({"name": "Admin"}), "name 2021"),
        (json!({"name": "a", "permissions": ["read"]}), "permissions[0] 215"),
        (
            json!({"name": "a", "permissions": ["a:read", "A:read"]}),
            "permissions[1] 215",
        ),
        (json!({"name": "a", "permissions": [":"]}), "permissions[0] 215"),
        (json!({"name": "a", "selector": "x".repeat(2049)}), "selector 2013"),
    ] {
        assert_eq!(blamed(make(body)), [blamed_at]);
    }
}

#[test]
fn organisations_have_settings_and_limits() {
    let object = object("organization");
    assert!(!setting(&object, "strict_ownership"));
    assert!(setting(&object, "viewers_may_connect"));
    assert!(setting(&object, "password_login"));
    assert!(!setting(&object, "nonsense"));
    assert_eq!(limit_of(&object, "endpoints"), Some(7));
    assert_eq!(limit_of(&object, "domains"), None);
    let patch = json!({"settings": {"strict_ownership": true, "sessions": {"idle": 600}}});
    let next = stored(update(&object, patch).unwrap().unwrap());
    assert!(setting(&next, "strict_ownership"));
    // An object is replaced whole: what is not given is as if it had never been set.
    assert!(setting(&next, "viewers_may_connect"));
    assert_eq!(
        next.body["settings"]["sessions"],
        json!({"idle": 600, "absolute": null})
    );
    let back = stored(update(&next, json!({"settings": {}})).unwrap().unwrap());
    assert_eq!(back.body["settings"], object.body["settings"]);
    for (patch, blamed_at) in [
        (json!({"name": ""}), "name 4003"),
        (json!({"name": "x".repeat(256)}), "name 4004"),
        (json!({"enforce_sso": "maybe"}), "enforce_sso 215"),
        (json!({"min_api_version": 3}), "min_api_version 215"),
        (json!({"limits": {"endpoints": -1}}), "limits.endpoints 215"),
        (json!({"limits": {"moons": 1}}), "limits.moons 214"),
        (
            json!({"settings": {"sessions": {"idle": 1}}}),
            "settings.sessions.idle 215",
        ),
        (
            json!({"settings": {"default_guardrails": ["x"]}}),
            "settings.default_guardrails[0] 223",
        ),
        (json!({"operators": true}), "operators 214"),
    ] {
        assert_eq!(blamed(update(&object, patch)), [blamed_at]);
    }
}
