//! Requests of policies to internal endpoints: over the same road as a visitor's, so that the endpoint's own policy, its
//! pool and its agent are what they are for everybody.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use adit_http1::{FieldList, Framing, Head, Known, Version};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_outbound::decode;
use adit_policy::{Answer as FetchAnswer, EffectFault as Fault, Fetch};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::fetch::{Origin, fault_of, fields};
use super::internal;
use crate::forward::{self, Exchange, Forwarded};
use crate::http::{RequestFacts, Visitor, VisitorError};
use crate::reply::{Answer, Form};

/// Most policies that ask one through the other.
const DEPTH_MAX: u8 = 3;

fn fault(code: ErrorCode, message: impl Into<String>) -> Fault {
    Fault {
        code,
        message: message.into(),
    }
}

/// Asks the internal endpoint of `url`, whose organisation is that of `origin`.
///
/// The type is written out since the endpoint's policy may ask another one.
pub(super) fn call<'a>(
    origin: &'a Origin,
    url: Uri,
    fetch: Fetch,
) -> Pin<Box<dyn Future<Output = Result<FetchAnswer, Fault>> + Send + 'a>> {
    Box::pin(async move {
        if origin.depth >= DEPTH_MAX {
            return Err(fault(ErrorCode::NGROK_3603, ErrorCode::NGROK_3603.what()));
        }
        let client = origin.conn.node.outbound.load_full();
        let _place = client.enter(origin.who).map_err(|failure| fault_of(&failure))?;
        let mut exchange = Exchange::take();
        let answer = asked(origin, &url, fetch, &mut exchange).await;
        exchange.give();
        answer
    })
}

async fn asked(origin: &Origin, url: &Uri, fetch: Fetch, exchange: &mut Exchange) -> Result<FetchAnswer, Fault> {
    let nowhere = || fault(ErrorCode::NGROK_3006, "there is no such endpoint");
    let (conn, began) = (&origin.conn, Instant::now());
    let endpoint = endpoint(url).ok_or_else(nowhere)?;
    let routed = internal::find(&conn.node, &endpoint, &origin.organization).ok_or_else(nowhere)?;
    let host = endpoint.host().to_string();
    let facts = write(&mut exchange.request, url, &host, &fetch)
        .ok_or_else(|| fault(ErrorCode::ADIT_5203, "the request cannot be said in HTTP"))?;
    exchange.request_id.push_str(&origin.request_id);
    exchange.depth = origin.depth + 1;
    let mut caller = Caller::new(fetch.body.into(), fetch.max_response);
    let exchanged = forward::exchange(conn, &mut caller, exchange, &routed, &host, &facts, began);
    let Ok(forwarded) = tokio::time::timeout(fetch.timeout, exchanged).await else {
        return Err(fault(ErrorCode::NGROK_3602, ErrorCode::NGROK_3602.what()));
    };
    if caller.is_too_large {
        return Err(fault(ErrorCode::NGROK_3601, ErrorCode::NGROK_3601.what()));
    }
    match forwarded {
        Forwarded::Complete if caller.is_complete => {
            let body = caller.received.freeze();
            let body = decode(&mut caller.headers, body, fetch.max_response).await;
            let body = body.map_err(|failure| fault_of(&failure))?;
            Ok(answer(caller.status, &caller.headers, body.into()))
        }
        // A circle ends all who are in it.
        Forwarded::Answer(a) if a.code == ErrorCode::NGROK_3603.as_str() => {
            Err(fault(ErrorCode::NGROK_3603, a.message))
        }
        Forwarded::Answer(a) if a.is_of_policy() => {
            let mut body = given(&a, exchange);
            if body.len() > fetch.max_response {
                return Err(fault(ErrorCode::NGROK_3601, ErrorCode::NGROK_3601.what()));
            }
            if facts.is_head {
                body.clear();
            }
            let headers = header_map(&exchange.response);
            Ok(answer(exchange.response.status(), &headers, body))
        }
        // The endpoint itself was not reached.
        Forwarded::Answer(a) => Err(fault(ErrorCode::NGROK_3006, a.message)),
        Forwarded::Complete
        | Forwarded::Closed { .. }
        | Forwarded::Upgraded(..)
        | Forwarded::WebSocket(_)
        | Forwarded::Broken => Err(fault(ErrorCode::NGROK_3006, "the endpoint gave no whole answer")),
    }
}

