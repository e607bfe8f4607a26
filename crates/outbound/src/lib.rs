//! The one way out: an HTTP client that asks only where it may, for everything that Adit fetches on somebody's word.
//!
//! Whoever writes a policy names the URLs, so a URL must not lead to what only this machine can reach. Names are
//! resolved here, every address is judged, and the one that was judged is the one that is dialled; each redirect goes
//! through the same door. Time, size, hops and calls at once are bounded.
//!
//! 1. [`Client::call`] takes a place ([`Places`]), follows redirects and keeps to the limits of a [`Call`].
//! 2. `dial` resolves ([`Resolve`]), asks the [`Guard`], connects, and speaks TLS.
//! 3. `address` says what kind an address is; [`Guard`] what an operator allows beyond that.
//! 4. [`Failure`] says why there is no answer.
//!
//! Names below `.internal` are endpoints of the organisation: they never come here ([`Failure::Internal`]).

mod address;
mod client;
mod decode;
mod dial;
mod guard;
mod places;
mod reason;
mod redirect;
mod resolve;

pub use address::{Kind, kind};
pub use client::{Answer, Call, Client, Options};
pub use decode::decode;
pub use guard::{Allowed, Guard, Purpose, WrongAllowance};
pub use places::{Place, Places, Who};
pub use reason::Failure;
pub use resolve::{Resolve, Resolved, SystemResolver};
