//! PostgreSQL: the same statements; what differs is how a transaction begins and what the server must promise.

use std::str::FromStr;
use std::sync::LazyLock;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::{Conn, SqlError};
use crate::error::OpenError;

pub(crate) const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The third limit is the smallest, or a frozen holder of the gate makes all behind it time out first (cluster 3.2).
/// The gate looks everything up by keys. A plan that was made while the tables were small and nobody had counted their
/// rows reads them whole, and is kept while they grow: 50 ms instead of 1 ms for a batch at 20,000 objects. Hence the
/// ways to read or join whole tables are shut.
/// Only `SET LOCAL`: it works behind a pooler of transactions. The gate comes last, with its answer.
pub(crate) static BEGIN_WRITING: LazyLock<String> = LazyLock::new(|| {
    let gate = super::statements::GATE.text;
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '2s'; \
         SET LOCAL idle_in_transaction_session_timeout = '1s'; SET LOCAL enable_seqscan = off; \
         SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; {gate}"
    )
});

/// Reads a connection string.
pub(crate) fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Address(error.to_string()))?;
    Ok(options
        .application_name("adit")
        .statement_cache_capacity(512)
        .disable_statement_logging())
}

/// The writer's connection. Refused if the server may lose what it has acknowledged.
pub(crate) async fn writer(options: &PgConnectOptions) -> Result<Conn, OpenError> {
    let mut conn = Conn::from(options.connect().await.map_err(OpenError::sql)?);
    for (setting, allowed) in [
        (&super::statements::SHOW_FSYNC, &["on"][..]),
        (&super::statements::SHOW_SYNCHRONOUS_COMMIT, &["on", "remote_apply"][..]),
    ] {
        let row = conn.row(setting, Vec::new()).await.map_err(OpenError::sql)?;
        let value = row.map(|row| row.text(0)).transpose().map_err(OpenError::sql)?;
        let value = value.unwrap_or_default();
        if !allowed.contains(&value.as_str()) {
            let setting = setting.text.trim_start_matches("SHOW ");
            return Err(OpenError::Unsafe(format!("{setting} = {value}")));
        }
    }
    Ok(conn)
}

/// Whether an error means that the connection is of no use any more.
pub(crate) fn is_connection_lost(error: &SqlError) -> bool {
    match error {
        SqlError::Io(_)
        | SqlError::Protocol(_)
        | SqlError::PoolTimedOut
        | SqlError::PoolClosed
        | SqlError::WorkerCrashed
        | SqlError::Tls(_) => true,
        // Class 57: an administrator or the idle timeout ended the session; 25P03 is that timeout; 08: connection.
        SqlError::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code == "25P03" || code.starts_with("08")),
        _ => false,
    }
}
