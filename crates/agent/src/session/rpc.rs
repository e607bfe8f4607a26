//! One request on a stream of its own, one answer that ends with FIN (agent protocol 3.1).

use std::time::Duration;

use adit_mux::{OpenError, StreamError};
use adit_protocol::json::MAX_SIZE;
use adit_protocol::message::Message;
use adit_protocol::typed_stream::StreamType;

use crate::error::Error;

/// Bytes of a request that go into the frame that opens its stream.
const FIRST: usize = 32 * 1024;

/// Sends `request` and decodes the answer, within `limit`.
pub(super) async fn request<Q: Message, A: Message>(
    mux: &adit_mux::Session,
    kind: StreamType,
    request: &Q,
    limit: Duration,
) -> Result<A, Error> {
    let answered = async {
        let body = request.encode();
        let (first, rest) = body.split_at(body.len().min(FIRST));
        let mut stream = mux
            .open_with(|out| {
                out.extend_from_slice(&kind.to_bytes());
                out.extend_from_slice(first);
            })
            .map_err(not_opened)?;
        stream.send_all(rest).await.map_err(ended)?;
        let mut answer = Vec::new();
        while let Some(chunk) = stream.chunk().await.map_err(ended)? {
            if answer.len() + chunk.len() > MAX_SIZE {
                return Err(Error::Protocol {
                    what: format!("the answer to {} is larger than 1 MiB", Q::NAME),
                });
            }
            answer.extend_from_slice(&chunk);
        }
        // The stream is over for the server; this side only says so.
        let _ = stream.finish();
        A::decode(&answer).map_err(|error| Error::Protocol {
            what: format!("the answer to {} cannot be read: {error}", Q::NAME),
        })
    };
    match tokio::time::timeout(limit, answered).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::Timeout {
            what: format!("{} was sent to the server", Q::NAME),
            after: limit,
        }),
    }
}

fn not_opened(error: OpenError) -> Error {
    match error {
        OpenError::Closed | OpenError::GoingAway => Error::lost(error.to_string()),
        other => Error::Protocol {
            what: other.to_string(),
        },
    }
}

fn ended(error: StreamError) -> Error {
    match error {
        StreamError::SessionLost => Error::lost(error.to_string()),
        other => Error::Protocol {
            what: format!("a request was not answered: {other}"),
        },
    }
}
