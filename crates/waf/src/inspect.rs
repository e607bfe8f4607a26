//! The firewall as policies ask it.

use adit_names::code::ErrorCode;
use adit_policy::{EffectFault, Inspection, Inspector, Shown};

use crate::loaded::READ;
use crate::message::{Finding, Look, Request, Response};
use crate::{Error, Firewall};

fn lent(fields: &[(String, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    fields.iter().map(|(n, v)| (n.as_bytes(), v.as_slice())).collect()
}

impl Inspector for Firewall {
    fn inspect(&self, shown: &Shown, body: &[u8]) -> Result<Inspection, EffectFault> {
        let look = Look {
            paranoia: shown.asked.paranoia,
            exclude: shown.asked.exclude.clone(),
        };
        let request = Request {
            client: shown.client,
            server: shown.server,
            method: &shown.method,
            target: &shown.target,
            version: shown.version.trim_start_matches("HTTP/"),
            fields: &lent(&shown.fields),
            body: if shown.response.is_some() { b"" } else { body },
            // Fewer bytes than were asked for are all of them.
            is_whole: body.len() < shown.asked.body_limit,
        };
        let found = match &shown.response {
            Some((status, fields)) => {
                let response = Response {
                    status: *status,
                    fields: &lent(fields),
                    body,
                };
                self.response(&look, &request, &response)
            }
            None => self.request(&look, &request),
        };
        found.map(inspection).map_err(|error| fault(&error))
    }

    fn reads(&self, media_type: &str) -> bool {
        READ.contains(&media_type)
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
