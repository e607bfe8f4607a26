//! The listeners of TCP endpoints, as the session code asks for them.

use std::fmt::Debug;
use std::sync::Arc;

use adit_cluster::Pool;

/// Why a port was not opened.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Somebody else on this machine listens on it.
    #[error("the port {0} is in use")]
    InUse(u16),
    /// The operating system refused.
    #[error("the port {port} cannot be opened: {error}")]
    Refused {
        /// The port.
        port: u16,
        /// What it said.
        error: std::io::Error,
    },
}

/// Opens and closes the listeners of `tcp` endpoints. Must not block: it is called while the table of sessions
/// is locked.
pub trait TcpPorts: Send + Sync + Debug {
    /// Listens on this port for visitors of `pool`.
    ///
    /// # Errors
    /// See [`PortError`].
    fn open(&self, port: u16, pool: &Arc<Pool>) -> Result<(), PortError>;

    /// Stops listening; connections that were accepted go on.
    fn close(&self, port: u16);
}
