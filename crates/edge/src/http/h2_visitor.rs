//! A visitor that speaks HTTP/2: one stream of its connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use adit_http1::{FieldList, Framing, Head, Known};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::visitor::{Visitor, VisitorError};

/// One request stream.
#[derive(Debug)]
pub(super) struct H2Visitor {
    body: RecvStream,
    body_done: bool,
    /// Bytes given to the exchange and not yet given back as credit.
    uncredited: usize,
    respond: SendResponse<Bytes>,
    sending: Option<SendStream<Bytes>>,
    /// Data that waits for the visitor's window.
    queued: Bytes,
    ended: bool,
    end_wanted: Option<Option<HeaderMap>>,
    body_in: u64,
    body_out: u64,
}

impl H2Visitor {
    pub(super) fn new(body: RecvStream, respond: SendResponse<Bytes>) -> Self {
        Self {
            body_done: body.is_end_stream(),
            body,
            uncredited: 0,
            respond,
            sending: None,
            queued: Bytes::new(),
            ended: false,
            end_wanted: None,
            body_in: 0,
            body_out: 0,
        }
    }

    /// Whether a body (of any length) may follow.
    pub(super) fn has_body(&self) -> bool {
        !self.body_done
    }

    /// The stream as bytes, after an extended CONNECT.
    pub(super) fn raw(&mut self) -> RawH2<'_> {
        RawH2 {
            visitor: self,
            read: Bytes::new(),
        }
    }

    fn credit(&mut self) {
        if self.uncredited > 0 {
            // An error means that the stream is gone, and its credit with it.
            let _ = self.body.flow_control().release_capacity(self.uncredited);
            self.uncredited = 0;
        }
    }

    fn poll_queued(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), VisitorError>> {
        let Some(stream) = &mut self.sending else {
            return Poll::Ready(Ok(()));
        };
        while !self.queued.is_empty() {
            stream.reserve_capacity(self.queued.len());
            if stream.capacity() == 0 {
                match ready!(stream.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Poll::Ready(Err(VisitorError::Gone)),
                }
            }
            let n = stream.capacity().min(self.queued.len());
            if n == 0 {
                continue;
            }
            let piece = self.queued.split_to(n);
            let last = self.queued.is_empty() && matches!(self.end_wanted, Some(None));
            stream.send_data(piece, last).map_err(|_| VisitorError::Gone)?;
            if last {
                self.end_wanted = None;
                self.ended = true;
            }
        }
        match self.end_wanted.take() {
            Some(Some(trailers)) => {
                self.ended = true;
                stream.send_trailers(trailers).map_err(|_| VisitorError::Gone)?;
            }
            Some(None) => {
                self.ended = true;
                stream.send_data(Bytes::new(), true).map_err(|_| VisitorError::Gone)?;
            }
            None => {}
        }
        Poll::Ready(Ok(()))
    }
}

/// Fields in HTTP/2's form. Fields that belong to one connection do not exist there.
pub(super) fn header_map<'a>(fields: impl Iterator<Item = (adit_http1::Name<'a>, &'a [u8])>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        if matches!(
            name.known(),
            Known::Connection | Known::KeepAlive | Known::ProxyConnection | Known::TransferEncoding | Known::Upgrade
        ) {
            continue;
        }
        let (Ok(n), Ok(v)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) else {
            continue;
        };
        map.append(n, v);
    }
    map
}

impl Visitor for H2Visitor {
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, VisitorError>> {
        if self.body_done {
            return Poll::Ready(Ok(None));
        }
        // What was given last has been taken: its credit goes back now, not before.
        self.credit();
        match ready!(self.body.poll_data(cx)) {
            Some(Ok(data)) => {
                self.uncredited = data.len();
                self.body_in += data.len() as u64;
                Poll::Ready(Ok(Some(data)))
            }
            Some(Err(_)) => Poll::Ready(Err(VisitorError::Gone)),
            None => {
                self.body_done = true;
                Poll::Ready(Ok(None))
            }
        }
    }

