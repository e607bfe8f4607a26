//! The binary `adit`: one file a command below `command`, what it prints below `output`, how it ends in `exit`.

mod command;
#[cfg(feature = "server")]
mod dev;
mod exit;
mod firewall;
mod output;
#[cfg(feature = "server")]
mod server;

use std::process::ExitCode;

use clap::Parser;

use command::Command;

/// Self-hosted tunnels: a service behind NAT on the internet, under your own rules.
#[derive(Debug, Parser)]
#[command(name = "adit", version, propagate_version = true, disable_help_subcommand = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    // Wrong usage ends here: clap prints what is wrong, a suggestion and the usage, and exits with 2.
    let cli = Cli::parse();
    let form = cli.command.failure_form();
    match cli.command.run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure::print(&failure, form);
            failure.exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_commands_is_sound() {
        super::Cli::command().debug_assert();
    }
}
