//! What the tests are made of: real processes of the program, a visitor and a service whose every byte is the
//! test's own.
//!
//! * [`server`] and [`agent`] start the binary, [`process`] sees to it that nothing stays behind.
//! * [`upstream`] is the service behind an agent: scripted step by step, or answering by a rule and keeping a record.
//! * [`visitor`] is a connection to the server over TLS or plain TCP, [`h2_visitor`] the same over HTTP/2.
//! * [`h2_upstream`] is a service of HTTP/2.
//! * [`frames`] writes HTTP/2 by hand, for what no library would send.
//! * [`message`] reads HTTP/1 more strictly than any of them, and shares no code with the product.
//! * [`mmdb`] writes databases of addresses.
//! * [`line`] is the connection between an agent and its server, to be cut.
//! * [`websocket`] is a visitor who speaks WebSocket, by the crate `tungstenite`.
//! * [`site`] is the usual case: one agent, one upstream, one name.

pub(crate) mod agent;
pub(crate) mod frames;
pub(crate) mod h2_upstream;
pub(crate) mod h2_visitor;
pub(crate) mod line;
pub(crate) mod message;
pub(crate) mod mmdb;
pub(crate) mod openssl;
#[path = "../../../../store/tests/it/postgres.rs"]
#[allow(dead_code, reason = "of what the store's own tests need, these need a part")]
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod upstream;
pub(crate) mod visitor;
pub(crate) mod wait;
pub(crate) mod websocket;

pub(crate) use agent::Agent;
pub(crate) use h2_upstream::H2Service;
pub(crate) use h2_visitor::H2;
pub(crate) use line::Line;
pub(crate) use message::{Message, Of};
pub(crate) use process::Process;
pub(crate) use server::{Directory, Server};
pub(crate) use site::Site;
pub(crate) use upstream::{Service, Upstream};
pub(crate) use visitor::{End, Visitor};
pub(crate) use wait::eventually;
pub(crate) use websocket::WebSocket;