    fn take_trailers(&mut self) -> Option<FieldList> {
        let Poll::Ready(Ok(Some(map))) = self
            .body
            .poll_trailers(&mut Context::from_waker(std::task::Waker::noop()))
        else {
            return None;
        };
        let mut list = FieldList::new();
        for (n, v) in &map {
            list.push(n.as_str().as_bytes(), v.as_bytes());
        }
        // HTTP/2 has no need to announce them; only names that may never be trailers go.
        list.retain(|_, name, _| !adit_http1::is_forbidden_trailer(name));
        (!list.is_empty()).then_some(list)
    }

    fn body_done(&self) -> bool {
        self.body_done
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>, _end_is_leaving: bool) -> Poll<()> {
        let reset = match &mut self.sending {
            Some(s) => s.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        };
        reset.map(|_| ())
    }

    fn send_interim(&mut self, head: &Head) -> Result<(), VisitorError> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(head.status()).map_err(|_| VisitorError::Gone)?;
        *response.headers_mut() = header_map(head.fields());
        self.respond
            .send_informational(response)
            .map_err(|_| VisitorError::Gone)
    }

    fn send_head(&mut self, head: &mut Head, body: Framing, no_body: bool) -> Result<(), VisitorError> {
        let mut response = Response::new(());
        // An upgrade that began as extended CONNECT is answered with 200 (RFC 8441, section 5).
        let upgraded = head.status() == 101;
        if upgraded {
            head.remove(Known::SecWebsocketAccept);
            head.remove(Known::SecWebsocketKey);
        }
        let status = if upgraded { 200 } else { head.status() };
        *response.status_mut() = StatusCode::from_u16(status).map_err(|_| VisitorError::Gone)?;
        *response.headers_mut() = header_map(head.fields());
        let end = !upgraded && (no_body || matches!(body, Framing::Length(0) | Framing::None));
        let stream = self
            .respond
            .send_response(response, end)
            .map_err(|_| VisitorError::Gone)?;
        self.ended = end;
        self.sending = Some(stream);
        Ok(())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), VisitorError>> {
        self.poll_queued(cx)
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), VisitorError> {
        if !self.ended {
            self.body_out += data.len() as u64;
            self.queued = data;
        }
        Ok(())
    }

    fn send_end(&mut self, trailers: Option<&FieldList>) -> Result<(), VisitorError> {
        if !self.ended {
            self.end_wanted = Some(trailers.filter(|t| !t.is_empty()).map(|t| header_map(t.fields())));
        }
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), VisitorError>> {
        // The connection's own task writes; here it is enough that everything is in its hands.
        self.poll_queued(cx)
    }

    fn break_off(&mut self) {
        match &mut self.sending {
            Some(s) => s.send_reset(Reason::INTERNAL_ERROR),
            None => self.respond.send_reset(Reason::INTERNAL_ERROR),
        }
    }

    fn counted(&self) -> (u64, u64) {
        (self.body_in, self.body_out)
    }
}

/// The stream as a byte stream.
#[derive(Debug)]
pub(super) struct RawH2<'a> {
    visitor: &'a mut H2Visitor,
    read: Bytes,
}

impl AsyncRead for RawH2<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.read.is_empty() {
            match ready!(self.visitor.poll_body(cx)) {
                Ok(Some(data)) => self.read = data,
                Ok(None) => return Poll::Ready(Ok(())),
                Err(_) => return Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into())),
            }
        }
        let n = buf.remaining().min(self.read.len());
        let piece = self.read.split_to(n);
        buf.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for RawH2<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        ready!(self.visitor.poll_queued(cx)).map_err(gone)?;
        self.visitor.queued = Bytes::copy_from_slice(buf);
        // Taken; whether it has left is seen by the next call or by a flush.
        let _ = self.visitor.poll_queued(cx).map_err(gone)?;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.visitor
            .poll_queued(cx)
            .map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if !self.visitor.ended && self.visitor.end_wanted.is_none() {
            self.visitor.end_wanted = Some(None);
        }
        self.poll_flush(cx)
    }
}
