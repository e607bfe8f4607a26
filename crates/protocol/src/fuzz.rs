//! Entry points for fuzzing: any bytes, no panic, and what was read can be written again.

use crate::control::ControlMessage;
use crate::json::{Reader, Scanner};
use crate::message::{Auth, Bind, Message};
use crate::proxy_header::ReceivedProxyHeader;
use crate::proxy_protocol;

/// Session messages, whole and in pieces.
pub fn message(bytes: &[u8]) {
    let whole = Scanner::default().scan(bytes);
    let mut reader = Reader::default();
    let mut pieces = Ok(None);
    for chunk in bytes.chunks(7) {
        pieces = reader.push(chunk).map(|found| found.map(<[u8]>::to_vec));
        if !matches!(pieces, Ok(None)) {
            break;
        }
    }
    let whole = whole.map(|range| range.and_then(|range| bytes.get(range)).map(<[u8]>::to_vec));
    assert_eq!(whole, pieces, "pieces read differently");
    if let Ok(Some(json)) = whole {
        let _ = Auth::decode(&json);
        if let Ok(bind) = Bind::decode(&json) {
            let _ = (bind.http_opts(), bind.tcp_opts(), bind.tls_opts(), bind.udp_opts());
        }
    }
}

/// The header of a proxied stream.
pub fn proxy_header(bytes: &[u8]) {
    if let Ok(Some((_, consumed))) = ReceivedProxyHeader::read(bytes) {
        assert!(consumed <= bytes.len(), "more consumed than there is");
    }
}

/// The PROXY protocol.
pub fn proxy_protocol(bytes: &[u8]) {
    if let Ok(proxy_protocol::Parse::Header(header)) = proxy_protocol::parse(bytes) {
        assert!(header.consumed <= bytes.len(), "more consumed than there is");
    }
}

/// Control messages.
pub fn control(bytes: &[u8]) {
    if let Ok(Some((message, _))) = ControlMessage::decode(bytes) {
        let mut out = Vec::new();
        let _ = message.encode(&mut out);
    }
}
