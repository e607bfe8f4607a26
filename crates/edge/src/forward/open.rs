//! Opening a stream to the agent: proxy header, PROXY bytes and the first bytes of the visitor in one frame.

use std::net::SocketAddr;

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_cluster::{AgentStream, Member, StreamFailure, StreamFailures};
use adit_mux::OpenError;
use adit_observe::{StreamFailure as OpenFailure, Worker};
use adit_protocol::ClientFamily;
use adit_protocol::proxy_header::{EdgeType, ProxyHeader};
use adit_protocol::proxy_protocol::{Outgoing, Tlvs, Version};

use super::taking::Taking;
use crate::record_connection::micros;

/// Writes everything that precedes application bytes on a stream to an agent.
fn proxy_header(
    member: &Member,
    (peer, is_ours): (SocketAddr, bool),
    local: SocketAddr,
    passthrough_tls: bool,
    out: &mut Vec<u8>,
) {
    let header = ProxyHeader {
        id: &member.bind_id,
        client_addr: peer,
        proto: member.options.proto.scheme(),
        edge_type: EdgeType::Bind,
        passthrough_tls,
        adit: None,
    };
    if let Err(e) = header.encode(out) {
        // Bind ids are bounded where they are made; an agent takes a stream without header for an empty one.
        tracing::error!(error = %e, bind = member.bind_id, "no proxy header");
    }
    let version = match member.options.proxy_proto {
        1 => Version::V1,
        2 => Version::V2,
        _ => return,
    };
    Outgoing {
        version,
        source: peer,
        destination: local,
        local: is_ours,
        datagram: false,
        tlvs: Tlvs::default(),
    }
    .encode(out);
}

/// How long the cause of a failure may take to arrive: it comes on another stream.
const CAUSE: Duration = Duration::from_millis(100);

/// A stream that was opened just now.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) stream: AgentStream,
    /// Where Adit's own agent says why a stream failed.
    pub(crate) causes: Option<(u32, Arc<StreamFailures>)>,
    /// Whether a stock agent takes the stream.
    pub(crate) taking: Option<Taking>,
}

/// What Adit's own agent says of a stream that failed because its upstream could not be reached.
pub(crate) async fn dial_failed(causes: Option<(u32, Arc<StreamFailures>)>) -> Option<StreamFailure> {
    let (id, failures) = causes?;
    failures.wait(id, CAUSE).await
}

/// Opens a stream on a leg of `member` whose first frame carries `first` behind the proxy header, and counts it or
/// its failure.
///
/// # Errors
/// As [`adit_mux::Session::open`]; `Closed` when the member has no leg.
pub(crate) fn open(
    member: &Member,
    peer: SocketAddr,
    local: SocketAddr,
    passthrough_tls: bool,
    first: &[u8],
    observe: &Worker,
) -> Result<Opened, OpenError> {
    begin(member, (peer, false), local, passthrough_tls, first, observe)
}

/// The same for a check by the node itself: a PROXY header says that it is nobody's connection.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_check(
    member: &Member,
    local: SocketAddr,
    first: &[u8],
    observe: &Worker,
) -> Result<Opened, OpenError> {
    begin(member, (local, true), local, false, first, observe)
}

fn begin(
    member: &Member,
    peer: (SocketAddr, bool),
    local: SocketAddr,
    passthrough_tls: bool,
    first: &[u8],
    observe: &Worker,
) -> Result<Opened, OpenError> {
    let began = Instant::now();
    let opened = member.full_leg().ok_or(OpenError::Closed).and_then(|leg| {
        let stream = leg.mux.open_with(|out| {
            proxy_header(member, peer, local, passthrough_tls, out);
            out.extend_from_slice(first);
        })?;
        Ok((leg, stream))
    });
    let (leg, stream) = match opened {
        Ok((leg, stream)) => (
            leg,
            AgentStream::new(stream, observe.stream_opened(micros(began.elapsed()))),
        ),
        Err(e) => {
            let failure = match e {
                OpenError::StreamLimit | OpenError::Unaccepted => OpenFailure::Limit,
                _ => OpenFailure::SessionLost,
            };
            observe.stream_failed(failure, micros(began.elapsed()));
            return Err(e);
        }
    };
    let id = stream.id();
    let (causes, taking) = if member.session.family == ClientFamily::Adit {
        (Some((id, leg.failures)), None)
    } else {
        (None, Some(Taking::begin(id, leg.failures)))
    };
    Ok(Opened { stream, causes, taking })
}
