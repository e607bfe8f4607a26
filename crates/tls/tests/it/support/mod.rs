//! What the tests share: certificates made on the spot, sockets that count or chop, `openssl`.

pub(crate) mod certs;
pub(crate) mod openssl;
pub(crate) mod sockets;

use adit_tls::{ClientProfile, Error, Identity, Roots, ServerProfile, Stream, accept, connect};
use bytes::BytesMut;
use std::sync::Arc;
use tokio::io::DuplexStream;

pub(crate) use certs::Ca;

/// The name that most tests use.
pub(crate) const NAME: &str = "site.example";

pub(crate) type Pair<A, B> = (Result<Stream<A>, Error>, Result<Stream<B>, Error>);

/// Both sides of a handshake over these sockets, server first.
pub(crate) async fn shake<A, B>(
    server_io: A,
    server: &ServerProfile,
    client_io: B,
    client: &ClientProfile,
    name: &str,
) -> Pair<A, B>
where
    A: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    B: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    tokio::join!(
        accept(server_io, BytesMut::new(), server),
        connect(client_io, name, client)
    )
}

/// Both sides of a handshake in memory, server first.
pub(crate) async fn pair(
    server: &ServerProfile,
    client: &ClientProfile,
    name: &str,
) -> Pair<DuplexStream, DuplexStream> {
    let (a, b) = tokio::io::duplex(256 * 1024);
    shake(a, server, b, client, name).await
}

/// A certificate for [`NAME`], a server profile with it, and a client profile that trusts it.
pub(crate) struct Site {
    pub(crate) ca: Ca,
    pub(crate) identity: Identity,
    pub(crate) server: ServerProfile,
    pub(crate) client: ClientProfile,
}

pub(crate) fn site() -> Site {
    let ca = Ca::new("Test Root");
    let identity = ca.leaf(&[NAME]).identity();
    let server = ServerProfile::builder(Arc::new(identity.clone())).build().unwrap();
    let client = ClientProfile::builder(ca.roots()).build().unwrap();
    Site {
        ca,
        identity,
        server,
        client,
    }
}

impl Ca {
    pub(crate) fn roots(&self) -> Roots {
        Roots::Pem(self.pem().into_bytes())
    }
}

/// Bytes that differ from one another, the same each time.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}
