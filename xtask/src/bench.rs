//! `cargo xtask bench`: builds what is measured, installs the peers that Debian has, and hands over to
//! `benches/run.py`.

use anyhow::Result;

use crate::install::{self, Package, Probe};
use crate::process::Cmd;
use crate::workspace::Workspace;

const PACKAGES: &[Package] = &[
    Package {
        name: "nginx",
        probe: Probe::Program("nginx"),
        purpose: "upstream of every chain, and peer",
    },
    Package {
        name: "libnginx-mod-stream",
        probe: Probe::File("/usr/lib/nginx/modules/ngx_stream_module.so"),
        purpose: "peer in the TCP scenarios",
    },
    Package {
        name: "haproxy",
        probe: Probe::Program("haproxy"),
        purpose: "peer",
    },
    Package {
        name: "nghttp2-client",
        probe: Probe::Program("h2load"),
        purpose: "the load generator",
    },
    Package {
        name: "openssl",
        probe: Probe::Program("openssl"),
        purpose: "certificates of the peers",
    },
    Package {
        name: "strace",
        probe: Probe::Program("strace"),
        purpose: "counts system calls where perf cannot",
    },
];

/// Options of `cargo xtask bench`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Cargo profile to measure
    #[arg(long, default_value = "release")]
    profile: String,
    /// Measure what was built before
    #[arg(long)]
    no_build: bool,
    /// Scenarios and options for benches/run.py, for example: S1 S3 --peers nginx,adit --rounds 5
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "RUN.PY ARGUMENTS")]
    rest: Vec<String>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    install::debian(PACKAGES)?;
    if !args.no_build {
        // Two commands: an example is built with what tests want, and that must not reach the binary that is measured.
        let build = || workspace.cargo(["build", "--profile"]).arg(&args.profile);
        build().args(["--package", "adit"]).run()?;
        build()
            .args(["--package", "adit-agent", "--example", "sessions"])
            .run()?;
    }
    Cmd::new("python3")
        .arg(workspace.root().join("benches").join("run.py"))
        .args(&args.rest)
        .env("ADIT_BIN", workspace.binary(&args.profile, "adit"))
        .env("ADIT_SESSIONS", workspace.binary(&args.profile, "examples/sessions"))
        .run()
}
