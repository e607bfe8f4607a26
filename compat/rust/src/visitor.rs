//! Visitors: HTTP/1 and HTTP/2 by hyper, raw TLS, raw TCP. They connect by address and name the host themselves.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::Url;

use crate::server::Server;

pub type Body = BoxBody<Bytes, std::convert::Infallible>;

pub fn no_body() -> Body {
    Empty::new().boxed()
}

/// A response, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn code(&self) -> Option<&str> {
        self.headers.get("ngrok-error-code").and_then(|v| v.to_str().ok())
    }

    pub fn ok(self) -> Result<Self> {
        if self.status != StatusCode::OK {
            bail!("status {}: {:.300}", self.status, String::from_utf8_lossy(&self.body));
        }
        Ok(self)
    }
}

/// Host and port of a URL, as the Host field has them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A request for the path `path` of the endpoint `url`.
pub fn request(url: &str, path: &str) -> Result<Request<Body>> {
    let url = Url::parse(url)?;
    Ok(Request::builder()
        .uri(path)
        .header(HOST, authority(&url))
        .body(no_body())?)
}

/// A TLS connection for the host of `url`.
pub async fn tls(
    server: &Server,
    url: &str,
    roots: rustls::RootCertStore,
    alpn: &[&str],
) -> Result<TlsStream<TcpStream>> {
    let name = Url::parse(url)?.host_str().context("no host")?.to_owned();
    let mut config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    let raw = TcpStream::connect(&server.info.https).await?;
    raw.set_nodelay(true)?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    Ok(connector.connect(ServerName::try_from(name)?, raw).await?)
}

/// Sends a request to the endpoint `url` on a connection of its own; the head of the response.
pub async fn send(server: &Server, url: &str, request: Request<Body>) -> Result<Response<Incoming>> {
    let response = if url.starts_with("http://") {
        let io = TokioIo::new(TcpStream::connect(&server.info.http).await?);
        let (mut sender, driver) = hyper::client::conn::http1::handshake(io).await?;
        tokio::spawn(driver);
        sender.send_request(request).await?
    } else {
        let io = TokioIo::new(tls(server, url, server.roots(), &[]).await?);
        let (mut sender, driver) = hyper::client::conn::http1::handshake(io).await?;
        tokio::spawn(driver);
        sender.send_request(request).await?
    };
    Ok(response)
}

/// Sends a request over HTTP/2.
pub async fn send_h2(server: &Server, url: &str, path: &str) -> Result<Response<Incoming>> {
    let io = TokioIo::new(tls(server, url, server.roots(), &["h2"]).await?);
    let (mut sender, driver) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
    tokio::spawn(driver);
    let uri = format!("https://{}{path}", authority(&Url::parse(url)?));
    let request = Request::builder().uri(uri).header("te", "trailers").body(no_body())?;
    Ok(sender.send_request(request).await?)
}

pub async fn fetch(server: &Server, url: &str, path: &str) -> Result<Answer> {
    whole(send(server, url, request(url, path)?).await?).await
}

pub async fn whole(response: Response<Incoming>) -> Result<Answer> {
    let (head, body) = response.into_parts();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    })
}

/// A connection to a tcp:// endpoint; its name is this machine's.
pub async fn tcp(url: &str) -> Result<TcpStream> {
    let port = Url::parse(url)?.port().context("no port")?;
    Ok(TcpStream::connect(("127.0.0.1", port)).await?)
}

/// Fails unless what is sent comes back.
pub async fn echoes(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, text: &str) -> Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await?;
    let mut got = vec![0; text.len()];
    stream.read_exact(&mut got).await?;
    anyhow::ensure!(got == text.as_bytes(), "{:?} came back", String::from_utf8_lossy(&got));
    Ok(())
}
