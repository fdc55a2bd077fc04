use super::Async;
use super::lookup::find_access_token;
use super::pool::AsyncConnectionPool;
use crate::Error;
use crate::bearer::{BearerChallenge, BearerTokenValidator};
use crate::endpoint::Failure;
use crate::table::asynchronous::AsyncTokenTable;

/// [`create_bearer_token_validator`](crate::create_bearer_token_validator), awaited.
pub fn create_bearer_token_validator<M, P>(pool: P) -> BearerTokenValidator<M, Async<P>>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    BearerTokenValidator::on(Async(pool))
}

/// On an asynchronous pool.
impl<M, P> BearerTokenValidator<M, Async<P>>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    /// The row with exactly this access token, whatever its state. A refresh token is not found.
    ///
    /// # Errors
    /// The database's, as [`Error`]. An unknown token is no error.
    pub async fn authenticate_token(&self, token: &str) -> Result<Option<M>, Error> {
        #[cfg(feature = "cache")]
        let learning = match self.recall(token) {
            crate::bearer::Recalled::Known(row) => return Ok(Some(row)),
            crate::bearer::Recalled::Unknown(learning) => learning,
        };
        let found = find_access_token(&self.pool.0, token).await?;
        #[cfg(feature = "cache")]
        if let Some(learning) = learning {
            learning.learn(found.as_ref());
        }
        Ok(found)
    }

    /// The valid token in the value of a request's `Authorization` header: `authenticate_token` and
    /// [`validate_token`](Self::validate_token) at once.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the challenge for the client; [`Failure::Storage`] with the database's error.
    pub async fn acquire_token(
        &self,
        authorization: Option<&str>,
        scopes: &[&str],
    ) -> Result<M, Failure<BearerChallenge>> {
        let token = self.bearer_token(authorization)?;
        let found = self.authenticate_token(token).await?;
        self.accept(found, scopes)
    }
    /// [`acquire_token`](Self::acquire_token) from a request's headers.
    ///
    /// # Errors
    /// As [`acquire_token`](Self::acquire_token); more than one `Authorization` header is
    /// [`BearerError::InvalidRequest`](crate::bearer::BearerError::InvalidRequest).
    #[cfg(feature = "http")]
    pub async fn acquire_token_from_headers(
        &self,
        headers: &http::HeaderMap,
        scopes: &[&str],
    ) -> Result<M, Failure<BearerChallenge>> {
        let authorization = self.authorization(headers)?;
        self.acquire_token(authorization.as_deref(), scopes).await
    }
}
