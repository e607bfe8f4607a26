//! A session's life: cut, killed server, drain.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use http_body_util::BodyExt;
use ngrok::tunnel::{EndpointInfo, TunnelInfo};

use crate::cut::Cut;
use crate::harness::{eventually, tests};
use crate::sdk;
use crate::server::Server;
use crate::upstream::{self, MIB, Service, blocks};
use crate::visitor::{self, echoes, fetch, request, send};

tests![
    a_cut_connection_is_resumed_with_the_same_ids_and_urls,
    a_killed_server_comes_back_with_the_same_urls,
    a_drain_lets_a_download_complete,
];

async fn serves(server: &Server, url: &str) -> Result<()> {
    fetch(server, url, "/").await?.ok()?;
    Ok(())
}

async fn echoes_at(url: &str) -> Result<()> {
    echoes(visitor::tcp(url).await?, "echo").await
}

async fn a_cut_connection_is_resumed_with_the_same_ids_and_urls(server: Arc<Server>) -> Result<()> {
    let cut = Cut::before(&server.info.https).await?;
    let session = sdk::builder(&server.info, Some(cut.address()))?.connect().await?;
    let (upstream, edge) = (Service::new("").serve().await?, upstream::tcp_echo().await?);
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let raw = sdk::forward(&session.tcp_endpoint(), &format!("tcp://{}", edge.address)).await?;
    let now = || [session.id().as_str(), web.id(), web.url(), raw.id(), raw.url()].join(" ");
    let before = now();
    for attempts in [2, 3] {
        cut.cut();
        let came = || async {
            ensure!(cut.accepted() == attempts, "{} connections", cut.accepted());
            Ok(())
        };
        eventually(Duration::from_secs(10), "the agent connects again", came).await?;
        // No polling for "online": a visitor may come at once and waits until the endpoint is back.
        serves(&server, web.url()).await?;
        eventually(Duration::from_secs(5), "the tcp endpoint is back on its port", || {
            echoes_at(raw.url())
        })
        .await?;
    }
    ensure!(before == now(), "{before} became {}", now());
    Ok(())
}

async fn a_killed_server_comes_back_with_the_same_urls(_: Arc<Server>) -> Result<()> {
    let server = Server::start().await?;
    let session = sdk::connect(&server).await?;
    let (upstream, edge) = (Service::new("").serve().await?, upstream::tcp_echo().await?);
    let mut web = Vec::new();
    for _ in 0..5 {
        web.push(sdk::web(&session.http_endpoint(), &upstream.address).await?);
    }
    let raw = sdk::forward(&session.tcp_endpoint(), &format!("tcp://{}", edge.address)).await?;
    for one in &web {
        serves(&server, one.url()).await?;
    }
    server.kill().await?;
    let began = Instant::now();
    server.start_again().await?;
    for one in &web {
        eventually(Duration::from_secs(10), "back", || serves(&server, one.url())).await?;
    }
    eventually(Duration::from_secs(10), "tcp back", || echoes_at(raw.url())).await?;
    ensure!(
        began.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        began.elapsed()
    );
    Ok(())
}

async fn a_drain_lets_a_download_complete(_: Arc<Server>) -> Result<()> {
    let server = Server::start().await?;
    let session = sdk::connect(&server).await?;
    let service = Service::new("");
    let upstream = service.serve().await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let mut body = send(&server, web.url(), request(web.url(), "/halves")?)
        .await?
        .into_body();
    let mut got = BytesMut::new();
    let mut ending = None;
    while let Some(frame) = body.frame().await {
        got.extend_from_slice(frame?.data_ref().map_or(&[], |data| data));
        if got.len() == MIB && ending.is_none() {
            ending = Some(server.terminate().await?);
            eventually(Duration::from_secs(5), "the drain begins", || server.draining()).await?;
            service.go_on.notify_one();
        }
    }
    ensure!(got == blocks(2).collect::<Vec<_>>().concat(), "{} bytes", got.len());
    let status = ending.context("it did not drain")?.wait().await?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(())
}
