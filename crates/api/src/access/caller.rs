//! Who asks.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use adit_model::Object;
use adit_model::kind::organization::setting;
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::{Actor, Source};
use jiff::Timestamp;
use serde_json::Value;

use super::Access;
use super::reach::Reach;
use super::rights::Rights;
use super::tables::Key;
use crate::error::ApiError;
use crate::login::session::{Lasts, Session};

/// Who asks, from where and with what; every handler gets it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// User or service user; none where nobody had to say who he is.
    pub(crate) principal: Option<Id>,
    /// E-mail of the user or name of the service user.
    pub(crate) subject: String,
    /// Whose objects he sees.
    pub(crate) organization: Id,
    /// The key or session he showed.
    pub(crate) credential: Option<Id>,
    /// The session, if it is one.
    pub(crate) session: Option<Arc<Session>>,
    lasts: Lasts,
    /// What his roles give him, without the limits of the key.
    pub(crate) rights: Rights,
    /// What the key is limited to.
    pub(crate) only: Option<Arc<HashSet<&'static str>>>,
    pub(crate) source: Source,
    /// Where he asks from.
    pub(crate) ip: IpAddr,
    pub(crate) user_agent: String,
    /// Names the request in answers, logs and the audit log.
    pub(crate) operation_id: String,
}

impl Caller {
    /// Somebody who did not say who he is: he has no rights.
    pub(crate) fn nobody(ip: IpAddr, user_agent: String, operation_id: String) -> Self {
        Self {
            principal: None,
            subject: String::new(),
            organization: Id::from_bytes(Prefix::Account, [0; 20]),
            credential: None,
            session: None,
            lasts: Lasts::default(),
            rights: Rights::default(),
            only: None,
            source: Source::Api,
            ip,
            user_agent,
            operation_id,
        }
    }

    /// As the log names who shows a key or session of which no more is known yet.
    pub(crate) fn with_credential(&self, credential: Id, owner: Option<Id>) -> Actor {
        Actor {
            credential: Some(credential),
            principal: owner,
            ..self.actor()
        }
    }

    /// The same as the owner of a key.
    ///
    /// # Errors
    /// 203 if the key is no longer good, 205 if its organisation is suspended, 635 if its owner has no rights, 636 if
    /// its owner is not active.
    pub(crate) fn with_key(self, access: &Access, key: &Key) -> Result<Self, ApiError> {
        let refused = |code| ApiError::new(code, &[]);
        let is_over = key.expires_at.is_some_and(|at| at <= Timestamp::now().as_microsecond());
        if key.disabled || is_over {
            return Err(refused(ErrorCode::NGROK_203));
        }
        let known = self.being(access, key.organization, key.owner, ErrorCode::NGROK_203)?;
        let (id, now) = (key.id, Timestamp::now().as_microsecond());
        access.used().note(id, key.organization, known.ip, now);
        Ok(Self {
            credential: Some(key.id),
            only: key.only.clone(),
            ..known
        })
    }

    /// The same as the user of a session, in the organisation that this names.
    ///
    /// # Errors
    /// `ERR_ADIT_2101` if he is no member of it any more; else as [`Self::with_key`].
    pub(crate) fn with_session(self, access: &Access, session: Session) -> Result<Self, ApiError> {
        let known = self.being(access, session.organization, Some(session.user), ErrorCode::ADIT_2101)?;
        // All sessions begin with a password: where that is not enough, one that began elsewhere is not either.
        let tables = access.read();
        let organization = tables.organization(&session.organization);
        if organization.is_some_and(|organization| !setting(&organization.object, "password_login")) {
            return Err(ApiError::new(ErrorCode::ADIT_2103, &[]));
        }
        drop(tables);
        Ok(Self {
            credential: Some(session.id),
            session: Some(Arc::new(session)),
            ..known
        })
    }

    /// The same as somebody in an organisation; `gone` is the refusal if one of them is no more.
    fn being(
        self,
        access: &Access,
        organization: Id,
        principal: Option<Id>,
        gone: ErrorCode,
    ) -> Result<Self, ApiError> {
        let refused = |code| ApiError::new(code, &[]);
        let tables = access.read();
        let known = tables.organization(&organization).ok_or_else(|| refused(gone))?;
        if known.suspended {
            return Err(refused(ErrorCode::NGROK_205));
        }
        let person = principal.and_then(|principal| tables.person(organization, principal));
        let person = person.ok_or_else(|| refused(gone))?;
        if !tables.is_active(person) {
            return Err(refused(ErrorCode::NGROK_636));
        }
        let rights = tables.rights(person);
        if rights.roles.is_empty() {
            return Err(refused(ErrorCode::NGROK_635));
        }
        Ok(Self {
            principal: Some(person.principal),
            subject: tables.subject(person).to_owned(),
            organization,
            lasts: known.sessions,
            rights,
            ..self
        })
    }

    /// The session he showed.
    pub(crate) fn session_id(&self) -> Option<Id> {
        self.session.as_ref().map(|session| session.id)
    }

    /// How long sessions last in his organisation.
    pub(crate) fn lasts(&self) -> Lasts {
        self.lasts
    }

    /// Whether he has shown a password or second factor lately, as is needed for what is dangerous. Keys are not asked
    /// for one: they have none.
    ///
    /// # Errors
    /// 401 `ERR_ADIT_2015` with `methods`.
    pub(crate) fn is_recent(&self) -> Result<(), ApiError> {
        match &self.session {
            Some(session) if !session.is_recent() => {
                Err(ApiError::new(ErrorCode::ADIT_2015, &[]).detail("methods", "password"))
            }
            _ => Ok(()),
        }
    }

    /// As the log names him.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            principal: self.principal,
            subject: self.subject.clone(),
            source: self.source,
            credential: self.credential,
            ip: Some(self.ip),
            user_agent: self.user_agent.clone(),
            operation_id: self.operation_id.clone(),
        }
    }

    /// How far a permission reaches now: what the owner's roles give and the key allows.
    pub(crate) fn reach(&self, permission: &str) -> Reach {
        match &self.only {
            Some(only) if !only.contains(permission) => Reach::default(),
            _ => self.rights.reach(permission),
        }
    }

    /// All permissions that reach anything now, in order.
    pub(crate) fn permissions(&self) -> Vec<&'static str> {
        let mut all = self.rights.permissions();
        all.retain(|p| self.only.as_ref().is_none_or(|only| only.contains(p)));
        all
    }

    /// How far it reaches, if at all.
    ///
    /// # Errors
    /// 403 `ERR_ADIT_2008`.
    pub(crate) fn require(&self, permission: &str) -> Result<Reach, ApiError> {
        let reach = self.reach(permission);
        if reach.is_nothing() {
            return Err(self.lacks(permission));
        }
        Ok(reach)
    }

    /// The refusal for a missing permission.
    pub(crate) fn lacks(&self, permission: &str) -> ApiError {
        let roles: Vec<_> = self.rights.role_names().collect();
        ApiError::new(ErrorCode::ADIT_2008, &[("permission", permission)])
            .detail("permission", permission)
            .detail("roles", roles.join(" "))
    }

    /// Whether a permission is over this object. `shown` is how the object looks, asked for only where a role selects
    /// by it.
    pub(crate) fn covers(&self, permission: &str, object: &Object, shown: impl FnOnce() -> Value) -> bool {
        self.reach(permission)
            .covers(self.principal, owner_of(object), &object.kind, shown)
    }
}

/// Whose an object is, for rights over one's own: its owner, else who made it.
pub(crate) fn owner_of(object: &Object) -> Option<Id> {
    object.owner.or_else(|| object.reference("created_by"))
}
