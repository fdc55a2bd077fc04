//! The storage layer's one error type, and how a database's answer becomes it.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, UnexpectedNullError};

/// What went wrong in storage, named by what the caller can do about it.
///
/// No variant carries a token, a code, a secret or a row's value: databases like to quote the offending value in
/// their messages, so a message is kept only where its form shows that it names nothing but tables and columns.
///
/// [`is_retryable`](Error::is_retryable) tells whether the same call may succeed later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Every connection stayed in use until the pool's timeout. Nothing was sent. Retry, or enlarge the pool.
    #[error("no connection of the pool became free in time")]
    PoolExhausted,

    /// No connection could be made. Nothing was sent. Retry once the database is up.
    #[error("the database could not be reached")]
    Unreachable,

    /// The connection broke while a statement was under way. What only reads, or may be repeated, was already tried
    /// again; a write that must not happen twice was not, and it may or may not have taken effect: answer with an
    /// error and issue afresh.
    #[error(
        "the connection to the database was lost; the statement may or may not have taken effect"
    )]
    ConnectionLost,

    /// The database gave up this statement for another one: a deadlock or a serialization failure. Nothing was
    /// written. Retry.
    #[error("the statement lost against a concurrent one (deadlock or serialization failure)")]
    Conflict,

    /// A lock was not to be had in time (SQLite's busy timeout, `lock_timeout`, `innodb_lock_wait_timeout`). Nothing
    /// was written. Retry.
    #[error("a lock in the database was not to be had in time")]
    LockTimeout,

    /// The statement ran longer than the database allows. Nothing was written.
    #[error("the database cancelled the statement because it took too long")]
    StatementTimeout,

    /// The database takes no writes: a replica, a read-only file or a read-only transaction.
    #[error("the database is read-only")]
    ReadOnly,

    /// No room was left to write. Nothing was written.
    #[error("the database has no room left to write")]
    StorageFull,

    /// A value that must be unique is there already. For a token: generate another one.
    #[error(
        "a row with this value exists already ({})",
        name_or(constraint, "constraint not named")
    )]
    Duplicate {
        /// The constraint, index or column as the database names it.
        constraint: Option<String>,
    },

    /// A row that this one refers to does not exist: an unknown client or user.
    #[error(
        "a row that this one refers to does not exist ({})",
        name_or(constraint, "foreign key not named")
    )]
    UnknownReference {
        /// The foreign key as the database names it. SQLite names none.
        constraint: Option<String>,
    },

    /// A rule of the table (NOT NULL, CHECK, exclusion) refused the row.
    #[error(
        "a constraint of the table refused the row ({})",
        name_or(constraint, "not named")
    )]
    ConstraintViolation {
        /// The constraint or column as the database names it.
        constraint: Option<String>,
    },

    /// A text is longer than its column. Nothing was stored.
    #[error("a value is too long for {}", name_or(column, "its column"))]
    ValueTooLong {
        /// The column, where known.
        column: Option<String>,
        /// The column's length in characters, where known.
        max: Option<usize>,
    },

    /// A value cannot be stored in its column: a character that no token may have, a time beyond the column's type, an
    /// id that is not of the column's form. Nothing was stored.
    #[error("a value cannot be stored in column {column}: {reason}")]
    InvalidValue {
        /// The column.
        column: &'static str,
        /// Why, without the value.
        reason: &'static str,
    },

    /// The model's table requires a user, and the token was saved without one.
    #[error("column {column} requires a user, and the request has none")]
    MissingUser {
        /// The column.
        column: &'static str,
    },

    /// The token response has a member for which the model has no column. Nothing was stored. Give the model a column
    /// with the role `extra_members`, or take the member out before saving.
    #[error("the token response's member {name:?} has no column in the model")]
    UnknownMember {
        /// The member's name.
        name: String,
    },

    /// A stored row could not be read into the model.
    #[error(
        "stored data could not be read ({}): {reason}",
        name_or(column, "column not named")
    )]
    InvalidData {
        /// The column, where known.
        column: Option<String>,
        /// Why, without the value.
        reason: &'static str,
    },

    /// A table or column does not exist: migrations are missing, or the model does not fit the database.
    #[error("the tables do not fit the models; were the migrations run? ({message})")]
    SchemaMismatch {
        /// The database's own message, which names the table or column.
        message: String,
    },

    /// The database's user may not do this.
    #[error("the database refused the statement for lack of permission")]
    PermissionDenied,

    /// A prepared statement vanished between two statements, or its name stands for another one: a pooler in transaction
    /// mode stands in between. Turn prepared statements off with
    /// [`PoolBuilder::prepared_statements`](crate::pool::PoolBuilder::prepared_statements), which also says what else there
    /// is to know about poolers.
    #[error(
        "the database forgot a prepared statement; behind a pooler in transaction mode, turn prepared statements off \
         (PoolBuilder::prepared_statements)"
    )]
    PreparedStatementLost,

    /// The operating system gave no random bytes. Nothing was issued.
    #[error("the operating system's random source failed")]
    RandomSource,

    /// Anything else. The message is withheld because it may quote a value; the database's own log has it. Also what a
    /// database says in another language than English: see [`PoolBuilder`](crate::pool::PoolBuilder).
    #[error("the database refused the statement (its log says why)")]
    Database,
}

