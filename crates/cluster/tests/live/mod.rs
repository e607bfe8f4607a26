//! Members that are online without a network: their connections are mux sessions nobody drives.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use adit_cluster::{
    Binding, ClaimKey, Directory, Leg, Member, MemberOptions, Pool, Proto, RemoteCommands, SessionFacts,
};
use adit_names::endpoint_url::EndpointUrl;
use adit_protocol::client_family::ClientFamily;

pub(crate) fn facts(id: &str) -> Arc<SessionFacts> {
    Arc::new(SessionFacts {
        id: id.to_owned(),
        epoch: 0,
        organization: "ac_1".to_owned(),
        credential: "cr_1".to_owned(),
        family: ClientFamily::Go,
        client_type: "ngrok-go".to_owned(),
        agent_version: "2.1.1".to_owned(),
        user_agent: "ngrok-go/2.1.1".to_owned(),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        hostname: String::new(),
        metadata: String::new(),
        addr: ([192, 0, 2, 1], 4000).into(),
        started: SystemTime::UNIX_EPOCH,
        heartbeat_interval: Duration::from_secs(10),
        remote: RemoteCommands::default(),
        idle_streams: Arc::default(),
    })
}

/// A connection that nobody drives.
pub(crate) fn leg(number: u32) -> Leg {
    let (mux, _incoming, _driver) = adit_mux::session(adit_mux::Config::server(), Instant::now());
    Leg {
        number,
        worker: 0,
        mux,
        failures: Arc::default(),
    }
}

/// A member without a connection.
pub(crate) fn member(id: &str) -> Arc<Member> {
    Arc::new(Member::new(
        id.to_owned(),
        format!("tn_{id}"),
        MemberOptions::new(Proto::Https),
        facts(id),
    ))
}

/// The pool of a URL, made if it is not there.
pub(crate) fn pool(directory: &Directory, url: &str, organization: &str) -> Arc<Pool> {
    let url = EndpointUrl::from_canonical(url, Binding::Public).unwrap();
    directory.open(&ClaimKey::of(&url, organization), &url, organization)
}

/// A pool with one member that is online.
#[allow(dead_code, reason = "not every test file needs one")]
pub(crate) fn online(directory: &Directory, url: &str) -> (Arc<Pool>, Arc<Member>) {
    let pool = pool(directory, url, "ac_1");
    let member = member("m");
    member.set_leg(&leg(0));
    pool.put(&member, None);
    (pool, member)
}
