use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::check::complete;
use super::{ClientInformation, Registration, RegistrationRefusal};
use crate::bearer::generate_token;
use crate::clock::{Clock, SystemClock};
use crate::endpoint::Failure;
use crate::model::OAuth2Client;
use crate::pool::{ConnectionPool, Intent};
use crate::secret::hash_client_secret;
use crate::table::{NewClient, NewClientSecret, RegistrableClientTable, RotatableClientTable};
use crate::types::{AuthMethod, is_vschar};
use crate::{ClientMetadata, Error};

/// As long as those of authlib's `ClientRegistrationEndpoint`.
const SECRET_LENGTH: usize = 48;

/// The fewest characters of a secret that the caller chooses: at random, as it must be, 22 hold the 128 bits of RFC 6749
/// section 10.10.
pub const MIN_CLIENT_SECRET_LENGTH: usize = 22;

/// Creates what registers clients (RFC 7591) and replaces their secrets.
///
/// Mirrors what authlib's `ClientRegistrationEndpoint` does with a checked request; who may register is the server's own
/// rule.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::models::Client;
/// use diesel_oauth2::registration::{Registration, create_client_registry};
/// use diesel_oauth2::{ClientMetadata, create_query_client_func};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let registry = create_client_registry::<Client, _>(pool.clone());
/// let information = registry.register(&Registration::new(ClientMetadata {
///     redirect_uris: vec!["https://app.example/callback".into()],
///     ..Default::default()
/// })).unwrap();
/// println!("{} {}", information.client_id, information.client_secret.unwrap()); // never to be read again
///
/// let client = create_query_client_func::<Client, _>(pool)(&information.client_id)?.unwrap();
/// registry.rotate_secret(&client, 24 * 3600).unwrap(); // the old secret is valid for a day longer
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
pub fn create_client_registry<C, P>(pool: P) -> ClientRegistry<C, P>
where
    P: ConnectionPool,
    C: OAuth2Client,
{
    ClientRegistry::on(pool)
}

/// How a client's secret is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientSecretStorage {
    /// As an argon2id PHC string.
    #[default]
    Argon2,
    /// As it is: for a table that authlib reads too.
    Plain,
}

/// Registers clients and replaces their secrets: made by [`create_client_registry`].
#[must_use]
pub struct ClientRegistry<C, P> {
    pub(crate) pool: P,
    clock: Arc<dyn Clock>,
    storage: ClientSecretStorage,
    secret_lifetime: Option<i64>,
    model: PhantomData<fn() -> C>,
}

impl<C, P> ClientRegistry<C, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            storage: ClientSecretStorage::default(),
            secret_lifetime: None,
            model: PhantomData,
        }
    }

    /// The clock that tells when a client is registered.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How secrets are stored.
    pub fn secret_storage(mut self, storage: ClientSecretStorage) -> Self {
        self.storage = storage;
        self
    }

    /// How long a secret is valid, in seconds. For ever unless set.
    pub fn secret_lifetime(mut self, seconds: i64) -> Self {
        self.secret_lifetime = Some(seconds);
        self
    }

    fn stored(&self, secret: &str) -> Result<String, Error> {
        match self.storage {
            ClientSecretStorage::Argon2 => hash_client_secret(secret),
            ClientSecretStorage::Plain => Ok(secret.to_owned()),
        }
    }

    fn secret_expires_at(&self, now: i64) -> Option<i64> {
        self.secret_lifetime.map(|life| now.saturating_add(life))
    }

    /// The secret chosen, which was [checked](check_secret), or one at random.
    pub(crate) fn make_secret(&self, chosen: Option<String>) -> Result<GeneratedSecret, Error> {
        let secret = match chosen {
            Some(secret) => secret,
            None => generate_token(SECRET_LENGTH)?,
        };
        let stored = self.stored(&secret)?;
        Ok(GeneratedSecret { secret, stored })
    }

    /// The client to be stored, with a secret if it [needs](needs_secret) one.
    pub(crate) fn registered(
        &self,
        (client_id, metadata): (String, ClientMetadata),
        secret: Option<GeneratedSecret>,
    ) -> Registered {
        let now = self.clock.now();
        Registered {
            client_id,
            client_id_issued_at: now,
            expires_at: secret.as_ref().and(self.secret_expires_at(now)),
            secret,
            metadata,
        }
    }
}

