use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use diesel_oauth2::OAuth2Client;
use diesel_oauth2::clock::{Clock, SystemClock};
use diesel_oauth2::lookup::find_current_client;
use diesel_oauth2::observer::Observer;
use diesel_oauth2::pool::ConnectionPool;
use diesel_oauth2::table::ClientTable;
use diesel_oauth2::types::{AuthMethod, Endpoint, GrantType};
use oxide_auth::primitives::registrar::{
    BoundClient, ClientUrl, ExactUrl, PreGrant, RegisteredUrl, Registrar, RegistrarError,
};
use oxide_auth::primitives::scope::Scope;
use url::form_urlencoded;

use crate::error::OnFailure;
use crate::{Error, NO_REDIRECT_URI};

/// Creates oxide-auth's `Registrar` over a table of clients.
///
/// * A redirect URI must be one of the client's, character for character. Where the request has none, it is the first
///   of the client's.
/// * The scope is what is asked for and the client may have. Where none of it is left, the request is refused; where
///   none is asked for, it is the [`default_scope`](ClientRegistrar::default_scope).
/// * A secret is compared in constant time, plain or argon2, and must not have expired. Only a client that is
///   registered with the method `none` goes without.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::models::Client;
/// use diesel_oauth2_oxide_auth::create_registrar;
/// use oxide_auth::primitives::registrar::Registrar;
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client)
/// #     .values((client_id.eq("s6BhdRkqt3"), client_secret.eq("gX1fBat3bV")))
/// #     .execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let registrar = create_registrar::<Client, _>(pool);
/// assert!(registrar.check("s6BhdRkqt3", Some(b"gX1fBat3bV")).is_ok());
/// assert!(registrar.check("s6BhdRkqt3", Some(b"other")).is_err());
/// assert!(registrar.check("s6BhdRkqt3", None).is_err());
/// # }
/// ```
pub fn create_registrar<C, P>(pool: P) -> ClientRegistrar<C, P>
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    ClientRegistrar {
        pool,
        clock: Arc::new(SystemClock),
        grant_type: None,
        default_scope: String::new(),
        observer: None,
        on_failure: OnFailure::default(),
        model: PhantomData,
    }
}

type ToldOfClient = Arc<dyn Fn(&dyn OAuth2Client) + Send + Sync>;

/// oxide-auth's `Registrar` over a table of clients: made by [`create_registrar`].
#[must_use]
pub struct ClientRegistrar<C, P> {
    pool: P,
    clock: Arc<dyn Clock>,
    grant_type: Option<GrantType>,
    default_scope: String,
    observer: Option<ToldOfClient>,
    on_failure: OnFailure,
    model: PhantomData<fn() -> C>,
}

impl<C, P> ClientRegistrar<C, P>
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    /// The clock that secrets expire by.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Serves clients only that are registered for this grant type.
    ///
    /// oxide-auth does not tell its registrar which flow it is in, so a client's grant types count only where each flow
    /// has a registrar that knows. For `authorization_code` the client must be registered for the response type `code`
    /// too. For `client_credentials` it may do without any redirect URI.
    pub fn grant_type(mut self, grant_type: GrantType) -> Self {
        self.grant_type = Some(grant_type);
        self
    }

    /// What is granted where a request names no scope, as far as the client may have it. Nothing unless set, as in
    /// authlib.
    pub fn default_scope(mut self, scope: impl Into<String>) -> Self {
        self.default_scope = scope.into();
        self
    }

    /// Who is told of [`client_authenticated`](Observer::client_authenticated).
    pub fn observer<M: 'static>(mut self, observer: impl Observer<M>) -> Self {
        self.observer = Some(Arc::new(move |client: &dyn OAuth2Client| {
            observer.client_authenticated(client);
        }));
        self
    }

    /// What is told of each [`Error`] that ends as oxide-auth's `PrimitiveError`.
    pub fn on_failure(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.on_failure = OnFailure::new(tell);
        self
    }

    /// The client, where it may do what this registrar is for.
    fn client(&self, client_id: &str) -> Result<C, RegistrarError> {
        let found = find_current_client::<C, P>(&self.pool, client_id).map_err(|error| {
            self.on_failure.tell(&Error::Storage(error));
            RegistrarError::PrimitiveError
        })?;
        found
            .filter(|client| self.is_registered(client))
            .ok_or(RegistrarError::Unspecified)
    }

    fn is_registered(&self, client: &C) -> bool {
        match &self.grant_type {
            None => true,
            Some(grant_type @ GrantType::AuthorizationCode) => {
                client.check_grant_type(grant_type) && client.check_response_type("code")
            }
            Some(grant_type) => client.check_grant_type(grant_type),
        }
    }

    fn redirect_uri(
        &self,
        client: &C,
        requested: Option<Cow<'_, ExactUrl>>,
    ) -> Result<ExactUrl, RegistrarError> {
        if let Some(requested) = requested {
            return if client.check_redirect_uri(requested.as_str()) {
                Ok(requested.into_owned())
            } else {
                Err(RegistrarError::Unspecified)
            };
        }
        let own = client.default_redirect_uri();
        let own = match (own, &self.grant_type) {
            (Some(own), _) => own,
            (None, Some(GrantType::ClientCredentials)) => NO_REDIRECT_URI.to_owned(),
            (None, _) => return Err(RegistrarError::Unspecified),
        };
        ExactUrl::new(own).map_err(|_| {
            self.on_failure.tell(&Error::Unreadable {
                what: "redirect URI",
            });
            RegistrarError::PrimitiveError
        })
    }

    fn is_authentic(&self, client: &C, passphrase: Option<&[u8]>) -> bool {
        let may = |method| client.check_endpoint_auth_method(&method, Endpoint::Token);
        let Some(passphrase) = passphrase else {
            return may(AuthMethod::None);
        };
        // oxide-auth does not tell in which of the two ways it came.
        if !may(AuthMethod::ClientSecretBasic) && !may(AuthMethod::ClientSecretPost) {
            return false;
        }
        let Ok(secret) = std::str::from_utf8(passphrase) else {
            return false;
        };
        let now = self.clock.now();
        client.check_client_secret(secret, now)
            || decoded(secret).is_some_and(|secret| client.check_client_secret(&secret, now))
    }
}

