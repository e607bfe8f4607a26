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
    this_update: i64,
    next_update: i64,
}

impl From<List> for Listed {
    fn from(list: List) -> Self {
        Self {
            list: Arc::new(RevocationList::new(list.der)),
            this_update: list.this_update,
            next_update: list.next_update,
        }
    }
}

/// The lists that this node has fetched; shared by all snapshots. The authority has signed each, so it does not matter from
/// which URL one came.
#[derive(Debug, Default)]
pub struct Revocations {
    fetched: RwLock<HashMap<Id, Listed>>,
}

/// Why a list does not take the place of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListRefused {
    /// Whoever hands out an old one would make good again what was revoked since.
    #[error("it is older than the one before")]
    Older,
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
    /// Puts a list in the place of the one before. The same one may come again.
    ///
    /// # Errors
    /// It is not taken, and the one before stays.
    pub fn put(&self, id: Id, list: List) -> Result<(), ListRefused> {
        let listed = Listed::from(list);
        let mut all = self.fetched.write().unwrap_or_else(PoisonError::into_inner);
        if all
            .get(&id)
            .is_some_and(|before| listed.this_update < before.this_update)
        {
            return Err(ListRefused::Older);
        }
        all.insert(id, listed);
        Ok(())
    }

    /// Forgets lists of authorities that are gone.
    pub fn retain(&self, is_there: impl Fn(Id) -> bool) {
        let mut all = self.fetched.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|id, _| is_there(*id));
    }

    fn of(&self, id: Id) -> Option<Listed> {
        let all = self.fetched.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&id).cloned()
    }
}

impl Authority {
    /// What is known at this time (seconds since the Unix epoch) of those that it has taken back.
    fn revoked(&self, id: Id, fetched: &Revocations, now: i64) -> Revoked {
        let is_fetched = !self.crl_url.is_empty();
        if !is_fetched && !self.has_written {
            return Revoked::None;
        }
        let fetched = Some(id).filter(|_| is_fetched).and_then(|id| fetched.of(id));
        // Of two that are equally new the fetched one.
        let listed = self.written.clone().into_iter().chain(fetched);
        let listed = listed.max_by_key(|listed| listed.this_update);
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

    const ID: &str = "ca_2ipc2RzvYSNMpGXR9ZhjtzvZDMF";

    fn list(der: &[u8], this_update: i64, next_update: i64) -> List {
        List {
            der: der.to_vec(),
            this_update,
            next_update,
        }
    }

    fn authority() -> Authority {
        Authority {
            organization: "ac_1".into(),
            pem: "".into(),
            crl_url: "".into(),
            has_written: false,
            written: None,
            goes_on: false,
        }
    }

    fn write(authority: &mut Authority, list: Option<List>) {
        authority.has_written = true;
        authority.written = list.map(Into::into);
    }

    fn known(authority: &Authority, fetched: &Revocations, now: i64) -> String {
        match authority.revoked(ID.parse().unwrap(), fetched, now) {
            Revoked::None => "none".to_owned(),
            Revoked::Unknown => "unknown".to_owned(),
            Revoked::Listed(list) => String::from_utf8_lossy(list.der()).into_owned(),
        }
    }

    #[test]
    fn a_list_counts_until_its_next_one_is_a_week_late() {
        let fetched = Revocations::default();
        let mut authority = authority();
        let known = |authority: &Authority, now| known(authority, &fetched, now);
        assert_eq!(known(&authority, 0), "none");
        authority.crl_url = "http://a/".into();
        assert_eq!(known(&authority, 0), "unknown", "not fetched yet");
        write(&mut authority, Some(list(b"written", 0, 100)));
        assert_eq!(known(&authority, 100 + LATE), "written");
        assert_eq!(known(&authority, 101 + LATE), "unknown");
        fetched.put(ID.parse().unwrap(), list(b"fetched", 1, 200)).unwrap();
        assert_eq!(known(&authority, 200 + LATE), "fetched");
        assert_eq!(known(&authority, 201 + LATE), "unknown");
        authority.goes_on = true;
        assert_eq!(known(&authority, 201 + LATE), "fetched");
        authority.crl_url = "".into();
        assert_eq!(known(&authority, 0), "written", "no URL, no fetched list");
        fetched.retain(|_| false);
        authority = self::authority();
        authority.crl_url = "http://a/".into();
        authority.goes_on = true;
        assert_eq!(known(&authority, 0), "none");
    }

    #[test]
    fn an_older_list_takes_no_place() {
        let id = ID.parse().unwrap();
        let fetched = Revocations::default();
        let mut authority = authority();
        authority.crl_url = "http://a/".into();
        fetched.put(id, list(b"second", 20, 1000)).unwrap();
        assert_eq!(fetched.put(id, list(b"first", 19, 2000)), Err(ListRefused::Older));
        assert_eq!(known(&authority, &fetched, 0), "second");
        fetched.put(id, list(b"again", 20, 1000)).unwrap();
        assert_eq!(known(&authority, &fetched, 0), "again");
        // Of the written and the fetched one the newer counts.
        write(&mut authority, Some(list(b"written", 21, 1000)));
        assert_eq!(known(&authority, &fetched, 0), "written");
        fetched.put(id, list(b"third", 22, 1000)).unwrap();
        assert_eq!(known(&authority, &fetched, 0), "third");
    }

    #[test]
    fn a_written_list_that_is_not_taken_any_more_is_unknown() {
        let fetched = Revocations::default();
        let mut authority = authority();
        write(&mut authority, None);
        assert_eq!(known(&authority, &fetched, 0), "unknown");
        authority.goes_on = true;
        assert_eq!(known(&authority, &fetched, 0), "none");
    }
}
