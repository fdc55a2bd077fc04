use std::future::Future;

use diesel_async::TransactionManager;
use diesel_async::pooled_connection::PoolableConnection;

use crate::pool::ConnectionOptions;

/// A connection to SQLite. Its statements run on Tokio's threads that may block.
///
/// A future that is dropped halfway waits for the statement under way, which Tokio allows on a multi-threaded runtime only.
#[cfg(feature = "sqlite")]
pub type AsyncSqliteConnection =
    diesel_async::sync_connection_wrapper::SyncConnectionWrapper<diesel::SqliteConnection>;

/// A connection type of `diesel-async` that this crate knows how to set up, and to close when a statement on it was given
/// up halfway.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no asynchronous connection that diesel_oauth2 knows",
    note = "enable the feature of its database: `sqlite` for `AsyncSqliteConnection`, `postgres` for `AsyncPgConnection`, `mysql` for `AsyncMysqlConnection`"
)]
pub trait AsyncDatabaseConnection: PoolableConnection + Send + 'static {
    /// Whether the connection is fit for use after a look-up on it was given up halfway.
    #[doc(hidden)]
    const OUTLIVES_LOOK_UPS: bool;

    /// Whether there is a server that the connection can be lost to.
    #[doc(hidden)]
    const CAN_DIE: bool = true;

    /// The statements that set a new connection up.
    #[doc(hidden)]
    fn set_up(options: &ConnectionOptions) -> String;

    /// A statement that a new connection is better for, and that may fail.
    #[doc(hidden)]
    const WISH: Option<&'static str> = None;

    /// Whether a connection that was idle still lives, where only asking tells.
    #[doc(hidden)]
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;

    /// Makes the connection one that every pool drops.
    #[doc(hidden)]
    fn give_up(&mut self) {
        Self::TransactionManager::transaction_manager_status_mut(self).set_in_error();
    }
}

#[cfg(feature = "sqlite")]
impl AsyncDatabaseConnection for AsyncSqliteConnection {
    // Giving a statement up waits until its thread is done with it.
    const OUTLIVES_LOOK_UPS: bool = true;
    const CAN_DIE: bool = false;

    fn set_up(options: &ConnectionOptions) -> String {
        <diesel::SqliteConnection as crate::pool::DatabaseConnection>::set_up(options)
    }

    async fn is_alive(&mut self) -> bool {
        true
    }
}

#[cfg(feature = "postgres")]
impl AsyncDatabaseConnection for diesel_async::AsyncPgConnection {
    // An answer that nobody waits for is dropped when it comes.
    const OUTLIVES_LOOK_UPS: bool = true;
    const WISH: Option<&'static str> =
        <diesel::PgConnection as crate::pool::DatabaseConnection>::WISH;

    fn set_up(options: &ConnectionOptions) -> String {
        <diesel::PgConnection as crate::pool::DatabaseConnection>::set_up(options)
    }

    async fn is_alive(&mut self) -> bool {
        // A closed connection is noticed by the task that drives it.
        !PoolableConnection::is_broken(self)
    }
}

#[cfg(feature = "mysql")]
impl AsyncDatabaseConnection for diesel_async::AsyncMysqlConnection {
    const OUTLIVES_LOOK_UPS: bool = false;

    fn set_up(options: &ConnectionOptions) -> String {
        <diesel::MysqlConnection as crate::pool::DatabaseConnection>::set_up(options)
    }

    async fn is_alive(&mut self) -> bool {
        use diesel::IntoSql;

        let one = diesel::select(1.into_sql::<diesel::sql_types::Integer>());
        let answer = diesel_async::RunQueryDsl::get_result::<i32>(one, self).await;
        answer.is_ok()
    }
}