fn name_or<'a>(name: &'a Option<String>, otherwise: &'a str) -> &'a str {
    name.as_deref().unwrap_or(otherwise)
}

impl Error {
    /// Whether the same call may succeed later, unchanged.
    ///
    /// After [`ConnectionLost`](Error::ConnectionLost) the lost write may have happened; repeating a *save* then means
    /// issuing a new token, not sending the old one again.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Error::PoolExhausted
                | Error::Unreachable
                | Error::ConnectionLost
                | Error::Conflict
                | Error::LockTimeout
                | Error::StatementTimeout
                | Error::StorageFull
        )
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::Error as Diesel;
        match error {
            Diesel::DatabaseError(kind, info) => from_database(kind, &*info),
            Diesel::DeserializationError(error) => from_deserialization(&*error),
            Diesel::SerializationError(_) | Diesel::InvalidCString(_) => Error::InvalidValue {
                column: "of the statement",
                reason: "the value has no form in this database",
            },
            Diesel::RollbackErrorOnCommit { commit_error, .. } => Error::from(*commit_error),
            Diesel::BrokenTransactionManager => Error::ConnectionLost,
            _ => Error::Database,
        }
    }
}

fn from_deserialization(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
    let (column, cause) = match error.downcast_ref::<diesel::result::DeserializeFieldError>() {
        Some(field) => (field.field_name.clone(), &*field.error),
        None => (None, error),
    };
    let reason = if cause.is::<UnexpectedNullError>() {
        "NULL in a field that is not an Option"
    } else if cause.is::<crate::metadata::MalformedMetadata>() {
        "not a JSON object of client metadata"
    } else {
        "the value is not one that the field's type can hold"
    };
    Error::InvalidData { column, reason }
}

fn from_database(kind: DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> Error {
    let message = info.message();
    match kind {
        DatabaseErrorKind::UniqueViolation => Error::Duplicate {
            constraint: constraint_name(info),
        },
        DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation => {
            Error::UnknownReference {
                constraint: constraint_name(info),
            }
        }
        DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::ExclusionViolation => Error::ConstraintViolation {
            constraint: constraint_name(info),
        },
        DatabaseErrorKind::SerializationFailure => Error::Conflict,
        DatabaseErrorKind::ReadOnlyTransaction => Error::ReadOnly,
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Error::ConnectionLost
        }
        _ => from_message(message),
    }
}

/// Diesel passes on no SQLSTATE, so what it leaves unclassified is told by the message, as the three databases write
/// it in English. The pools of this crate ask for English; a message in another language ends as [`Error::Database`].
fn from_message(message: &str) -> Error {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| message.starts_with(prefix));
    let has = |parts: &[&str]| parts.iter().any(|part| message.contains(part));

    if starts(&["value too long for type", "Data too long for column"]) {
        return Error::ValueTooLong {
            column: quoted_after(message, "for column '"),
            max: None,
        };
    }
    if starts(&["no such table", "no such column", "Unknown column"])
        || (starts(&["table ", "Table '"]) && has(&[" has no column named ", "' doesn't exist"]))
        || (starts(&["relation \"", "column \"", "column "]) && message.ends_with("does not exist"))
    {
        return Error::SchemaMismatch {
            message: message.to_owned(),
        };
    }
    if starts(&["deadlock detected", "Deadlock found"]) {
        return Error::Conflict;
    }
    if starts(&[
        "database is locked",
        "database table is locked",
        "Lock wait timeout exceeded",
        "canceling statement due to lock timeout",
        "could not obtain lock",
    ]) {
        return Error::LockTimeout;
    }
    if starts(&[
        "canceling statement due to statement timeout",
        "Query execution was interrupted",
        "interrupted",
    ]) {
        return Error::StatementTimeout;
    }
    if starts(&[
        "attempt to write a readonly database",
        "The MariaDB server is running with the --read-only",
        "Cannot execute statement in a READ ONLY transaction",
    ]) || has(&["--read-only option", "--super-read-only option"])
    {
        return Error::ReadOnly;
    }
    if starts(&[
        "database or disk is full",
        "disk I/O error",
        // SQLite rolls back by itself after either, and Diesel's own rollback hides why.
        "cannot rollback - no transaction is active",
    ]) || has(&["No space left on device", "is full"])
    {
        return Error::StorageFull;
    }
    if starts(&[
        "permission denied",
        "access to the database is denied",
        "SELECT command denied",
        "INSERT command denied",
        "UPDATE command denied",
        "DELETE command denied",
    ]) {
        return Error::PermissionDenied;
    }
    if starts(&[
        "prepared statement \"",
        "unnamed prepared statement ",
        // The name stands for a statement that somebody else has prepared.
        "bind message supplies ",
        "cached plan must not change result type",
    ]) || has(&["Unknown prepared statement handler"])
    {
        return Error::PreparedStatementLost;
    }
    if starts(&[
        "server closed the connection",
        "terminating connection",
        "the database system is",
        "could not receive data",
        "could not send data",
        "no connection to the server",
        "SSL connection has been closed",
        "MySQL server has gone away",
        "Server has gone away",
        "Lost connection",
        "Connection was killed",
        "Server shutdown in progress",
        // What mysql_async says.
        "Input/output error: ",
        "Driver error: `Connection to the server is closed",
        "Driver error: `Packet out of order",
    ]) {
        return Error::ConnectionLost;
    }
    Error::Database
}

