//! `Bind` and `BindResp`: an endpoint is started (agent protocol 3.4).

use adit_names::{EndpointUrl, Scheme};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Error, HttpOpts, Presence, TcpOpts, TlsOpts, UdpOpts};
use crate::json;

/// Starts an endpoint. From the agent, stream type 1.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Bind {
    /// Empty, or the id of an earlier bind (rebind, further legs).
    pub id: String,
    /// `http`, `https`, `tcp`, `tls`, `udp`.
    pub proto: String,
    /// Where the agent forwards to; display only.
    pub forwards_to: String,
    /// What the edge speaks on the stream: empty or `http1`, or `http2`.
    pub forwards_proto: String,
    /// Options as sent: the answer echoes them whole, under the spelling received. Read them with
    /// [`Bind::http_opts`], [`Bind::tcp_opts`], [`Bind::tls_opts`].
    pub opts: Value,
    /// Everything else.
    pub extra: BindExtra,
}

/// The field `Extra` of [`Bind`].
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BindExtra {
    /// Name of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At a rebind, the token of the answer before.
    pub token: String,
    /// Id of an IP policy; empty in all SDKs.
    #[serde(rename = "IPPolicyRef")]
    pub ip_policy_ref: String,
    /// The user's metadata.
    pub metadata: String,
    /// The user's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `public`, `internal` or `kubernetes`.
    #[serde(skip_serializing_if = "Presence::is_absent")]
    pub bindings: Presence<Vec<String>>,
    /// May other endpoints share the URL?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling_enabled: Option<bool>,
}

impl Bind {
    /// The bindings asked for.
    #[must_use]
    pub fn bindings(&self) -> &[String] {
        self.extra.bindings.as_ref().map_or(&[], Vec::as_slice)
    }

    /// Was pooling asked for?
    #[must_use]
    pub fn pooling(&self) -> bool {
        self.extra.pooling_enabled.unwrap_or(false)
    }

    /// The options of an `http` or `https` endpoint.
    ///
    /// # Errors
    /// [`Error::Field`] if one has the wrong type.
    pub fn http_opts(&self) -> Result<HttpOpts, Error> {
        json::from_value(self.opts.clone())
    }

    /// The options of a `tcp` endpoint.
    ///
    /// # Errors
    /// [`Error::Field`] if one has the wrong type.
    pub fn tcp_opts(&self) -> Result<TcpOpts, Error> {
        json::from_value(self.opts.clone())
    }

    /// The options of a `tls` endpoint.
    ///
    /// # Errors
    /// [`Error::Field`] if one has the wrong type.
    pub fn tls_opts(&self) -> Result<TlsOpts, Error> {
        json::from_value(self.opts.clone())
    }

    /// The options of a `udp` endpoint.
    ///
    /// # Errors
    /// [`Error::Field`] if one has the wrong type.
    pub fn udp_opts(&self) -> Result<UdpOpts, Error> {
        json::from_value(self.opts.clone())
    }

    /// The options for the answer: those received, with the address that was given filled in, and
    /// every key that the Rust family's decoder cannot do without (agent protocol 3.4).
    #[must_use]
    pub fn opts_for_answer(&self, url: &EndpointUrl) -> Value {
        let mut map = match &self.opts {
            Value::Object(map) => map.clone(),
            _ => Map::new(),
        };
        if url.scheme().by_name() {
            put(&mut map, "Hostname", url.host().as_str());
        } else {
            put(&mut map, "Addr", &url.host_and_port());
        }
        if let Some(key) = spelling(&map, "URL") {
            map.insert(key, Value::from(url.to_string()));
        }
        let text = || Value::from("");
        let required: &[(&str, Value)] = match url.scheme() {
            Scheme::Http | Scheme::Https => &[
                ("Auth", text()),
                ("Subdomain", text()),
                ("HostHeaderRewrite", Value::from(false)),
                ("ProxyProto", Value::from(0)),
            ],
            Scheme::Tls => &[
                ("Subdomain", text()),
                ("ProxyProto", Value::from(0)),
                ("MutualTLSAtAgent", Value::from(false)),
            ],
            Scheme::Tcp | Scheme::Udp => &[("ProxyProto", Value::from(0))],
        };
        for (name, value) in required {
            if spelling(&map, name).is_none() {
                map.insert((*name).to_owned(), value.clone());
            }
        }
        Value::Object(map)
    }
}

/// The key under which a field was sent; the last one, if it was sent in several spellings.
fn spelling(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.keys().rev().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

fn put(map: &mut Map<String, Value>, name: &str, value: &str) {
    let key = spelling(map, name).unwrap_or_else(|| name.to_owned());
    map.insert(key, Value::from(value));
}

// Options carry secrets of the user; the token is a cookie.
impl std::fmt::Debug for Bind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bind")
            .field("id", &self.id)
            .field("proto", &self.proto)
            .field("forwards_to", &self.forwards_to)
            .field("forwards_proto", &self.forwards_proto)
            .field("extra", &self.extra)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BindExtra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BindExtra")
            .field("name", &self.name)
            .field("bindings", &self.bindings)
            .field("pooling_enabled", &self.pooling_enabled)
            .field("has_token", &!self.token.is_empty())
            .finish_non_exhaustive()
    }
}

/// Answer to [`Bind`]. Every field but `error` is required by the Rust family's decoder, so all are
/// always sent.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BindResp {
    /// Id of the bind, to be found again in proxy headers.
    pub id: String,
    /// The public URL.
    #[serde(rename = "URL")]
    pub url: String,
    /// As bound.
    pub proto: String,
    /// See [`Bind::opts_for_answer`].
    #[serde(serialize_with = "object")]
    pub opts: Value,
    /// Why not; `None` or empty on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Everything else.
    pub extra: BindRespExtra,
}

/// The field `Extra` of [`BindResp`].
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BindRespExtra {
    /// Cookie of the bind, to be sent back at a rebind.
    pub token: String,
    /// Id of the endpoint's tunnel in the API.
    #[serde(rename = "TunnelID")]
    pub tunnel_id: String,
}

impl BindResp {
    /// The answer to a bind that is refused; `error` from [`adit_names::code::agent_error_text`].
    #[must_use]
    pub fn refused(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

/// Absent options are `{}`, not `null`.
fn object<S: serde::Serializer>(opts: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    if opts.is_null() {
        Map::new().serialize(serializer)
    } else {
        opts.serialize(serializer)
    }
}

impl std::fmt::Debug for BindResp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BindResp")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("proto", &self.proto)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BindRespExtra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BindRespExtra")
            .field("tunnel_id", &self.tunnel_id)
            .finish_non_exhaustive()
    }
}
