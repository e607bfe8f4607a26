//! One exchange from visitor to service and back: heads, bodies, upgrades, and every way in which one can end.

mod bodyless;
mod broken;
mod budget;
mod expect;
mod grpc;
mod heads;
mod interim;
mod leaving;
mod paths;
mod proxy_header;
mod response_heads;
mod rewrite;
mod stale;
mod stalled;
mod streaming;
mod trailers;
mod upgrade;
