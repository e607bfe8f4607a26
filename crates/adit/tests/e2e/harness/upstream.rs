//! The service behind an agent: plain sockets and threads, every byte the test's own.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::message::{Message, Of};
use super::visitor::End;
use super::wait::DEADLINE;

/// A listener whose connections the test takes one by one and plays itself.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<VecDeque<TcpStream>>,
    came: Condvar,
    over: AtomicBool,
}

impl Upstream {
    pub(crate) fn bind() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let queue = Arc::new(Queue::default());
        let filled = queue.clone();
        thread::spawn(move || {
            for io in listener.incoming() {
                if filled.over.load(Ordering::Acquire) {
                    return;
                }
                let Ok(io) = io else { return };
                filled
                    .waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_back(io);
                filled.came.notify_all();
            }
        });
        Self { address, queue }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection.
    #[track_caller]
    pub(crate) fn accept(&self) -> Conn {
        let until = Instant::now() + DEADLINE;
        let mut waiting = self.queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(io) = waiting.pop_front() {
                return Conn::new(io);
            }
            let left = until
                .checked_duration_since(Instant::now())
                .unwrap_or_else(|| panic!("no connection to the upstream"));
            waiting = self
                .queue
                .came
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// A connection that has come already.
    pub(crate) fn accepted(&self) -> Option<Conn> {
        self.queue
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
            .map(Conn::new)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.queue.over.store(true, Ordering::Release);
        // The listener ends with the connection that it is woken by.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection from the agent.
#[derive(Debug)]
pub(crate) struct Conn {
    io: TcpStream,
    /// Received and not yet taken.
    received: Vec<u8>,
    ended: Option<End>,
}

impl Conn {
    pub(crate) fn new(io: TcpStream) -> Self {
        io.set_nodelay(true).unwrap();
        io.set_read_timeout(Some(DEADLINE)).unwrap();
        io.set_write_timeout(Some(DEADLINE)).unwrap();
        Self {
            io,
            received: Vec::new(),
            ended: None,
        }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.io.write_all(bytes.as_ref())
    }

    /// Whoever reads has all the time of the world.
    pub(crate) fn wait_for_ever(&self) {
        self.io.set_read_timeout(None).unwrap();
    }

    /// The same connection for another thread; what was received stays here.
    pub(crate) fn try_clone(&self) -> Self {
        Self::new(self.io.try_clone().unwrap())
    }

    /// Receives more; false when the other side has ended.
    #[track_caller]
    fn more(&mut self) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let mut buffer = vec![0; 64 * 1024];
        match self.io.read(&mut buffer) {
            Ok(0) => self.ended = Some(End::Clean),
            Ok(n) => self.received.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => self.ended = Some(End::Reset),
            Err(e) => panic!("{e}; received so far: {}", self.received.escape_ascii()),
        }
        self.ended.is_none()
    }

    /// The next whole request.
    #[track_caller]
    pub(crate) fn request(&mut self) -> Message {
        self.try_request()
            .unwrap_or_else(|| panic!("no whole request but: {}", self.received.escape_ascii()))
    }

    /// The same; `None` if the connection ends instead.
    #[track_caller]
    pub(crate) fn try_request(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = Message::take(&mut self.received, Of::Request, self.ended.is_some()) {
                return Some(message);
            }
            if !self.more() {
                return None;
            }
        }
    }

    /// The next head, whatever follows it.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Message {
        loop {
            if let Some(message) = Message::take_head(&mut self.received) {
                return message;
            }
            assert!(self.more(), "no whole head but: {}", self.received.escape_ascii());
        }
    }

    /// Exactly this many bytes.
    #[track_caller]
    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        while self.received.len() < n {
            assert!(self.more(), "ended before {n} bytes: {}", self.received.escape_ascii());
        }
        self.received.drain(..n).collect()
    }

    /// Everything until the other side ends, and how it ended.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        while self.more() {}
        (std::mem::take(&mut self.received), self.ended.unwrap_or(End::Clean))
    }

    /// Whether the first bytes are these; waits for as many. False if the connection ends before.
    #[track_caller]
    pub(crate) fn starts_with(&mut self, bytes: &[u8]) -> bool {
        while self.received.len() < bytes.len() && self.more() {}
        self.received.starts_with(bytes)
    }

    /// What was received and not yet taken.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// Takes what has come until now without waiting; true if the connection has ended.
    pub(crate) fn look(&mut self) -> bool {
        self.io.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.io.read(&mut buffer) {
                Ok(0) => self.ended = Some(End::Clean),
                Ok(n) => {
                    self.received.extend_from_slice(&buffer[..n]);
                    continue;
                }
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => self.ended = Some(End::Reset),
                Err(_) => {}
            }
            break;
        }
        self.io.set_read_timeout(Some(DEADLINE)).unwrap();
        self.ended.is_some()
    }

    /// Ends the sending side.
    pub(crate) fn finish(&mut self) {
        let _ = self.io.shutdown(Shutdown::Write);
    }

    /// Ends it with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.io)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

/// A service that answers by a rule and keeps every request.
#[derive(Debug)]
pub(crate) struct Service {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Message>>>,
    over: Arc<AtomicBool>,
}

impl Service {
    /// `answer` makes the whole response, head and body; connections are kept unless it says `Connection: close`.
    pub(crate) fn start(answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(crate) fn on(listener: TcpListener, answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (log, stop, answer) = (seen.clone(), over.clone(), Arc::new(answer));
        thread::spawn(move || {
            for io in listener.incoming() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let Ok(io) = io else { return };
                let (log, answer) = (log.clone(), answer.clone());
                thread::spawn(move || serve(Conn::new(io), &log, &*answer));
            }
        });
        Self { address, seen, over }
    }

    /// Answers everything with 200 and the text of the head that it received.
    pub(crate) fn echo() -> Self {
        Self::start(echo)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in the order in which they were complete.
    pub(crate) fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut conn: Conn, seen: &Mutex<Vec<Message>>, answer: &(dyn Fn(&Message) -> Vec<u8> + Send + Sync)) {
    conn.io.set_read_timeout(None).unwrap();
    while let Some(request) = conn.try_request() {
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.clone());
        let response = answer(&request);
        let close = super::message::text(&response[..response.len().min(2048)]).contains("Connection: close");
        if conn.try_send(response).is_err() || close {
            return;
        }
    }
}

/// 200 with the received head as body.
pub(crate) fn echo(request: &Message) -> Vec<u8> {
    super::message::response("200 OK", "Content-Type: text/plain\r\n", &request.head)
}
