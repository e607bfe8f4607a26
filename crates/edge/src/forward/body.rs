//! What policies have read of a request's body before it goes on (edge 7.10): kept once, bounded by what was asked for
//! and by the node's budget, and sent on whatever became of the reading.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adit_http1::{FieldList, Framing, Head, Known};
use adit_mux::Budget;
use adit_policy::BodyFault;
use bytes::{Bytes, BytesMut};

use super::held::Held;
use crate::http::{RequestFacts, Visitor, VisitorError};

/// Longest time between two pieces of a body.
const PIECE: Duration = Duration::from_secs(30);
/// Room for the first pieces; what is held grows with what comes, not with what was promised.
const FIRST: usize = 16 * 1024;

/// The begin of a body, or all of it.
#[derive(Debug, Default)]
pub(crate) struct ReadBody {
    bytes: Bytes,
    /// Its end was seen, and when.
    whole: Option<SystemTime>,
    trailers: Option<FieldList>,
    /// The visitor was told to go on.
    continued: bool,
    room: Option<Held>,
}

/// What a policy gets of a body that is whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    pub(crate) at: SystemTime,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

impl ReadBody {
    /// What an attempt that failed had read beyond this is put behind it: a policy that reads now begins with the first
    /// byte.
    pub(super) fn take_back(&mut self, held: &mut Option<BytesMut>) {
        let Some(held) = held.as_mut().filter(|held| !held.is_empty()) else {
            return;
        };
        let mut bytes = BytesMut::from(std::mem::take(&mut self.bytes));
        bytes.unsplit(std::mem::take(held));
        self.bytes = bytes.freeze();
    }

    /// Reads on until there is all of it.
    ///
    /// # Errors
    /// The visitor has left, or what he sends is no body. Within: it is longer than `limit`, or there is no memory for
    /// it; what was read stays here.
    pub(crate) async fn read(
        &mut self,
        visitor: &mut dyn Visitor,
        facts: &RequestFacts,
        budget: &Arc<Budget>,
        limit: usize,
    ) -> Result<Result<Whole, BodyFault>, VisitorError> {
        if let Framing::Length(length) = facts.framing
            && usize::try_from(length).map_or(true, |length| length > limit)
        {
            // Nobody is asked to send what will not be read.
            return Ok(Err(BodyFault::TooLarge));
        }
        if self.whole.is_none() {
            if !facts.has_body() {
                self.whole = Some(SystemTime::now());
            } else if let Err(fault) = self.fill(visitor, facts, budget, limit).await? {
                return Ok(Err(fault));
            }
        }
        let Some(at) = self.whole.filter(|_| self.bytes.len() <= limit) else {
            return Ok(Err(BodyFault::TooLarge));
        };
        let trailers = self.trailers.iter().flat_map(FieldList::fields);
        Ok(Ok(Whole {
            bytes: self.bytes.clone(),
            at,
            trailers: trailers
                .map(|(name, value)| (String::from_utf8_lossy(name.as_bytes()).into_owned(), value.to_vec()))
                .collect(),
        }))
    }

    /// Reads on until there are `limit` bytes of it, at least one, or all of it. What is beyond may have been read as well.
    ///
    /// # Errors
    /// As [`ReadBody::read`], but for the limit.
    pub(crate) async fn read_begin(
        &mut self,
        visitor: &mut dyn Visitor,
        facts: &RequestFacts,
        budget: &Arc<Budget>,
        limit: usize,
    ) -> Result<Result<Bytes, BodyFault>, VisitorError> {
        if self.whole.is_none() && self.bytes.len() < limit {
            if !facts.has_body() {
                self.whole = Some(SystemTime::now());
            } else {
                // Too large is what is enough here.
                match self.fill(visitor, facts, budget, limit - 1).await? {
                    Ok(()) | Err(BodyFault::TooLarge) => {}
                    Err(fault) => return Ok(Err(fault)),
                }
            }
        }
        Ok(Ok(self.bytes.slice(..self.bytes.len().min(limit))))
    }

    async fn fill(
        &mut self,
        visitor: &mut dyn Visitor,
        facts: &RequestFacts,
        budget: &Arc<Budget>,
        limit: usize,
    ) -> Result<Result<(), BodyFault>, VisitorError> {
        if facts.expects_continue && !self.continued && !visitor.body_done() {
            self.continued = true;
            let mut go_on = Head::new();
            go_on.start_response(100);
            visitor.send_interim(&go_on)?;
            poll_fn(|cx| visitor.poll_flush(cx)).await?;
        }
        let room = match &mut self.room {
            Some(room) => room,
            none => match Held::take(budget, 0) {
                Some(room) => none.insert(room),
                None => return Ok(Err(BodyFault::NoRoom)),
            },
        };
        let mut read = Vec::from(std::mem::take(&mut self.bytes));
        let ended = loop {
            if read.len() > limit {
                break Ok(Err(BodyFault::TooLarge));
            }
            let piece = tokio::time::timeout(PIECE, poll_fn(|cx| visitor.poll_body(cx))).await;
            match piece {
                Err(_) => break Err(VisitorError::TooSlow),
                Ok(Err(error)) => break Err(error),
                Ok(Ok(None)) => {
                    self.trailers = visitor.take_trailers();
                    self.whole = Some(SystemTime::now());
                    break Ok(Ok(()));
                }
                Ok(Ok(Some(data))) => {
                    grow(&mut read, data.len(), facts.framing);
                    // It was sent and is sent on, whatever the budget says.
                    read.extend_from_slice(&data);
                    if !room.reach(read.capacity()) {
                        break Ok(Err(BodyFault::NoRoom));
                    }
                }
            }
        };
        self.bytes = Bytes::from(read);
        ended
    }

    /// What an attempt sends before it reads on: the body as policies have left it in `made`, or what was read. The head
    /// of the request and its facts are made to fit.
    pub(super) fn begin(&self, made: Option<Bytes>, request: &mut Head, facts: &mut RequestFacts) -> First {
        if self.whole.is_some() || self.continued {
            // The visitor sends already.
            request.remove(Known::Expect);
            facts.expects_continue = false;
        }
        if let Some(made) = &made {
            let length = made.len() as u64;
            match facts.framing {
                // Chunks end by themselves.
                Framing::Chunked => {
                    request.remove(Known::ContentLength);
                }
                Framing::None if length == 0 => {}
                Framing::Length(_) | Framing::None | Framing::UntilClose => {
                    request.set(b"Content-Length", length.to_string().as_bytes());
                    facts.framing = Framing::Length(length);
                }
            }
        }
        First {
            bytes: made.unwrap_or_else(|| self.bytes.clone()),
            trailers: self.trailers.clone(),
        }
    }
}

/// Makes room for so many bytes more: for twice of what is there, and never for more than was promised in all.
fn grow(read: &mut Vec<u8>, more: usize, framing: Framing) {
    if read.capacity() - read.len() >= more {
        return;
    }
    let wanted = more.max(read.len()).max(FIRST);
    let left = match framing {
        Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(read.len()),
        _ => usize::MAX,
    };
    read.reserve_exact(wanted.min(left).max(more));
}

/// The begin of a body that an attempt sends first.
#[derive(Debug, Default)]
pub(super) struct First {
    pub(super) bytes: Bytes,
    pub(super) trailers: Option<FieldList>,
}
