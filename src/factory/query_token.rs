use crate::Error;
use crate::lookup::find_token;
use crate::pool::ConnectionPool;
use crate::table::TokenTable;
use crate::types::TokenTypeHint;

/// Creates the `query_token` function of revocation and introspection endpoints: the row that holds this access or
/// refresh token, whatever its state.
///
/// Mirrors authlib's `create_query_token_func`, but a wrong hint still finds the token (RFC 7009 section 2.1), and it
/// is one statement in every case.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::types::TokenTypeHint;
/// use diesel_oauth2::{create_query_token_func, models::Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let query_token = create_query_token_func::<Token, _>(pool);
/// assert!(query_token("unknown", Some(TokenTypeHint::RefreshToken))?.is_none());
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
///
/// # Errors
/// The function returns the database's, as [`Error`]. An unknown token is no error.
pub fn create_query_token_func<M, P>(
    pool: P,
) -> impl Fn(&str, Option<TokenTypeHint>) -> Result<Option<M>, Error> + Clone + Send + Sync + 'static
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    move |token, hint| Ok(find_token(&pool, token, hint)?.map(|found| found.token))
}
