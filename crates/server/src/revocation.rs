//! Fetches the lists of certificates that authorities of visitors have taken back (`crl_url`, edge 4.8): every hour through
//! the guarded client. A list is kept in the data directory, so that a restart while its server is away locks nobody out.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adit_edge::Node;
use adit_model::kind::certificate::revoked::{self, List, MAX_LIST};
use adit_names::id::Id;
use adit_outbound::{Call, Purpose};
use adit_snapshot::RevocationUrl;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// How often it is looked whether a list is due.
const LOOK: Duration = Duration::from_millis(500);
/// How often a list is fetched.
const EVERY: Duration = Duration::from_secs(3600);
/// The same after a failure: at first soon, later each time.
const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(300);
/// Lists that are fetched at once.
const AT_ONCE: usize = 4;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Redirects that are followed.
const REDIRECTS: u32 = 5;
/// Seconds that clocks may differ. A list of a later day would be taken for newer than all that come until then.
const AHEAD: u64 = 24 * 3600;

/// What is known of the list of one authority.
#[derive(Debug)]
struct Due {
    url: Box<str>,
    at: Instant,
    is_running: bool,
    failures: u32,
}

/// Fetches lists for as long as the node serves.
pub(crate) struct Fetcher {
    node: Arc<Node>,
    folder: PathBuf,
    due: HashMap<Id, Due>,
    running: JoinSet<(RevocationUrl, Result<List, String>)>,
}

impl Fetcher {
    /// `data` is the data directory.
    pub(crate) fn new(node: Arc<Node>, data: &Path) -> Self {
        Self {
            node,
            folder: data.join("revoked"),
            due: HashMap::new(),
            running: JoinSet::new(),
        }
    }

    /// Until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => self.look(),
                Some(fetched) = self.running.join_next(), if !self.running.is_empty() => {
                    if let Ok((of, result)) = fetched {
                        self.fetched(&of, result);
                    }
                }
            }
        }
    }

    fn look(&mut self) {
        let wanted = self.node.config.load().told.revocation_urls();
        if wanted.is_empty() && self.due.is_empty() {
            return;
        }
        let ids: HashSet<Id> = wanted.iter().map(|of| of.id).collect();
        let gone: Vec<Id> = self.due.keys().filter(|id| !ids.contains(id)).copied().collect();
        for id in &gone {
            self.due.remove(id);
            // One that was never written is not there.
            let _ = std::fs::remove_file(self.file(*id));
        }
        if !gone.is_empty() {
            self.node.config.load().revocations.retain(|id| ids.contains(&id));
        }
        let now = Instant::now();
        for of in wanted {
            let is_new = self.due.get(&of.id).is_none_or(|due| due.url != of.url);
            if is_new {
                self.remember(&of);
                let due = Due {
                    url: of.url.clone(),
                    at: now,
                    is_running: false,
                    failures: 0,
                };
                self.due.insert(of.id, due);
            }
            if self.running.len() >= AT_ONCE {
                continue;
            }
            let Some(due) = self.due.get_mut(&of.id).filter(|due| !due.is_running && due.at <= now) else {
                continue;
            };
            due.is_running = true;
            let node = self.node.clone();
            self.running.spawn(async move {
                let list = fetch(&node, &of).await;
                (of, list)
            });
        }
    }

    fn fetched(&mut self, of: &RevocationUrl, result: Result<List, String>) {
        // Another URL may stand there meanwhile, which is asked next.
        let Some(due) = self.due.get_mut(&of.id).filter(|due| due.url == of.url) else {
            return;
        };
        due.is_running = false;
        let now = Instant::now();
        let taken = result.and_then(|list| {
            let put = self.node.config.load().revocations.put(of.id, list.clone());
            put.map(|()| list).map_err(|refused| refused.to_string())
        });
        match taken {
            Ok(list) => {
                due.failures = 0;
                due.at = now + EVERY;
                self.keep(of.id, &list);
            }
            Err(error) => {
                if due.failures == 0 {
                    tracing::warn!(authority = %of.id, error, "the list of revoked certificates cannot be fetched; it is tried again");
                }
                due.failures = due.failures.saturating_add(1);
                due.at = now + if due.failures < 10 { SOON } else { LATER };
            }
        }
    }

    fn file(&self, id: Id) -> PathBuf {
        self.folder.join(format!("{id}.crl"))
    }

    /// The list that was fetched before a restart.
    fn remember(&self, of: &RevocationUrl) {
        let Ok(kept) = std::fs::read(self.file(of.id)) else {
            return;
        };
        // Signed by the authority, whichever URL it came from.
        let put = |list| {
            let put = self.node.config.load().revocations.put(of.id, list);
            put.map_err(|refused| refused.to_string())
        };
        match revoked::read(&of.ca_pem, &kept).and_then(put) {
            Ok(()) => {}
            Err(error) => tracing::warn!(authority = %of.id, error, "a kept list of revoked certificates is no use"),
        }
    }

    fn keep(&self, id: Id, list: &List) {
        let kept = std::fs::create_dir_all(&self.folder)
            .and_then(|()| crate::durable::write(&self.file(id), &list.der, 0o600));
        if let Err(error) = kept {
            tracing::warn!(authority = %id, %error, "a list of revoked certificates cannot be kept for a restart");
        }
    }
}

async fn fetch(node: &Node, of: &RevocationUrl) -> Result<List, String> {
    let mut hasher = DefaultHasher::new();
    (&of.organization, "revocation lists").hash(&mut hasher);
    let call = Call {
        purpose: Purpose::Service,
        who: hasher.finish(),
        method: Method::GET,
        url: of.url.to_string(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        max_redirects: REDIRECTS,
        timeout: PATIENCE,
        max_body: MAX_LIST,
    };
    let answer = node
        .outbound()
        .call(call)
        .await
        .map_err(|failure| failure.to_string())?;
    if answer.status != StatusCode::OK {
        return Err(format!("the answer has the status {}", answer.status.as_u16()));
    }
    let (ca_pem, body) = (of.ca_pem.clone(), answer.body);
    // Megabytes are read beside what answers visitors.
    let read = tokio::task::spawn_blocking(move || revoked::read(&ca_pem, &body)).await;
    let list = read.map_err(|_| "reading it failed".to_owned())??;
    let latest = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
        + AHEAD;
    if u64::try_from(list.this_update).is_ok_and(|made| made > latest) {
        return Err("it was made more than a day from now".to_owned());
    }
    Ok(list)
}
