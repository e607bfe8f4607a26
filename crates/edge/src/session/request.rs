//! One message on one stream: read as it comes, answered by one frame with FIN (agent protocol 3.1).

use std::time::Duration;

use adit_mux::{Stream, StreamError};
use adit_protocol::json::Reader;
use adit_protocol::message::Error;
use adit_protocol::typed_stream::{StreamType, TYPE_LEN};
use bytes::Bytes;

/// The type of a stream must be complete after this time.
const TYPE_TIME: Duration = Duration::from_secs(5);
/// A message must be complete after this time.
const MESSAGE_TIME: Duration = Duration::from_secs(15);
/// Largest message of somebody who has not logged in, in bytes.
pub(crate) const MAX_BEFORE_LOGIN: usize = 64 << 10;

/// Why there is no message to answer.
#[derive(Debug)]
pub(crate) enum NoMessage {
    /// The stream ended or broke, or was too slow.
    Gone,
    /// What came is none.
    Wrong(Error),
}

impl From<StreamError> for NoMessage {
    fn from(_: StreamError) -> Self {
        Self::Gone
    }
}

/// Reads the type; what came behind it in the same chunk is given back.
pub(crate) async fn read_type(stream: &mut Stream) -> Result<(StreamType, Bytes), NoMessage> {
    let read = async {
        let mut bytes = Bytes::new();
        loop {
            let Some(chunk) = stream.chunk().await? else {
                return Err(NoMessage::Gone);
            };
            // The type is almost always whole in the first chunk, and always in the first few bytes.
            bytes = if bytes.is_empty() {
                chunk
            } else {
                [bytes, chunk].concat().into()
            };
            if let Some(kind) = StreamType::read(&bytes) {
                return Ok((kind, bytes.split_off(TYPE_LEN)));
            }
        }
    };
    tokio::time::timeout(TYPE_TIME, read)
        .await
        .unwrap_or(Err(NoMessage::Gone))
}

/// Reads one JSON object of at most `max` bytes.
pub(crate) async fn read_json(stream: &mut Stream, first: &[u8], max: usize) -> Result<Vec<u8>, NoMessage> {
    let read = async {
        let mut reader = Reader::default();
        let mut received = first.len();
        let mut chunk = Bytes::copy_from_slice(first);
        loop {
            if received > max {
                return Err(NoMessage::Wrong(Error::TooLarge));
            }
            if let Some(json) = reader.push(&chunk).map_err(NoMessage::Wrong)? {
                return Ok(json.to_vec());
            }
            chunk = stream.chunk().await?.ok_or(NoMessage::Gone)?;
            received += chunk.len();
        }
    };
    tokio::time::timeout(MESSAGE_TIME, read)
        .await
        .unwrap_or(Err(NoMessage::Gone))
}

/// Sends the answer and finishes.
pub(crate) async fn answer(stream: &mut Stream, json: &[u8]) -> Result<(), StreamError> {
    stream.send_all(json).await?;
    stream.finish()
}

/// Waits a moment for the other side to finish, so that the stream is not reset under an answer on its way;
/// what still comes is dropped.
pub(crate) async fn wait_for_end(stream: &mut Stream, max: Duration) {
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    // Whether it ended or not, dropping the stream is right.
    let _ = tokio::time::timeout(max, end).await;
}
