//! The circumstances of one request, for tests that step policies themselves.

use adit_names::endpoint_url::Scheme;
use adit_policy::{Connection, Endpoint, NoTables, Request, State, View};

/// A request to `https://app.example.com` and what stands around it.
pub(crate) struct World {
    pub(crate) endpoint: Endpoint,
    pub(crate) connection: Connection,
    pub(crate) target: &'static str,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
}

impl World {
    pub(crate) fn new(target: &'static str, fields: &[(&str, &str)]) -> Self {
        let field = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Self {
            endpoint: Endpoint {
                scheme: Scheme::Https,
                host: "app.example.com".to_owned(),
                port: 443,
                url: "https://app.example.com".to_owned(),
                id: String::new(),
                name: String::new(),
                metadata: String::new(),
                kind: "agent",
                agent_id: String::new(),
                organization_id: String::new(),
                organization_name: String::new(),
            },
            connection: Connection::new("203.0.113.1:1".parse().unwrap(), "198.51.100.1:443".parse().unwrap()),
            target,
            fields: fields.iter().map(field).collect(),
        }
    }

    /// What a policy sees of it at one moment.
    pub(crate) fn view<'w>(&'w self, state: &'w State) -> View<'w> {
        View {
            now: 1_768_478_400_000_000,
            seed: 1,
            connection: &self.connection,
            endpoint: &self.endpoint,
            request: Some(Request {
                id: "",
                method: "GET",
                version: "HTTP/1.1",
                scheme: Scheme::Https,
                authority: "app.example.com",
                target: self.target,
                fields: &self.fields,
                content_length: None,
                received_at: 0,
            }),
            response: None,
            tables: &NoTables,
            state,
        }
    }
}
