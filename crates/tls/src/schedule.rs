//! The key schedule after the handshake: what rustls still does for an established connection.
//! It derives the keys after a KeyUpdate and stores the tickets that a server sends late
//! (RFC 8446 sections 4.6.1 and 4.6.3). TLS 1.2 knows neither.

use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;
use rustls::server::ServerConnectionData;

use crate::error::Error;
use crate::record::RecordKey;

/// One connection's key schedule.
pub(crate) enum Schedule {
    /// Ours is the server's side.
    Server(Box<KernelConnection<ServerConnectionData>>),
    /// Ours is the client's side.
    Client(Box<KernelConnection<ClientConnectionData>>),
    /// TLS 1.2: the keys never change.
    Fixed,
}

impl Schedule {
    /// The key for what we send after our KeyUpdate.
    pub(crate) fn next_sending(&mut self) -> Result<RecordKey, Error> {
        match self {
            Self::Server(kernel) => kernel.update_tx_secret(),
            Self::Client(kernel) => kernel.update_tx_secret(),
            Self::Fixed => return Err(fixed()),
        }
        .map_err(|error| refused(&error))
        .and_then(|(seq, secrets)| RecordKey::new(seq, &secrets, true))
    }

    /// The key for what we receive after the peer's KeyUpdate.
    pub(crate) fn next_receiving(&mut self) -> Result<RecordKey, Error> {
        match self {
            Self::Server(kernel) => kernel.update_rx_secret(),
            Self::Client(kernel) => kernel.update_rx_secret(),
            Self::Fixed => return Err(fixed()),
        }
        .map_err(|error| refused(&error))
        .and_then(|(seq, secrets)| RecordKey::new(seq, &secrets, true))
    }

    /// Stores a ticket; `payload` is the message without its header.
    pub(crate) fn store_ticket(&mut self, payload: &[u8]) -> Result<(), Error> {
        match self {
            Self::Client(kernel) => kernel
                .handle_new_session_ticket(payload)
                .map_err(|error| Error::violation(crate::alert::code::DECODE_ERROR, error.to_string())),
            Self::Server(_) | Self::Fixed => Err(fixed()),
        }
    }
}

fn refused(error: &rustls::Error) -> Error {
    Error::violation(crate::alert::code::INTERNAL_ERROR, error.to_string())
}

fn fixed() -> Error {
    Error::violation(
        crate::alert::code::UNEXPECTED_MESSAGE,
        "a message that this version or side does not know",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::{ClientProfile, Identity, Roots, ServerProfile, accept, connect};

    #[tokio::test]
    async fn keys_are_renewed_before_their_limit_in_both_directions() {
        let key = rcgen::KeyPair::generate().unwrap();
        let cert = rcgen::CertificateParams::new(["site.example".to_owned()])
            .and_then(|params| params.self_signed(&key))
            .unwrap();
        let identity = Identity::from_pem(cert.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        let server = ServerProfile::builder(Arc::new(identity)).build().unwrap();
        let client = ClientProfile::builder(Roots::Insecure).build().unwrap();
        let (a, b) = tokio::io::duplex(64 * 1024);
        let (server, client) = tokio::join!(accept(a, BytesMut::new(), &server), connect(b, "site.example", &client));
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        server.seal_mut().set_limit(4);
        client.seal_mut().set_limit(3);
        for turn in 0..50_u8 {
            server.write_all(&[turn; 10]).await.unwrap();
            client.write_all(&[turn; 20]).await.unwrap();
            let (mut down, mut up) = ([0; 10], [0; 20]);
            client.read_exact(&mut down).await.unwrap();
            server.read_exact(&mut up).await.unwrap();
            assert_eq!((down, up), ([turn; 10], [turn; 20]));
        }
    }
}
