//! HTTP from visitors: one request at a time over HTTP/1, many over HTTP/2; both become one `Head` and go the
//! same road from there.

pub(crate) mod h1;
mod h1_visitor;
pub(crate) mod h2;
mod h2_frames;
mod h2_visitor;
mod request;
pub(crate) mod upgrade;
mod visitor;

pub(crate) use request::RequestFacts;
pub(crate) use visitor::{Visitor, VisitorError};
