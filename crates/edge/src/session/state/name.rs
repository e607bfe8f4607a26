//! Winning a name: a URL for what was asked, its claim, its place in the directory, its listener.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adit_cluster::{Bid, BoundPolicy, ClaimKey, Claimed, Conflict, Owner, Pool};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Address, Binding, EndpointUrl, Scheme, UrlRules};
use adit_names::random_name;
use adit_snapshot::{Credential, EdgeConfig};

use super::{Sessions, random};
use crate::session::address;
use crate::session::clock::Now;
use crate::session::guardrails;
use crate::session::ports::PortError;
use crate::session::refusal::Refusal;

/// Random names that are tried before the bind is refused.
const NAME_TRIES: usize = 8;
/// Random ports that are tried: each try may cost a system call.
const PORT_TRIES: usize = 64;

/// A name that was won.
pub(super) struct Won {
    pub(super) url: EndpointUrl,
    pub(super) key: ClaimKey,
    pub(super) pool: Arc<Pool>,
}

/// Who asks.
pub(super) struct Asker<'a> {
    pub(super) credential: &'a Credential,
    pub(super) owner: &'a Owner,
    pub(super) bid: Bid<'a>,
    /// Name of the endpoint, for stable random names.
    pub(super) name: &'a str,
    /// The policy that it brings.
    pub(super) policy: Option<&'a BoundPolicy>,
    /// It had its URL before, with this very policy.
    pub(super) returning: bool,
    pub(super) now: SystemTime,
}

impl Asker<'_> {
    /// Whether guardrails let the endpoint stand there.
    fn check_required(&self, config: &EdgeConfig, url: &EndpointUrl) -> Result<(), Refusal> {
        let organization = self.bid.organization;
        guardrails::check(config, url, organization, self.policy, self.returning, self.now)
    }
}

impl Sessions {
    /// Finds a URL for what was asked and wins its claim.
    pub(super) fn win(
        &self,
        config: &EdgeConfig,
        rules: &UrlRules,
        asked: &Address,
        asker: &Asker<'_>,
        now: Now,
    ) -> Result<Won, Refusal> {
        match asked {
            Address::Url(url) => {
                address::check_owned(url, asker.bid.organization, config, rules)?;
                address::check_acl(&asker.credential.binds, &asker.credential.id, asked, url)?;
                asker.check_required(config, url)?;
                match self.take(config, url, asker) {
                    Ok(won) => Ok(won),
                    Err(NotTaken::Cloud) => Err(held_by_cloud(url, asker)),
                    Err(NotTaken::Claimed(conflict)) => Err(self.already_online(url, &conflict, asker, now.wall)),
                    Err(NotTaken::Port(error)) => Err(Refusal::with_text(
                        ErrorCode::ADIT_1201,
                        format!("{error}. Ask for another port, or let the server choose one."),
                    )),
                }
            }
            Address::RandomName { .. } if address::only_reserved(asker.bid.organization, config) => {
                Err(Refusal::new(ErrorCode::NGROK_319, &[("domain", "(random)")]))
            }
            Address::RandomPort { .. } if address::only_reserved(asker.bid.organization, config) => {
                Err(Refusal::new(ErrorCode::NGROK_309, &[("address", "(random)")]))
            }
            Address::RandomName { .. } => self.win_random_name(config, rules, asked, asker),
            Address::RandomPort { scheme, host } => {
                let Some((first, last)) = config.tcp_ports else {
                    return Err(Refusal::with_text(
                        ErrorCode::ADIT_1201,
                        "This server offers no TCP ports.",
                    ));
                };
                let at = |port| EndpointUrl::new(*scheme, Binding::Public, host.clone(), port);
                let binds = &asker.credential.binds;
                let allowed: Vec<u16> = (first..=last).filter(|p| address::allows(binds, &at(*p))).collect();
                if allowed.is_empty() {
                    let id = &asker.credential.id;
                    return Err(address::acl_refusal(id, asked, host.as_str(), &format!("{host}:*")));
                }
                self.win_random_port(config, &allowed, at, asker)
            }
        }
    }

    fn win_random_name(
        &self,
        config: &EdgeConfig,
        rules: &UrlRules,
        asked: &Address,
        asker: &Asker<'_>,
    ) -> Result<Won, Refusal> {
        let credential = asker.credential;
        let stable = (config.stable_random && !asker.name.is_empty()).then(|| {
            self.sealer
                .stable_bytes(&[asker.bid.organization, &credential.id, asker.name])
        });
        let labels = stable
            .into_iter()
            .chain(std::iter::repeat_with(random).take(NAME_TRIES));
        for bytes in labels {
            let label = random_name::label(bytes);
            let Some(url) = asked.clone().fill(rules, || Some(label), || None) else {
                continue;
            };
            address::check_acl(&credential.binds, &credential.id, asked, &url)?;
            asker.check_required(config, &url)?;
            // A stable name that is taken (a second agent with the same configuration) or was reserved by somebody
            // else since gives way to a random one.
            if address::check_owned(&url, asker.bid.organization, config, rules).is_ok()
                && let Ok(won) = self.take(config, &url, asker)
            {
                return Ok(won);
            }
        }
        Err(Refusal::new(
            ErrorCode::NGROK_802,
            &[("request", "no random name was free")],
        ))
    }

