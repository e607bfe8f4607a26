//! The admin port: health, readiness and metrics, never public by default. Runs on a thread of its own, so that
//! a scrape never waits for traffic, nor traffic for it.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread;

use adit_observe::{Format, Observer};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use crate::health::{Health, Readiness};

/// A running admin port.
#[derive(Debug)]
pub struct AdminPort {
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    observer: Observer,
    health: Arc<Health>,
}

/// Starts it.
///
/// # Errors
/// When thread or event queue cannot be made.
pub fn start(socket: StdListener, observer: Observer, health: Arc<Health>) -> std::io::Result<AdminPort> {
    let (stop, mut stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Shared { observer, health });
    let thread = thread::Builder::new().name("admin".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let listener = match tokio::net::TcpListener::from_std(socket) {
                Ok(l) => l,
                Err(e) => {
                    tracing::error!(error = %e, "the admin port cannot be served");
                    return;
                }
            };
            let until = async move {
                // An error means that the sender is gone, which is a stop as well.
                let _ = stopped.wait_for(|s| *s).await;
            };
            tokio::select! {
                () = until => {}
                served = async { axum::serve(listener, app).await } => {
                    if let Err(e) = served {
                        tracing::error!(error = %e, "the admin port ended");
                    }
                }
            }
        });
    })?;
    Ok(AdminPort {
        stop,
        thread: Some(thread),
    })
}

impl AdminPort {
    /// Ends it.
    pub fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(t) = self.thread.take() {
            // A panic there concerns nobody any more.
            let _ = t.join();
        }
    }
}

async fn ready(State(shared): State<Shared>) -> Response {
    match shared.health.now() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::Degraded => "{\"degraded\":[\"store\"]}\n".into_response(),
        Readiness::Draining => missing("draining"),
        Readiness::Outdated => missing("store"),
    }
}

fn missing(what: &str) -> Response {
    let body = format!("{{\"missing\":[\"{what}\"]}}\n");
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    let format = Format::for_accept(accept);
    (
        [(header::CONTENT_TYPE, format.content_type())],
        shared.observer.metrics(format),
    )
        .into_response()
}
