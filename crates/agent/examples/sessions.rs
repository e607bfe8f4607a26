//! `sessions N UPSTREAM`: N sessions with one HTTP endpoint each in one process, until SIGTERM. For measuring what
//! a session costs. Reads ADIT_CONNECT_URL, ADIT_AUTHTOKEN, ADIT_CONNECT_CA.

use adit_agent::Session;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(count), Some(upstream)) = (arguments.next(), arguments.next()) else {
        return Err("usage: sessions N UPSTREAM".into());
    };
    let builder = Session::builder();
    let mut kept = Vec::new();
    for number in 0..count.parse::<usize>()? {
        let session = builder.clone().connect().await?;
        let endpoint = session
            .http()
            .name(format!("session-{number}"))
            .listen_and_forward(&upstream)
            .await?;
        kept.push((session, endpoint));
    }
    println!("ready");
    stopped().await?;
    Ok(())
}

#[cfg(unix)]
async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

#[cfg(not(unix))]
async fn stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