impl<C: OAuth2Client, P> ClientRegistry<C, P> {
    /// The secret that is to take the place of the client's own.
    pub(crate) fn replacement<'c>(
        &self,
        client: &'c C,
        overlap: i64,
        secret: GeneratedSecret,
    ) -> Result<Replacement<'c>, Failure<RegistrationRefusal>> {
        let now = self.clock.now();
        let overlap_ends = now.saturating_add(overlap.max(0));
        Ok(Replacement {
            old: current_secret(client)?,
            old_ends: match client.client_secret_expires_at() {
                Some(expires_at) => expires_at.min(overlap_ends),
                None => overlap_ends,
            },
            expires_at: self.secret_expires_at(now),
            secret,
        })
    }
}

/// The client's own secret.
pub(crate) fn current_secret<C: OAuth2Client>(
    client: &C,
) -> Result<&str, Failure<RegistrationRefusal>> {
    client
        .client_secret()
        .filter(|secret| !secret.is_empty())
        .ok_or(Failure::Refused(RegistrationRefusal::NoSecret))
}

/// A secret and the form in which it is stored.
pub(crate) struct GeneratedSecret {
    secret: String,
    stored: String,
}

/// A client that is about to be stored.
pub(crate) struct Registered {
    client_id: String,
    client_id_issued_at: i64,
    secret: Option<GeneratedSecret>,
    expires_at: Option<i64>,
    metadata: ClientMetadata,
}

impl Registered {
    /// The row to insert.
    pub(crate) fn row<'a, U, X>(
        &'a self,
        registration: &'a Registration<U, X>,
    ) -> NewClient<'a, U, X> {
        NewClient {
            client_id: &self.client_id,
            client_secret: self.secret.as_ref().map(|it| it.stored.as_str()),
            client_id_issued_at: self.client_id_issued_at,
            client_secret_expires_at: self.expires_at,
            user_id: registration.user_id.as_ref(),
            metadata: &self.metadata,
            extra: &registration.extra,
        }
    }

    pub(crate) fn into_information(self) -> ClientInformation {
        ClientInformation {
            client_id: self.client_id,
            client_secret_expires_at: (self.secret.as_ref()).map(|_| self.expires_at.unwrap_or(0)),
            client_secret: self.secret.map(|it| it.secret),
            client_id_issued_at: Some(self.client_id_issued_at),
            metadata: self.metadata,
        }
    }
}

/// A secret that is about to take the place of another.
pub(crate) struct Replacement<'c> {
    old: &'c str,
    old_ends: i64,
    secret: GeneratedSecret,
    expires_at: Option<i64>,
}

impl Replacement<'_> {
    /// What to write.
    pub(crate) fn columns(&self) -> NewClientSecret<'_> {
        NewClientSecret {
            client_secret: &self.secret.stored,
            client_secret_expires_at: self.expires_at,
            previous_client_secret: self.old,
            previous_client_secret_expires_at: self.old_ends,
        }
    }

    /// What the client is told, if its secret was `replaced`.
    pub(crate) fn outcome<C: OAuth2Client>(
        self,
        client: &C,
        replaced: bool,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        if !replaced {
            return Err(Failure::Refused(RegistrationRefusal::SecretChanged));
        }
        Ok(ClientInformation {
            client_id: client.client_id().into_owned(),
            client_secret: Some(self.secret.secret),
            client_id_issued_at: client.client_id_issued_at(),
            client_secret_expires_at: Some(self.expires_at.unwrap_or(0)),
            metadata: client.client_metadata().into_owned(),
        })
    }
}

/// Id and metadata of a client to be registered. `keeps` are the columns that the model has for metadata; `None` keeps it
/// all.
pub(crate) fn check<U, X>(
    registration: &Registration<U, X>,
    keeps: Option<&[&str]>,
    generate_client_id: fn() -> Result<String, Error>,
) -> Result<(String, ClientMetadata), Failure<RegistrationRefusal>> {
    let metadata = complete(registration.metadata.clone()).map_err(Failure::Refused)?;
    if let Some(columns) = keeps {
        refuse_unknown_members(&metadata, columns)?;
    }
    let client_id = match &registration.client_id {
        Some(client_id) => client_id.clone(),
        None => generate_client_id()?,
    };
    if !is_vschar(&client_id) {
        return Err(Failure::Storage(Error::InvalidValue {
            column: "client_id",
            reason: "an id is one or more printable ASCII characters (RFC 6749 appendix A)",
        }));
    }
    if let Some(secret) = &registration.client_secret {
        if !needs_secret(&metadata) {
            return Err(Failure::Storage(Error::InvalidValue {
                column: "client_secret",
                reason: "the client's token_endpoint_auth_method takes no secret",
            }));
        }
        check_secret(secret)?;
    }
    Ok((client_id, metadata))
}

