//! Lists of certificates that authorities have taken back (edge 4.8): those that stand in the object, and those that this
//! node has fetched.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use adit_model::kind::certificate::revoked::List;
use adit_names::id::Id;
use adit_policy::{Authority as Seen, RevocationList, Revoked};

use crate::config::EdgeConfig;
use crate::told::{Authority, Told};

/// Seconds for which a list counts beyond the time at which it promised the next one.
const LATE: i64 = 7 * 24 * 3600;

/// A list, and until when it is the newest.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    list: Arc<RevocationList>,
    next_update: i64,
}

impl From<List> for Listed {
    fn from(list: List) -> Self {
        Self {
            list: Arc::new(RevocationList::new(list.der)),
            next_update: list.next_update,
        }
    }
}

/// The lists that this node has fetched; shared by all snapshots.
#[derive(Debug, Default)]
pub struct Revocations {
    fetched: RwLock<HashMap<Id, Fetched>>,
}

#[derive(Debug)]
struct Fetched {
    url: Box<str>,
    listed: Listed,
}

/// An authority whose list is fetched.
#[derive(Clone, Debug)]
pub struct RevocationUrl {
    /// The authority.
    pub id: Id,
    /// Whose it is.
    pub organization: Box<str>,
    /// Where its list is.
    pub url: Box<str>,
    /// Its certificate: who must have signed the list.
    pub ca_pem: Box<str>,
}

impl Revocations {
    /// Puts the list that came from this URL in the place of the one before.
    pub fn put(&self, id: Id, url: &str, list: List) {
        let fetched = Fetched {
            url: url.into(),
            listed: list.into(),
        };
        let mut all = self.fetched.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(id, fetched);
    }

    /// Forgets lists of authorities that are gone.
    pub fn retain(&self, is_there: impl Fn(Id) -> bool) {
        let mut all = self.fetched.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|id, _| is_there(*id));
    }

    fn of(&self, id: Id, url: &str) -> Option<Listed> {
        let all = self.fetched.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&id)
            .filter(|fetched| *fetched.url == *url)
            .map(|fetched| fetched.listed.clone())
    }
}

impl Authority {
    /// What is known at this time (seconds since the Unix epoch) of those that it has taken back.
    fn revoked(&self, id: Id, fetched: &Revocations, now: i64) -> Revoked {
        let keeps_list = !self.crl_url.is_empty() || self.written.is_some();
        if !keeps_list {
            return Revoked::None;
        }
        let listed = fetched.of(id, &self.crl_url).or_else(|| self.written.clone());
        let is_known = |listed: &Listed| now <= listed.next_update.saturating_add(LATE);
        match listed {
            Some(listed) if self.goes_on || is_known(&listed) => Revoked::Listed(listed.list),
            None if self.goes_on => Revoked::None,
            Some(_) | None => Revoked::Unknown,
        }
    }
}

impl Told {
    /// Authorities whose lists are fetched.
    pub fn revocation_urls(&self) -> Vec<RevocationUrl> {
        let with_url = self
            .authorities
            .iter()
            .filter(|(_, authority)| !authority.crl_url.is_empty());
        let urls = with_url.map(|(id, authority)| RevocationUrl {
            id: *id,
            organization: authority.organization.clone(),
            url: authority.crl_url.clone(),
            ca_pem: authority.pem.clone(),
        });
        urls.collect()
    }
}

impl EdgeConfig {
    /// An organisation's authority of visitors' certificates, with what is known at this time of those that it has taken
    /// back.
    pub fn authority(&self, id: &str, organization: &str, now: SystemTime) -> Option<Seen<'_>> {
        let id = id.parse().ok()?;
        let authority = self.told.authorities.get(&id)?;
        if *authority.organization != *organization {
            return None;
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        Some(Seen {
            pem: &authority.pem,
            revoked: authority.revoked(id, &self.revocations, now),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(der: &[u8], next_update: i64) -> List {
        List {
            der: der.to_vec(),
            next_update,
        }
    }

    #[test]
    fn a_list_counts_until_its_next_one_is_a_week_late() {
        let id: Id = "ca_2ipc2RzvYSNMpGXR9ZhjtzvZDMF".parse().unwrap();
        let fetched = Revocations::default();
        let mut authority = Authority {
            organization: "ac_1".into(),
            pem: "".into(),
            crl_url: "".into(),
            written: None,
            goes_on: false,
        };
        let known = |authority: &Authority, now| match authority.revoked(id, &fetched, now) {
            Revoked::None => "none".to_owned(),
            Revoked::Unknown => "unknown".to_owned(),
            Revoked::Listed(list) => String::from_utf8_lossy(list.der()).into_owned(),
        };
        assert_eq!(known(&authority, 0), "none");
        authority.crl_url = "http://a/".into();
        assert_eq!(known(&authority, 0), "unknown", "not fetched yet");
        authority.written = Some(list(b"written", 100).into());
        assert_eq!(known(&authority, 100 + LATE), "written");
        assert_eq!(known(&authority, 101 + LATE), "unknown");
        fetched.put(id, "http://other/", list(b"other", 1 << 40));
        assert_eq!(known(&authority, 0), "written", "that of another URL is none");
        fetched.put(id, "http://a/", list(b"fetched", 200));
        assert_eq!(known(&authority, 200 + LATE), "fetched");
        assert_eq!(known(&authority, 201 + LATE), "unknown");
        authority.goes_on = true;
        assert_eq!(known(&authority, 201 + LATE), "fetched");
        fetched.retain(|_| false);
        authority.written = None;
        assert_eq!(known(&authority, 0), "none");
    }
}
