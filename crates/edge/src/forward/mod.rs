//! From a permitted request to its response: the head written anew, a stream opened or reused, bodies moved
//! both ways, and the retry where nothing of an answer has come.

mod again;
mod behind;
mod body;
mod coding;
mod converter;
mod exchange;
mod failure;
mod governed;
mod guarded;
mod h1_attempt;
mod h1_upstream;
mod h2_upstream;
mod held;
mod kept;
mod messages;
mod open;
mod pump;
mod record;
mod request_head;
mod response_head;
mod retry_budget;
mod scratch;
mod taking;
mod terms;
mod upstream;
mod verdict;
mod websocket;

pub(crate) use behind::Behind;
pub(crate) use body::ReadBody;
pub(crate) use exchange::{Forwarded, exchange};
pub(crate) use h2_upstream::Http2Upstreams;
pub(crate) use held::Held;
pub(crate) use kept::Pinned;
pub(crate) use open::{Opened, dial_failed, open, open_check};
pub(crate) use record::answer as record_answer;
pub(crate) use request_head::{client_ip, identify, new_request_id, rewrite as rewrite_request};
pub(crate) use response_head::date;
pub(crate) use retry_budget::RetryBudgets;
pub(crate) use scratch::{Exchange, give_buffer, random, take_buffer};
pub(crate) use taking::{Taking, poll_watched};
pub(crate) use verdict::not_reached;
pub(crate) use websocket::key as websocket_key;
