//! Who may use the API before anything was set: the administrator of the first start, by the key of the first start.

use std::collections::HashMap;

use adit_api::{Access, Secrets, hash_of};
use adit_model::{Object, SecretValue};
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value, json};

use crate::state::Credentials;

/// Organisation, administrator, key and authtoken.
pub(crate) fn of(credentials: &Credentials) -> Access {
    let access = Access::new();
    let Ok(organization) = credentials.organization_id.parse::<Id>() else {
        return access;
    };
    let user = organization.with_prefix(Prefix::User);
    let object = |id: Id, kind: &str, body: Value| Object {
        id,
        kind: kind.to_owned(),
        organization,
        owner: Some(user),
        schema: 1,
        revision: 1,
        created_at: 0,
        updated_at: 0,
        body: match body {
            Value::Object(body) => body,
            _ => Map::new(),
        },
    };
    let mut objects = vec![
        object(organization, "organization", json!({"name": "adit"})),
        object(user, "user", json!({"email": "admin", "active": true})),
        object(
            organization.with_prefix(Prefix::Node),
            "member",
            json!({"user_id": user.to_string(), "role_ids": ["admin"], "active": true}),
        ),
    ];
    let mut secrets: Secrets = HashMap::new();
    for (kind, prefix, token) in [
        ("api_key", Prefix::ApiKey, &credentials.api_key),
        ("credential", Prefix::Credential, &credentials.authtoken),
    ] {
        let Some((first, second)) = token.split_once('_') else {
            continue;
        };
        if let Ok(id) = format!("{}_{first}", prefix.as_str()).parse::<Id>() {
            objects.push(object(id, kind, Value::Null));
            let secret = SecretValue::Hashed(hash_of(second));
            secrets.insert(id, vec![("token".to_owned(), secret)]);
        }
    }
    access.load(objects, &secrets);
    access
}
