//! What a worker says: counters, guards for what is open, and the one `emit` of each outcome.
//!
//! A [`Worker`] is an index into the observer's cells; cloning it copies a reference. Methods take no lock
//! that another worker takes, allocate nothing and never wait, except where said.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::activity::refusal::Refusal;
use crate::label::{
    AgentClient, AttackKind, BufferAction, BufferHolder, CodeClass, ConnectionProtocol, GlitchKind, HandshakeResult,
    Listener, Method, ParkResult, RetryReason, Reuse, Side, StreamFailure, TlsVersion,
};
use crate::metrics::cells::{Cells, Direction, StreamResult};
use crate::observer::Shared;
use crate::outcome::connection::ConnectionOutcome;
use crate::outcome::request::RequestOutcome;
use crate::record::{ConnectionWriter, RequestWriter};
use crate::ring::Pushed;

/// Where one worker says what happened.
#[derive(Clone, Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    index: usize,
}

impl Worker {
    pub(crate) const fn new(shared: Arc<Shared>, index: usize) -> Self {
        Self { shared, index }
    }

    /// An HTTP exchange ended: counts it and writes its record. To be called exactly once for each, also when
    /// it was refused or aborted.
    pub fn request(&self, outcome: &RequestOutcome<'_>) {
        let cells = self.cells();
        let time = &outcome.timings;
        cells.requests.add(
            (
                outcome.protocol,
                Method::of(outcome.method),
                CodeClass::of(outcome.status),
                outcome.outcome,
            ),
            1,
        );
        if !outcome.upgraded {
            cells.request_seconds.observe((outcome.protocol,), time.total_us);
            cells.edge_seconds.observe((outcome.protocol,), time.edge_us());
        }
        if outcome.status != 0 {
            cells
                .first_byte_seconds
                .observe((outcome.protocol,), time.first_byte_us());
        }
        self.error(outcome.error_code, outcome.error_side);
        let writer = RequestWriter::new(outcome);
        self.store(writer.bound(), |at, out| writer.write(at, out));
    }

    /// A relayed connection ended: writes its record. To be called exactly once for each that was routed to
    /// an endpoint, also when it was aborted.
    pub fn connection(&self, outcome: &ConnectionOutcome<'_>) {
        self.error(outcome.error_code, outcome.error_side);
        let writer = ConnectionWriter::new(outcome);
        self.store(writer.bound(), |at, out| writer.write(at, out));
    }

    /// A connection was accepted. It counts as open until the guard is dropped.
    #[must_use]
    pub fn connection_opened(&self, listener: Listener) -> OpenConnection {
        let protocol = ConnectionProtocol::Unknown;
        self.cells().connections_open.add((listener, protocol), 1);
        OpenConnection {
            worker: self.clone(),
            listener,
            protocol,
            counted: false,
        }
    }

    /// Something was refused: counts it and merges it into an event. Takes the node's merge lock for a
    /// look-up.
    pub fn refusal(&self, refusal: &Refusal<'_>) {
        self.shared.refusal(self.cells(), refusal);
    }

    /// A TLS handshake ended after `micros` µs from its ClientHello.
    pub fn handshake(&self, result: HandshakeResult, version: TlsVersion, resumed: bool, micros: u64) {
        let cells = self.cells();
        cells.handshakes.add((result, version, resumed), 1);
        cells.handshake_seconds.observe((result, version, resumed), micros);
    }

    /// Bytes came from (`received`) and went to (`sent`) visitors of a listener. Add up before calling: once
    /// an exchange is enough.
    pub fn bytes(&self, listener: Listener, received: u64, sent: u64) {
        let bytes = &self.cells().bytes;
        if received > 0 {
            bytes.add((listener, Direction::In), received);
        }
        if sent > 0 {
            bytes.add((listener, Direction::Out), sent);
        }
    }

    /// A stream to an agent was opened in `micros` µs. It counts as open until the guard is dropped.
    #[must_use]
    pub fn stream_opened(&self, micros: u64) -> OpenStream {
        let cells = self.cells();
        cells.streams.add((StreamResult::Opened,), 1);
        cells.stream_open_seconds.observe((StreamResult::Opened,), micros);
        cells.streams_open.add((), 1);
        OpenStream { worker: self.clone() }
    }

    /// No stream could be opened, which took `micros` µs to learn.
    pub fn stream_failed(&self, failure: StreamFailure, micros: u64) {
        let cells = self.cells();
        cells.streams.add((StreamResult::Failed(failure),), 1);
        cells
            .stream_open_seconds
            .observe((StreamResult::Failed(failure),), micros);
    }