/// The violated constraint's name. The value that violated it may stand in the same message, before the name.
fn constraint_name(info: &dyn DatabaseErrorInformation) -> Option<String> {
    if let Some(name) = info.constraint_name().or_else(|| info.column_name()) {
        return Some(name.to_owned());
    }
    let message = info.message();
    // SQLite: `UNIQUE constraint failed: oauth2_token.access_token`
    if let Some((_, columns)) = message.split_once(" constraint failed: ") {
        return Some(columns.to_owned());
    }
    // MariaDB: `Duplicate entry '…' for key 'access_token'`, `Column 'tenant' cannot be null`,
    // `… CONSTRAINT `token_client` FOREIGN KEY …`
    if message.starts_with("Duplicate entry") {
        let (_, key) = message.rsplit_once(" for key '")?;
        return Some(key.trim_end_matches('\'').to_owned());
    }
    if let Some((_, rest)) = message.split_once(" CONSTRAINT `") {
        return rest.split('`').next().map(str::to_owned);
    }
    if message.starts_with("Column '") || message.starts_with("Field '") {
        return quoted_after(message, "'");
    }
    None
}

fn quoted_after(message: &str, prefix: &str) -> Option<String> {
    let (_, rest) = message.split_once(prefix)?;
    rest.split('\'').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(kind: DatabaseErrorKind, message: &str) -> Error {
        from_database(kind, &message.to_owned())
    }

    #[test]
    fn the_value_that_violated_a_constraint_is_never_kept() {
        let secret = "tok' for key 'en";
        let error = database(
            DatabaseErrorKind::UniqueViolation,
            &format!("Duplicate entry '{secret}' for key 'access_token'"),
        );
        assert_eq!(
            error,
            Error::Duplicate {
                constraint: Some("access_token".into())
            }
        );
        let error = database(
            DatabaseErrorKind::Unknown,
            "invalid input syntax for type integer: \"s3cret\"",
        );
        assert_eq!(error, Error::Database);
        assert!(!format!("{error:?}{error}").contains("s3cret"));
    }

    #[test]
    fn each_database_s_wording_is_classified() {
        let unknown = |message| database(DatabaseErrorKind::Unknown, message);
        assert_eq!(unknown("database is locked"), Error::LockTimeout);
        assert_eq!(
            unknown("Lock wait timeout exceeded; try restarting transaction"),
            Error::LockTimeout
        );
        assert_eq!(unknown("deadlock detected"), Error::Conflict);
        assert_eq!(unknown("database or disk is full"), Error::StorageFull);
        assert_eq!(
            unknown("attempt to write a readonly database"),
            Error::ReadOnly
        );
        assert_eq!(unknown("Server has gone away"), Error::ConnectionLost);
        for lost in [
            "prepared statement \"__diesel_stmt_0\" does not exist",
            "prepared statement \"__diesel_stmt_0\" already exists",
            "bind message supplies 1 parameters, but prepared statement \"__diesel_stmt_0\" requires 5",
        ] {
            assert_eq!(unknown(lost), Error::PreparedStatementLost);
        }
        assert_eq!(
            unknown("Data too long for column 'access_token' at row 1"),
            Error::ValueTooLong {
                column: Some("access_token".into()),
                max: None
            }
        );
        assert!(matches!(
            unknown("no such table: oauth2_token"),
            Error::SchemaMismatch { .. }
        ));
        assert!(matches!(
            unknown("relation \"oauth2_token\" does not exist"),
            Error::SchemaMismatch { .. }
        ));
        assert!(matches!(
            unknown("Table 'app.oauth2_token' doesn't exist"),
            Error::SchemaMismatch { .. }
        ));
    }
}
