//! What policies ask for and what has to be waited for. Each has a time limit; what fails or is cut off follows the
//! failure behaviour of the action that asked, and none lets anybody pass by that.

use std::future::poll_fn;
use std::time::Duration;

use adit_names::code::ErrorCode;
use adit_policy::{BodyFault, Effect, EffectFault, Input, Session};

use super::asker::Asker;
use super::chain::Chain;
use super::run::Scene;
use crate::http::VisitorError;

/// Longest time for a response's body.
const BODY: Duration = Duration::from_secs(60);

/// Performs an effect.
///
/// # Errors
/// The visitor has left, or what he sends is not HTTP.
pub(super) async fn perform(
    _chain: &mut Chain,
    _scene: Scene<'_>,
    effect: Effect,
    asker: &mut Asker<'_>,
) -> Result<Input, VisitorError> {
    match effect {
        Effect::Wait { place, most } => {
            let waited = asker.unless_gone(tokio::time::timeout(most, place)).await?;
            Ok(Input::Admitted(waited.is_ok()))
        }
        Effect::Body { response: true, limit } => {
            let Asker::Response { conn, behind } = asker else {
                return Ok(Input::Body(Err(BodyFault::Failed)));
            };
            let budget = &conn.node.agents.budget;
            let read = tokio::time::timeout(BODY, poll_fn(|cx| behind.poll_whole(cx, limit, budget))).await;
            Ok(Input::Body(read.unwrap_or(Err(BodyFault::Failed))))
        }
        other => Ok(unavailable(&other)),
    }
}

/// The answer to an effect that this version does not perform. Policies with actions that ask for such are refused
/// where they are written.
fn unavailable(effect: &Effect) -> Input {
    let fault = || EffectFault {
        code: ErrorCode::ADIT_5203,
        message: "not available in this version".to_owned(),
    };
    match effect {
        Effect::Fetch(_) => Input::Fetched(Err(fault())),
        Effect::Keys { .. } => Input::Keys(Err(fault())),
        Effect::Body { .. } => Input::Body(Err(BodyFault::Failed)),
        Effect::Session(_) => Input::Session(Box::new(Session::Failed(fault()))),
        Effect::Inspect(_) => Input::Inspected(Err(fault())),
        Effect::OpenInternal { .. } => Input::Opened(Err(fault())),
        Effect::Wait { .. } => Input::Admitted(false),
        Effect::Tick => Input::Tick(Duration::ZERO),
    }
}
