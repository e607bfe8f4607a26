//! A request that a policy is to be explained with, as the case that it is.

use serde_json::{Map, Value as Json, json};

/// One request to one endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// The policy. `None`: that of the endpoint, where a server knows it.
    pub policy: Option<String>,
    /// Is it that of a cloud endpoint? Else an agent's.
    pub cloud: bool,
    /// Method; empty: `GET`.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
    /// Address of the visitor.
    pub client_ip: Option<String>,
    /// Country of the visitor, two letters.
    pub country: Option<String>,
    /// What is known of TLS, as cases write it (`conn.tls`): `sni`, `version`, `alpn`, `client_cert`.
    pub tls: Map<String, Json>,
    /// Who is signed in, as cases write it.
    pub identity: Option<Json>,
    /// Status of the service's answer.
    pub upstream_status: u16,
}

impl Asked {
    pub(super) fn case(&self) -> Result<Json, String> {
        let not_absolute = || format!("{:?} is no absolute URL: write https://HOST/PATH", self.url);
        let (scheme, rest) = self.url.split_once("://").ok_or_else(not_absolute)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(not_absolute());
        }
        let mut headers: Map<String, Json> = Map::new();
        for (name, value) in &self.headers {
            let list = headers.entry(name.clone()).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(Json::from(value.as_str()));
            }
        }
        let mut conn = Map::new();
        if let Some(ip) = &self.client_ip {
            conn.insert("client_ip".to_owned(), json!(ip));
        }
        if let Some(country) = &self.country {
            conn.insert("geo".to_owned(), json!({"country_code": country}));
        }
        if !self.tls.is_empty() {
            conn.insert("tls".to_owned(), Json::Object(self.tls.clone()));
        }
        let method = if self.method.is_empty() { "GET" } else { &self.method };
        let mut case = json!({
            "id": "explain",
            "endpoint": {
                "url": format!("{scheme}://{authority}"),
                "type": if self.cloud { "cloud" } else { "agent" },
            },
            "conn": conn,
            "request": {"method": method, "url": self.url, "headers": headers, "body": self.body},
            "upstream": {"status": self.upstream_status},
        });
        if let Some(identity) = &self.identity {
            case["identity"] = identity.clone();
        }
        Ok(case)
    }
}