fn answer(status: u16, headers: &HeaderMap, body: Vec<u8>) -> FetchAnswer {
    FetchAnswer {
        status,
        headers: fields(headers),
        body,
        resolved_ip: None,
        took: std::time::Duration::ZERO,
    }
}

/// Writes an answer of a policy as the caller gets it; its head stands in `exchange`.
fn given(answer: &Answer, exchange: &mut Exchange) -> Vec<u8> {
    let form = Form::of(&exchange.request);
    forward::date(|date| answer.render(form, &exchange.request_id, date, &mut exchange.response))
}

/// The endpoint that a URL leads to.
fn endpoint(url: &Uri) -> Option<EndpointUrl> {
    let (scheme, host) = (url.scheme_str()?, url.host()?.to_ascii_lowercase());
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    EndpointUrl::from_canonical(&format!("{scheme}://{host}{port}"), Binding::Internal).ok()
}

/// Writes the request; `None` if HTTP has no form for it.
fn write(head: &mut Head, url: &Uri, host: &str, fetch: &Fetch) -> Option<RequestFacts> {
    let target = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    head.start_request(fetch.method.as_bytes(), target.as_bytes(), Version::Http11)
        .ok()?;
    let authority = match url.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    head.push(b"Host", authority.as_bytes());
    for (name, value) in &fetch.headers {
        head.push(name.as_bytes(), value.as_bytes());
    }
    for ours in [
        Known::ContentLength,
        Known::TransferEncoding,
        Known::Connection,
        Known::Upgrade,
        Known::Expect,
        Known::Te,
    ] {
        head.remove(ours);
    }
    head.set(b"Accept-Encoding", b"identity");
    let framing = if fetch.body.is_empty() {
        Framing::None
    } else {
        head.push(b"Content-Length", fetch.body.len().to_string().as_bytes());
        Framing::Length(fetch.body.len() as u64)
    };
    head.check_request().ok()?;
    Some(RequestFacts::of(head, framing))
}

fn header_map(head: &Head) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in head.fields() {
        if matches!(name.known(), Known::Connection | Known::TransferEncoding) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            map.append(name, value);
        }
    }
    map
}

/// A policy in the place of a visitor: its request has been said already, the response is kept within its limit.
struct Caller {
    body: Bytes,
    sent: u64,
    most: usize,
    status: u16,
    headers: HeaderMap,
    received: BytesMut,
    is_complete: bool,
    is_too_large: bool,
}

impl Caller {
    fn new(body: Bytes, most: usize) -> Self {
        Self {
            body,
            sent: 0,
            most,
            status: 0,
            headers: HeaderMap::new(),
            received: BytesMut::new(),
            is_complete: false,
            is_too_large: false,
        }
    }
}

impl Visitor for Caller {
    fn poll_body(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, VisitorError>> {
        let body = std::mem::take(&mut self.body);
        self.sent += body.len() as u64;
        Poll::Ready(Ok((!body.is_empty()).then_some(body)))
    }

    fn take_trailers(&mut self) -> Option<FieldList> {
        None
    }

    fn body_done(&self) -> bool {
        self.body.is_empty()
    }

    fn poll_gone(&mut self, _: &mut Context<'_>, _: bool) -> Poll<()> {
        // Whoever calls drops the whole exchange.
        Poll::Pending
    }

    fn send_interim(&mut self, _: &Head) -> Result<(), VisitorError> {
        Ok(())
    }

    fn send_head(&mut self, head: &mut Head, _: Framing, _: bool) -> Result<(), VisitorError> {
        self.status = head.status();
        self.headers = header_map(head);
        Ok(())
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), VisitorError>> {
        Poll::Ready(Ok(()))
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), VisitorError> {
        if self.received.len() + data.len() > self.most {
            self.is_too_large = true;
            return Err(VisitorError::Gone);
        }
        self.received.extend_from_slice(&data);
        Ok(())
    }

    fn send_end(&mut self, _: Option<&FieldList>) -> Result<(), VisitorError> {
        self.is_complete = true;
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), VisitorError>> {
        Poll::Ready(Ok(()))
    }

    fn break_off(&mut self) {
        self.is_complete = false;
    }

    fn counted(&self) -> (u64, u64) {
        (self.sent, self.received.len() as u64)
    }
}
