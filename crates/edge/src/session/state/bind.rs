//! Bind, unbind and changes in place: which name an endpoint gets, and how it is offered.

use std::sync::Arc;
use std::time::SystemTime;

use adit_cluster::{Bid, Binding, BoundPolicy, Member, MemberOptions, Owner};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Address, EndpointUrl, Scheme};
use adit_names::id::{Id, Prefix};
use adit_observe::{EndpointFacts, EndpointReason, EndpointScheme, EndpointType};
use adit_protocol::bind_address::{self, Source};
use adit_protocol::message::{Bind, BindResp, BindRespExtra, PatchTunnelState, StartTunnelWithLabel, Unbind};
use adit_snapshot::{Credential, EdgeConfig};

use super::name::{Asker, Won};
use super::{Connection, Endpoint, Sessions, new_id};
use crate::session::address;
use crate::session::clock::Now;
use crate::session::cookie::{BindCookie, unix_seconds};
use crate::session::guardrails;
use crate::session::options::{self, BindRequest};
use crate::session::policy;
use crate::session::refusal::Refusal;

impl Sessions {
    /// Takes a bind: a new endpoint, one that returns, or a further leg for one. `policy` is the one that it brings.
    ///
    /// # Errors
    /// The codes of agent protocol 7.3. What the session has stays as it is then.
    pub fn bind(
        &mut self,
        config: &EdgeConfig,
        of: &Connection,
        bind: &Bind,
        policy: Option<BoundPolicy>,
        now: Now,
    ) -> Result<BindResp, Refusal> {
        let mut request = BindRequest::read(bind)?;
        request.options.policy = policy;
        let rules = address::url_rules(config)
            .map_err(|e| Refusal::new(ErrorCode::NGROK_802, &[("request", &e.to_string())]))?;
        let live = self.current(of).ok_or_else(replaced)?;
        let credential = live.credential.clone();
        let facts = live.facts.clone();
        let existing = live.endpoints.get(request.id);
        let settings = config.told.organization(&facts.organization).map(|o| &o.settings);
        if existing.is_none() {
            let of_organization = settings.and_then(|s| s.max_endpoints_per_session);
            let of_organization = of_organization.and_then(|max| usize::try_from(max).ok());
            let max = of_organization.map_or(config.max_endpoints, |max| max.min(config.max_endpoints));
            if live.endpoints.len() >= max {
                return Err(Refusal::new(ErrorCode::NGROK_324, &[("max", &max.to_string())]));
            }
        }
        check_required(&credential, !has_own(request.options.policy.as_ref()))?;
        request.options.pooled |= settings.is_some_and(|s| s.pooling_default);
        let held = existing.map(|e| (e.url.clone(), e.member.endpoint_id.clone()));
        let before = existing.map(|e| e.member.options.policy.clone());

        if held.is_none()
            && let Some(max) = credential.max_endpoints
        {
            let of_it = self.live.values().filter(|live| live.credential.id == credential.id);
            if of_it.map(|live| live.endpoints.len() as u64).sum::<u64>() >= max {
                return Err(Refusal::new(ErrorCode::NGROK_350, &[("max", &max.to_string())]));
            }
        }

        let is_rebind = !request.id.is_empty();
        let cookie = if is_rebind {
            self.sealer.open_bind(request.token)
        } else {
            None
        };
        let reclaimed = cookie
            .as_ref()
            .and_then(|c| address::from_cookie(c, &facts.organization, request.scheme, config, &rules, now.wall));
        let selected = bind_address::select(bind, reclaimed.as_ref(), false, &rules)
            .map_err(|e| Refusal::with_text(e.code(), e.to_string()))?;
        let asked = match (selected.source, &held) {
            (Source::Nothing, Some((url, _))) if url.scheme() == request.scheme => Address::Url(url.clone()),
            (Source::Nothing, _) if is_rebind && !request.token.is_empty() && cookie.is_none() => {
                return Err(Refusal::new(ErrorCode::NGROK_335, &[]));
            }
            _ => selected.address,
        };

        let fresh = new_id(Prefix::Endpoint, now.wall);
        let bind_id = if is_rebind {
            request.id.to_owned()
        } else {
            fresh.to_string()
        };
        let endpoint_id = self.endpoint_id(
            of,
            &bind_id,
            held.as_ref().map(|h| h.1.as_str()),
            cookie.as_ref(),
            fresh,
        );
        let owner = Owner {
            session: facts.id.clone(),
            epoch: facts.epoch,
            bind: bind_id.clone(),
        };
        let bid = Bid {
            organization: &facts.organization,
            scheme: request.scheme,
            pooled: request.options.pooled,
        };
        let asker = Asker {
            credential: &credential,
            owner: &owner,
            bid,
            name: &request.options.name,
            policy: request.options.policy.as_ref(),
            returning: match (&before, &reclaimed, &cookie) {
                (Some(before), _, _) => *before == request.options.policy,
                (None, Some(_), Some(cookie)) => cookie.policy == policy::mark(request.options.policy.as_ref()),
                _ => false,
            },
            now: now.wall,
        };
        let won = self.win(config, &rules, &asked, &asker, now)?;

        let mark = policy::mark(request.options.policy.as_ref());
        let created = now.wall;
        let told = Arc::new(told_of(&endpoint_id, &won.url, &request, &facts, created));
        let url = won.url.clone();
        self.offer(of, &bind_id, &endpoint_id, owner, won, request.options, told);
        let token = self.sealer.seal_bind(&BindCookie {
            organization: facts.organization.clone(),
            session: facts.id.clone(),
            bind: bind_id.clone(),
            endpoint: endpoint_id.clone(),
            url: url.to_string(),
            binding: url.binding().as_str().to_owned(),
            created: unix_seconds(created),
            policy: mark,
        });
        Ok(BindResp {
            id: bind_id,
            url: url.to_string(),
            proto: bind.proto.clone(),
            opts: bind.opts_for_answer(&url),
            error: None,
            extra: BindRespExtra {
                token,
                tunnel_id: endpoint_id,
            },
        })
    }

