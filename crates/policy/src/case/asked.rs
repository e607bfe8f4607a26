//! A request that a policy is to be explained with, as the case that it is.

use serde_json::{Map, Value as Json, json};

use super::Explanation;

/// One request to one endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// The policy.
    pub policy: String,
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
    /// Certificate of the visitor, as cases write it (`conn.tls.client_cert`).
    pub client_cert: Option<Json>,
    /// Who is signed in, as cases write it.
    pub identity: Option<Json>,
    /// Status of the service's answer.
    pub upstream_status: u16,
}

/// Tells what a policy does with a request, rule by rule.
///
/// # Errors
/// What is wrong with the request or the policy.
pub fn explain_request(asked: &Asked) -> Result<Explanation, String> {
    super::explain(&asked.case()?.to_string())
}

impl Asked {
    fn case(&self) -> Result<Json, String> {
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
        if let Some(certificate) = &self.client_cert {
            conn.insert("tls".to_owned(), json!({"client_cert": certificate}));
        }
        let method = if self.method.is_empty() { "GET" } else { &self.method };
        let mut case = json!({
            "id": "explain",
            "policy": self.policy,
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
