//! Endpoints that are bytes to the server: `tcp://`, and `tls://` ended by the upstream, the agent or the server; and
//! those whose visitors bring the bytes in messages of WebSockets.

mod passthrough;
mod tcp;
mod terminated;
mod websocket;
