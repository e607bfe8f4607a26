//! Endpoints that are bytes to the server: `tcp://`, and `tls://` ended by the upstream, the agent or the server.

mod passthrough;
mod tcp;
mod terminated;
