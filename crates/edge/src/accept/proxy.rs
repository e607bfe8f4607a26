//! PROXY headers from load balancers in front of us. Only listed peers may send one, and they must.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use adit_observe::RefusalReason;
use adit_protocol::proxy_protocol::{self, Parse, Reader};
use bytes::Buf;
use tokio::io::AsyncReadExt;

use super::Accepted;
use crate::node::Node;
use crate::timer::Timer;

/// Longest time for the header.
const TIME: Duration = Duration::from_secs(5);

/// Reads the header that a listed peer must send; everybody else's connection is left as it is (a header from
/// them is no protocol spoken here and is refused by who reads the first byte).
pub(super) async fn receive(mut accepted: Accepted, node: &Node) -> Result<Accepted, RefusalReason> {
    let listed = {
        let config = node.config.load();
        let ip = accepted.peer.ip();
        config.proxy_protocol_from.iter().any(|n| n.contains(&ip))
    };
    if !listed {
        return Ok(accepted);
    }
    let deadline = Timer::current().deadline();
    deadline.set(TIME);
    let mut reader = Reader::default();
    loop {
        let got = {
            accepted.read.reserve(512);
            let mut read = pin!(accepted.io.read_buf(&mut accepted.read));
            poll_fn(|cx| match read.as_mut().poll(cx) {
                Poll::Ready(r) => Poll::Ready(Some(r)),
                Poll::Pending => deadline.poll_expired(cx).map(|()| None),
            })
            .await
        };
        match got {
            Some(Ok(n)) if n > 0 => {}
            _ => return Err(RefusalReason::ProxyHeader),
        }
        match reader.advance(&accepted.read) {
            Ok(Parse::Partial) => {}
            Ok(Parse::Header(header)) => {
                if let Some(proxy_protocol::Addresses { source, destination }) = header.addresses {
                    accepted.peer = source;
                    accepted.local = destination;
                }
                accepted.read.advance(header.consumed.min(accepted.read.len()));
                return Ok(accepted);
            }
            Ok(Parse::Absent) | Err(_) => return Err(RefusalReason::ProxyHeader),
        }
    }
}
