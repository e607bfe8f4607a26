//! An axum application on a public URL: `ADIT_CONNECT_URL=… ADIT_AUTHTOKEN=… cargo run -p adit-agent --example axum --features axum`

use adit_agent::{Peer, Session};
use axum::{Router, extract::ConnectInfo, routing::get};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = Session::builder().connect().await?;
    let listener = session.http().listen().await?;
    println!("started endpoint url={}", listener.url());
    let app = Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<Peer>| async move { format!("hello {}\n", peer.addr) }),
    );
    axum::serve(listener, app.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    session.close().await;
    Ok(())
}
