//! An agent in the foreground: connect, offer, print what happens, stop in order.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use adit_agent::{Error, Forwarder, Session, SessionBuilder};
use tokio::sync::Notify;

use super::restart;
use super::signals::Signals;
use crate::exit::{Exit, Failure};
use crate::output::event::EventLines;
use crate::output::printer::{LogArgs, Printer};

/// Asks a session for one endpoint.
pub(crate) type Offer = Box<dyn Fn(&Session) -> Pin<Box<dyn Future<Output = Result<Forwarder, Error>> + '_>>>;

/// Runs the agent until it is stopped. One thread carries it all: an agent waits most of the time, and what it
/// copies is coalesced best when nobody else takes part.
pub(crate) fn run(builder: SessionBuilder, log: &LogArgs, offers: &[Offer]) -> Result<Exit, Failure> {
    let printer = Printer::new(log)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("the agent cannot start").because(error.to_string()))?;
    let ended = runtime.block_on(serve(builder, printer, offers));
    // A name look-up that hangs must not hold the program up.
    runtime.shutdown_background();
    match ended? {
        End::Done => Ok(Exit::Done),
        End::Restart => restart::now(),
    }
}

/// How the agent ended in order.
enum End {
    Done,
    /// The program shall begin anew.
    Restart,
}

async fn serve(builder: SessionBuilder, printer: Printer, offers: &[Offer]) -> Result<End, Failure> {
    let mut signals =
        Signals::new().map_err(|error| Failure::failed("signals cannot be received").because(error.to_string()))?;
    let lines = EventLines::new(printer);
    let asked = Arc::new(Notify::new());
    let stop = Arc::clone(&asked);
    let builder = builder.on_event(move |event| lines.print(event)).on_stop(move || {
        stop.notify_one();
        Ok(())
    });
    let restart = Arc::new(Notify::new());
    let builder = restart::offer(builder, &restart);
    let session = tokio::select! {
        connected = builder.connect() => connected?,
        () = signals.next() => return Ok(End::Done),
    };
    let served = tokio::select! {
        failure = offer_and_wait(&session, offers) => Err(failure.into()),
        ended = session.closed() => ended.map(|()| End::Done).map_err(Failure::from),
        () = signals.next() => Ok(End::Done),
        () = asked.notified() => Ok(End::Done),
        () = restart.notified() => Ok(End::Restart),
    };
    tokio::select! {
        () = session.close() => {}
        // The second signal does not wait, and ends a restart as well.
        () = signals.next() => return served.map(|_| End::Done),
    }
    served
}

/// Offers everything, then waits until nothing of it is left; with the reason.
async fn offer_and_wait(session: &Session, offers: &[Offer]) -> Error {
    let mut forwarders = Vec::with_capacity(offers.len());
    for offer in offers {
        match patiently(session, offer).await {
            Ok(forwarder) => forwarders.push(forwarder),
            Err(refusal) => return refusal,
        }
    }
    let mut last = Error::Closed;
    for forwarder in &forwarders {
        if let Err(cause) = forwarder.closed().await {
            last = cause;
        }
    }
    last
}

/// Waits out the refusals that the server means for a moment; any other one is the user's to look at.
async fn patiently(session: &Session, offer: &Offer) -> Result<Forwarder, Error> {
    const PASSING: [&str; 4] = ["ERR_ADIT_1206", "ERR_NGROK_128", "ERR_NGROK_802", "ERR_NGROK_803"];
    let mut wait = Duration::from_secs(1);
    loop {
        match offer(session).await {
            Err(refusal) if refusal.code().is_some_and(|code| PASSING.contains(&code)) => {
                tokio::time::sleep(wait).await;
                wait = wait.saturating_mul(2).min(Duration::from_secs(30));
            }
            done => return done,
        }
    }
}
