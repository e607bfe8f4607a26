//! Body bytes, found in place: nothing is copied.

use std::ops::Range;

use crate::chunked::ChunkedDecoder;
use crate::field::FieldList;
use crate::framing::Framing;
use crate::limits::Limits;
use crate::refuse::{Refusal, RefusalKind, Side};

/// What [`BodyDecoder::decode`] found in its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are dealt with: payload and framing. What
    /// follows them is given to the next call, or is the next message.
    pub consumed: usize,
    /// The payload among them; may be empty.
    pub data: Range<usize>,
    /// The body is complete.
    pub end: bool,
}

/// Finds the payload of one message's body.
///
/// Give it what was read and go on behind [`Decoded::consumed`]; it never
/// needs the same byte twice, so that the input may be handed on as it came.
/// `consumed == 0 && !end` means: read more.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    side: Side,
}

#[derive(Clone, Debug)]
enum State {
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
    Closed,
    Failed(RefusalKind),
}

impl BodyDecoder {
    /// A decoder for a body that ends as `framing` says.
    #[must_use]
    pub const fn new(framing: Framing, limits: &Limits) -> Self {
        let state = match framing {
            Framing::None => State::Length(0),
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(ChunkedDecoder::new(limits)),
            Framing::UntilClose => State::UntilClose,
        };
        Self {
            state,
            side: limits.side,
        }
    }

    /// Takes one run of payload, and the framing around it, from `input`.
    ///
    /// # Errors
    /// Chunk framing against RFC 9112 7.1, or beyond the limits. Payload that
    /// stands in `input` before the fault is not given out, every later call
    /// gives the same refusal.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, Refusal> {
        match &mut self.state {
            State::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= n as u64;
                Ok(Decoded {
                    consumed: n,
                    data: 0..n,
                    end: *left == 0,
                })
            }
            State::Chunked(chunked) => match chunked.decode(input) {
                Ok(decoded) => Ok(decoded),
                Err(kind) => {
                    self.state = State::Failed(kind);
                    Err(Refusal { kind, side: self.side })
                }
            },
            State::UntilClose => Ok(Decoded {
                consumed: input.len(),
                data: 0..input.len(),
                end: false,
            }),
            State::Closed => Ok(Decoded {
                consumed: 0,
                data: 0..0,
                end: true,
            }),
            State::Failed(kind) => Err(Refusal {
                kind: *kind,
                side: self.side,
            }),
        }
    }

    /// The sender has closed.
    ///
    /// # Errors
    /// The body is not complete: what was received must not pass as the whole.
    pub fn finish_eof(&mut self) -> Result<(), Refusal> {
        let kind = match &self.state {
            State::Length(0) | State::Closed => return Ok(()),
            State::Length(_) => RefusalKind::BodyShort,
            State::Chunked(chunked) if chunked.is_done() => return Ok(()),
            State::Chunked(_) => RefusalKind::BodyCut,
            State::UntilClose => {
                self.state = State::Closed;
                return Ok(());
            }
            State::Failed(kind) => *kind,
        };
        Err(Refusal { kind, side: self.side })
    }

    /// Whether the body is complete.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        match &self.state {
            State::Length(left) => *left == 0,
            State::Chunked(chunked) => chunked.is_done(),
            State::Closed => true,
            State::UntilClose | State::Failed(_) => false,
        }
    }

    /// Trailers as they were received, after the end; empty if there were none.
    /// Nobody may pass them on without [`crate::filter_trailers`].
    #[must_use]
    pub fn trailers(&self) -> &FieldList {
        static EMPTY: FieldList = FieldList::new();
        match &self.state {
            State::Chunked(chunked) => chunked.trailers().unwrap_or(&EMPTY),
            _ => &EMPTY,
        }
    }

    /// The trailers, to edit; `None` if there were none.
    pub fn trailers_mut(&mut self) -> Option<&mut FieldList> {
        match &mut self.state {
            State::Chunked(chunked) => chunked.trailers_mut(),
            _ => None,
        }
    }
}
