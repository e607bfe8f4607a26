//! The two engines behind one face: the same statements, values and rows on SQLite and PostgreSQL.
//!
//! A statement is a constant of [`statements`]; nothing outside this folder and the migrations has SQL.

mod pool;
pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod statements;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Connection, Postgres, Row as _, SqlSafeStr, Sqlite};

use pool::Home;
pub(crate) use pool::Pool;
use statements::{Rows as List, Statement};

/// How long a database may take to answer a question.
const ANSWER: Duration = Duration::from_secs(20);

/// What goes wrong below.
pub(crate) type SqlError = sqlx::Error;

/// A value for a placeholder. Types are told apart where it is null as well, since PostgreSQL wants to know.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
    Blob(Option<Vec<u8>>),
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Arg {
    /// Positions and revisions stay far below 2⁶³.
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<u64>> for Arg {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Int(None), Self::from)
    }
}

impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(Some(value))
    }
}

/// One row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! column {
    ($row:expr, $at:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get_unchecked($at),
            Row::Postgres(row) => row.try_get_unchecked($at),
        }
    };
}

impl Row {
    pub(crate) fn text(&self, at: usize) -> Result<String, SqlError> {
        column!(self, at)
    }

    pub(crate) fn text_or_null(&self, at: usize) -> Result<Option<String>, SqlError> {
        column!(self, at)
    }

    pub(crate) fn int(&self, at: usize) -> Result<i64, SqlError> {
        column!(self, at)
    }

    pub(crate) fn int_or_null(&self, at: usize) -> Result<Option<i64>, SqlError> {
        column!(self, at)
    }

    /// A number that is never negative: positions, sequence numbers, revisions.
    pub(crate) fn count(&self, at: usize) -> Result<u64, SqlError> {
        let value = self.int(at)?;
        u64::try_from(value).map_err(|_| SqlError::Decode(format!("column {at} is negative").into()))
    }

    pub(crate) fn blob(&self, at: usize) -> Result<Vec<u8>, SqlError> {
        column!(self, at)
    }

    /// A text that must be an id, or another type with a form of its own.
    pub(crate) fn parse<T: std::str::FromStr>(&self, at: usize) -> Result<T, SqlError> {
        let text = self.text(at)?;
        text.parse()
            .map_err(|_| SqlError::Decode(format!("column {at} has an unknown form: {text:?}").into()))
    }
}

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// An answer that is read row by row.
pub(crate) struct Answer<'a> {
    rows: Rows<'a>,
    is_unclear: &'a mut bool,
}

type Found<'a, T> = Pin<Box<dyn Stream<Item = Result<T, SqlError>> + Send + 'a>>;

enum Rows<'a> {
    Sqlite(Found<'a, SqliteRow>),
    Postgres(Found<'a, PgRow>),
}

impl Answer<'_> {
    /// The next row; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Row>, SqlError> {
        let row = std::future::poll_fn(|cx| match &mut self.rows {
            Rows::Sqlite(rows) => rows
                .as_mut()
                .poll_next(cx)
                .map(|row| row.map(|row| row.map(Row::Sqlite))),
            Rows::Postgres(rows) => rows
                .as_mut()
                .poll_next(cx)
                .map(|row| row.map(|row| row.map(Row::Postgres))),
        });
        let row = row.await.transpose()?;
        *self.is_unclear = row.is_some();
        Ok(row)
    }
}

/// One connection, of its own or lent by a [`Pool`], to which it goes back when it is dropped.
pub(crate) struct Conn {
    dialect: Dialect,
    /// None once it is closed.
    line: Option<Line>,
    /// Something was begun and not ended.
    in_transaction: bool,
    /// A question was not answered to its end: what comes next on this connection is not known.
    is_unclear: bool,
    home: Option<Home>,
}

enum Line {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conn({:?})", self.dialect())
    }
}

impl From<SqliteConnection> for Conn {
    fn from(conn: SqliteConnection) -> Self {
        Self::new(Dialect::Sqlite, Line::Sqlite(conn))
    }
}

impl From<PgConnection> for Conn {
    fn from(conn: PgConnection) -> Self {
        Self::new(Dialect::Postgres, Line::Postgres(conn))
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if let (Some(home), Some(line)) = (self.home.take(), self.line.take()) {
            // What is open or unclear ends with its connection.
            home.back((!self.in_transaction && !self.is_unclear).then_some(line));
        }
    }
}

enum On<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Conn {
    const fn new(dialect: Dialect, line: Line) -> Self {
        Self {
            dialect,
            line: Some(line),
            in_transaction: false,
            is_unclear: false,
            home: None,
        }
    }

