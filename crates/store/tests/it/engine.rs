//! Databases for tests.

use adit_store::{Engine, MasterKey, Options, Store};
use tempfile::TempDir;

/// A database of its own for one test.
pub(crate) struct Bench {
    engine: Engine,
    _dir: TempDir,
}

impl Bench {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            engine: Engine::Sqlite(dir.path().join("adit.db")),
            _dir: dir,
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// A store over this database; several are as several nodes.
    pub(crate) async fn open(&self) -> Store {
        Store::open(self.options("edge-1", [7; 32])).await.unwrap()
    }

    pub(crate) fn options(&self, node: &str, key: [u8; 32]) -> Options {
        Options {
            engine: self.engine(),
            node: node.to_owned(),
            key: MasterKey::new(key),
        }
    }
}
