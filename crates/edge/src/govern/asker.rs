//! Who waits while a policy gets what it needs: an exchange of a visitor, or a connection that is bytes to us.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::forward::{Behind, ReadBody};
use crate::http::{RequestFacts, Visitor, VisitorError};
use crate::secure::Conn;

/// A connection that has no stream yet.
pub(crate) trait Leaving {
    /// Ready when the visitor has left.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Whoever asked for what a policy decides about.
pub(crate) enum Asker<'a> {
    /// A request.
    Request {
        conn: &'a Arc<Conn>,
        visitor: &'a mut (dyn Visitor + 'a),
        /// What is known of its body.
        body: (&'a RequestFacts, &'a mut ReadBody),
    },
    /// A request whose response has come.
    Response {
        conn: &'a Arc<Conn>,
        behind: &'a mut (dyn Behind + 'a),
    },
    /// A connection.
    Connection(&'a mut (dyn Leaving + Send + 'a)),
}

impl<'a> Asker<'a> {
    /// The connection that carries the request.
    pub(super) fn conn(&self) -> Option<&'a Arc<Conn>> {
        match self {
            Self::Request { conn, .. } | Self::Response { conn, .. } => Some(conn),
            Self::Connection(_) => None,
        }
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Request { visitor, .. } => visitor.poll_gone(cx, true),
            Self::Response { behind, .. } => behind.poll_left(cx),
            Self::Connection(connection) => connection.poll_left(cx),
        }
    }

    /// Waits for `work`, and for the visitor to leave.
    ///
    /// # Errors
    /// He has left.
    pub(super) async fn unless_gone<F: Future>(&mut self, work: F) -> Result<F::Output, VisitorError> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            self.poll_gone(cx).map(|()| Err(VisitorError::Gone))
        })
        .await
    }
}
