//! The suite of Adit for the crate `ngrok`, as it is: `compat-rust [PART_OF_A_NAME…]`, with ADIT_BIN.
//! `compat-rust agent …` is the SDK in a process of its own, for tests that need several.

mod api;
mod cut;
mod endpoints;
mod harness;
mod life;
mod limits;
mod login;
mod process;
mod proxy;
mod sdk;
mod server;
mod traffic;
mod upstream;
mod visitor;

use std::process::ExitCode;
use std::sync::Arc;

use server::Server;

/// Of the crate under test: pinned in Cargo.toml, and the lock file has its checksum.
const SDK: &str = "0.19.0";

#[tokio::main]
async fn main() -> ExitCode {
    // What the suite's own TLS uses, and what the SDK needs for TLS to an upstream.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("there is a provider of cryptography already");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|a| a == "agent") {
        return match process::serve(&arguments[1..]).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        };
    }
    println!("-- ngrok {SDK} of crates.io");
    let shared = match Server::start().await {
        Ok(server) => Arc::new(server),
        Err(error) => {
            println!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let all = [
        login::TESTS,
        endpoints::TESTS,
        traffic::TESTS,
        limits::TESTS,
        life::TESTS,
        api::TESTS,
    ]
    .concat();
    let well = harness::run(&all, &shared, &arguments).await;
    shared.stop().await;
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
