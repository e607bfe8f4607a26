//! Does the service answer? Said once in the banner, and looked at again until it does.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const WAIT: Duration = Duration::from_secs(2);

/// What a look at the service found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It answered HTTP with this status line.
    Http(String, Duration),
    /// It answered TLS.
    Tls,
    /// It takes connections; what it speaks is not known.
    Open,
    /// It refuses connections.
    Refuses,
    /// It does not answer in time.
    Silent,
}

/// Looks at `host:port` with one small request.
pub(super) async fn look(address: &str) -> Found {
    let began = Instant::now();
    let mut io = match tokio::time::timeout(WAIT, TcpStream::connect(address)).await {
        Err(_) => return Found::Silent,
        Ok(Err(_)) => return Found::Refuses,
        Ok(Ok(io)) => io,
    };
    let request = format!("HEAD / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nUser-Agent: adit-dev\r\n\r\n");
    let mut first = vec![0; 64];
    let answer = async {
        io.write_all(request.as_bytes()).await?;
        io.read(&mut first).await
    };
    match tokio::time::timeout(WAIT, answer).await {
        Ok(Ok(n)) if n > 0 => {
            let got = first.get(..n).unwrap_or_default();
            match got.first() {
                // Alert or handshake record: a TLS server that was spoken to in plain text.
                Some(0x15 | 0x16) => Found::Tls,
                _ if got.starts_with(b"HTTP/") => {
                    let line = String::from_utf8_lossy(got);
                    let line: String = line.chars().take_while(|c| !c.is_control()).take(12).collect();
                    Found::Http(line, began.elapsed())
                }
                _ => Found::Open,
            }
        }
        _ => Found::Open,
    }
}

/// The sentence for a find.
pub(super) fn sentence(address: &str, found: &Found) -> String {
    match found {
        Found::Http(line, took) => format!("ok: upstream {address} answers ({line} in {} ms)", took.as_millis()),
        Found::Tls => format!("! {address} answers TLS: use adit dev https://{address}"),
        Found::Open => format!("ok: upstream {address} takes connections"),
        Found::Refuses => format!(
            "! upstream {address} refuses connections; the URL is up and will answer 502 until it runs (checked again every 2 s)"
        ),
        Found::Silent => format!("! upstream {address} does not answer; the URL is up (checked again every 2 s)"),
    }
}
