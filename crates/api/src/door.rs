//! From where the API may be used (control plane 3.8), and the record of who was turned away.

use std::net::IpAddr;

use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_store::Actor;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::Api;
use crate::access::{Caller, Door, Key, Verdict};
use crate::error::ApiError;
use crate::record::{Refused, remote_addr};

/// Bytes of a path that are recorded.
const PATH: usize = 255;

impl Api {
    /// Whether anybody may ask from there, whoever he is (`control.allow_cidrs`).
    ///
    /// # Errors
    /// 403 with 220.
    pub(crate) fn outer_door(&self, ip: IpAddr) -> Result<(), ApiError> {
        let allowed = &self.told.allow_cidrs;
        if allowed.is_empty() || allowed.contains(ip) {
            return Ok(());
        }
        Err(turned_away(ip))
    }

    /// Whether a key may be used from where the caller is: by its own policies and by its organisation's restriction.
    /// A restriction that is not enforced is only recorded.
    ///
    /// # Errors
    /// 403 with 220.
    pub(crate) fn door_of_key(&self, caller: &Caller, key: &Key) -> Result<(), ApiError> {
        let now = Timestamp::now().as_microsecond();
        let is_allowed = || {
            self.told
                .access
                .read()
                .restrictions()
                .allow(&key.ip_policies, caller.ip, now)
        };
        if !key.ip_policies.is_empty() && !is_allowed() {
            return Err(turned_away(caller.ip));
        }
        let actor = caller.with_credential(key.id, key.owner);
        self.door(Door::Api, key.organization, actor, caller.ip)
    }

    /// Whether a door of an organisation is open to who comes from there.
    ///
    /// # Errors
    /// 403 with 220.
    pub(crate) fn door(&self, door: Door, organization: Id, actor: Actor, ip: IpAddr) -> Result<(), ApiError> {
        let now = Timestamp::now().as_microsecond();
        let verdict = self
            .told
            .access
            .read()
            .restrictions()
            .verdict(organization, door, ip, now);
        let (restriction, event_type) = match verdict {
            Verdict::Allowed => return Ok(()),
            Verdict::Denied(id) => (id, "ip_restriction_denied.v0"),
            Verdict::WouldDeny(id) => (id, "ip_restriction_warning.v0"),
        };
        let error = turned_away(ip);
        self.record.refused(Refused {
            event_type,
            organization,
            actor,
            error_code: error.code().as_str(),
            rule: Some(restriction),
            object: Map::from_iter([
                ("type".to_owned(), door.as_str().into()),
                ("remote_addr".to_owned(), remote_addr(ip)),
                ("restriction".to_owned(), restriction.to_string().into()),
            ]),
        });
        match verdict {
            Verdict::WouldDeny(_) => Ok(()),
            _ => Err(error),
        }
    }

    /// Records that somebody was turned away, if it was because of who he is. `asked` is what is known of him; who is
    /// not known is the operators' business.
    pub(crate) fn record_refusal(&self, error: &ApiError, asked: Option<(Id, Actor)>, ip: IpAddr, path: &str) {
        // A sign-in that fails is recorded as that.
        if !matches!(error.status().as_u16(), 401 | 403) || error.code() == ErrorCode::NGROK_4100 {
            return;
        }
        let (organization, actor) = match asked {
            Some(known) => known,
            None => match self.told.access.read().operators() {
                Some(operators) => (operators, nobody(ip)),
                None => return,
            },
        };
        let path: String = path.chars().take(PATH).collect();
        self.record.refused(Refused {
            event_type: "api_request_refused.v0",
            organization,
            actor,
            error_code: error.code().as_str(),
            rule: None,
            object: Map::from_iter([
                ("remote_addr".to_owned(), remote_addr(ip)),
                ("error_code".to_owned(), error.code().as_str().into()),
                ("path".to_owned(), Value::String(path)),
            ]),
        });
    }
}

fn nobody(ip: IpAddr) -> Actor {
    Caller::nobody(ip, String::new(), String::new()).actor()
}

fn turned_away(ip: IpAddr) -> ApiError {
    let text = ip.to_canonical().to_string();
    ApiError::new(ErrorCode::NGROK_220, &[("ip", &text)]).detail("value", text)
}
