use crate::Error;
use crate::lookup::find_client;
use crate::pool::ConnectionPool;
use crate::table::ClientTable;

/// Creates the `query_client` function of an authorization server: the client with exactly this `client_id`.
///
/// Mirrors authlib's `create_query_client_func`. An id that differs in case or by trailing spaces is not found on any
/// collation; one that cannot be a client id (empty, not printable ASCII) is not even asked for.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::{create_query_client_func, models::Client, OAuth2Client};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let query_client = create_query_client_func::<Client, _>(pool);
/// assert!(query_client("unknown")?.is_none());
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
///
/// # Errors
/// The function returns the database's, as [`Error`]. An unknown id is no error.
pub fn create_query_client_func<C, P>(
    pool: P,
) -> impl Fn(&str) -> Result<Option<C>, Error> + Clone + Send + Sync + 'static
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    move |client_id| find_client(&pool, client_id)
}
