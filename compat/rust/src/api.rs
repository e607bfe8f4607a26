//! What the API shows of a session, and commands that it gives to one.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use ngrok::Session;
use ngrok::config::TunnelBuilder;
use ngrok::tunnel::EndpointInfo;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::harness::tests;
use crate::sdk;
use crate::server::Server;
use crate::upstream::Service;
use crate::visitor::{fetch, no_body, request, send, whole};

tests![
    metadata_and_client_info_are_visible_in_the_api,
    stop_restart_and_update_reach_the_handler,
    the_error_of_a_handler_is_the_answer_of_the_api,
    without_a_handler_commands_are_unsupported,
    a_stopped_endpoint_says_why_to_accept,
];

/// Status and body of an answer; null for 204.
async fn api(server: &Server, method: &str, path: &str) -> Result<(u16, Value)> {
    let url = &server.info.api_url;
    let mut asked = request(url, path)?;
    *asked.method_mut() = method.parse()?;
    let headers = asked.headers_mut();
    headers.insert(AUTHORIZATION, format!("Bearer {}", server.info.api_key).parse()?);
    headers.insert("ngrok-version", "2".parse()?);
    *asked.body_mut() = no_body();
    if method == "POST" {
        asked.headers_mut().insert(CONTENT_TYPE, "application/json".parse()?);
        *asked.body_mut() = Full::new(Bytes::from_static(b"{}")).boxed();
    }
    let answer = whole(send(server, url, asked).await?).await?;
    let json = if answer.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&answer.body)?
    };
    Ok((answer.status.as_u16(), json))
}

async fn command(server: &Server, session: &Session, command: &str) -> Result<(u16, Value)> {
    api(server, "POST", &format!("/tunnel_sessions/{}/{command}", session.id())).await
}

/// The id of the endpoint with this URL.
async fn endpoint(server: &Server, url: &str) -> Result<Value> {
    let (status, list) = api(server, "GET", &format!("/endpoints?url={url}")).await?;
    ensure!(status == 200, "{status} {list}");
    list["endpoints"]
        .get(0)
        .cloned()
        .with_context(|| format!("{url} is not in {list}"))
}

fn says(got: &(u16, Value), code: &str, words: &str) -> Result<()> {
    let (status, json) = got;
    let fits = *status == 400 && json["error_code"] == code && json["msg"].as_str().is_some_and(|m| m.contains(words));
    ensure!(fits, "{code} was due, not {status} {json}");
    Ok(())
}

async fn metadata_and_client_info_are_visible_in_the_api(server: Arc<Server>) -> Result<()> {
    let session = sdk::builder(&server.info, None)?
        .metadata(r#"{"team": "compat"}"#)
        .client_info("compat-suite", "9.9", Some("a comment"))
        .connect()
        .await?;
    let upstream = Service::new("").serve().await?;
    let mut builder = session.http_endpoint();
    let web = sdk::web(builder.metadata("of the endpoint"), &upstream.address).await?;
    let (status, shown) = api(&server, "GET", &format!("/tunnel_sessions/{}", session.id())).await?;
    let fits = status == 200 && shown["metadata"] == r#"{"team": "compat"}"# && shown["agent_version"] == "9.9";
    ensure!(fits, "{status} {shown}");
    let (status, more) = api(&server, "GET", &format!("/adit/tunnel_sessions/{}", session.id())).await?;
    let products = more["user_agent"].to_string();
    let fits = status == 200 && products.contains("compat-suite/9.9") && products.contains("a comment");
    ensure!(fits, "{status} {more}");
    let endpoint = endpoint(&server, web.url()).await?;
    ensure!(endpoint["metadata"] == "of the endpoint", "{endpoint}");
    ensure!(endpoint["tunnel_session"]["id"] == session.id(), "{endpoint}");
    Ok(())
}

async fn stop_restart_and_update_reach_the_handler(server: Arc<Server>) -> Result<()> {
    let (asked, mut heard) = mpsc::channel(4);
    let say = |what: &'static str| {
        let asked = asked.clone();
        move || {
            let asked = asked.clone();
            async move { asked.send(what).await.map_err(|e| e.to_string()) }
        }
    };
    let (stop, restart, update) = (say("stop"), say("restart"), say("update"));
    let session = sdk::builder(&server.info, None)?
        .handle_stop_command(move |_| stop())
        .handle_restart_command(move |_| restart())
        .handle_update_command(move |_| update())
        .connect()
        .await?;
    let upstream = Service::new("").serve().await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    for what in ["stop", "restart", "update"] {
        let got = command(&server, &session, what).await?;
        ensure!(got == (204, Value::Null), "{what}: {got:?}");
        ensure!(heard.recv().await == Some(what), "{what}: another handler");
    }
    // What the program does then is its own affair: this one goes on.
    fetch(&server, web.url(), "/").await?.ok()?;
    Ok(())
}

async fn the_error_of_a_handler_is_the_answer_of_the_api(server: Arc<Server>) -> Result<()> {
    let session = sdk::builder(&server.info, None)?
        .handle_stop_command(|_| async { Err("not now".to_owned()) })
        .handle_restart_command(|_| async { Err("cannot restart".to_owned()) })
        .handle_update_command(|_| async { Err("nothing newer".to_owned()) })
        .connect()
        .await?;
    says(&command(&server, &session, "stop").await?, "ERR_NGROK_807", "not now")?;
    says(
        &command(&server, &session, "restart").await?,
        "ERR_NGROK_808",
        "cannot restart",
    )?;
    says(
        &command(&server, &session, "update").await?,
        "ERR_NGROK_809",
        "nothing newer",
    )
}

async fn without_a_handler_commands_are_unsupported(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    // What this SDK declared at its login.
    let declared = "the agent has no defined callback for this operation";
    says(&command(&server, &session, "stop").await?, "ERR_NGROK_805", declared)?;
    says(&command(&server, &session, "restart").await?, "ERR_NGROK_804", declared)?;
    says(&command(&server, &session, "update").await?, "ERR_NGROK_806", declared)
}

async fn a_stopped_endpoint_says_why_to_accept(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    let mut listener = session.http_endpoint().listen().await?;
    let upstream = Service::new("").serve().await?;
    let other = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let endpoint = endpoint(&server, listener.url()).await?;
    let id = endpoint["id"].as_str().context("no id")?;
    let got = api(&server, "POST", &format!("/adit/endpoints/{id}/disable")).await?;
    ensure!(got == (204, Value::Null), "{got:?}");
    let ended = listener.next().await.context("no error but an end")?;
    let said = format!("{:?}", ended.err().context("a connection")?);
    ensure!(said.contains("ERR_ADIT_1210"), "{said}");
    fetch(&server, other.url(), "/").await?.ok()?;
    Ok(())
}