    /// An idle stream to the upstream was used again, or not.
    pub fn reuse(&self, reuse: Reuse) {
        self.cells().reuse.add((reuse,), 1);
    }

    /// An exchange is tried again.
    pub fn retry(&self, reason: RetryReason) {
        self.cells().retries.add((reason,), 1);
    }

    /// A request waits for a member. It counts as parked until [`Parked::end`] or until the guard is dropped.
    #[must_use]
    pub fn parked(&self) -> Parked {
        self.cells().parked_now.add((), 1);
        Parked {
            worker: self.clone(),
            started: Instant::now(),
            ended: None,
        }
    }

    /// A request found no place to park.
    pub fn parking_full(&self) {
        self.cells().parked_seconds.observe((ParkResult::Full,), 0);
    }

    /// A violation of a protocol.
    pub fn glitch(&self, kind: GlitchKind) {
        self.cells().glitches.add((kind,), 1);
    }

    /// A connection was closed for a pattern of abuse.
    pub fn attack_close(&self, kind: AttackKind) {
        self.cells().attacks.add((kind,), 1);
    }

    /// A heartbeat of an agent was answered after `micros` µs.
    pub fn heartbeat(&self, client: AgentClient, micros: u64) {
        self.cells().heartbeat_seconds.observe((client,), micros);
    }

    /// Bytes held for somebody else grew (`delta` > 0) or shrank.
    pub fn buffers(&self, holder: BufferHolder, delta: i64) {
        self.cells().buffers.add((holder,), delta.cast_unsigned());
    }

    /// The budget of bytes held for somebody else was short, and this was done `times` times.
    pub fn buffers_shed(&self, action: BufferAction, times: u64) {
        self.cells().buffers_shed.add((action,), times);
    }

    /// A panic was caught.
    pub fn panicked(&self) {
        self.cells().panics.add((), 1);
    }

    pub(crate) fn cells(&self) -> &Cells {
        &self.shared.worker(self.index).cells
    }

    fn error(&self, code: Option<&str>, side: Option<Side>) {
        if let (Some(code), Some(side)) = (code, side) {
            self.cells().errors.add(code, side);
        }
    }

    fn store(&self, bound: usize, write: impl FnOnce(SystemTime, &mut Vec<u8>)) {
        let at = SystemTime::now();
        match self.shared.worker(self.index).ring.push(bound, |out| write(at, out)) {
            Pushed::Stored => self.shared.wake_if_asleep(),
            Pushed::HalfFull => self.shared.wake(),
            Pushed::Full => self.cells().ring_dropped.add((), 1),
        }
    }
}

/// A connection that is open; closed when dropped, on whatever thread.
#[derive(Debug)]
pub struct OpenConnection {
    worker: Worker,
    listener: Listener,
    protocol: ConnectionProtocol,
    counted: bool,
}

impl OpenConnection {
    /// Its first bytes have told what it carries. It is counted under the first answer; what is open moves
    /// along with later ones (a TLS connection that turns out to carry HTTP/2).
    pub fn protocol(&mut self, protocol: ConnectionProtocol) {
        let cells = self.worker.cells();
        cells.connections_open.subtract((self.listener, self.protocol), 1);
        cells.connections_open.add((self.listener, protocol), 1);
        self.protocol = protocol;
        if !self.counted {
            self.counted = true;
            cells.connections.add((self.listener, protocol), 1);
        }
    }

    /// Listener it came by.
    #[must_use]
    pub const fn listener(&self) -> Listener {
        self.listener
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let cells = self.worker.cells();
        cells.connections_open.subtract((self.listener, self.protocol), 1);
        if !self.counted {
            cells.connections.add((self.listener, self.protocol), 1);
        }
    }
}

/// A stream to an agent that is open; closed when dropped, on whatever thread.
#[derive(Debug)]
pub struct OpenStream {
    worker: Worker,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.worker.cells().streams_open.subtract((), 1);
    }
}

/// A request that waits for a member. Dropped without [`Self::end`], the visitor has left.
#[derive(Debug)]
pub struct Parked {
    worker: Worker,
    started: Instant,
    ended: Option<ParkResult>,
}

impl Parked {
    /// The wait is over; returns how long it was in microseconds.
    pub fn end(mut self, result: ParkResult) -> u64 {
        self.ended = Some(result);
        self.micros()
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let cells = self.worker.cells();
        cells.parked_now.subtract((), 1);
        let result = self.ended.unwrap_or(ParkResult::VisitorLeft);
        cells.parked_seconds.observe((result,), self.micros());
    }
}
