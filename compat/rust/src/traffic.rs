//! Bodies, WebSocket, an HTTP/2 upstream, a message that breaks off.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt};
use futures::{SinkExt, future};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::header::CONTENT_LENGTH;
use ngrok::tunnel::EndpointInfo;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::harness::tests;
use crate::process::Process;
use crate::sdk;
use crate::server::Server;
use crate::upstream::{self, MIB, Service, blocks, body_of, digest, digest_of};
use crate::visitor::{self, fetch, request, send, send_h2, whole};

tests![
    four_downloads_of_100_mib_at_once_are_equal,
    four_uploads_of_100_mib_at_once_are_equal,
    websocket_echo_of_10_mb,
    an_http2_upstream_is_spoken_to_in_http2,
    an_agent_killed_in_mid_response_breaks_the_message,
];

const BODY: usize = 100; // MiB
const AT_ONCE: usize = 4;

async fn four_downloads_of_100_mib_at_once_are_equal(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let upstream = Service::new("").serve().await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let one = || async {
        let asked = request(web.url(), &format!("/mib/{BODY}"))?;
        digest(send(&server, web.url(), asked).await?.into_body()).await
    };
    let due = digest_of(BODY);
    for got in future::join_all((0..AT_ONCE).map(|_| one())).await {
        ensure!(got? == due, "the bytes differ");
    }
    Ok(())
}

async fn four_uploads_of_100_mib_at_once_are_equal(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let upstream = Service::new("").serve().await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let one = || async {
        let mut asked = request(web.url(), "/")?;
        *asked.method_mut() = Method::POST;
        asked.headers_mut().insert(CONTENT_LENGTH, (BODY * MIB).into());
        *asked.body_mut() = body_of(stream::iter(blocks(BODY)));
        whole(send(&server, web.url(), asked).await?).await?.ok()
    };
    let due = digest_of(BODY);
    for got in future::join_all((0..AT_ONCE).map(|_| one())).await {
        ensure!(got?.body == due, "the bytes differ");
    }
    Ok(())
}

async fn websocket_echo_of_10_mb(server: Arc<Server>) -> Result<()> {
    let large = || Some(WebSocketConfig::default().max_message_size(None).max_frame_size(None));
    let upstream = upstream::tcp(move |socket| async move {
        let mut socket = tokio_tungstenite::accept_async_with_config(socket, large()).await?;
        while let Some(message) = socket.next().await {
            match message? {
                message @ (Message::Binary(_) | Message::Text(_)) => socket.send(message).await?,
                _ => {}
            }
        }
        Ok(())
    })
    .await?;
    let session = sdk::connect(&server).await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let asked = web.url().replace("https://", "wss://").into_client_request()?;
    let tls = visitor::tls(&server, web.url(), server.roots(), &[]).await?;
    let (visitor, _) = tokio_tungstenite::client_async_with_config(asked, tls, large()).await?;
    let (mut to, mut from) = visitor.split();
    let mut messages = vec![Message::text("text too")];
    let sizes = [0, 1, 125, 126, 65_535, 65_536].into_iter().chain([1_000_000; 10]);
    messages.extend(sizes.map(|size| Message::binary(upstream::blocks(1).next().unwrap_or_default().slice(..size))));
    let sending = async {
        for message in &messages {
            to.send(message.clone()).await?;
        }
        anyhow::Ok(())
    };
    let receiving = async {
        for (number, message) in messages.iter().enumerate() {
            let got = from.next().await.context("the end")??;
            ensure!(&got == message, "message {number} differs");
        }
        anyhow::Ok(())
    };
    future::try_join(sending, receiving).await?;
    Ok(())
}

async fn an_http2_upstream_is_spoken_to_in_http2(server: Arc<Server>) -> Result<()> {
    let upstream = Service::new("").serve_h2c().await?;
    let session = sdk::connect(&server).await?;
    let mut builder = session.http_endpoint();
    let web = sdk::web(builder.app_protocol("http2"), &upstream.address).await?;
    for answer in [
        whole(send_h2(&server, web.url(), "/a").await?).await?,
        fetch(&server, web.url(), "/a").await?,
    ] {
        let said: Value = serde_json::from_slice(&answer.ok()?.body)?;
        ensure!(said["version"] == "HTTP/2.0" && said["path"] == "/a", "{said}");
    }
    let large = send_h2(&server, web.url(), &format!("/mib/{}", BODY / 4)).await?;
    ensure!(
        digest(large.into_body()).await? == digest_of(BODY / 4),
        "the bytes differ"
    );
    Ok(())
}

async fn an_agent_killed_in_mid_response_breaks_the_message(server: Arc<Server>) -> Result<()> {
    let upstream = Service::new("").serve().await?;
    let mut other = Process::start(&server, &upstream.address, &[]).await?;
    let mut body = send(&server, &other.url, request(&other.url, "/halves")?)
        .await?
        .into_body();
    let mut got = 0;
    while got < MIB {
        let frame = body.frame().await.context("the end")??;
        got += frame.data_ref().map_or(0, |data| data.len());
    }
    other.kill().await?;
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return Ok(());
        }
    }
    anyhow::bail!("a whole message")
}
