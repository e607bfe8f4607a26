//! Endpoints. Today all of them are agents'; those of the cloud come with the store.

use std::sync::Arc;

use adit_cluster::{Member, Pool, SessionFacts};
use adit_names::endpoint_url::Scheme;
use adit_names::id::Prefix;
use serde_json::{Value, json};

use super::{Kind, as_kind, made, offered, reference};
use crate::Api;

pub(crate) struct Endpoints;

impl Kind for Endpoints {
    const NAME: &'static str = "endpoint";
    const KIND: &'static str = "endpoint";
    const PATH: &'static str = "endpoints";
    const PREFIX: Prefix = Prefix::Endpoint;
    type Found = (Arc<Pool>, Arc<Member>);

    fn all(api: &Api, organization: &str) -> Vec<(String, Self::Found)> {
        offered(api, organization)
            .map(|(pool, member)| (as_kind(&member.endpoint_id, Prefix::Endpoint), (pool, member)))
            .collect()
    }

    fn find(api: &Api, organization: &str, id: &str) -> Option<Self::Found> {
        let tunnel = as_kind(id, Prefix::Tunnel);
        offered(api, organization).find(|(_, member)| member.endpoint_id == tunnel)
    }

    fn session((_, member): &Self::Found) -> &SessionFacts {
        &member.session
    }

    fn show(api: &Api, id: &str, (pool, member): &Self::Found) -> Value {
        let (url, options) = (pool.url(), &member.options);
        let upstream_protocol = match url.scheme() {
            Scheme::Http | Scheme::Https if options.upstream_http2 => "http2",
            Scheme::Http | Scheme::Https => "http1",
            _ => "",
        };
        json!({
            "id": id,
            "region": api.told.region,
            "created_at": made(id),
            "updated_at": made(id),
            "public_url": pool.url_text(),
            "proto": url.scheme().as_str(),
            "scheme": url.scheme().as_str(),
            "hostport": url.host_and_port(),
            "host": url.host().as_str(),
            "port": url.port(),
            "type": "agent",
            "metadata": options.metadata,
            "description": options.description,
            "domain": null,
            "tcp_addr": null,
            "tunnel": reference(api, "tunnels", &member.endpoint_id),
            "edge": null,
            "upstream_url": options.forwards_to,
            "upstream_protocol": upstream_protocol,
            "url": pool.url_text(),
            "principal": null,
            "traffic_policy": "",
            "bindings": [url.binding().as_str()],
            "tunnel_session": reference(api, "tunnel_sessions", &member.session.id),
            "uri": api.uri(&format!("/{}/{id}", Self::PATH)),
            "name": options.name,
            "pooling_enabled": options.pooled,
        })
    }
}
