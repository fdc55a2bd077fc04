//! The statements, one method each. No rules: an implementation sends its statement and hands on what comes back.
//!
//! Written once as a macro and made for each connection type: a body generic over them would need bounds that Diesel does
//! not export.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod statements;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use diesel::Connection;
use diesel_oauth2::Error;
use diesel_oauth2::models::Client;

use crate::row::{
    AccessToken, Barrier, ClientRow, Code, Consent, DeviceGrantRow, PushedRequest, RefreshToken,
    ReplayId,
};
use crate::scope::ScopeId;

/// A connection that [`DieselStorage`](crate::DieselStorage) works on: Diesel's `SqliteConnection`, `PgConnection` or
/// `MysqlConnection`, as the features enable them.
#[diagnostic::on_unimplemented(
    message = "`oauth-as` cannot be stored over a connection of type `{Self}`",
    note = "enable the feature of its database: `sqlite`, `postgres` or `mysql`"
)]
pub trait Database:
    Transactions
    + Scopes
    + Clients
    + DeviceGrants
    + Consents
    + Rows<AccessToken>
    + Rows<RefreshToken>
    + Rows<Code>
    + Rows<DeviceGrantRow>
    + Rows<PushedRequest>
    + Rows<Consent>
    + Rows<ReplayId>
    + Rows<Barrier>
    + Expiring<AccessToken>
    + Expiring<RefreshToken>
    + Expiring<Code>
    + Expiring<DeviceGrantRow>
    + Expiring<PushedRequest>
    + Expiring<ReplayId>
    + Expiring<Barrier>
    + OfClient<AccessToken>
    + OfClient<RefreshToken>
    + OfClient<Code>
    + OfClient<DeviceGrantRow>
    + OfClient<PushedRequest>
    + OfClient<Consent>
    + OfSubject<AccessToken>
    + OfSubject<RefreshToken>
    + OfSubject<Code>
    + OfSubject<DeviceGrantRow>
    + OfFamily<AccessToken>
    + OfFamily<RefreshToken>
{
}

/// Transactions as they must be here.
pub trait Transactions: Connection + 'static {
    /// Runs `work` as one transaction whose statements each see what was committed before them, and in which nobody
    /// else writes on SQLite. Within a transaction of the caller's it is part of that.
    fn transact<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>)
    -> Result<T, Error>;
}

/// The locks by which what issues and what revokes meet. Held until the end of the transaction.
pub trait Scopes: Connection {
    /// Keeps these scopes from being revoked.
    fn share(&mut self, scopes: &[&ScopeId]) -> Result<(), Error>;

    /// Keeps everybody else from this scope.
    fn exclude(&mut self, scope: &ScopeId) -> Result<(), Error>;

    /// The barriers of these scopes.
    fn barriers(&mut self, scopes: &[&ScopeId]) -> Result<Vec<Barrier>, Error>;
}

/// A table of rows `R`, each found by its key.
pub trait Rows<R>: Connection {
    /// The row with this key.
    fn load(&mut self, key: &str) -> Result<Option<R>, Error>;

    /// The row with this key, locked until the end of the transaction.
    fn load_locked(&mut self, key: &str) -> Result<Option<R>, Error>;

    /// The row with this key, removed: of several callers one gets it.
    fn take(&mut self, key: &str) -> Result<Option<R>, Error>;

    /// Inserts the row, unless something unique of it is there already. Tells whether it did.
    fn insert(&mut self, row: &R) -> Result<bool, Error>;

    /// Puts the row in the place of the one with its key. Tells whether there was one.
    fn replace(&mut self, row: &R) -> Result<bool, Error>;

    /// Inserts the row, or puts it in the place of the one with its key. Not for a table with another unique column.
    fn save(&mut self, row: &R) -> Result<(), Error>;
}

/// A table whose rows expire.
pub trait Expiring<R>: Connection {
    /// The keys of at most `limit` rows that have expired at `now`, the oldest first.
    fn expired(&mut self, now: i64, limit: i64) -> Result<Vec<String>, Error>;

    /// Deletes those of these rows that have expired at `now`. Tells how many.
    fn delete_expired(&mut self, keys: &[String], now: i64) -> Result<usize, Error>;
}

/// A table whose rows belong to clients.
pub trait OfClient<R>: Connection {
    /// Deletes the client's rows. Tells how many.
    fn delete_of_client(&mut self, client_id: &str) -> Result<usize, Error>;
}

/// A table whose rows belong to clients and subjects.
pub trait OfSubject<R>: Connection {
    /// Deletes the rows of the client and the subject. Tells how many.
    fn delete_of_subject(&mut self, client_id: &str, subject: &str) -> Result<usize, Error>;
}

/// A table whose rows belong to families.
pub trait OfFamily<R>: Connection {
    /// Deletes the family's rows. Tells how many.
    fn delete_of_family(&mut self, family_id: &str) -> Result<usize, Error>;
}

/// The table of clients, which is the core's.
pub trait Clients: Connection {
    /// The client with this id.
    fn load_client(&mut self, client_id: &str) -> Result<Option<Client>, Error>;

    /// The client with this id, locked until the end of the transaction.
    fn load_client_locked(&mut self, client_id: &str) -> Result<Option<Client>, Error>;

    /// Inserts the client, or puts it in the place of the one with its id.
    fn save_client(&mut self, client: &ClientRow) -> Result<(), Error>;

    /// Puts the client in the place of the one with its id. Tells whether there was one.
    fn replace_client(&mut self, client: &ClientRow) -> Result<bool, Error>;

    /// Deletes the client. Tells whether there was one.
    fn delete_client(&mut self, client_id: &str) -> Result<bool, Error>;
}

/// What only device grants are asked for.
pub trait DeviceGrants: Connection {
    /// The grant with this user code, as it is stored.
    fn load_by_user_code(&mut self, user_code: &str) -> Result<Option<DeviceGrantRow>, Error>;
}

/// What only consents are asked for.
pub trait Consents: Connection {
    /// The newest consent of the client and the subject.
    fn find_consent(&mut self, client_id: &str, subject: &str) -> Result<Option<Consent>, Error>;

    /// The subject's consents.
    fn consents_of(&mut self, subject: &str) -> Result<Vec<Consent>, Error>;
}
