//! Login: authority, authtoken, metadata, client information, proxies.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use ngrok::Session;
use ngrok::session::ConnectError;
use ngrok::tunnel::{EndpointInfo, TunnelInfo};
use url::Url;

use crate::harness::tests;
use crate::proxy::{self, Proxy};
use crate::sdk::{self, Pair};
use crate::server::Server;
use crate::upstream::Service;
use crate::visitor::fetch;

tests![
    login_with_the_authority_as_a_file,
    login_with_the_authority_as_bytes,
    login_by_name_with_server_name,
    a_foreign_authority_fails_and_the_error_is_of_tls,
    the_embedded_authority_fails_and_the_error_is_of_tls,
    a_malformed_authtoken_is_105,
    an_unknown_authtoken_is_107,
    an_empty_authtoken_is_4018,
    metadata_client_info_and_heartbeat_are_accepted,
    too_long_metadata_is_100,
    too_short_heartbeats_are_111_and_112,
    through_an_http_connect_proxy,
    through_a_socks5_proxy,
];

/// Made like one of the server's, but nobody's.
const UNKNOWN: &str = "2fWHmaP1sGrGoClCTr3KEvTxDPP_4Q8J9z0aB1cD2eF3gH4iJ5kL6mN7oP8q";

async fn login_with_the_authority_as_a_file(server: Arc<Server>) -> Result<()> {
    let session = sdk::connect(&server).await?;
    ensure!(session.id().starts_with("ts_"), "session id {}", session.id());
    Ok(())
}

async fn login_with_the_authority_as_bytes(server: Arc<Server>) -> Result<()> {
    let pem = Bytes::from(std::fs::read(&server.info.ca_file)?);
    let mut builder = Session::builder();
    builder
        .authtoken(&server.info.token)
        .server_addr(&server.info.https)?
        .ca_cert(pem);
    builder.connect().await?;
    Ok(())
}

async fn login_by_name_with_server_name(server: Arc<Server>) -> Result<()> {
    // Names below .localhost do not resolve everywhere: TCP goes to the address, TLS asks for the name.
    let (address, name) = (server.info.https.clone(), server.info.connect.clone());
    let mut builder = sdk::builder(&server.info, Some(&name))?;
    builder.connector(move |host: String, _, config, _| {
        let address = address.clone();
        async move {
            let raw = tokio::net::TcpStream::connect(address)
                .await
                .map_err(ConnectError::Tcp)?;
            let host = rustls::pki_types::ServerName::try_from(host).map_err(|_| ConnectError::Canceled)?;
            let tls = tokio_rustls::TlsConnector::from(config)
                .connect(host, raw)
                .await
                .map_err(ConnectError::Tls)?;
            Ok(Box::new(tls) as Box<dyn ngrok::session::IoStream>)
        }
    });
    builder.connect().await?;
    Ok(())
}

async fn a_foreign_authority_fails_and_the_error_is_of_tls(server: Arc<Server>) -> Result<()> {
    let mut builder = Session::builder();
    let foreign = Bytes::from(Pair::of("somebody.else")?.chain_pem);
    builder
        .authtoken(&server.info.token)
        .server_addr(&server.info.https)?
        .ca_cert(foreign);
    let error = sdk::refused(builder.connect().await)?;
    ensure!(matches!(error, ConnectError::Tls(_)), "{error:?}");
    Ok(())
}

async fn the_embedded_authority_fails_and_the_error_is_of_tls(server: Arc<Server>) -> Result<()> {
    let mut builder = Session::builder();
    builder.authtoken(&server.info.token).server_addr(&server.info.https)?;
    let error = sdk::refused(builder.connect().await)?;
    ensure!(matches!(error, ConnectError::Tls(_)), "{error:?}");
    Ok(())
}

async fn refused_token(server: &Server, token: &str, code: &str) -> Result<()> {
    let mut builder = sdk::builder(&server.info, None)?;
    let result = builder.authtoken(token).connect().await;
    let said = result.as_ref().err().map(ngrok::Error::msg).unwrap_or_default();
    sdk::code(result, code)?;
    ensure!(token.is_empty() || !said.contains(token), "the token is shown: {said}");
    Ok(())
}

async fn a_malformed_authtoken_is_105(server: Arc<Server>) -> Result<()> {
    refused_token(&server, "not a token", "ERR_NGROK_105").await
}

async fn an_unknown_authtoken_is_107(server: Arc<Server>) -> Result<()> {
    refused_token(&server, UNKNOWN, "ERR_NGROK_107").await
}

async fn an_empty_authtoken_is_4018(server: Arc<Server>) -> Result<()> {
    refused_token(&server, "", "ERR_NGROK_4018").await
}

async fn metadata_client_info_and_heartbeat_are_accepted(server: Arc<Server>) -> Result<()> {
    let session = sdk::builder(&server.info, None)?
        .metadata(r#"{"team": "compat"}"#)
        .client_info("compat-suite", "9.9", Some("a comment"))
        .heartbeat_interval(Duration::from_secs(2))?
        .heartbeat_tolerance(Duration::from_secs(3))?
        .connect()
        .await?;
    let upstream = Service::new("").serve().await?;
    let mut builder = session.http_endpoint();
    let web = sdk::web(
        builder.metadata("of the endpoint").forwards_to("elsewhere"),
        &upstream.address,
    )
    .await?;
    ensure!(web.metadata() == "of the endpoint", "metadata {}", web.metadata());
    fetch(&server, web.url(), "/").await?.ok()?;
    Ok(())
}

async fn too_long_metadata_is_100(server: Arc<Server>) -> Result<()> {
    let mut builder = sdk::builder(&server.info, None)?;
    sdk::code(builder.metadata("m".repeat(4097)).connect().await, "ERR_NGROK_100")
}

async fn too_short_heartbeats_are_111_and_112(server: Arc<Server>) -> Result<()> {
    let short = Duration::from_millis(999);
    let mut interval = sdk::builder(&server.info, None)?;
    sdk::code(interval.heartbeat_interval(short)?.connect().await, "ERR_NGROK_111")?;
    let mut tolerance = sdk::builder(&server.info, None)?;
    sdk::code(tolerance.heartbeat_tolerance(short)?.connect().await, "ERR_NGROK_112")
}

async fn through(server: &Server, proxy: Proxy, scheme: &str) -> Result<()> {
    let url = Url::parse(&format!("{scheme}://{}", proxy.serving.address))?;
    let session = sdk::builder(&server.info, None)?.proxy_url(url)?.connect().await?;
    let upstream = Service::new("").serve().await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    fetch(server, web.url(), "/").await?.ok()?;
    ensure!(proxy.used() == 1, "{} connections through the proxy", proxy.used());
    Ok(())
}

async fn through_an_http_connect_proxy(server: Arc<Server>) -> Result<()> {
    through(&server, proxy::connect().await?, "http").await
}

async fn through_a_socks5_proxy(server: Arc<Server>) -> Result<()> {
    through(&server, proxy::socks5().await?, "socks5").await
}