    fn win_random_port(
        &self,
        config: &EdgeConfig,
        allowed: &[u16],
        at: impl Fn(u16) -> EndpointUrl,
        asker: &Asker<'_>,
    ) -> Result<Won, Refusal> {
        let start = usize::try_from(u64::from_le_bytes(random()) % allowed.len() as u64).unwrap_or(0);
        let in_turn = allowed.iter().cycle().skip(start).take(allowed.len());
        // What somebody has reserved has to be asked for.
        let free = in_turn.filter(|p| self.directory.find_port(**p).is_none() && config.told.port_owner(**p).is_none());
        for port in free.take(PORT_TRIES) {
            asker.check_required(config, &at(*port))?;
            if let Ok(won) = self.take(config, &at(*port), asker) {
                return Ok(won);
            }
        }
        let range = match (allowed.first(), allowed.last()) {
            (Some(first), Some(last)) => format!("{first}-{last}"),
            _ => String::new(),
        };
        Err(Refusal::new(ErrorCode::ADIT_1201, &[("range", &range)]))
    }

    /// Claims a URL and writes its pool to the directory, with a listener if it needs one.
    fn take(&self, config: &EdgeConfig, url: &EndpointUrl, asker: &Asker<'_>) -> Result<Won, NotTaken> {
        if let Some(cloud) = config.told.cloud_at(url, asker.bid.organization) {
            let shares = cloud.iter().all(|c| {
                c.pooled
                    && asker.bid.pooled
                    && *c.organization == *asker.bid.organization
                    && c.url.scheme() == url.scheme()
            });
            if !shares {
                return Err(NotTaken::Cloud);
            }
        }
        let key = ClaimKey::of(url, asker.bid.organization);
        let claimed = self
            .claims
            .claim(&key, asker.owner, asker.bid)
            .map_err(NotTaken::Claimed)?;
        let pool = self.directory.open(&key, url, asker.bid.organization);
        let needs_listener =
            url.scheme() == Scheme::Tcp && url.binding() == Binding::Public && pool.members().is_empty();
        if needs_listener && let Err(error) = self.ports.open(url.port(), &pool) {
            self.directory.close(&pool);
            if claimed != Claimed::Again {
                self.claims.release(&key, asker.owner);
            }
            return Err(NotTaken::Port(error));
        }
        // The pool's URL is that of who came first: members show the same.
        Ok(Won {
            url: pool.url().clone(),
            key,
            pool,
        })
    }

    /// The refusal of a URL that somebody else holds.
    fn already_online(&self, url: &EndpointUrl, conflict: &Conflict, asker: &Asker<'_>, wall: SystemTime) -> Refusal {
        let url = url.to_string();
        let mut text = ErrorCode::NGROK_334.message(&[("url", &url)]);
        let holder = self
            .live
            .get(conflict.holder.session.as_str())
            .filter(|_| conflict.organization == asker.bid.organization);
        if let Some(live) = holder {
            let f = &live.facts;
            let since = wall.duration_since(f.started).unwrap_or_default();
            let _ = write!(
                text,
                " It belongs to the agent {} {} at {}, connected {} ago (session {}).",
                f.client_type,
                f.agent_version,
                f.addr.ip(),
                in_words(since),
                f.id
            );
        }
        if asker.bid.pooled != conflict.pooled {
            text.push_str(" Both must enable pooling to share it.");
        }
        Refusal::with_text(ErrorCode::NGROK_334, text)
    }
}

/// Why a URL was not taken.
enum NotTaken {
    /// A cloud endpoint holds it.
    Cloud,
    Claimed(Conflict),
    Port(PortError),
}

/// The refusal of a URL that a cloud endpoint holds.
fn held_by_cloud(url: &EndpointUrl, asker: &Asker<'_>) -> Refusal {
    let mut text = ErrorCode::NGROK_334.message(&[("url", &url.to_string())]);
    text.push_str(" A cloud endpoint has it.");
    if !asker.bid.pooled {
        text.push_str(" Both must enable pooling to share it.");
    }
    Refusal::with_text(ErrorCode::NGROK_334, text)
}

/// A length of time for people.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s / 60),
        s @ 7_200..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}
