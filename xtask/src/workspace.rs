//! Where the workspace and its build products lie.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::process::{self, Cmd};

/// The workspace that this program serves.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Asks cargo. Without resolving versions: needs no network and no lock file, and takes some 50 ms.
    pub(crate) fn find() -> Result<Self> {
        // `cargo run` names the tree it was called in; the built-in path may be another clone's with the same
        // target folder.
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let manifest = package.join("Cargo.toml");
        let metadata = MetadataCommand::new()
            .cargo_path(process::cargo())
            .manifest_path(manifest)
            .no_deps()
            .exec()
            .context("`cargo metadata` does not read this workspace")?;
        Ok(Self { metadata })
    }

    /// The members and what their manifests declare.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The folder with the root manifest.
    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Cargo's target folder (`CARGO_TARGET_DIR` is honoured).
    pub(crate) fn target(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// A program that a build in `profile` leaves.
    pub(crate) fn binary(&self, profile: &str, name: &str) -> PathBuf {
        let folder = if profile == "dev" { "debug" } else { profile };
        self.target()
            .join(folder)
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// A cargo command in the root of the workspace.
    pub(crate) fn cargo<const N: usize>(&self, args: [&str; N]) -> Cmd {
        Cmd::cargo().args(args).dir(self.root())
    }
}
