//! Connections of agents over an in-memory pipe: a raw mux client against [`serve`](super::serve).

mod commands;
mod control;
mod messages;
mod times;

use std::net::SocketAddr;
use std::sync::Arc;

use adit_cluster::{Class, Directory};
use adit_mux::{CloseReason, Config, Incoming, Session, Stream};
use adit_protocol::typed_stream::StreamType;
use adit_snapshot::EdgeConfig;
use arc_swap::ArcSwap;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::state::tests::{self as state, FakePorts, TOKEN};
use super::{Agents, ConnectFacts, Now, serve};
use crate::supervise;

/// A server without listeners.
struct Server {
    agents: Arc<Agents>,
    config: Arc<ArcSwap<EdgeConfig>>,
    directory: Arc<Directory>,
}

impl Server {
    fn new() -> Self {
        let config = Arc::new(ArcSwap::from_pointee(state::config()));
        let directory = Arc::<Directory>::default();
        let ports = Arc::<FakePorts>::default();
        let agents = Agents::new(config.clone(), directory.clone(), ports, None, None).unwrap();
        Self {
            agents,
            config,
            directory,
        }
    }

    fn connect(&self) -> Client {
        let (near, far) = tokio::io::duplex(256 << 10);
        let facts = ConnectFacts {
            addr: SocketAddr::from(([192, 0, 2, 9], 5_000)),
            worker: 0,
            round_trip: std::time::Duration::from_millis(8),
            ingress: format!("connect.{}", state::BASE),
        };
        let served = supervise::spawn("server", serve(far, facts, self.agents.clone()));
        let (session, incoming, driver) = adit_mux::session(Config::client(), Now::real().at);
        let driven = supervise::spawn("client", driver.run(near));
        Client {
            session,
            incoming,
            driven,
            served,
        }
    }

    async fn logged_in(&self) -> Client {
        let client = self.connect();
        let answer = client.ask(StreamType::Auth, &state::auth_json(TOKEN)).await;
        assert_eq!(answer["Error"], Value::Null, "{answer}");
        client
    }

    fn is_online(&self, host: &str) -> bool {
        self.directory.find(Class::Sni, host).is_some_and(|p| p.is_online())
    }
}

/// An agent made of bare streams.
struct Client {
    session: Session,
    incoming: Incoming,
    driven: JoinHandle<CloseReason>,
    served: JoinHandle<()>,
}

impl Client {
    fn open(&self, kind: StreamType, body: &[u8]) -> Stream {
        self.session.open(&[&kind.to_bytes()[..], body].concat()).unwrap()
    }

    /// Asks as stock agents do: the stream is not finished before the answer was read to its end.
    async fn ask(&self, kind: StreamType, body: &Value) -> Value {
        let mut stream = self.open(kind, body.to_string().as_bytes());
        let answer = read_to_end(&mut stream).await;
        stream.finish().unwrap();
        answer
    }

    async fn bind(&self, host: &str) -> Value {
        let answer = self.ask(StreamType::Bind, &bind(host)).await;
        assert_eq!(answer["Error"], Value::Null, "{answer}");
        answer
    }

    /// How the connection ended.
    async fn end(self) -> CloseReason {
        let reason = within(self.driven).await.unwrap();
        drop(self.session);
        self.served.await.unwrap();
        reason
    }
}

fn bind(host: &str) -> Value {
    json!({
        "Id": "", "Proto": "https", "ForwardsTo": "http://localhost:80", "ForwardsProto": "",
        "Opts": {"Domain": host, "Hostname": "", "Auth": "", "Subdomain": "", "ProxyProto": 0},
        "Extra": {"Token": "", "Metadata": ""}
    })
}

/// What a test waits for: a fault shows as a failure instead of a test that never ends.
async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(std::time::Duration::from_secs(120), future)
        .await
        .expect("it never came")
}

async fn read_to_end(stream: &mut Stream) -> Value {
    let mut bytes = Vec::new();
    while let Some(chunk) = within(stream.chunk()).await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).unwrap()
}

#[track_caller]
fn assert_code(answer: &Value, code: &str) {
    let error = answer["Error"].as_str().unwrap_or_default();
    assert!(
        error.lines().any(|l| l == code) && error.ends_with('\n'),
        "{code} expected: {answer}"
    );
}
