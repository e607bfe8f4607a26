//! One connection of an agent, from the TLS handshake to its end.
//!
//! The mux has a task of its own; this one takes the streams that the agent opens, each handled in a task, and
//! watches the times: first byte, login, the end after a refusal.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_mux::{CloseReason, Config, Incoming, code};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::agents::Agents;
use super::clock::Now;
use super::connection::{Phase, Shared};
use super::state::Loss;
use crate::supervise;

/// First byte after the handshake.
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// Login, or at least a question about the server, after the handshake.
const LOGIN: Duration = Duration::from_secs(15);
/// How long a client that was refused has to close.
const REFUSED_LINGER: Duration = Duration::from_secs(2);
/// How long closing TLS may take.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// What is known of a connection when its handshake is over.
#[derive(Clone, Debug)]
pub struct ConnectFacts {
    /// Where the agent is.
    pub addr: SocketAddr,
    /// Index of the data worker that runs the connection.
    pub worker: usize,
    /// Round trip to it, about: what its handshake took.
    pub round_trip: Duration,
    /// The connect name that it asked for.
    pub ingress: String,
}

/// Serves one connection of an agent until it ends.
pub async fn serve<IO>(mut io: IO, facts: ConnectFacts, agents: Arc<Agents>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = Config {
        budget: Some(agents.budget.clone()),
        ..Config::server()
    };
    let (mux, incoming, driver) = adit_mux::session(config, Now::real().at);
    let peer = facts.addr;
    let shared = Shared::new(agents, facts, mux.clone());
    let counted = shared.agents.count_connection();
    let driven = supervise::spawn("agent connection", async move {
        let reason = driver.run(&mut io).await;
        if reason == CloseReason::Aborted {
            // Ended by us without GOAWAY: close_notify and FIN remain to be said.
            let _ = tokio::time::timeout(SHUTDOWN, io.shutdown()).await;
        }
        reason
    });
    accept(&shared, incoming).await;
    // A session that has ended may still have its last words to write.
    if !mux.is_closed() {
        mux.abort();
    }
    let reason = driven.await.unwrap_or(CloseReason::Aborted);
    if let Phase::Entered { connection, .. } = shared.end() {
        let loss = match reason {
            CloseReason::HeartbeatLost | CloseReason::Silent | CloseReason::WriteStalled => Loss::Silent,
            CloseReason::Aborted | CloseReason::Local(_) => Loss::ByServer,
            // An agent that says so is leaving; one that merely closes may be back in a moment.
            CloseReason::GoAway { code: code::NONE, .. } => Loss::Left,
            _ => Loss::Closed,
        };
        let config = shared.agents.config.load_full();
        shared
            .agents
            .sessions(|s| s.leg_lost(&config, &connection, loss, Now::real()));
    }
    tracing::debug!(%peer, %reason, "an agent's connection ended");
    drop(counted);
}

/// Takes streams until the session ends or is to be ended.
async fn accept(shared: &Arc<Shared>, mut incoming: Incoming) {
    let began = Now::real().at;
    let first_byte = tokio::time::sleep(FIRST_BYTE);
    let login = tokio::time::sleep(LOGIN);
    tokio::pin!(first_byte, login);
    let (mut waits_for_login, mut silent) = (true, true);
    loop {
        tokio::select! {
            stream = incoming.accept() => match stream {
                Some(stream) => {
                    silent = false;
                    shared.clone().take_stream(stream);
                }
                None => return,
            },
            () = shared.news.notified() => match shared.phase() {
                Phase::Entered { .. } => waits_for_login = false,
                Phase::Refused => {
                    let _ = tokio::time::timeout(REFUSED_LINGER, shared.mux.closed()).await;
                    return;
                }
                Phase::Greeted | Phase::Entering | Phase::Ended => {}
            },
            () = &mut first_byte, if waits_for_login && !first_byte.is_elapsed() => {
                if silent && shared.mux.last_received() <= began {
                    return;
                }
            }
            () = &mut login, if waits_for_login && !login.is_elapsed() => {
                // A login that is being held has been read in time; who only asks about the server goes on.
                if matches!(shared.phase(), Phase::Greeted) && !shared.has_asked() {
                    shared.mux.close(code::PROTOCOL, "no login in time");
                    shared.mux.closed().await;
                    return;
                }
            }
        }
    }
}
