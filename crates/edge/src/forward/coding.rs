//! The body of a response, encoded while it passes (`compress-response`): nothing is held back when the upstream pauses.

use std::sync::Arc;

use adit_mux::Budget;
use adit_policy::{Coding, Encoder};
use bytes::Bytes;

use super::held::Held;
use super::upstream::UpstreamError;

/// Bytes that are encoded in one turn; others of the worker come between two.
const TURN: usize = 128 * 1024;

/// About what an encoder holds: windows and tables of its library.
const fn weight(coding: Coding) -> usize {
    match coding {
        Coding::Gzip | Coding::Deflate => 384 * 1024,
        Coding::Brotli => 2 << 20,
        Coding::Zstd => 3 << 20,
    }
}

/// An encoder on its way.
#[derive(Debug)]
pub(super) struct Coder {
    /// `None` at the end.
    encoder: Option<Encoder>,
    /// Something was taken that has not come out.
    is_behind: bool,
    turn: usize,
    _held: Held,
}

impl Coder {
    /// At the start of a body. `None`: there is no room for one now.
    pub(super) fn new(coding: Coding, budget: &Arc<Budget>) -> Option<Self> {
        Some(Self {
            _held: Held::take(budget, weight(coding))?,
            encoder: Some(Encoder::new(coding).ok()?),
            is_behind: false,
            turn: 0,
        })
    }

    /// Takes a piece; what is ready comes out, often nothing.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Bytes, UpstreamError> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(Bytes::new());
        };
        self.is_behind = true;
        self.turn += piece.len();
        encoder.push(piece).map(Bytes::from).map_err(|_| UpstreamError::Closed)
    }

    /// Whether it has worked long enough for one turn; true once.
    pub(super) fn has_had_its_turn(&mut self) -> bool {
        let over = self.turn >= TURN;
        if over {
            self.turn = 0;
        }
        over
    }

    /// The upstream says nothing more now: everything that was taken comes out.
    pub(super) fn pause(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        self.turn = 0;
        let Some(encoder) = self.encoder.as_mut().filter(|_| self.is_behind) else {
            return Ok(None);
        };
        self.is_behind = false;
        let out = encoder.flush().map_err(|_| UpstreamError::Closed)?;
        Ok(Some(Bytes::from(out)).filter(|out| !out.is_empty()))
    }

    /// The end of the body.
    pub(super) fn finish(&mut self) -> Result<Bytes, UpstreamError> {
        let Some(encoder) = self.encoder.take() else {
            return Ok(Bytes::new());
        };
        encoder.finish().map(Bytes::from).map_err(|_| UpstreamError::Closed)
    }
}
