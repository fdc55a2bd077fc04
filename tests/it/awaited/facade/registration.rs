//! The registry of clients.

use std::ops::Deref;

use diesel_oauth2::asynchronous::{self, Async};
use diesel_oauth2::clock::Clock;
pub use diesel_oauth2::registration::*;
use diesel_oauth2::table::asynchronous::{
    AsyncClientTable, AsyncRegistrableClientTable, AsyncRotatableClientTable,
};
use diesel_oauth2::{Failure, registration};

use super::{Pools, wait};

on_pool!(ClientRegistry<C>, registration::ClientRegistry<C, Async<P::Pool>>);

pub fn create_client_registry<C, P: Pools>(pool: P) -> ClientRegistry<C, P>
where
    C: AsyncClientTable<P::Conn>,
{
    ClientRegistry(asynchronous::create_client_registry(pool.awaited()))
}

impl<C: AsyncClientTable<P::Conn>, P: Pools> ClientRegistry<C, P> {
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn secret_storage(self, storage: ClientSecretStorage) -> Self {
        Self(self.0.secret_storage(storage))
    }

    pub fn secret_lifetime(self, seconds: i64) -> Self {
        Self(self.0.secret_lifetime(seconds))
    }

    pub fn register(
        &self,
        registration: &Registration<C::UserId, C::Extra>,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>>
    where
        C: AsyncRegistrableClientTable<P::Conn>,
    {
        wait(self.0.register(registration))
    }

    pub fn rotate_secret_to(
        &self,
        client: &C,
        client_secret: &str,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>>
    where
        C: AsyncRotatableClientTable<P::Conn>,
    {
        wait(self.0.rotate_secret_to(client, client_secret, overlap))
    }

    pub fn rotate_secret(
        &self,
        client: &C,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>>
    where
        C: AsyncRotatableClientTable<P::Conn>,
    {
        wait(self.0.rotate_secret(client, overlap))
    }
}
