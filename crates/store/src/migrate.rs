//! Tables of the store, made and changed step by step. Both engines have the same steps with the same numbers.

use crate::error::OpenError;
use crate::sql::statements::{MIGRATED, MIGRATION_DONE};
use crate::sql::{Arg, Conn, Dialect};

/// One step: its number and its text for each engine.
struct Step {
    number: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

const STEPS: &[Step] = &[Step {
    number: 1,
    sqlite: include_str!("../migrations/sqlite/0001_tables.sql"),
    postgres: include_str!("../migrations/postgres/0001_tables.sql"),
}];

/// Number of the newest step.
pub(crate) const NEWEST: i64 = 1;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY NOT NULL)";
/// Several nodes may start at once: one migrates, the others wait and find it done.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1094997332)";

/// Brings the tables to what this version knows, each step in the one transaction that also records it.
pub(crate) async fn run(conn: &mut Conn) -> Result<(), OpenError> {
    let dialect = conn.dialect();
    let begin = match dialect {
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        Dialect::Postgres => "BEGIN",
    };
    conn.raw(begin).await.map_err(OpenError::sql)?;
    match steps(conn, dialect).await {
        Ok(()) => conn.commit().await.map_err(OpenError::sql),
        Err(error) => {
            // The first error is the one to tell.
            let _ = conn.rollback().await;
            Err(error)
        }
    }
}

async fn steps(conn: &mut Conn, dialect: Dialect) -> Result<(), OpenError> {
    if dialect == Dialect::Postgres {
        conn.raw(LOCK).await.map_err(OpenError::sql)?;
    }
    conn.raw(TABLE).await.map_err(OpenError::sql)?;
    let row = conn.row(&MIGRATED, Vec::new()).await.map_err(OpenError::sql)?;
    let found = row
        .map(|row| row.int(0))
        .transpose()
        .map_err(OpenError::sql)?
        .unwrap_or_default();
    if found > NEWEST {
        return Err(OpenError::Newer { found, known: NEWEST });
    }
    for step in STEPS.iter().filter(|step| step.number > found) {
        conn.raw(match dialect {
            Dialect::Sqlite => step.sqlite,
            Dialect::Postgres => step.postgres,
        })
        .await
        .map_err(OpenError::sql)?;
        conn.run(&MIGRATION_DONE, vec![Arg::from(step.number)])
            .await
            .map_err(OpenError::sql)?;
    }
    Ok(())
}