    /// The id for the API: kept over everything, unless somebody else has it.
    fn endpoint_id(
        &self,
        of: &Connection,
        bind: &str,
        held: Option<&str>,
        cookie: Option<&BindCookie>,
        fresh: Id,
    ) -> String {
        let is_free = |id: &str| {
            self.endpoints
                .get(id)
                .is_none_or(|(s, b)| *s == of.session && b == bind)
        };
        held.or_else(|| cookie.map(|c| c.endpoint.as_str()).filter(|id| is_free(id)))
            .map_or_else(|| fresh.with_prefix(Prefix::Tunnel).to_string(), str::to_owned)
    }

    /// Offers the endpoint on the connection, in the place of what the bind id had before.
    #[allow(
        clippy::too_many_arguments,
        reason = "one caller; these are the columns of the entry"
    )]
    fn offer(
        &mut self,
        of: &Connection,
        bind: &str,
        endpoint_id: &str,
        owner: Owner,
        won: Won,
        options: MemberOptions,
        told: Arc<EndpointFacts>,
    ) {
        let draining = self.draining();
        let Some(live) = self.current(of) else { return };
        let Some(leg) = live.legs.get(&of.leg).map(|l| l.leg.clone()) else {
            return;
        };
        let facts = live.facts.clone();
        let old = live.endpoints.remove(bind);
        let same_name = old.as_ref().is_some_and(|o| o.key == won.key);
        let unchanged = old
            .as_ref()
            .filter(|o| same_name && o.member.options == options && Arc::ptr_eq(&o.member.session, &facts))
            .map(|o| o.member.clone());
        let member = unchanged.unwrap_or_else(|| {
            let mut member = Member::new(bind.to_owned(), endpoint_id.to_owned(), options, facts);
            // A session that is new, and another upstream, are not judged by what was.
            if let Some(old) = old.as_ref().filter(|_| same_name).map(|o| &o.member)
                && Arc::ptr_eq(&old.session, &member.session)
                && old.options.forwards_to == member.options.forwards_to
            {
                member = member.in_place_of(old);
            }
            for other in old
                .iter()
                .filter(|_| same_name)
                .flat_map(|o| o.member.legs().as_ref().clone())
            {
                member.set_leg(&other);
            }
            Arc::new(member)
        });
        member.set_leg(&leg);
        member.set_draining(draining);
        let status = old.as_ref().filter(|_| same_name).and_then(|o| o.status);
        let until = old.as_ref().filter(|_| same_name).and_then(|o| o.until);
        live.endpoints.insert(
            bind.to_owned(),
            Box::new(Endpoint {
                key: won.key,
                url: won.url,
                owner,
                pool: won.pool.clone(),
                member: member.clone(),
                told,
                status,
                until,
            }),
        );
        let instead_of = old
            .as_ref()
            .filter(|o| same_name && o.member.key != member.key)
            .map(|o| o.member.key);
        won.pool.put(&member, instead_of);
        if let Some(old) = old {
            if !same_name {
                self.forget(&of.session, bind, &old);
            } else if old.member.key != member.key {
                old.member.disconnect();
            }
        }
        self.endpoints
            .insert(endpoint_id.to_owned(), (of.session.clone(), bind.to_owned()));
        self.set_endpoint_window(&of.session, bind, None);
        member.health().set_offline(None);
        self.tell_endpoint(&of.session, bind);
    }

    /// Gives up what a bind id had, when the same id now has another name.
    fn forget(&mut self, session: &Arc<str>, bind: &str, old: &Endpoint) {
        if let Some(at) = old.until {
            self.deadlines.remove(&(at, session.clone(), Some(bind.to_owned())));
        }
        self.withdraw(&old.pool, &old.member);
        self.claims.release(&old.key, &old.owner);
        self.tell_gone(old, EndpointReason::AgentClosed);
    }

    /// Ends an endpoint at the agent's wish, on all legs.
    ///
    /// # Errors
    /// 333 for an id that this session never bound; ending one twice is no error.
    pub fn unbind(&mut self, of: &Connection, unbind: &Unbind) -> Result<(), Refusal> {
        let live = self.current(of).ok_or_else(replaced)?;
        if !live.endpoints.contains_key(&unbind.id) {
            return if live.ended.contains(&unbind.id) {
                Ok(())
            } else {
                Err(Refusal::new(ErrorCode::NGROK_333, &[("id", &unbind.id)]))
            };
        }
        self.end_endpoint(&of.session, &unbind.id, EndpointReason::AgentClosed);
        Ok(())
    }

    /// This text as the policy of an endpoint, whose other options stay.
    ///
    /// # Errors
    /// 333 for an unknown endpoint.
    pub(crate) fn with_policy(&mut self, of: &Connection, id: &str, text: &str) -> Result<policy::Brought, Refusal> {
        let live = self.current(of).ok_or_else(replaced)?;
        let has_id = |e: &Endpoint| e.member.endpoint_id == id || e.member.bind_id == id;
        let endpoint = live.endpoints.values().find(|e| has_id(e));
        let endpoint = endpoint.ok_or_else(|| Refusal::new(ErrorCode::NGROK_333, &[("id", id)]))?;
        let present = endpoint.member.options.policy.as_ref();
        Ok(policy::Brought {
            text: text.to_owned(),
            modules: present.map(|p| p.modules.clone()).unwrap_or_default(),
            is_for: policy::For {
                scheme: endpoint.url.scheme(),
                internal: endpoint.url.binding() == Binding::Internal,
            },
        })
    }

    /// Changes an endpoint in place: all of the fields or none. Exchanges that run keep what they began with. `policy` is
    /// the new one, if there is a new one.
    ///
    /// # Errors
    /// 333 for an unknown endpoint, else as for a bind.
    pub fn patch(
        &mut self,
        config: &EdgeConfig,
        of: &Connection,
        patch: &PatchTunnelState,
        policy: Option<Option<BoundPolicy>>,
        now: Now,
    ) -> Result<(), Refusal> {
        let claims = self.claims.clone();
        let live = self.current(of).ok_or_else(replaced)?;
        if policy.as_ref().is_some_and(|policy| !has_own(policy.as_ref())) {
            check_required(&live.credential, true)?;
        }
        let organization = live.facts.organization.clone();
        let endpoint = live
            .endpoints
            .values_mut()
            .find(|e| e.member.endpoint_id == patch.tunnel_id || e.member.bind_id == patch.tunnel_id)
            .ok_or_else(|| Refusal::new(ErrorCode::NGROK_333, &[("id", &patch.tunnel_id)]))?;
        let mut options = options::patched(&endpoint.member.options, patch)?;
        if let Some(policy) = policy {
            guardrails::check(config, &endpoint.url, &organization, policy.as_ref(), false, now.wall)?;
            options.policy = policy;
        }
        if options == endpoint.member.options {
            return Ok(());
        }
        if options.pooled != endpoint.member.options.pooled {
            claims
                .set_pooled(&endpoint.key, &endpoint.owner, options.pooled)
                .map_err(|_| {
                    let url = endpoint.url.to_string();
                    Refusal::with_text(
                        ErrorCode::NGROK_334,
                        format!("Pooling cannot be turned off: other endpoints share {url}."),
                    )
                })?;
        }
        let old = endpoint.member.clone();
        let member = Member::new(
            old.bind_id.clone(),
            old.endpoint_id.clone(),
            options,
            old.session.clone(),
        )
        .in_place_of(&old);
        for leg in old.legs().iter() {
            member.set_leg(leg);
        }
        member.set_draining(old.draining());
        let member = Arc::new(member);
        endpoint.pool.put(&member, Some(old.key));
        endpoint.told = Arc::new(EndpointFacts {
            name: member.options.name.clone(),
            description: member.options.description.clone(),
            metadata: member.options.metadata.clone(),
            pooling_enabled: member.options.pooled,
            ..(*endpoint.told).clone()
        });
        endpoint.member = member;
        old.disconnect();
        Ok(())
    }

    /// Labelled endpoints are not offered.
    ///
    /// # Errors
    /// Always 358.
    pub fn start_labeled(&mut self, of: &Connection, _start: &StartTunnelWithLabel) -> Result<(), Refusal> {
        self.current(of).ok_or_else(replaced)?;
        Err(Refusal::with_text(
            ErrorCode::NGROK_358,
            "Labelled endpoints are not offered by this server: start an endpoint with a URL instead (\"endpoints\" in the configuration, or a bind with a domain).",
        ))
    }
}

