//! What policies ask for and what has to be waited for. Each has a time limit; what fails or is cut off follows the
//! failure behaviour of the action that asked, and none lets anybody pass by that.

use std::future::poll_fn;
use std::time::Duration;

use adit_names::code::ErrorCode;
use adit_outbound::Purpose;
use adit_policy::{BodyFault, Effect, EffectFault, Input, Session};

use super::asker::Asker;
use super::chain::Chain;
use super::connection::micros;
use super::fetch::Origin;
use super::inspect;
use super::run::Scene;
use crate::http::VisitorError;

/// Longest time for a response's body.
const BODY: Duration = Duration::from_secs(60);

/// Performs an effect.
///
/// # Errors
/// The visitor has left, or what he sends is not HTTP.
pub(super) async fn perform(
    chain: &mut Chain,
    scene: Scene<'_>,
    effect: Effect,
    asker: &mut Asker<'_>,
) -> Result<Input, VisitorError> {
    let origin = asker.conn().and_then(|conn| Origin::of(chain, &scene, conn));
    match (effect, origin) {
        (Effect::Fetch(fetch), Some(origin)) => {
            let fetched = asker.unless_gone(origin.fetch(Purpose::Policy, *fetch)).await?;
            Ok(Input::Fetched(fetched))
        }
        (Effect::Keys { url }, Some(origin)) => Ok(Input::Keys(asker.unless_gone(origin.keys(url)).await?)),
        (Effect::Body { response: false, limit }, _) => {
            let Asker::Request {
                conn,
                visitor,
                body: (facts, body),
            } = asker
            else {
                return Ok(Input::Body(Err(BodyFault::Failed)));
            };
            let read = body.read(*visitor, facts, &conn.node.agents.budget, limit).await?;
            Ok(Input::Body(read.map(|whole| {
                chain.exchange.body_received(micros(whole.at), whole.trailers);
                whole.bytes
            })))
        }
        (Effect::Wait { place, most }, _) => {
            let waited = asker.unless_gone(tokio::time::timeout(most, place)).await?;
            Ok(Input::Admitted(waited.is_ok()))
        }
        (Effect::Body { response: true, limit }, _) => {
            let Asker::Response { conn, behind } = asker else {
                return Ok(Input::Body(Err(BodyFault::Failed)));
            };
            let budget = &conn.node.agents.budget;
            let read = tokio::time::timeout(BODY, poll_fn(|cx| behind.poll_whole(cx, limit, budget))).await;
            Ok(Input::Body(read.unwrap_or(Err(BodyFault::Failed))))
        }
        (Effect::Inspect(asked), _) => Ok(Input::Inspected(inspect::perform(chain, scene, &asked, asker).await?)),
        (other, _) => Ok(unavailable(&other)),
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
