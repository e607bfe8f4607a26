//! Organisations, those who own things, and credentials.

use std::time::{Duration, SystemTime};

use adit_model::Object;
use adit_model::kind::organization::default_guardrails;
use adit_names::acl::Acl;
use serde_json::Value;

use super::{Compiler, Written, ids, too_new};
use crate::access::{Binds, Credential, Organization, OrganizationSettings, Standing, TokenHash};
use crate::agent_version::LowestVersions;

impl Compiler {
    pub(super) fn organization(&mut self, object: &Object) {
        let id: Box<str> = object.id.to_string().into();
        let name = object.text("name");
        let is_renamed = self.told.organization(&id).is_none_or(|old| *old.name != *name);
        self.told.put_organization(Organization {
            id: id.clone(),
            name: name.into(),
            suspended: object.flag("suspended"),
            settings: settings(object),
        });
        if is_renamed {
            self.dirty.names.insert(id.clone());
        }
        if self.guardrails.contains_key(&id) {
            self.dirty.guardrails.insert(id.clone());
        }
        self.written.insert(object.id, Written::Organization(id));
    }

    pub(super) fn principal(&mut self, object: &Object) {
        let standing = Standing {
            active: is_active(object),
            only_views: only_views(object),
        };
        self.told.put_principal(object.id, standing);
        self.written.insert(object.id, Written::Principal);
    }

    pub(super) fn member(&mut self, object: &Object, newer: bool) -> Result<(), String> {
        self.take_back(object.id);
        let user = object
            .reference("user_id")
            .or_else(|| object.reference("user"))
            .ok_or("user: it names nobody")?;
        let standing = Standing {
            active: is_active(object) && !newer,
            only_views: only_views(object),
        };
        self.told.put_member(object.organization, user, standing);
        self.written
            .insert(object.id, Written::Member(object.organization, user));
        if newer { Err(too_new(object.schema)) } else { Ok(()) }
    }

    /// A credential that cannot be read in part is in force with less: without its rules it binds nothing, without
    /// the rest it counts as revoked.
    pub(super) fn credential(
        &mut self,
        object: &Object,
        token: Option<(TokenHash, bool)>,
        newer: bool,
    ) -> Result<(), String> {
        self.take_back(object.id);
        // Nobody can present a token of which no hash is known: that is as good as revoked.
        let (hash, imported) = token.ok_or("no hash of its token is stored")?;
        let organization = object.organization.to_string();
        let mut credential = Credential::new(&object.id.to_string(), &organization, hash);
        credential.imported = imported;
        credential.owner = object.owner;
        let mut wrong = newer.then(|| too_new(object.schema));
        credential.revoked = newer || object.flag("disabled");
        match Acl::parse(object.texts("acl")) {
            Ok(acl) => credential.binds = Binds::Acl(acl),
            Err(error) => {
                credential.binds = Binds::Nothing;
                wrong = Some(format!("acl: {error}"));
            }
        }
        let mut refuse = |error: String| {
            credential.revoked = true;
            wrong = Some(error);
        };
        match time(object.text("expires_at")) {
            Ok(expires) => credential.expires = expires,
            Err(error) => refuse(format!("expires_at: {error}")),
        }
        match ids(object, "ip_policy_ids") {
            Ok(policies) => credential.ip_policies = policies,
            Err(error) => refuse(error),
        }
        match ids(object, "ingress_ids") {
            Ok(ingresses) => credential.ingresses = ingresses,
            Err(error) => refuse(error),
        }
        let number = |field: &str| object.body.get(field).and_then(Value::as_u64);
        credential.max_sessions = number("max_sessions");
        credential.max_endpoints = number("max_endpoints");
        credential.policy_required = object.flag("traffic_policy_required");
        self.told.put_credential(credential);
        self.written.insert(object.id, Written::Credential(hash));
        wrong.map_or(Ok(()), Err)
    }
}

fn settings(object: &Object) -> OrganizationSettings {
    let settings = object.body.get("settings");
    let flag = |name: &str| settings.and_then(|s| s.get(name)).and_then(Value::as_bool);
    let limits = object.body.get("limits");
    let limit = |name: &str| limits.and_then(|l| l.get(name)).and_then(Value::as_u64);
    OrganizationSettings {
        viewers_may_not_connect: flag("viewers_may_connect") == Some(false),
        require_ingress: flag("require_ingress") == Some(true),
        reserved_names_only: flag("reserved_names_only") == Some(true),
        pooling_default: flag("pooling_default") == Some(true),
        lowest_versions: LowestVersions::of(object.body.get("min_agent_version")),
        max_sessions: limit("sessions"),
        max_endpoints_per_session: limit("endpoints_per_session"),
        default_guardrails: default_guardrails(object).collect(),
    }
}

/// The built-in role of who may only look.
const VIEWER: &str = "viewer";

fn only_views(object: &Object) -> bool {
    let mut roles = object.texts("role_ids").peekable();
    roles.peek().is_some() && roles.all(|role| role == VIEWER)
}

/// Active unless it says otherwise.
fn is_active(object: &Object) -> bool {
    object.body.get("active") != Some(&Value::Bool(false))
}

/// RFC 3339; empty: none.
pub(super) fn time(text: &str) -> Result<Option<SystemTime>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let at: jiff::Timestamp = text.parse().map_err(|_| format!("{text:?} is not a time"))?;
    let since = Duration::from_micros(u64::try_from(at.as_microsecond()).unwrap_or(0));
    Ok(Some(SystemTime::UNIX_EPOCH + since))
}
