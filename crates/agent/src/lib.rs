//! The agent as a library: dials out, offers endpoints, hands their connections over or forwards them.
//!
//! ```no_run
//! # async fn example() -> Result<(), adit_agent::Error> {
//! let session = adit_agent::Session::builder()      // ADIT_CONNECT_URL, ADIT_AUTHTOKEN, … or set here
//!     .connect_url("connect.tunnels.example.com")
//!     .connect().await?;
//! let endpoint = session.http().url("https://app.example.com").listen_and_forward("8080").await?;
//! println!("{}", endpoint.url());
//! endpoint.closed().await
//! # }
//! ```
//!
//! The road: [`Session::builder`] collects what to connect to (`config`); `connect` starts the session's manager,
//! which dials (`dial`), logs in, and from then on keeps the connection and every endpoint on it (`session`,
//! `reconnect`). `session.http()` and its kin say what to offer (`endpoint`). A visitor's connection is a stream;
//! it goes to an upstream (`forward`) or to the program (`listen`).
//!
//! A guest in somebody's program: nothing global, no logger, no crypto provider installed, only own types in the
//! interface; tasks are spawned in one place (`supervise`) and none outlives its session.

mod config;
mod dial;
mod endpoint;
mod error;
mod event;
mod forward;
mod listen;
mod reconnect;
mod session;
mod supervise;

pub use config::{Ca, Identity};
pub use dial::connector::{Connection, Connector};
pub use endpoint::builder::{EndpointBuilder, HostHeader, Http, HttpVersion, Kind, ProxyProtocol, Tcp, Tls};
pub use endpoint::modules::{OAuth, Oidc};
pub use error::{Error, Side, Step};
pub use event::{SessionEvent, Status};
pub use forward::Forwarder;
pub use forward::upstream::Upstream;
pub use listen::{Conn, Listener, Peer};
pub use session::{Session, SessionBuilder, UpdateRequest};
