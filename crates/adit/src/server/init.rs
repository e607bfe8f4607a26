//! `adit server init`: a commented configuration file, and the first organisation with its administrator.

use std::path::{Path, PathBuf};

use adit_server::First;
use adit_server::config::template;
use adit_server::state::State;
use clap::Args;

use super::{Config, DATA_DIR};
use crate::exit::{Exit, Failure};

/// What an installation begins with.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// The configuration file to write; one that is there is kept and used.
    #[arg(long, value_name = "FILE", default_value = "adit-server.yml")]
    config: PathBuf,
    /// Domain below which names are given.
    #[arg(long, value_name = "NAME")]
    base_domain: Option<String>,
    /// E-mail address of the first administrator.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Name of the first organisation.
    #[arg(long, value_name = "NAME", default_value = "adit")]
    organization: String,
    /// Where state is kept [default: /var/lib/adit].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let shown = args.config.display();
    if args.config.exists() {
        println!("kept   {shown}");
    } else {
        write(args)?;
        println!("wrote  {shown}");
    }
    let config = Config::read(&args.config)?;
    let first = First::new(&args.organization, &args.email).map_err(|e| Failure::failed(e.to_string()))?;
    let state = State::open(&config.data_dir).map_err(|e| Failure::failed(e.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("no event loop: {e}")))?;
    let made = runtime
        .block_on(adit_server::first::initialize(
            &config.settings,
            &state,
            &first,
            &config.base_domain,
        ))
        .map_err(|e| Failure::failed(e.to_string()))?;
    if !made {
        println!("nothing to do: there is an organisation already");
        return Ok(Exit::Done);
    }
    println!("made   organisation {} ({})", first.organization, first.organization_id);
    println!("made   administrator {}", first.email);
    println!();
    println!("API key    {}", first.api_key);
    println!("Authtoken  {}", first.authtoken);
    println!("           both are shown this once; the API key may do everything");
    let link = first.setup_link(&config.settings, &config.base_domain);
    println!("Password   {link}");
    println!("           where the administrator chooses one, within a day");
    println!();
    println!("Start it:  adit server --config {shown}");
    Ok(Exit::Done)
}

fn write(args: &InitArgs) -> Result<(), Failure> {
    let base_domain = args.base_domain.as_deref().ok_or_else(|| {
        Failure::usage("no base domain is given")
            .fix("the domain below which names are given: --base-domain tunnels.example.com")
    })?;
    let data_dir = args.data_dir.as_deref().unwrap_or_else(|| Path::new(DATA_DIR));
    let text = template::render(base_domain, data_dir);
    // It may have the address of a database, with its password.
    adit_server::write_durably(&args.config, text.as_bytes(), 0o640)
        .map_err(|e| Failure::failed(format!("{}: {e}", args.config.display())))
}