/// The secret as RFC 6749 section 2.3.1 encodes it for HTTP Basic, which oxide-auth does not decode. `None` where
/// decoding changes nothing.
fn decoded(secret: &str) -> Option<String> {
    // The names around it are those of a form with this one value.
    if secret.contains(['&', '=']) {
        return None;
    }
    let (decoded, _) = form_urlencoded::parse(secret.as_bytes()).next()?;
    (decoded != secret).then(|| decoded.into_owned())
}

impl<C, P> Registrar for ClientRegistrar<C, P>
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    fn bound_redirect<'a>(&self, bound: ClientUrl<'a>) -> Result<BoundClient<'a>, RegistrarError> {
        let client = self.client(&bound.client_id)?;
        let redirect_uri = self.redirect_uri(&client, bound.redirect_uri)?;
        Ok(BoundClient {
            client_id: bound.client_id,
            redirect_uri: Cow::Owned(RegisteredUrl::Exact(redirect_uri)),
        })
    }

    fn negotiate(
        &self,
        bound: BoundClient<'_>,
        scope: Option<Scope>,
    ) -> Result<PreGrant, RegistrarError> {
        let client = self.client(&bound.client_id)?;
        let requested = match &scope {
            Some(scope) => crate::grant::scope_text(scope),
            None => self.default_scope.clone(),
        };
        let allowed = client.get_allowed_scope(&requested);
        if allowed.is_empty() && scope.is_some() && !requested.is_empty() {
            return Err(RegistrarError::Unspecified);
        }
        let scope = allowed.parse().map_err(|_| {
            self.on_failure.tell(&Error::Unreadable { what: "scope" });
            RegistrarError::PrimitiveError
        })?;
        Ok(PreGrant {
            client_id: bound.client_id.into_owned(),
            redirect_uri: bound.redirect_uri.into_owned(),
            scope,
        })
    }

    fn check(&self, client_id: &str, passphrase: Option<&[u8]>) -> Result<(), RegistrarError> {
        let client = self.client(client_id)?;
        if !self.is_authentic(&client, passphrase) {
            return Err(RegistrarError::Unspecified);
        }
        if let Some(tell) = &self.observer {
            tell(&client);
        }
        Ok(())
    }
}

impl<C, P: Clone> Clone for ClientRegistrar<C, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            grant_type: self.grant_type.clone(),
            default_scope: self.default_scope.clone(),
            observer: self.observer.clone(),
            on_failure: self.on_failure.clone(),
            model: PhantomData,
        }
    }
}

impl<C, P> fmt::Debug for ClientRegistrar<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRegistrar")
            .field("grant_type", &self.grant_type)
            .field("default_scope", &self.default_scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn a_secret_is_decoded_where_that_changes_it() {
        assert_eq!(decoded("s%21%26 x").as_deref(), Some("s!& x"));
        assert_eq!(decoded("a+b").as_deref(), Some("a b"));
        for same in ["", "plain", "a&b", "a=b", "100%"] {
            assert_eq!(decoded(same), None, "{same:?}");
        }
    }
}
