//! The firewall as policies ask it.

use std::net::SocketAddr;

use adit_names::code::ErrorCode;
use adit_policy::{EffectFault, Fields, Inspect, Inspection, Inspector, View};

use crate::message::{Finding, Look, Request, Response};
use crate::{Error, Firewall};

type Owned = Vec<(Vec<u8>, Vec<u8>)>;

fn owned(fields: &dyn Fields) -> Owned {
    let mut out = Vec::new();
    fields.each(&mut |name, value| out.push((name.as_bytes().to_vec(), value.to_vec())));
    out
}

fn lent(fields: &Owned) -> Vec<(&[u8], &[u8])> {
    fields.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect()
}

impl Inspector for Firewall {
    fn inspect(&self, asked: &Inspect, seen: &View<'_>, body: &[u8]) -> Result<Inspection, EffectFault> {
        let Some(request) = &seen.request else {
            return Err(fault(&Error::Failed("there is no request")));
        };
        let look = Look {
            paranoia: asked.paranoia,
            exclude: asked.exclude.clone(),
        };
        let mut fields = owned(request.fields);
        // It stands for itself in the view.
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
        fields.push((b"host".to_vec(), request.authority.as_bytes().to_vec()));
        let connection = seen.connection;
        let shown = Request {
            client: SocketAddr::new(connection.client_ip, connection.client_port),
            server: SocketAddr::new(connection.server_ip, connection.server_port),
            method: request.method,
            target: request.target,
            version: request.version.trim_start_matches("HTTP/"),
            fields: &lent(&fields),
            body: if asked.response { b"" } else { body },
        };
        let found = match (&seen.response, asked.response) {
            (Some(response), true) => {
                let fields = owned(response.fields);
                let response = Response {
                    status: response.status,
                    fields: &lent(&fields),
                    body,
                };
                self.response(&look, &shown, &response)
            }
            (None, true) => Err(Error::Failed("there is no response")),
            (_, false) => self.request(&look, &shown),
        };
        found.map(inspection).map_err(|error| fault(&error))
    }
}

fn inspection(found: Finding) -> Inspection {
    let matched = found.matched.into_iter().map(|rule| adit_policy::Matched {
        id: rule.id,
        message: rule.message,
        severity: rule.severity,
        data: rule.data,
    });
    Inspection {
        score: found.score,
        matched: matched.collect(),
    }
}

fn fault(error: &Error) -> EffectFault {
    EffectFault {
        code: ErrorCode::NGROK_3701,
        message: error.to_string(),
    }
}