    fn on(&mut self) -> Result<On<'_>, SqlError> {
        match &mut self.line {
            Some(Line::Sqlite(conn)) => Ok(On::Sqlite(conn)),
            Some(Line::Postgres(conn)) => Ok(On::Postgres(conn)),
            None => Err(SqlError::PoolClosed),
        }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A question was answered, or its asker has gone away before.
    fn answered<T>(&mut self, answer: Result<T, SqlError>) -> Result<T, SqlError> {
        self.is_unclear = answer.as_ref().is_err_and(postgres::is_connection_lost);
        answer
    }

    /// All rows of an answer.
    pub(crate) async fn rows(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<Vec<Row>, SqlError> {
        self.fetch(statement.text, args).await
    }

    /// The one row of an answer, or none.
    pub(crate) async fn row(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<Option<Row>, SqlError> {
        Ok(self.fetch(statement.text, args).await?.into_iter().next())
    }

    /// How many rows it changed.
    pub(crate) async fn run(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<u64, SqlError> {
        self.execute(statement.text, args).await
    }

    /// A statement that takes a list. On SQLite it is split into runs whose lengths are powers of two, so that few texts
    /// exist and all stay prepared; on PostgreSQL the list goes as it is.
    pub(crate) async fn run_all(&mut self, rows: &'static List, mut args: Vec<Arg>) -> Result<(), SqlError> {
        let columns = rows.columns();
        if self.dialect() == Dialect::Postgres && !args.is_empty() {
            let mut arrays = PgArguments::default();
            add_arrays(&mut arrays, rows.types, args)?;
            return self.execute_postgres(rows.of_arrays(), arrays).await.map(drop);
        }
        let mut left = args.len() / columns;
        while left > 0 {
            let (text, taken) = rows.at_most(left);
            let rest = args.split_off(taken * columns);
            self.execute(text, args).await?;
            args = rest;
            left -= taken;
        }
        Ok(())
    }

    /// Several statements that take lists and do not touch the same table: on PostgreSQL in one round trip.
    pub(crate) async fn run_lists(&mut self, mut lists: Vec<(&'static List, Vec<Arg>)>) -> Result<(), SqlError> {
        lists.retain(|(_, args)| !args.is_empty());
        if self.dialect() == Dialect::Sqlite || lists.len() < 2 {
            for (rows, args) in lists {
                self.run_all(rows, args).await?;
            }
            return Ok(());
        }
        let mut arrays = PgArguments::default();
        let mut texts = Vec::with_capacity(lists.len());
        let mut first = 1;
        for (rows, args) in lists {
            texts.push(rows.of_arrays_from(first));
            first += rows.columns();
            add_arrays(&mut arrays, rows.types, args)?;
        }
        let last = texts.pop().unwrap_or_default();
        let others = texts
            .iter()
            .enumerate()
            .map(|(at, text)| format!("list{at} AS ({text})"));
        let text = format!("WITH {} {last}", others.collect::<Vec<_>>().join(", "));
        self.execute_postgres(AssertSqlSafe(text), arrays).await.map(drop)
    }

    /// A query that takes a list, as [`Conn::run_all`]; rows of all runs together.
    pub(crate) async fn query_all(&mut self, rows: &'static List, mut args: Vec<Arg>) -> Result<Vec<Row>, SqlError> {
        let columns = rows.columns();
        if self.dialect() == Dialect::Postgres && !args.is_empty() {
            let mut arrays = PgArguments::default();
            add_arrays(&mut arrays, rows.types, args)?;
            return self.fetch_postgres(rows.of_arrays(), arrays).await;
        }
        let mut left = args.len() / columns;
        let mut out = Vec::new();
        while left > 0 {
            let (text, taken) = rows.at_least(left);
            let rest = if taken < left {
                args.split_off(taken * columns)
            } else {
                Vec::new()
            };
            // Filled up with the last one: asking twice for the same costs nothing.
            let last: Vec<Arg> = args.iter().skip(args.len() - columns).cloned().collect();
            while args.len() < taken * columns {
                args.extend(last.iter().cloned());
            }
            out.extend(self.fetch(text, args).await?);
            args = rest;
            left = left.saturating_sub(taken);
        }
        Ok(out)
    }

    /// Several statements without values, in one round trip.
    pub(crate) async fn raw(&mut self, text: &'static str) -> Result<(), SqlError> {
        self.is_unclear = true;
        let done = match self.on()? {
            On::Sqlite(conn) => sqlx::raw_sql(text).execute(conn).await.map(drop),
            On::Postgres(conn) => sqlx::raw_sql(text).execute(conn).await.map(drop),
        };
        self.answered(done)
    }

    /// As [`Conn::rows`], for the statements that are made at run time.
    pub(crate) async fn rows_owned(&mut self, text: String, args: Vec<Arg>) -> Result<Vec<Row>, SqlError> {
        self.fetch(AssertSqlSafe(text), args).await
    }

    /// As [`Conn::rows_owned`], row by row as the engine finds them: what is not asked for is not held.
    pub(crate) fn stream(&mut self, text: String, args: Vec<Arg>) -> Result<Answer<'_>, SqlError> {
        // If it is not read to its end, nobody asks on this connection again.
        self.is_unclear = true;
        let rows = match &mut self.line {
            Some(Line::Sqlite(conn)) => {
                let query = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(text), sqlite_args(args)?);
                Rows::Sqlite(query.fetch(conn))
            }
            Some(Line::Postgres(conn)) => {
                let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(text), postgres_args(args)?);
                Rows::Postgres(query.fetch(conn))
            }
            None => return Err(SqlError::PoolClosed),
        };
        let is_unclear = &mut self.is_unclear;
        Ok(Answer { rows, is_unclear })
    }

    async fn fetch(&mut self, text: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>, SqlError> {
        if self.dialect() == Dialect::Postgres {
            return self.fetch_postgres(text, postgres_args(args)?).await;
        }
        self.is_unclear = true;
        let On::Sqlite(conn) = self.on()? else {
            return Err(SqlError::PoolClosed);
        };
        let rows = in_time(sqlx::query_with::<Sqlite, _>(text, sqlite_args(args)?).fetch_all(conn)).await;
        let answer = rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect());
        self.answered(answer)
    }

    async fn fetch_postgres(&mut self, text: impl SqlSafeStr, args: PgArguments) -> Result<Vec<Row>, SqlError> {
        self.is_unclear = true;
        let On::Postgres(conn) = self.on()? else {
            return Err(SqlError::PoolClosed);
        };
        let rows = in_time(sqlx::query_with::<Postgres, _>(text, args).fetch_all(conn)).await;
        let answer = rows.map(|rows| rows.into_iter().map(Row::Postgres).collect());
        self.answered(answer)
    }

    async fn execute(&mut self, text: &'static str, args: Vec<Arg>) -> Result<u64, SqlError> {
        if self.dialect() == Dialect::Postgres {
            return self.execute_postgres(text, postgres_args(args)?).await;
        }
        self.is_unclear = true;
        let On::Sqlite(conn) = self.on()? else {
            return Err(SqlError::PoolClosed);
        };
        let done = sqlx::query_with::<Sqlite, _>(text, sqlite_args(args)?)
            .execute(conn)
            .await;
        self.answered(done.map(|done| done.rows_affected()))
    }

    async fn execute_postgres(&mut self, text: impl SqlSafeStr, args: PgArguments) -> Result<u64, SqlError> {
        self.is_unclear = true;
        let On::Postgres(conn) = self.on()? else {
            return Err(SqlError::PoolClosed);
        };
        let done = sqlx::query_with::<Postgres, _>(text, args).execute(conn).await;
        self.answered(done.map(|done| done.rows_affected()))
    }

    /// What the engine says of a statement: number of its parameters, names of its columns.
    #[cfg(test)]
    pub(crate) async fn prepared(&mut self, text: &'static str) -> Result<(usize, Vec<String>), SqlError> {
        use sqlx::{Column as _, Either, Executor as _, SqlStr, Statement as _};
        let text = SqlStr::from_static(text);
        let count = |parameters| match parameters {
            Some(Either::Right(count)) => count,
            Some(Either::Left(types)) => types,
            None => 0,
        };
        Ok(match self.on()? {
            On::Sqlite(conn) => {
                let statement = conn.prepare(text).await?;
                let names = statement
                    .columns()
                    .iter()
                    .map(|column| column.name().to_owned())
                    .collect();
                (count(statement.parameters().map(|p| p.map_left(<[_]>::len))), names)
            }
            On::Postgres(conn) => {
                let statement = conn.prepare(text).await?;
                let names = statement
                    .columns()
                    .iter()
                    .map(|column| column.name().to_owned())
                    .collect();
                (count(statement.parameters().map(|p| p.map_left(<[_]>::len))), names)
            }
        })
    }

    /// Begins a transaction in which every statement sees the same state.
    pub(crate) async fn begin_reading(&mut self) -> Result<(), SqlError> {
        self.in_transaction = true;
        self.raw(match self.dialect() {
            Dialect::Sqlite => sqlite::BEGIN_READING,
            Dialect::Postgres => postgres::BEGIN_READING,
        })
        .await
    }

    /// Begins a transaction and takes the gate; the position of the last entry.
    pub(crate) async fn begin_writing(&mut self) -> Result<u64, SqlError> {
        self.in_transaction = true;
        let row = match self.dialect() {
            Dialect::Sqlite => {
                self.raw(sqlite::BEGIN_WRITING).await?;
                self.row(&statements::GATE, Vec::new()).await?
            }
            // In one round trip: this one is waited for by all who want to write.
            Dialect::Postgres => {
                self.is_unclear = true;
                let On::Postgres(conn) = self.on()? else {
                    return Err(SqlError::PoolClosed);
                };
                let text: &'static str = &postgres::BEGIN_WRITING;
                let answer = sqlx::raw_sql(text).fetch_optional(conn).await;
                self.answered(answer)?.map(Row::Postgres)
            }
        };
        row.ok_or(SqlError::RowNotFound)?.count(0)
    }

    pub(crate) async fn commit(&mut self) -> Result<(), SqlError> {
        self.raw("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), SqlError> {
        self.raw("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Ends what was begun, after an error that may have ended it already (a full disk does).
    pub(crate) async fn rollback_if_open(&mut self) -> Result<(), SqlError> {
        match (self.rollback().await, self.dialect()) {
            (Err(SqlError::Database(_)), Dialect::Sqlite) => Ok(()),
            (result, _) => result,
        }
    }

    /// Says goodbye; errors are of no interest any more.
    pub(crate) async fn close(mut self) {
        let closed = match self.line.take() {
            Some(Line::Sqlite(conn)) => conn.close().await,
            Some(Line::Postgres(conn)) => conn.close().await,
            None => Ok(()),
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "closing a connection to the store");
        }
    }
}

fn sqlite_args(args: Vec<Arg>) -> Result<SqliteArguments, SqlError> {
    let mut out = SqliteArguments::default();
    out.reserve(args.len(), 0);
    for arg in args {
        match arg {
            Arg::Text(value) => out.add(value),
            Arg::Int(value) => out.add(value),
            Arg::Blob(value) => out.add(value),
        }
        .map_err(SqlError::Encode)?;
    }
    Ok(out)
}

fn postgres_args(args: Vec<Arg>) -> Result<PgArguments, SqlError> {
    let mut out = PgArguments::default();
    out.reserve(args.len(), args.len() * 32);
    for arg in args {
        match arg {
            Arg::Text(value) => out.add(value),
            Arg::Int(value) => out.add(value),
            Arg::Blob(value) => out.add(value),
        }
        .map_err(SqlError::Encode)?;
    }
    Ok(out)
}

/// A list of rows as one array per column.
fn add_arrays(out: &mut PgArguments, types: &str, args: Vec<Arg>) -> Result<(), SqlError> {
    let columns = types.len();
    let rows = args.len() / columns.max(1);
    out.reserve(columns, args.len() * 32);
    let mut args: Vec<Option<Arg>> = args.into_iter().map(Some).collect();
    for (index, kind) in types.chars().enumerate() {
        let column = args.iter_mut().skip(index).step_by(columns).filter_map(Option::take);
        let unlike = || SqlError::Encode(format!("column {index} of a list has another type").into());
        match kind {
            'i' => {
                let mut list = Vec::with_capacity(rows);
                for arg in column {
                    let Arg::Int(value) = arg else { return Err(unlike()) };
                    list.push(value);
                }
                out.add(list)
            }
            'b' => {
                let mut list = Vec::with_capacity(rows);
                for arg in column {
                    let Arg::Blob(value) = arg else { return Err(unlike()) };
                    list.push(value);
                }
                out.add(list)
            }
            _ => {
                let mut list = Vec::with_capacity(rows);
                for arg in column {
                    let Arg::Text(value) = arg else { return Err(unlike()) };
                    list.push(value);
                }
                out.add(list)
            }
        }
        .map_err(SqlError::Encode)?;
    }
    Ok(())
}

/// An answer within [`ANSWER`]. A connection whose answer is late is of no use: what comes next on it would be that.
async fn in_time<T>(asked: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
    let late = |_| {
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the database does not answer");
        Err(SqlError::Io(error))
    };
    tokio::time::timeout(ANSWER, asked).await.unwrap_or_else(late)
}
