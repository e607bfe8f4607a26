//! `adit dev`: server and agent in one process, a certificate authority of its own, a service of this machine on
//! an HTTPS name within seconds.

mod args;
mod banner;
mod echo;
mod info;
mod places;
mod probe;
mod start;
mod trust;

pub(crate) use args::DevArgs;
pub(crate) use info::dashboard_of;

use crate::exit::{Exit, Failure};

/// Runs the command.
pub(crate) fn run(args: DevArgs) -> Result<Exit, Failure> {
    match args.action {
        Some(args::Action::Trust(place)) => trust::trust(&place.directory()?),
        Some(args::Action::Untrust(place)) => trust::untrust(&place.directory()?),
        Some(args::Action::Hosts(place)) => info::hosts(&place.directory()?),
        Some(args::Action::Status(place)) => info::status(&place.directory()?),
        None => start::run(args.start),
    }
}