/// Did the agent write a policy?
fn has_own(policy: Option<&BoundPolicy>) -> bool {
    policy.is_some_and(|policy| !policy.text.is_empty())
}

/// A credential may demand a policy.
fn check_required(credential: &Credential, has_none: bool) -> Result<(), Refusal> {
    if credential.policy_required && has_none {
        return Err(Refusal::with_text(
            ErrorCode::NGROK_9026,
            "The credential demands a traffic policy for each endpoint, and this one has none.",
        ));
    }
    Ok(())
}

/// The answer on a connection whose place another has taken.
fn replaced() -> Refusal {
    Refusal::with_text(
        ErrorCode::NGROK_803,
        "Another connection of this session has taken the place of this one.",
    )
}

fn told_of(
    endpoint_id: &str,
    url: &EndpointUrl,
    request: &BindRequest<'_>,
    facts: &adit_cluster::SessionFacts,
    created_at: SystemTime,
) -> EndpointFacts {
    let o = &request.options;
    EndpointFacts {
        id: endpoint_id.to_owned(),
        organization_id: facts.organization.clone(),
        url: url.to_string(),
        scheme: match url.scheme() {
            Scheme::Http => EndpointScheme::Http,
            Scheme::Tls => EndpointScheme::Tls,
            Scheme::Tcp | Scheme::Udp => EndpointScheme::Tcp,
            Scheme::Https => EndpointScheme::Https,
        },
        kind: EndpointType::Agent,
        name: o.name.clone(),
        description: o.description.clone(),
        metadata: o.metadata.clone(),
        pooling_enabled: o.pooled,
        upstream_url: o.forwards_to.clone(),
        upstream_protocol: if o.upstream_http2 { "http2" } else { "http1" }.to_owned(),
        session_id: facts.id.clone(),
        credential_id: facts.credential.clone(),
        agent_version: facts.agent_version.clone(),
        remote_addr: Some(facts.addr.ip()),
        created_at,
    }
}
