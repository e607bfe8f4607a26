//! `adit server reset-user` and `adit server ip-restrictions disable`: ways back in for who is locked out. They need the
//! files of the host and no login (control plane 3.2, 3.8).

use adit_server::host::{Host, HostError, Restricted};
use clap::{Args, Subcommand, ValueEnum};

use super::backup::{event_loop, failed};
use super::place::{Place, PlaceArgs};
use crate::exit::{Exit, Failure};

/// Who is let in again.
#[derive(Args, Debug)]
pub(super) struct ResetUserArgs {
    /// E-mail address of the user
    #[arg(value_name = "EMAIL")]
    email: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What is done with restrictions.
#[derive(Args, Debug)]
pub(super) struct IpRestrictionsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Restrictions of a type are only recorded from now on, no longer enforced
    #[command(
        after_help = "Examples:\n  adit server ip-restrictions disable --type dashboard\n  adit server ip-restrictions disable --type api --org ac_2NxbXrBRdRPXcCBcQuyVKPQ3vX4\n\nThe server may run or not; one that runs takes it up within a second."
    )]
    Disable(DisableArgs),
}

/// Which restrictions.
#[derive(Args, Debug)]
struct DisableArgs {
    /// What is restricted
    #[arg(long = "type", value_name = "TYPE")]
    restricted: Type,
    /// Id of the organisation; without it, those of all organisations
    #[arg(long, value_name = "ID")]
    org: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Type {
    Dashboard,
    Api,
}

impl From<Type> for Restricted {
    fn from(given: Type) -> Self {
        match given {
            Type::Dashboard => Self::Dashboard,
            Type::Api => Self::Api,
        }
    }
}

/// Prints a link that is good once.
pub(super) fn reset_user(args: &ResetUserArgs) -> Result<Exit, Failure> {
    let place = args.place.read()?;
    let reset = on(&place, async |host| host.reset_user(&args.email).await)?;
    println!("reset  {}: his sessions are over", reset.email);
    match place.dashboard() {
        Some(dashboard) => println!("link   {dashboard}/#reset={}", reset.token),
        None => println!(
            "link   #reset={}, behind the dashboard's address that adit dev prints when it starts",
            reset.token
        ),
    }
    println!(
        "       good once, until {}; a link from before is void, the old password is good until then",
        reset.until
    );
    if !reset.is_active {
        println!("       he is not active, and can sign in only after an administrator has activated him");
    }
    Ok(Exit::Done)
}

/// Does the one thing there is.
pub(super) fn ip_restrictions(args: &IpRestrictionsArgs) -> Result<Exit, Failure> {
    let Action::Disable(args) = &args.action;
    let place = args.place.read()?;
    let restricted = Restricted::from(args.restricted);
    let disabled = on(&place, async |host| {
        host.disable_restrictions(restricted, args.org.as_deref()).await
    })?;
    if disabled.is_empty() {
        println!("nothing to do: no restriction of the {} is enforced", restricted.name());
    }
    for one in disabled {
        println!(
            "disabled  {} of the {} in organisation {}",
            one.id,
            restricted.name(),
            one.organization
        );
    }
    Ok(Exit::Done)
}

/// Opens the store of a place, does this with it, and closes it.
fn on<T>(place: &Place, act: impl AsyncFnOnce(&Host) -> Result<T, HostError>) -> Result<T, Failure> {
    let done = event_loop()?.block_on(async {
        let host = Host::open(&place.settings, &place.data_dir).await?;
        let done = act(&host).await;
        host.close().await;
        done
    });
    done.map_err(|error| {
        let failure = failed(&error);
        match error {
            HostError::NoStore(_) => failure
                .fix("name the configuration of the server, or its data directory: --config FILE or --data-dir DIR"),
            HostError::NoUser(_) => failure.fix("give the address with which the user signs in"),
            HostError::NoOrganization(_) => failure.fix("leave --org out for all organisations"),
            HostError::Write(_) => failure.fix("try again; if a server runs here, look at what it logs"),
            _ => failure,
        }
    })
}
