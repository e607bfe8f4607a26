//! Databases for tests.

use adit_store::{Engine, MasterKey, Options, Store};
use tempfile::TempDir;

/// Makes two tests of each function that takes a bench: one on SQLite, one on PostgreSQL.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::engine::Bench::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::engine::Bench::postgres().await).await;
            })*
        }
    };
}

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

    pub(crate) async fn postgres() -> Self {
        Self {
            engine: Engine::Postgres(crate::postgres::database().await),
            _dir: tempfile::tempdir().unwrap(),
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
