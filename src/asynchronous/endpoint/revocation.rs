use diesel_async::AsyncConnection;

use crate::Error;
use crate::asynchronous::Async;
use crate::asynchronous::lookup::{give, load_token, load_tokens};
use crate::asynchronous::pool::{AsyncConnectionPool, on_connection};
use crate::asynchronous::transaction::Tries;
use crate::endpoint::{
    ClientAuthenticator, EndpointRequest, EndpointResponse, Extent, Failure, OAuth2Error,
    Revocable, RevocationEndpoint, answer, keep_joined, may_join, token_parameters,
};
use crate::lookup::Found;
use crate::model::OAuth2Client;
use crate::pool::Intent;
use crate::table::asynchronous::{AsyncClientTable, AsyncRevocableTokenTable};
use crate::types::{Endpoint, TokenTypeHint};

/// [`create_revocation_endpoint`](crate::create_revocation_endpoint), awaited.
pub fn create_revocation_endpoint<M, P>(pool: P) -> RevocationEndpoint<M, Async<P>>
where
    P: AsyncConnectionPool,
    M: AsyncRevocableTokenTable<P::Connection>,
{
    RevocationEndpoint::on(Async(pool))
}

/// On an asynchronous pool.
impl<M, P> RevocationEndpoint<M, Async<P>>
where
    P: AsyncConnectionPool,
    M: AsyncRevocableTokenTable<P::Connection>,
{
    /// The row whose access or refresh token this is, and which of the two: one statement, also where the hint is
    /// wrong.
    ///
    /// # Errors
    /// The database's, as [`Error`]. An unknown token is no error.
    pub async fn query_token(
        &self,
        token: &str,
        hint: Option<TokenTypeHint>,
    ) -> Result<Option<(M, TokenTypeHint)>, Error> {
        let found: Result<Option<Found<M>>, Error> =
            on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| load_token(
                conn, token, hint
            ));
        Ok(found?.map(|found| (found.token, found.kind)))
    }

    /// Revokes this row's access token, or its refresh token with its access token and its whole family. What is revoked
    /// already keeps its time. Tells whether anything was left to revoke.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    pub async fn revoke_token(&self, token: &M, kind: TokenTypeHint) -> Result<bool, Error> {
        let now = self.clock.now();
        on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| revoke(
            conn, token, kind, now
        ))
    }

    /// Answers a request: authenticates the client, then does as `create_endpoint_response_for`.
    ///
    /// # Errors
    /// The database's, as [`Error`]. What the client is refused for is an answer, not an error.
    pub async fn create_endpoint_response<C, Q>(
        &self,
        request: &EndpointRequest<'_>,
        authenticator: &ClientAuthenticator<C, Async<Q>>,
    ) -> Result<EndpointResponse, Error>
    where
        Q: AsyncConnectionPool,
        C: AsyncClientTable<Q::Connection>,
    {
        match authenticator
            .authenticate(request, Endpoint::Revocation)
            .await
        {
            Ok(authenticated) => {
                self.create_endpoint_response_for(request, &authenticated.client)
                    .await
            }
            Err(Failure::Refused(error)) => Ok(error.into()),
            Err(Failure::Storage(error)) => Err(error),
        }
    }

    /// Answers a request of a client that has authenticated: 200 without a body, also for an unknown token (RFC 7009
    /// section 2.2); 400 `invalid_request` without the parameter `token`, `unsupported_token_type` for an unknown hint,
    /// and `invalid_grant` for another client's token.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    pub async fn create_endpoint_response_for(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<EndpointResponse, Error> {
        answer(self.revoke_requested(request, client).await)
    }

    async fn revoke_requested(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<(), Failure<OAuth2Error>> {
        let (token, hint) = token_parameters(request)?;
        let now = self.clock.now();
        let revoked = on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| async {
            let mut tokens: Revocable<M> = Revocable::new();
            for found in load_tokens(conn, token, hint).await? {
                tokens.sort_in(found, client);
            }
            for found in &tokens.own {
                revoke(conn, &found.token, found.kind, now).await?;
            }
            Ok::<_, Error>(tokens)
        })?;
        self.told(&revoked, client)
    }
}

async fn revoke<M, Conn>(
    conn: &mut Conn,
    token: &M,
    kind: TokenTypeHint,
    now: i64,
) -> Result<bool, Error>
where
    Conn: AsyncConnection,
    M: AsyncRevocableTokenTable<Conn>,
{
    match Extent::of(token, kind) {
        Extent::AccessToken => token.revoke_access_token(conn, now).await,
        Extent::Family => revoke_family(conn, token, now).await,
        Extent::Row => {
            let revoked = token.revoke_refresh_token(conn, now).await?;
            match load_joined(conn, token).await? {
                Some(token) => Ok(revoke_family(conn, &token, now).await? || revoked),
                None => Ok(revoked),
            }
        }
    }
}

async fn revoke_family<M, Conn>(conn: &mut Conn, token: &M, now: i64) -> Result<bool, Error>
where
    Conn: AsyncConnection,
    M: AsyncRevocableTokenTable<Conn>,
{
    let mut tries = Tries::on(conn);
    loop {
        let outcome = conn
            .transaction(async |conn| {
                let grant = token.revoke_grant(conn, now).await?;
                let tokens = token.revoke_family(conn, now).await?;
                Ok(grant || tokens > 0)
            })
            .await;
        if !tries.again(&outcome).await {
            return outcome;
        }
    }
}

/// The row again, if it was given a grant since it was loaded.
pub(in crate::asynchronous) async fn load_joined<M, Conn>(
    conn: &mut Conn,
    token: &M,
) -> Result<Option<M>, Error>
where
    Conn: AsyncConnection,
    M: AsyncRevocableTokenTable<Conn>,
{
    let mut joined = None;
    if let Some(candidates) = may_join(token) {
        let rows = M::load_by_token(conn, &candidates).await?;
        give(rows, keep_joined(token, &mut joined));
    }
    Ok(joined)
}
