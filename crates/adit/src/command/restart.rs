//! Beginning anew when an administrator asks for it: the same program with the same arguments in the same process,
//! as an update in place needs it. Only where a process can be replaced (Unix); elsewhere the server is told that it
//! cannot be asked for.

use std::sync::Arc;

use adit_agent::SessionBuilder;
use tokio::sync::Notify;

use crate::exit::{Exit, Failure};

/// Takes the command and notifies `asked`.
#[cfg(unix)]
pub(crate) fn offer(builder: SessionBuilder, asked: &Arc<Notify>) -> SessionBuilder {
    let asked = Arc::clone(asked);
    builder.on_restart(move || {
        // Said now, while somebody hears it: a file that was moved away cannot be started.
        let program = std::env::current_exe().map_err(|e| format!("the program is not known: {e}"))?;
        if !program.is_file() {
            return Err(format!("{} is no longer there", program.display()));
        }
        asked.notify_one();
        Ok(())
    })
}

#[cfg(not(unix))]
pub(crate) fn offer(builder: SessionBuilder, _: &Arc<Notify>) -> SessionBuilder {
    builder
}

/// Replaces this process. Returns only if that is not possible.
#[cfg(unix)]
pub(crate) fn now() -> Result<Exit, Failure> {
    use std::os::unix::process::CommandExt as _;
    let program =
        std::env::current_exe().map_err(|e| Failure::failed("the agent cannot restart").because(e.to_string()))?;
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .exec();
    Err(Failure::failed("the agent cannot restart").because(error.to_string()))
}

#[cfg(not(unix))]
pub(crate) fn now() -> Result<Exit, Failure> {
    Err(Failure::failed("the agent cannot restart on this platform"))
}
