//! Proxies between agent and server: HTTP CONNECT (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::TcpStream;

use crate::upstream::{Serving, tcp};

/// A proxy and how many connections it has passed on.
pub struct Proxy {
    pub serving: Serving,
    used: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }
}

pub async fn connect() -> Result<Proxy> {
    let used = Arc::new(AtomicUsize::new(0));
    let count = used.clone();
    let serving = tcp(move |socket| http_connect(socket, count.clone())).await?;
    Ok(Proxy { serving, used })
}

pub async fn socks5() -> Result<Proxy> {
    let used = Arc::new(AtomicUsize::new(0));
    let count = used.clone();
    let serving = tcp(move |socket| socks5_connect(socket, count.clone())).await?;
    Ok(Proxy { serving, used })
}

async fn http_connect(socket: TcpStream, used: Arc<AtomicUsize>) -> Result<()> {
    let mut near = BufReader::new(socket);
    let mut line = String::new();
    near.read_line(&mut line).await?;
    let Some(target) = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else {
        bail!("not CONNECT: {line}");
    };
    let mut far = TcpStream::connect(target).await?;
    let mut field = String::new();
    while near.read_line(&mut field).await? > 2 {
        field.clear();
    }
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    used.fetch_add(1, Ordering::SeqCst);
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

async fn socks5_connect(mut near: TcpStream, used: Arc<AtomicUsize>) -> Result<()> {
    ensure!(near.read_u8().await? == 5, "not SOCKS5");
    let mut methods = vec![0; usize::from(near.read_u8().await?)];
    near.read_exact(&mut methods).await?;
    near.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    near.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(near.read_u32().await?).to_string(),
        3 => {
            let mut name = vec![0; usize::from(near.read_u8().await?)];
            near.read_exact(&mut name).await?;
            String::from_utf8(name)?
        }
        kind => bail!("address of kind {kind}"),
    };
    let port = near.read_u16().await?;
    let mut far = TcpStream::connect((host.as_str(), port)).await?;
    near.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    used.fetch_add(1, Ordering::SeqCst);
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}
