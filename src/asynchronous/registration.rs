use super::pool::{AsyncConnectionPool, on_connection};
use super::{Async, hash_on_blocking_thread};
use crate::Error;
use crate::endpoint::Failure;
use crate::pool::Intent;
use crate::registration::{
    ClientInformation, ClientRegistry, GeneratedSecret, Registration, RegistrationRefusal, check,
    check_secret, current_secret, needs_secret,
};
use crate::table::asynchronous::{
    AsyncClientTable, AsyncRegistrableClientTable, AsyncRotatableClientTable,
};

/// [`create_client_registry`](crate::registration::create_client_registry), awaited.
pub fn create_client_registry<C, P>(pool: P) -> ClientRegistry<C, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncClientTable<P::Connection>,
{
    ClientRegistry::on(Async(pool))
}

impl<C, P> ClientRegistry<C, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncClientTable<P::Connection>,
{
    /// Hashing a secret takes its time.
    async fn make_secret_apart(&self, chosen: Option<String>) -> Result<GeneratedSecret, Error> {
        let registry = self.clone();
        hash_on_blocking_thread(move || registry.make_secret(chosen)).await?
    }
}

/// On an asynchronous pool.
impl<C, P> ClientRegistry<C, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncRegistrableClientTable<P::Connection>,
{
    /// Registers a client, with an id and a secret at random unless the registration has them. What the metadata leaves out is what RFC 7591 section 2 says.
    /// The secret is hashed on a thread that may block.
    ///
    /// # Errors
    /// As `register` on a blocking pool. Nothing is stored then.
    pub async fn register(
        &self,
        registration: &Registration<C::UserId, C::Extra>,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        let keeps = (!C::KEEPS_METADATA).then_some(C::METADATA_COLUMNS);
        let checked = check(registration, keeps, C::generate_client_id)?;
        let secret = match needs_secret(&checked.1) {
            true => {
                let chosen = registration.client_secret.clone();
                Some(self.make_secret_apart(chosen).await?)
            }
            false => None,
        };
        let registered = self.registered(checked, secret);
        let row = registered.row(registration);
        let stored: Result<(), Error> =
            on_connection!(&self.pool.0, Intent::Write, |conn| C::insert(conn, &row));
        stored?;
        Ok(registered.into_information())
    }
}

/// On an asynchronous pool.
impl<C, P> ClientRegistry<C, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncRotatableClientTable<P::Connection>,
{
    /// Gives the client a new secret. The old one is valid for `overlap` seconds longer, unless it expires before; 0 ends it
    /// at once. One replaced earlier ends now.
    ///
    /// # Errors
    /// As `rotate_secret` on a blocking pool. The old secret stays as it is then; but after [`Error::ConnectionLost`], and
    /// where the future is dropped halfway, it may have been replaced: rotate again.
    pub async fn rotate_secret(
        &self,
        client: &C,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        self.replace_secret(client, None, overlap).await
    }

    /// `rotate_secret` to a secret that the caller chooses, as for [`Registration::client_secret`].
    ///
    /// # Errors
    /// As `rotate_secret`; [`Error::InvalidValue`] for a secret that cannot be one.
    pub async fn rotate_secret_to(
        &self,
        client: &C,
        client_secret: &str,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        check_secret(client_secret)?;
        let chosen = Some(client_secret.to_owned());
        self.replace_secret(client, chosen, overlap).await
    }

    async fn replace_secret(
        &self,
        client: &C,
        chosen: Option<String>,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        current_secret(client)?;
        let secret = self.make_secret_apart(chosen).await?;
        let replacement = self.replacement(client, overlap, secret)?;
        let columns = replacement.columns();
        let replaced: Result<bool, Error> =
            on_connection!(&self.pool.0, Intent::Write, |conn| client
                .replace_secret(conn, &columns));
        let replaced = replaced?;
        replacement.outcome(client, replaced)
    }
}
