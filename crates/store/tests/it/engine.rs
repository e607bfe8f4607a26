//! Databases for tests.

use adit_store::{Engine, MasterKey, Options, Store};
use sqlx::{ConnectOptions, Connection};
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

    /// Over a server of the test's own.
    pub(crate) fn at(url: String) -> Self {
        Self {
            engine: Engine::Postgres(url),
            _dir: tempfile::tempdir().unwrap(),
        }
    }

    /// Address of its PostgreSQL.
    pub(crate) fn url(&self) -> String {
        match &self.engine {
            Engine::Postgres(url) => url.clone(),
            Engine::Sqlite(_) => panic!("not on PostgreSQL"),
        }
    }

    /// Takes the gate as another node would, under the same limits, and then does nothing.
    pub(crate) async fn hold_the_gate(&self) -> Holder {
        let options: sqlx::postgres::PgConnectOptions = self.url().parse().unwrap();
        let mut conn = options.connect().await.unwrap();
        sqlx::raw_sql(
            "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '1s'; UPDATE log_head SET position = position WHERE chain = ''",
        )
        .execute(&mut conn)
        .await
        .unwrap();
        Holder(conn)
    }

    /// Until somebody waits for the gate.
    pub(crate) async fn wait_for_a_waiter(&self) {
        let options: sqlx::postgres::PgConnectOptions = self.url().parse().unwrap();
        let mut conn = options.connect().await.unwrap();
        let question = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while sqlx::raw_sql(question)
            .fetch_optional(&mut conn)
            .await
            .unwrap()
            .is_none()
        {
            tokio::task::yield_now().await;
        }
    }

    /// Changes the database behind the store's back.
    pub(crate) async fn run(&self, statement: &str) {
        match &self.engine {
            Engine::Postgres(url) => crate::postgres::run(url, statement).await,
            Engine::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut conn = options.connect().await.unwrap();
                let statement = sqlx::AssertSqlSafe(statement.to_owned());
                sqlx::raw_sql(statement).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            }
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

/// Somebody who has the gate.
pub(crate) struct Holder(sqlx::PgConnection);

impl Holder {
    pub(crate) async fn let_go(mut self) {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.0).await.unwrap();
    }

    /// Whether the server has ended its session.
    pub(crate) async fn was_ended(mut self) -> bool {
        sqlx::raw_sql("SELECT 1").execute(&mut self.0).await.is_err()
    }
}
