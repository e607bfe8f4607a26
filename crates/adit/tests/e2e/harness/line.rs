//! A line between an agent and its server that a test can cut and mend.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::agent::Offer;
use super::server::Server;

/// Relays TCP connections to one address.
#[derive(Debug)]
pub(crate) struct Line {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    over: bool,
    open: Vec<TcpStream>,
}

impl Line {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
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
                thread::spawn(move || copy(near, far));
                thread::spawn(move || copy(far_again, near_again));
            }
        });
        Self { address, state }
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

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.with(|s| s.is_cut = false);
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
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

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
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
