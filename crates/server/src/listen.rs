//! Binding the listeners of a server: all of them before any accepts.

use std::net::{SocketAddr, TcpListener};

use adit_edge::accept;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The address; port 0 means any free port.
    pub address: SocketAddr,
    /// The address was asked for: a taken port is an error. Otherwise a free one is taken instead.
    pub asked: bool,
}

impl Wish {
    /// The default address of a listener.
    pub fn default_of(address: SocketAddr) -> Self {
        Self { address, asked: false }
    }

    /// An address that somebody asked for.
    pub fn asked(address: SocketAddr) -> Self {
        Self { address, asked: true }
    }
}

/// A socket, and whether it is on another port than wished.
#[derive(Debug)]
pub struct Bound {
    /// The socket, listening, not blocking.
    pub socket: TcpListener,
    /// Its address.
    pub address: SocketAddr,
    /// The default port was taken (or must stay free), so another was chosen.
    pub moved: bool,
}

/// A listener that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{key} {address}: {reason}")]
pub struct ListenError {
    /// The flag or key that names the listener.
    pub key: &'static str,
    /// The address asked for.
    pub address: SocketAddr,
    /// In words, with the system's name of the error.
    pub reason: String,
    /// What to do.
    pub fix: String,
}

/// Binds a listener. `avoid` is a port that must stay free for somebody else (the service to be shown).
///
/// # Errors
/// See [`ListenError`]; for a default address only when no port at all is free.
pub fn bind(key: &'static str, wish: Wish, avoid: Option<u16>) -> Result<Bound, ListenError> {
    let must_move = !wish.asked && avoid.is_some_and(|p| p == wish.address.port());
    let first = if must_move {
        None
    } else {
        Some(accept::bind(wish.address))
    };
    let (socket, moved) = match first {
        Some(Ok(s)) => (s, false),
        Some(Err(e)) if wish.asked || e.source.kind() != std::io::ErrorKind::AddrInUse => return Err(refused(key, &e)),
        _ => {
            let any = SocketAddr::new(wish.address.ip(), 0);
            (accept::bind(any).map_err(|e| refused(key, &e))?, true)
        }
    };
    let address = socket.local_addr().map_err(|source| {
        refused(
            key,
            &accept::BindError {
                address: wish.address,
                source,
            },
        )
    })?;
    Ok(Bound { socket, address, moved })
}

fn refused(key: &'static str, e: &accept::BindError) -> ListenError {
    use std::io::ErrorKind as K;
    let (reason, fix) = match e.source.kind() {
        K::AddrInUse => (
            "address in use (EADDRINUSE)".to_owned(),
            format!(
                "stop the program that has it, or give another port: {key} {}:0",
                e.address.ip()
            ),
        ),
        K::PermissionDenied => (
            "permission denied (EACCES)".to_owned(),
            "ports below 1024 need CAP_NET_BIND_SERVICE; give a higher port".to_owned(),
        ),
        K::AddrNotAvailable => (
            "this machine has no such address (EADDRNOTAVAIL)".to_owned(),
            "give an address of this machine, e.g. 127.0.0.1 or 0.0.0.0".to_owned(),
        ),
        _ => (
            e.source.to_string(),
            format!("give another address: {key} ADDRESS:PORT"),
        ),
    };
    ListenError {
        key,
        address: e.address,
        reason,
        fix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_port_that_is_taken_moves_and_an_asked_one_does_not() {
        let first = bind("--https", Wish::asked("127.0.0.1:0".parse().unwrap()), None).unwrap();
        let moved = bind("--https", Wish::default_of(first.address), None).unwrap();
        assert!(moved.moved);
        assert_ne!(moved.address, first.address);
        let e = bind("--https", Wish::asked(first.address), None).unwrap_err();
        assert!(e.to_string().contains("EADDRINUSE"), "{e}");
        assert!(e.fix.contains("--https 127.0.0.1:0"));
    }

    #[test]
    fn the_port_of_the_service_to_be_shown_is_left_free() {
        let free = bind("--http", Wish::asked("127.0.0.1:0".parse().unwrap()), None)
            .unwrap()
            .address;
        let b = bind("--http", Wish::default_of(free), Some(free.port())).unwrap();
        assert!(b.moved);
        assert_ne!(b.address.port(), free.port());
    }
}
