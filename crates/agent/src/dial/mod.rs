//! The way to the server: name, proxy, TCP, TLS. Each attempt starts from the beginning, with a fresh look-up.

pub(crate) mod address;
pub(crate) mod connector;
pub(crate) mod proxies;
pub(crate) mod proxy;
pub(crate) mod race;
mod tls;
mod transport;

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::config::Options;
use crate::error::Error;
use address::Address;
use proxy::{Kind, Proxy};
pub(crate) use tls::{AGENT, Secure};
use transport::Transport;

const TCP: Duration = Duration::from_secs(3);

/// A connection to the server, ready for the session protocol.
pub(crate) struct Link {
    pub(crate) io: adit_tls::Stream<Transport>,
    /// What `Auth.Extra.ProxyType` says; empty without a proxy.
    pub(crate) proxy_type: &'static str,
}

/// Connects to one address, within the connect time-out.
pub(crate) async fn connect(options: &Options, secure: &Secure, address: &Address) -> Result<Link, Error> {
    let connecting = async {
        let proxy = options.proxies.for_target(address);
        let transport = match proxy {
            None => Transport::Tcp(tcp(address).await?),
            Some(proxy) => through(proxy, secure, address).await?,
        };
        let name = options.server_name.as_deref().unwrap_or(&address.host);
        let io = secure.to_server(transport, name).await?;
        Ok(Link {
            io,
            proxy_type: proxy.map_or("", Proxy::type_name),
        })
    };
    match tokio::time::timeout(options.connect_timeout, connecting).await {
        Ok(done) => done,
        Err(_) => Err(Error::Timeout {
            what: format!("connecting to {address}"),
            after: options.connect_timeout,
        }),
    }
}

async fn tcp(address: &Address) -> Result<TcpStream, Error> {
    let addresses = address.resolve().await?;
    let stream = race::connect(&addresses, TCP).await.map_err(|error| Error::Connect {
        address: address.to_string(),
        local: is_local(&error),
        cause: error.to_string(),
    })?;
    prepare(&stream);
    Ok(stream)
}

async fn through(proxy: &Proxy, secure: &Secure, target: &Address) -> Result<Transport, Error> {
    let mut stream = tcp(&proxy.address).await.map_err(|error| match error {
        Error::Connect {
            cause, local: false, ..
        } => Error::Proxy {
            proxy: proxy.to_string(),
            what: format!("cannot be reached: {cause}"),
            fix: "check the proxy's address, or unset it".to_owned(),
        },
        other => other,
    })?;
    match proxy.kind {
        Kind::Http | Kind::Socks5 => {
            proxy.tunnel(&mut stream, target).await?;
            Ok(Transport::Tcp(stream))
        }
        Kind::Https => {
            let mut secured = secure.to_proxy(stream, &proxy.address.host).await?;
            proxy.tunnel(&mut secured, target).await?;
            Ok(Transport::Tls(Box::new(secured)))
        }
    }
}

/// A dead path is noticed by the heartbeats; the kernel's own means are for the bytes that are under way then.
/// None of these can fail on a socket that is connected, and the connection works without.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10));
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
    let keepalive = keepalive.with_retries(3);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    {
        let _ = socket.set_tcp_user_timeout(Some(Duration::from_secs(25)));
        // What waits in the kernel cannot be overtaken: small requests beside a bulk transfer need this small.
        let _ = socket.set_tcp_notsent_lowat(128 * 1024);
    }
}

/// True for errors that mean this machine has no way out.
fn is_local(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::HostUnreachable
    )
}
