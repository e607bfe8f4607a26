//! Commands to agents: from whoever may give them to the session that carries them out, wherever it lives. Today
//! that is always this process.
//!
//! The way is a bounded queue. Its reader (the edge) takes each command to the worker of the session and answers
//! it; who asked waits for the answer, and if he goes the command still runs.

use tokio::sync::{mpsc, oneshot};

use adit_names::code::ErrorCode;

/// Commands that wait to be taken up.
const WAITING: usize = 64;

/// What is asked of an agent (agent protocol 5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// End the program.
    Stop,
    /// Begin anew with the same arguments.
    Restart,
    /// Become another version.
    Update {
        /// The version; empty: the latest.
        version: String,
        /// Also over a change of the major version.
        permit_major_version: bool,
    },
}

/// Whom a command concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The program behind a session (`ts_…`).
    Session {
        /// Id of the session.
        id: String,
        /// What it shall do.
        command: Command,
    },
    /// One endpoint (`tn_…`) ends, its agent is told.
    Endpoint {
        /// Id of the endpoint for the API.
        id: String,
        /// What the agent is told; empty: the text of `ERR_ADIT_1210`.
        message: String,
    },
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no such session or endpoint.
    #[error("not found")]
    NotFound,
    /// The agent cannot (804–806), did not (807–809) or does not answer (810).
    #[error("{text} ({code})")]
    Refused {
        /// The code.
        code: ErrorCode,
        /// One sentence, with the agent's own words.
        text: String,
    },
}

/// One command on its way.
#[derive(Debug)]
pub struct Request {
    /// Whom it concerns, and what is asked.
    pub target: Target,
    answer: oneshot::Sender<Result<(), CommandError>>,
}

impl Request {
    /// Answers it. Nobody may be waiting any more.
    pub fn answer(self, result: Result<(), CommandError>) {
        let _ = self.answer.send(result);
    }
}

/// Gives commands.
#[derive(Clone, Debug)]
pub struct Commands {
    queue: mpsc::Sender<Request>,
}

/// Takes them up.
pub type CommandQueue = mpsc::Receiver<Request>;

impl Commands {
    /// A way for commands, and its other end.
    pub fn new() -> (Self, CommandQueue) {
        let (queue, taken) = mpsc::channel(WAITING);
        (Self { queue }, taken)
    }

    /// Gives a command and waits for its answer, which comes within about ten seconds.
    ///
    /// # Errors
    /// See [`CommandError`]; 810 also if too many commands wait already, or the node is leaving.
    pub async fn give(&self, target: Target) -> Result<(), CommandError> {
        let (answer, answered) = oneshot::channel();
        if self.queue.try_send(Request { target, answer }).is_err() {
            return Err(unanswered());
        }
        answered.await.unwrap_or_else(|_| Err(unanswered()))
    }
}

fn unanswered() -> CommandError {
    let code = ErrorCode::NGROK_810;
    CommandError::Refused {
        code,
        text: code.message(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(id: &str) -> Target {
        Target::Session {
            id: id.to_owned(),
            command: Command::Stop,
        }
    }

    #[tokio::test]
    async fn the_answer_comes_back() {
        let (commands, mut queue) = Commands::new();
        let reader = async {
            let request = queue.recv().await.unwrap();
            assert_eq!(request.target, stop("ts_1"));
            request.answer(Err(CommandError::NotFound));
        };
        let (answer, ()) = tokio::join!(commands.give(stop("ts_1")), reader);
        assert_eq!(answer, Err(CommandError::NotFound));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_queue_that_is_full_or_gone() {
        let (commands, mut queue) = Commands::new();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..WAITING {
            let commands = commands.clone();
            waiting.spawn(async move { commands.give(stop("ts_1")).await });
        }
        while queue.len() < WAITING {
            tokio::task::yield_now().await;
        }
        assert_eq!(commands.give(stop("ts_2")).await, Err(unanswered()));
        // A command that is dropped without an answer counts as one that nobody answered.
        drop(queue.recv().await);
        queue.close();
        drop(queue);
        while let Some(answer) = waiting.join_next().await {
            assert_eq!(answer.unwrap(), Err(unanswered()));
        }
        assert_eq!(commands.give(stop("ts_3")).await, Err(unanswered()));
    }
}
