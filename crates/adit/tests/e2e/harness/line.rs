//! A line between two parties that a test can cut, silence and mend.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::agent::Offer;
use super::server::Server;

/// Relays TCP connections to one address.
#[derive(Debug)]
pub(crate) struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    mended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    is_silent: bool,
    over: bool,
    open: Vec<TcpStream>,
}

impl Line {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let line = shared.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut state = line.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.over {
                    return;
                }
                if state.is_cut {
                    continue;
                }
                let Ok(far) = TcpStream::connect(target) else { continue };
                for io in [&near, &far] {
                    io.set_nodelay(true).unwrap();
                    state.open.push(io.try_clone().unwrap());
                }
                let (near_again, far_again) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                for (from, to) in [(near, far), (far_again, near_again)] {
                    let line = line.clone();
                    thread::spawn(move || copy(&line, from, to));
                }
            }
        });
        Self { address, shared }
    }

    /// Where it begins.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and lets no new one through.
    pub(crate) fn cut(&self) {
        self.with(|s| {
            s.is_cut = true;
            for io in s.open.drain(..) {
                let _ = io.shutdown(Shutdown::Both);
            }
        });
    }

    /// Keeps what is sent, both ways: connections stay and are made, and nothing is heard of the other side.
    pub(crate) fn silence(&self) {
        self.with(|s| s.is_silent = true);
    }

    /// Lets connections through again, and what was kept.
    pub(crate) fn mend(&self) {
        self.with(|s| (s.is_cut, s.is_silent) = (false, false));
        self.shared.mended.notify_all();
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
        self.mend();
        self.with(|s| s.over = true);
        let _ = TcpStream::connect(self.address);
    }
}

impl Offer {
    /// The agent's way to the server leads over this line.
    pub(crate) fn over(self, line: &Line, server: &Server) -> Self {
        let name = server.info.text("connect_addr").rsplit_once(':').unwrap().0.to_owned();
        self.env("ADIT_CONNECT_URL", &line.address.to_string())
            .args(["--connect-server-name", &name])
    }
}

fn copy(line: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer);
        let state = line.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(line.mended.wait_while(state, |s| s.is_silent));
        match read {
            Ok(n) if n > 0 => {
                if to.write_all(&buffer[..n]).is_err() {
                    return;
                }
            }
            _ => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }
}
