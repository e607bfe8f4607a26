//! A visitor who speaks WebSocket, by the crate `tungstenite`.

use std::io::{self, Read, Write};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::handshake::client::Response;
use tungstenite::protocol::WebSocketConfig;

use super::visitor::{Visitor, within};

/// One connection.
pub(crate) type WebSocket = tungstenite::WebSocket<Blocking>;

/// A TLS connection that blocks.
pub(crate) struct Blocking {
    io: adit_tls::Stream<TcpStream>,
    runtime: Runtime,
}

impl Read for Blocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        within(&self.runtime, "read", self.io.read(buffer))
    }
}

impl Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        within(&self.runtime, "write", self.io.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        within(&self.runtime, "flush", self.io.flush())
    }
}

/// Makes the handshake over a connection to `host`, offering this subprotocol, if it is any. Also gives the answer.
#[track_caller]
pub(crate) fn open(visitor: Visitor, host: &str, protocol: &str) -> (WebSocket, Response) {
    let mut request = format!("wss://{host}/socket").into_client_request().unwrap();
    if !protocol.is_empty() {
        let offered = protocol.parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", offered);
    }
    let (io, runtime) = visitor.into_tls();
    let config = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
    tungstenite::client::client_with_config(request, Blocking { io, runtime }, Some(config))
        .unwrap_or_else(|e| panic!("{host}: {e}"))
}
