//! The data plane: the way of a request from the visitor to the agent's service and back.
//!
//! The modules stand in the order of the road, and each step consumes the value of the step before:
//!
//! ```text
//! accept ─▶ sniff ─▶ secure ─▶ route ─▶ admit ─▶ forward ─▶ reply
//! Accepted          Secured   Routed   Permitted  Opened     Outcome
//! ```
//!
//! * [`accept`] binds sockets, counts connections, believes PROXY headers only from listed peers.
//! * [`sniff`] reads the ClientHello and decides by its name: agent, endpoint, passed through, refused.
//! * `secure` makes the TLS handshake with the profile of the name.
//! * `http` reads heads (HTTP/1 by our codec, HTTP/2 by the crate `h2`; both become one `Head`).
//! * `route` finds what the request's host means; `admit` chooses the member that serves it, waiting while
//!   an agent returns; only `admit` can make a `Permitted`.
//! * `govern` runs the traffic policies of endpoints that have one, before the agent is asked and on the way back.
//! * `forward` opens or reuses a stream to the agent, writes the head anew and moves bodies both ways.
//! * `reply` is everything that the edge itself answers.
//! * `tcp` and `tls` are the roads of connections that are not HTTP to us, `tcp_open` the part that both share.
//! * `websocket` ends WebSockets whose messages are bytes to the agent.
//! * [`ControlSink`] is where connections to control names leave the road.
//! * [`session`] is the other end of the road: the agents' sessions.
//! * `flows` knows what lasts, and cuts what a changed IP rule would not let in any more.
//! * [`supervise`] owns the workers and is the only place that spawns; [`timer`] has the deadlines.

pub mod accept;
mod admit;
mod control_sink;
mod edge;
mod flows;
mod forward;
mod govern;
mod health_check;
mod http;
pub mod node;
mod record_connection;
mod relay;
mod reply;
mod route;
mod secure;
mod served;
pub mod session;
mod sniff;
pub mod supervise;
mod tcp;
mod tcp_open;
pub mod timer;
mod tls;
mod websocket;

pub use control_sink::{ControlConnection, ControlQueue, ControlSink};
pub use edge::{Edge, Options, StartError};
pub use govern::ask_outside;
pub use node::Node;
