//! The plain port: `http://` endpoints, and a redirect to the TLS port for names that live there.

use std::sync::Arc;

use adit_http1::Head;
use tokio::io::AsyncWriteExt;

use crate::accept::Accepted;
use crate::forward;
use crate::node::Node;
use crate::reply::{Answer, Form, linger};
use crate::secure::Conn;

/// A connection to the plain port. It stays on a worker in turn: the name is known only with the first request.
pub(crate) async fn plain_port(accepted: Accepted, node: Arc<Node>) {
    let worker = node.workers.next();
    super::hand_over(accepted, worker, node, |a, n| async move {
        let conn = Conn::plain(n, a.peer, a.local, a.kind, a.permit);
        crate::http::h1::serve(a.io, a.read, conn).await;
    });
}

/// Plain HTTP on the TLS port: says so, in HTTP.
pub(super) async fn answer_tls_only(mut accepted: Accepted) {
    let host = host_in(&accepted.read);
    let mut head = Head::default();
    let body = forward::date(|d| Answer::tls_only(&host).render(Form::Text, "", d, &mut head));
    head.push(b"Connection", b"close");
    let mut out = Vec::with_capacity(512);
    head.encode_response(&mut out);
    out.extend_from_slice(&body);
    if accepted.io.write_all(&out).await.is_ok() {
        let _ = accepted.io.shutdown().await;
        linger(&mut accepted.io).await;
    }
    drop(accepted.permit);
}

/// The host of a request that may be incomplete; only what is safe to repeat in a sentence.
fn host_in(read: &[u8]) -> String {
    let text = String::from_utf8_lossy(read);
    let host = text
        .lines()
        .find_map(|l| {
            l.get(..5)
                .filter(|n| n.eq_ignore_ascii_case("host:"))
                .and_then(|_| l.get(5..))
        })
        .unwrap_or("")
        .trim();
    let safe = host.len() <= 255
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    if safe { host.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_host_is_repeated() {
        assert_eq!(
            host_in(b"GET / HTTP/1.1\r\nHost: app.example.com:8443\r\n\r\n"),
            "app.example.com:8443"
        );
        assert_eq!(host_in(b"GET / HTTP/1.1\r\nhost: <script>\r\n\r\n"), "");
        assert_eq!(host_in(b"GET / HTTP/1.1\r\n"), "");
    }
}
