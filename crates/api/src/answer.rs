//! What goes back: bodies that are whole or come in parts, and what handlers say about them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::{Frame, SizeHint};
use serde_json::Value;
use tokio::sync::mpsc;

const DRY_RUN: HeaderName = HeaderName::from_static("adit-dry-run");
const PENDING: HeaderName = HeaderName::from_static("adit-pending-nodes");
const POSITION: HeaderName = HeaderName::from_static("adit-position");
const REPLAYED: HeaderName = HeaderName::from_static("adit-replayed");

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// All of it; taken when it is sent.
    Whole(Bytes),
    /// It comes in parts, as its maker has them. An error breaks the answer off, so that nobody takes a part of it for
    /// the whole.
    Parts(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body {
    /// How long it is, if that is known.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Self::Whole(bytes) => Some(bytes.len()),
            Self::Parts(_) => None,
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Parts(parts) => parts.poll_recv(cx).map(|part| part.map(|p| p.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.len()
            .map_or_else(SizeHint::default, |n| SizeHint::with_exact(n as u64))
    }
}

/// What a handler answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// 200 with this body.
    Json(Value),
    /// 204.
    Done,
    /// With a status and fields of its own.
    Full(Box<Full>),
}

/// An answer with all that it can have.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) status: StatusCode,
    pub(crate) content: Content,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is in an answer.
#[derive(Debug)]
pub(crate) enum Content {
    None,
    Json(Value),
    /// Parts of this media type.
    Parts(&'static str, mpsc::Receiver<io::Result<Bytes>>),
    /// A document that is always the same, of this media type.
    Fixed(&'static str, &'static str),
}

impl Full {
    /// An answer with this status and body.
    pub(crate) fn json(status: StatusCode, json: Value) -> Self {
        Self {
            status,
            content: Content::Json(json),
            headers: Vec::new(),
        }
    }

    /// 204.
    pub(crate) fn done() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            content: Content::None,
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        // All values are ours: numbers, names of nodes, `true`. One that is no header value is left out.
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    /// The object has this revision.
    pub(crate) fn revision(self, revision: u64) -> Self {
        self.with(header::ETAG, format!("\"{revision}\""))
    }

    /// The change has this position in the log.
    pub(crate) fn position(self, position: u64) -> Self {
        self.with(POSITION, position.to_string())
    }

    /// A browser keeps this cookie from now on.
    pub(crate) fn cookie(mut self, cookie: HeaderValue) -> Self {
        self.headers.push((header::SET_COOKIE, cookie));
        self
    }

    /// Nothing was written: it was only asked what would be.
    pub(crate) fn dry_run(self) -> Self {
        self.with(DRY_RUN, "true")
    }

    /// It is the answer of an earlier request with the same idempotency key.
    pub(crate) fn replayed(self) -> Self {
        self.with(REPLAYED, "true")
    }

    /// These nodes have not applied the change yet.
    pub(crate) fn pending(self, nodes: &[String]) -> Self {
        if nodes.is_empty() {
            return self;
        }
        self.with(PENDING, nodes.join(", "))
    }
}

impl From<Full> for Reply {
    fn from(full: Full) -> Self {
        Self::Full(Box::new(full))
    }
}

impl Reply {
    /// Its response, without the fields that all have.
    pub(crate) fn response(self) -> Response<Body> {
        let full = match self {
            Self::Json(json) => Full::json(StatusCode::OK, json),
            Self::Done => Full::done(),
            Self::Full(full) => *full,
        };
        let (media, body) = match full.content {
            Content::None => (None, Body::Whole(Bytes::new())),
            Content::Json(json) => (
                Some("application/json; charset=utf-8"),
                Body::Whole(json.to_string().into()),
            ),
            Content::Parts(media, parts) => (Some(media), Body::Parts(parts)),
            Content::Fixed(media, text) => (Some(media), Body::Whole(Bytes::from_static(text.as_bytes()))),
        };
        let mut response = Response::new(body);
        *response.status_mut() = full.status;
        let headers = response.headers_mut();
        if let Some(media) = media {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        }
        headers.extend(full.headers);
        response
    }
}