/// Whether a caller may choose this secret.
pub(crate) fn check_secret(secret: &str) -> Result<(), Error> {
    let reason = if !is_vschar(secret) {
        "a secret is one or more printable ASCII characters (RFC 6749 appendix A)"
    } else if secret.len() < MIN_CLIENT_SECRET_LENGTH {
        "a secret has at least 22 characters"
    } else if secret.starts_with("$argon2") {
        "a secret in plain is asked for, not its hash"
    } else {
        return Ok(());
    };
    Err(Error::InvalidValue {
        column: "client_secret",
        reason,
    })
}

impl<C, P> ClientRegistry<C, P>
where
    P: ConnectionPool,
    C: RegistrableClientTable<P::Connection>,
{
    /// Registers a client, with an id and a secret at random unless the registration has them. What the metadata leaves out is what RFC 7591 section 2 says.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] in [`Failure::Refused`]; in [`Failure::Storage`] [`Error::Duplicate`] (the id given is taken),
    /// [`Error::InvalidValue`], [`Error::ValueTooLong`], [`Error::UnknownMember`] (metadata that the model has no column
    /// for), [`Error::MissingUser`], [`Error::RandomSource`], and the database's. Nothing is stored then.
    pub fn register(
        &self,
        registration: &Registration<C::UserId, C::Extra>,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        let keeps = (!C::KEEPS_METADATA).then_some(C::METADATA_COLUMNS);
        let checked = check(registration, keeps, C::generate_client_id)?;
        let secret = match needs_secret(&checked.1) {
            true => Some(self.make_secret(registration.client_secret.clone())?),
            false => None,
        };
        let registered = self.registered(checked, secret);
        self.pool.run(Intent::Write, |conn| {
            C::insert(conn, &registered.row(registration))
        })?;
        Ok(registered.into_information())
    }
}

impl<C, P> ClientRegistry<C, P>
where
    P: ConnectionPool,
    C: RotatableClientTable<P::Connection>,
{
    /// Gives the client a new secret. The old one is valid for `overlap` seconds longer, unless it expires before; 0 ends it
    /// at once. One replaced earlier ends now.
    ///
    /// # Errors
    /// [`RegistrationRefusal::NoSecret`] and [`RegistrationRefusal::SecretChanged`] in [`Failure::Refused`];
    /// [`Error::RandomSource`] and the database's in [`Failure::Storage`]. The old secret stays as it is then; but after
    /// [`Error::ConnectionLost`] it may have been replaced: rotate again.
    pub fn rotate_secret(
        &self,
        client: &C,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        self.replace_secret(client, None, overlap)
    }

    /// [`rotate_secret`](Self::rotate_secret) to a secret that the caller chooses, as for
    /// [`Registration::client_secret`].
    ///
    /// # Errors
    /// As [`rotate_secret`](Self::rotate_secret); [`Error::InvalidValue`] for a secret that cannot be one.
    pub fn rotate_secret_to(
        &self,
        client: &C,
        client_secret: &str,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        check_secret(client_secret)?;
        self.replace_secret(client, Some(client_secret.to_owned()), overlap)
    }

    fn replace_secret(
        &self,
        client: &C,
        chosen: Option<String>,
        overlap: i64,
    ) -> Result<ClientInformation, Failure<RegistrationRefusal>> {
        current_secret(client)?;
        let replacement = self.replacement(client, overlap, self.make_secret(chosen)?)?;
        let replaced = self.pool.run(Intent::Write, |conn| {
            client.replace_secret(conn, &replacement.columns())
        })?;
        replacement.outcome(client, replaced)
    }
}

/// Whether the client authenticates by a secret.
pub(crate) fn needs_secret(metadata: &ClientMetadata) -> bool {
    let method = metadata.token_endpoint_auth_method.as_deref();
    matches!(
        method.map(AuthMethod::parse),
        None | Some(AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost)
    )
}

/// Metadata without a column would be lost.
fn refuse_unknown_members(metadata: &ClientMetadata, columns: &[&str]) -> Result<(), Error> {
    let members = serde_json::to_value(metadata).map_err(|_| Error::InvalidValue {
        column: "client_metadata",
        reason: "the metadata has no form in JSON",
    })?;
    let mut names = members.as_object().into_iter().flat_map(|it| it.keys());
    match names.find(|name| !columns.contains(&name.as_str())) {
        Some(name) => Err(Error::UnknownMember { name: name.clone() }),
        None => Ok(()),
    }
}

impl<C, P: Clone> Clone for ClientRegistry<C, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            model: PhantomData,
            ..*self
        }
    }
}

impl<C, P> fmt::Debug for ClientRegistry<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRegistry")
            .field("storage", &self.storage)
            .field("secret_lifetime", &self.secret_lifetime)
            .finish_non_exhaustive()
    }
}
