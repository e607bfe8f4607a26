//! Tunnels: one for each endpoint that an agent offers now.

use std::sync::Arc;

use adit_cluster::{Member, Pool, SessionFacts};
use adit_names::id::Prefix;
use serde_json::{Value, json};

use super::{Kind, as_kind, made, offered, reference};
use crate::Api;
use crate::filter::FieldForm;

pub(crate) struct Tunnels;

/// What a role may select them by; their lists have no filter.
pub(super) const SELECTED: &[(&str, FieldForm)] = &[
    ("id", FieldForm::Id),
    ("public_url", FieldForm::Text),
    ("started_at", FieldForm::Time),
    ("metadata", FieldForm::Text),
    ("proto", FieldForm::Text),
    ("region", FieldForm::Text),
    ("tunnel_session", FieldForm::Reference),
    ("endpoint", FieldForm::Reference),
    ("forwards_to", FieldForm::Text),
];

impl Kind for Tunnels {
    const NAME: &'static str = "tunnel";
    const KIND: &'static str = "tunnel";
    const PATH: &'static str = "tunnels";
    const PREFIX: Prefix = Prefix::Tunnel;
    type Found = (Arc<Pool>, Arc<Member>);

    fn all(api: &Api, organization: &str) -> Vec<(String, Self::Found)> {
        offered(api, organization)
            .map(|(pool, member)| (member.endpoint_id.clone(), (pool, member)))
            .collect()
    }

    fn find(api: &Api, organization: &str, id: &str) -> Option<Self::Found> {
        offered(api, organization).find(|(_, member)| member.endpoint_id == id)
    }

    fn session((_, member): &Self::Found) -> &SessionFacts {
        &member.session
    }

    fn show(api: &Api, id: &str, (pool, member): &Self::Found) -> Value {
        let options = &member.options;
        json!({
            "id": id,
            "public_url": pool.url_text(),
            "started_at": made(id),
            "metadata": options.metadata,
            "proto": options.proto.as_str(),
            "region": api.told.region,
            "tunnel_session": reference(api, "tunnel_sessions", &member.session.id),
            "endpoint": reference(api, "endpoints", &as_kind(id, Prefix::Endpoint)),
            "labels": {},
            "backends": [],
            "forwards_to": options.forwards_to,
        })
    }
}
