//! Connections to control names go elsewhere: the edge reads the ClientHello, finds the name, and hands the socket
//! over with the bytes that it read. What answers there is not its business.

use std::net::{SocketAddr, TcpStream};

use adit_snapshot::ControlName;
use bytes::BytesMut;
use tokio::sync::mpsc;

use crate::accept::{Accepted, Permit};

/// Connections that wait to be taken over.
const WAITING: usize = 128;

/// A connection whose ClientHello named a control name. TLS has not begun.
#[derive(Debug)]
pub struct ControlConnection {
    /// The socket, non-blocking and registered nowhere.
    pub io: TcpStream,
    /// What was read from it: the ClientHello, perhaps more.
    pub read: BytesMut,
    /// The client, after a PROXY header.
    pub peer: SocketAddr,
    /// The name.
    pub name: ControlName,
    /// Counts the connection for as long as it lives.
    pub permit: Permit,
}

/// Takes the connections over.
pub type ControlQueue = mpsc::Receiver<ControlConnection>;

/// Where connections to control names go.
#[derive(Clone, Debug)]
pub struct ControlSink {
    names: &'static [ControlName],
    queue: mpsc::Sender<ControlConnection>,
}

impl ControlSink {
    /// A way for connections to `names`, and its other end. What finds it full is closed.
    pub fn new(names: &'static [ControlName]) -> (Self, ControlQueue) {
        let (queue, taken) = mpsc::channel(WAITING);
        (Self { names, queue }, taken)
    }

    /// Whether connections to this name go there.
    pub(crate) fn takes(&self, name: ControlName) -> bool {
        self.names.contains(&name)
    }

    /// Hands a connection over; false if there is no room or nobody.
    pub(crate) fn hand_over(&self, accepted: Accepted, name: ControlName) -> bool {
        let Accepted {
            io, peer, permit, read, ..
        } = accepted;
        let Ok(io) = io.into_std() else { return false };
        let connection = ControlConnection {
            io,
            read,
            peer,
            name,
            permit,
        };
        self.queue.try_send(connection).is_ok()
    }
}
