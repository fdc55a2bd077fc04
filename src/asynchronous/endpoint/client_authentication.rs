use crate::Error;
use crate::asynchronous::lookup::find_current_client;
use crate::asynchronous::pool::AsyncConnectionPool;
use crate::asynchronous::{Async, hash_on_blocking_thread};
use crate::endpoint::{
    AuthenticatedClient, ClientAuthenticator, EndpointRequest, Failure, OAuth2Error,
};
use crate::secret::is_hashed;
use crate::table::asynchronous::AsyncClientTable;
use crate::types::{AuthMethod, Endpoint};

/// [`create_client_authenticator`](crate::create_client_authenticator), awaited.
pub fn create_client_authenticator<C, P>(pool: P) -> ClientAuthenticator<C, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncClientTable<P::Connection>,
{
    ClientAuthenticator::on(Async(pool))
}

/// On an asynchronous pool.
impl<C, P> ClientAuthenticator<C, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncClientTable<P::Connection>,
{
    /// The client that makes the request. A hashed secret is compared on a thread that may block, where no more than
    /// [so many](crate::secret::set_max_concurrent_hashes) do so at once.
    ///
    /// The way in which it authenticates must be accepted here and by the client's own
    /// [`check_endpoint_auth_method`](crate::OAuth2Client::check_endpoint_auth_method). Naming itself without a secret is
    /// for clients registered with `none` only.
    ///
    /// # Errors
    /// [`Failure::Refused`] with [`OAuth2Error::InvalidClient`], or with [`OAuth2Error::InvalidRequest`] for more than
    /// one way at once and for a repeated parameter; [`Failure::Storage`] with the database's error.
    pub async fn authenticate(
        &self,
        request: &EndpointRequest<'_>,
        endpoint: Endpoint,
    ) -> Result<AuthenticatedClient<C>, Failure<OAuth2Error>> {
        let credentials = self.credentials(request)?;
        let method = credentials.method();
        for (client_id, secret) in credentials.readings() {
            let Some(client) = find_current_client::<C, P>(&self.pool.0, &client_id).await? else {
                continue;
            };
            let secret = secret.map(String::from);
            let checked = self.check(client, method.clone(), endpoint, secret).await?;
            if let Some(client) = checked {
                return Ok(self.authenticated(client, method));
            }
        }
        Err(self.refusal().into())
    }

    /// The client, if it is authentic.
    async fn check(
        &self,
        client: C,
        method: AuthMethod,
        endpoint: Endpoint,
        secret: Option<String>,
    ) -> Result<Option<C>, Error> {
        let authenticator = self.clone();
        let is_hashing = secret.is_some()
            && [client.client_secret(), client.previous_client_secret()]
                .into_iter()
                .flatten()
                .any(is_hashed);
        let check = move || {
            let secret = secret.as_deref();
            let is_authentic = authenticator.is_authentic(&client, &method, endpoint, secret);
            is_authentic.then_some(client)
        };
        match is_hashing {
            true => hash_on_blocking_thread(check).await,
            false => Ok(check()),
        }
    }
}
