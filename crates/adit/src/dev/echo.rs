//! The page that `adit dev` shows when it is given no service: it answers and echoes the request.

use std::fmt::Write as _;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{Html, IntoResponse, Response};

/// Largest body that is echoed.
const BODY_MAX: usize = 64 * 1024;

/// The page's application.
pub(super) fn app() -> Router {
    Router::new().fallback(echo).layer(DefaultBodyLimit::max(BODY_MAX))
}

/// Serves it on a free loopback port; ends with the process.
pub(super) async fn serve() -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    #[allow(
        clippy::disallowed_methods,
        reason = "one task for the life of the program, in the program itself"
    )]
    tokio::spawn(async move {
        if let Err(e) = axum::serve(listener, app()).await {
            tracing::error!(error = %e, "the built-in page ended");
        }
    });
    Ok(address)
}

async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|a| a.contains("text/html"));
    if wants_page {
        return Html(page(&method, &uri, &headers)).into_response();
    }
    let mut fields = serde_json::Map::new();
    for (name, value) in &headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match fields.get_mut(name.as_str()) {
            Some(serde_json::Value::String(s)) => {
                s.push_str(", ");
                s.push_str(&value);
            }
            _ => {
                fields.insert(name.as_str().to_owned(), value.into());
            }
        }
    }
    let answer = serde_json::json!({
        "method": method.as_str(),
        "path": uri.path(),
        "query": uri.query().unwrap_or(""),
        "headers": fields,
        "body": String::from_utf8_lossy(&body),
    });
    let mut text = serde_json::to_string_pretty(&answer).unwrap_or_default();
    text.push('\n');
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn page(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    let mut rows = String::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        // Writing to a string cannot fail.
        let _ = writeln!(
            rows,
            "<tr><th>{}</th><td>{}</td></tr>",
            escaped(name.as_str()),
            escaped(&value)
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>It works</title><style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:8vh auto;padding:0 1.5rem}}th{{text-align:left;font-weight:600;padding-right:1.5rem;vertical-align:top;white-space:nowrap}}td{{word-break:break-all;font-family:ui-monospace,monospace}}</style></head><body><h1>It works</h1><p>Your request came over TLS to the edge, through the tunnel to the agent, and was answered by the page built into <code>adit dev</code>. Show your own service with <code>adit dev 3000</code>.</p><h2>{} {}</h2><table>\n{rows}</table></body></html>\n",
        escaped(method.as_str()),
        escaped(&uri.to_string()),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_request_becomes_markup() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", "<script>".parse().unwrap());
        let p = page(&Method::GET, &"/%3Cb%3E?<i>".parse().unwrap_or_default(), &headers);
        assert!(!p.contains("<script>"));
        assert!(p.contains("&lt;script&gt;"));
    }
}
