//! What can go wrong outside of the gate.

use crate::sql::SqlError;

/// A read, or a change of `work`, failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, read-only or full.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// A row cannot be read: it was written by something else, or is damaged.
    #[error("the store holds what cannot be read: {0}")]
    Damaged(String),
    /// A sealed secret does not open with this master key.
    #[error("a secret of {0} does not open with the master key")]
    Sealed(String),
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Decode(_) | SqlError::ColumnDecode { .. } | SqlError::ColumnIndexOutOfBounds { .. } => {
                Self::Damaged(error.to_string())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the database cannot be read.
    #[error("the address of the database is not valid: {0}")]
    Address(String),
    /// The database does not answer, or refuses.
    #[error("the database cannot be opened: {0}")]
    Unavailable(String),
    /// The database may lose what it has acknowledged.
    #[error("the database may lose acknowledged changes: {0}; Adit needs fsync = on and synchronous_commit = on")]
    Unsafe(String),
    /// The file of the database lies on a network file system.
    #[error("{} lies on a network file system ({system}), where changes can be lost; use a local disk, or PostgreSQL", .path.display())]
    Network {
        /// Of the database.
        path: std::path::PathBuf,
        /// Its file system.
        system: String,
    },
    /// The database was made by a newer version.
    #[error("the database has schema {found}, this version knows up to {known}: use the newer version")]
    Newer {
        /// Number of its newest migration.
        found: i64,
        /// Number of this version's newest.
        known: i64,
    },
    /// The master key opens nothing of what is sealed here.
    #[error(
        "the master key is not the one that sealed this store; give the right one as ADIT_SERVER__MASTER_KEY, in the file \
         named by master_key_file, or in master.key of the data directory"
    )]
    WrongKey,
    /// There is no master key although something is sealed.
    #[error(
        "there is no master key, but this store has sealed secrets; give it as ADIT_SERVER__MASTER_KEY, in the file named by \
         master_key_file, or in {}", .0.display()
    )]
    NoKey(std::path::PathBuf),
    /// What should be a key is none.
    #[error("{0} holds no master key: 32 bytes, as they are or in base64")]
    Key(String),
    /// A key file that every user of the machine can read.
    #[error("{} can be read by every user of this machine; take that right away (chmod 600)", .0.display())]
    Exposed(std::path::PathBuf),
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl OpenError {
    pub(crate) fn file(path: &std::path::Path, error: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            error,
        }
    }

    pub(crate) fn sql(error: impl Into<SqlError>) -> Self {
        Self::Unavailable(error.into().to_string())
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Sealed(_) => Self::WrongKey,
            other => Self::Unavailable(other.to_string()),
        }
    }
}
