use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::endpoint::credentials::Credentials;
use crate::endpoint::{EndpointRequest, Failure, OAuth2Error, Realm};
use crate::lookup::find_current_client;
use crate::model::OAuth2Client;
use crate::observer::Observer;
use crate::pool::ConnectionPool;
use crate::table::ClientTable;
use crate::types::{AuthMethod, Endpoint};

/// Creates what authenticates the clients of an endpoint (RFC 6749 section 2.3), by `client_secret_basic`,
/// `client_secret_post` and `none` unless told otherwise.
///
/// Mirrors authlib's `ClientAuthentication`, and is stricter where RFC 6749 is: a request that authenticates in two
/// ways at once is refused, and every failure is `invalid_client` with status 401 in the same words.
///
/// An unknown id is refused sooner than a wrong secret, which is hashed first. That tells whether a client exists, and no
/// more: a `client_id` is no secret (RFC 6749 section 2.2), and hashing for whoever names no client would only be work.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::endpoint::{EndpointRequest, Failure, create_client_authenticator};
/// use diesel_oauth2::{models::Client, types::Endpoint};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let authenticator = create_client_authenticator::<Client, _>(pool);
/// let request = EndpointRequest::new(Some("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"), b"");
/// let result = authenticator.authenticate(&request, Endpoint::Token);
/// let Err(Failure::Refused(error)) = result else { panic!() };
/// assert_eq!(error.code(), "invalid_client");
/// # }
/// ```
pub fn create_client_authenticator<C, P>(pool: P) -> ClientAuthenticator<C, P>
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    ClientAuthenticator::on(pool)
}

type ToldOfClient = Arc<dyn Fn(&dyn OAuth2Client) + Send + Sync>;

/// Authenticates the clients of an endpoint: made by [`create_client_authenticator`].
#[must_use]
pub struct ClientAuthenticator<C, P> {
    pub(crate) pool: P,
    methods: Arc<[AuthMethod]>,
    realm: Realm,
    clock: Arc<dyn Clock>,
    observer: Option<ToldOfClient>,
    model: PhantomData<fn() -> C>,
}

/// A client that has authenticated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthenticatedClient<C> {
    /// The client.
    pub client: C,
    /// How it did.
    pub method: AuthMethod,
}

impl<C: OAuth2Client, P> ClientAuthenticator<C, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            methods: Arc::new([
                AuthMethod::ClientSecretBasic,
                AuthMethod::ClientSecretPost,
                AuthMethod::None,
            ]),
            realm: Realm::default(),
            clock: Arc::new(SystemClock),
            observer: None,
            model: PhantomData,
        }
    }

    /// The ways of authentication that are accepted. [`AuthMethod::Other`] ones are not known here.
    pub fn methods(mut self, methods: impl IntoIterator<Item = AuthMethod>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// The realm told in `WWW-Authenticate`.
    pub fn realm(mut self, realm: impl Into<Realm>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The clock that secrets expire by.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Who is told of [`client_authenticated`](Observer::client_authenticated).
    pub fn observer<M: 'static>(mut self, observer: impl Observer<M>) -> Self {
        self.observer = Some(Arc::new(move |client: &dyn OAuth2Client| {
            observer.client_authenticated(client);
        }));
        self
    }

    /// The request's credentials, of a kind that is accepted here.
    pub(crate) fn credentials<'r>(
        &self,
        request: &'r EndpointRequest<'_>,
    ) -> Result<Credentials<'r>, Failure<OAuth2Error>> {
        let credentials = Credentials::read(request)?.ok_or_else(|| self.refusal())?;
        if !self.methods.contains(&credentials.method()) {
            return Err(self.refusal().into());
        }
        Ok(credentials)
    }

    /// Tells the observer.
    pub(crate) fn authenticated(&self, client: C, method: AuthMethod) -> AuthenticatedClient<C> {
        if let Some(tell) = &self.observer {
            tell(&client);
        }
        AuthenticatedClient { client, method }
    }

    pub(crate) fn refusal(&self) -> OAuth2Error {
        OAuth2Error::InvalidClient {
            realm: self.realm.clone(),
        }
    }

    pub(crate) fn is_authentic(
        &self,
        client: &C,
        method: &AuthMethod,
        endpoint: Endpoint,
        secret: Option<&str>,
    ) -> bool {
        if !client.check_endpoint_auth_method(method, endpoint) {
            return false;
        }
        match secret {
            Some(secret) => client.check_client_secret(secret, self.clock.now()),
            // A client with a secret must use it everywhere (RFC 6749 section 3.2.1), whatever its own rule for this
            // endpoint says.
            None => client.check_endpoint_auth_method(&AuthMethod::None, Endpoint::Token),
        }
    }
}

impl<C, P> ClientAuthenticator<C, P>
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    /// The client that makes the request.
    ///
    /// The way in which it authenticates must be accepted here and by the client's own
    /// [`check_endpoint_auth_method`](OAuth2Client::check_endpoint_auth_method). Naming itself without a secret is for
    /// clients registered with `none` only.
    ///
    /// # Errors
    /// [`Failure::Refused`] with [`OAuth2Error::InvalidClient`], or with [`OAuth2Error::InvalidRequest`] for more than
    /// one way at once and for a repeated parameter; [`Failure::Storage`] with the database's error.
    pub fn authenticate(
        &self,
        request: &EndpointRequest<'_>,
        endpoint: Endpoint,
    ) -> Result<AuthenticatedClient<C>, Failure<OAuth2Error>> {
        let credentials = self.credentials(request)?;
        let method = credentials.method();
        for (client_id, secret) in credentials.readings() {
            let Some(client) = find_current_client::<C, P>(&self.pool, &client_id)? else {
                continue;
            };
            if self.is_authentic(&client, &method, endpoint, secret.as_deref()) {
                return Ok(self.authenticated(client, method));
            }
        }
        Err(self.refusal().into())
    }
}

impl<C, P: Clone> Clone for ClientAuthenticator<C, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            methods: Arc::clone(&self.methods),
            realm: self.realm.clone(),
            clock: Arc::clone(&self.clock),
            observer: self.observer.clone(),
            model: PhantomData,
        }
    }
}

impl<C, P> fmt::Debug for ClientAuthenticator<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAuthenticator")
            .field("methods", &self.methods)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::Error;
    use crate::observer::on_client_authenticated;
    use crate::test_support::{
        self, Statement, TestClient, assert_shareable, fail_with, statements,
    };
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use std::sync::Mutex;

    const NOW: i64 = 1_000;

    type Pool = crate::pool::SharedConnection<diesel::SqliteConnection>;

    fn authenticator() -> ClientAuthenticator<TestClient, Pool> {
        create_client_authenticator(test_support::pool()).clock(|| NOW)
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    /// The client and its method, or the error's code and status.
    fn ask(
        authorization: Option<&str>,
        form: &str,
        endpoint: Endpoint,
    ) -> Result<(String, AuthMethod), (&'static str, u16)> {
        let request = EndpointRequest::new(authorization, form.as_bytes());
        match authenticator().authenticate(&request, endpoint) {
            Ok(it) => Ok((it.client.client_id().into_owned(), it.method)),
            Err(Failure::Refused(error)) => Err((error.code(), error.status())),
            Err(Failure::Storage(error)) => panic!("{error}"),
        }
    }

    const INVALID_CLIENT: Result<(String, AuthMethod), (&str, u16)> = Err(("invalid_client", 401));
    const INVALID_REQUEST: Result<(String, AuthMethod), (&str, u16)> =
        Err(("invalid_request", 400));

    #[test]
    fn it_can_be_shared() {
        assert_shareable(&authenticator());
    }

    #[test]
    fn each_method_is_accepted_of_whom_it_is_registered_for() {
        TestClient::with_secret("basic", "s").insert();
        TestClient::with_secret("post", "s")
            .auth_method("client_secret_post")
            .insert();
        TestClient::public("public").insert();
        let accepted = |id: &str, method| Ok((id.to_owned(), method));

        let header = basic("basic:s");
        assert_eq!(
            ask(Some(&header), "", Endpoint::Token),
            accepted("basic", AuthMethod::ClientSecretBasic)
        );
        assert_eq!(
            ask(None, "client_id=post&client_secret=s", Endpoint::Token),
            accepted("post", AuthMethod::ClientSecretPost)
        );
        assert_eq!(
            ask(None, "client_id=public", Endpoint::Token),
            accepted("public", AuthMethod::None)
        );

        assert_eq!(
            ask(None, "client_id=basic&client_secret=s", Endpoint::Token),
            INVALID_CLIENT
        );
        assert_eq!(
            ask(
                None,
                "client_id=basic&client_secret=s",
                Endpoint::Revocation
            ),
            accepted("basic", AuthMethod::ClientSecretPost)
        );
        for endpoint in [Endpoint::Token, Endpoint::Revocation] {
            assert_eq!(ask(None, "client_id=basic", endpoint), INVALID_CLIENT);
            assert_eq!(
                ask(None, "client_id=basic&client_secret=", endpoint),
                INVALID_CLIENT
            );
        }
    }

    #[test]
    fn all_failures_look_the_same() {
        TestClient::with_secret("app", "s").insert();
        let mut expired = TestClient::with_secret("expired", "s");
        expired.secret_expires_at = Some(NOW);
        expired.insert();
        TestClient::public("public").insert();
        let mut answers = Vec::new();
        for header in [
            basic("app:wrong"),
            basic("app:"),
            basic(":s"),
            basic("app"),
            basic("unknown:s"),
            basic("APP:s"),
            basic("expired:s"),
            basic("public:s"),
            "Basic".into(),
            "Basic !".into(),
            "Basic /zph".into(),
            "Bearer mF_9".into(),
        ] {
            let request = EndpointRequest::new(Some(&header), b"");
            let failure = authenticator().authenticate(&request, Endpoint::Token);
            answers.push(failure.expect_err(&header).to_response());
        }
        for form in [
            "",
            "client_secret=s",
            "client_id=unknown",
            "client_id=app%00&client_secret=s",
        ] {
            let request = EndpointRequest::new(None, form.as_bytes());
            let failure = authenticator().authenticate(&request, Endpoint::Token);
            answers.push(failure.expect_err(form).to_response());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0].status, 401);
        let (name, value) = answers[0].headers.last().expect("has headers");
        assert_eq!(*name, "WWW-Authenticate");
        assert!(
            value.starts_with("Basic realm=\"oauth2\", error=\"invalid_client\", "),
            "{value}"
        );
    }

    #[test]
    fn two_ways_at_once_are_refused_before_anything_is_looked_up() {
        TestClient::with_secret("app", "s").insert();
        let header = basic("app:s");
        for form in [
            "client_secret=s",
            "client_id=app&client_secret=s",
            "client_assertion=x",
            "client_id=app&client_id=app",
        ] {
            assert_eq!(
                ask(Some(&header), form, Endpoint::Revocation),
                INVALID_REQUEST,
                "{form}"
            );
        }
        let form = "client_id=app&client_secret=s&client_assertion=x";
        assert_eq!(ask(None, form, Endpoint::Revocation), INVALID_REQUEST);
        assert_eq!(
            ask(Some(&header), "client_id=other", Endpoint::Token),
            INVALID_CLIENT
        );
        assert_eq!(
            ask(None, "client_id=app&client_assertion=x", Endpoint::Token),
            INVALID_CLIENT
        );
        assert_eq!(statements(), []);
        assert!(
            ask(
                Some(&header),
                "client_id=app&client_secret=",
                Endpoint::Token
            )
            .is_ok()
        );
        assert_eq!(statements(), [Statement::LoadClient]);
    }

    #[test]
    fn a_plus_is_a_space_by_the_rfc_and_itself_where_the_client_does_not_encode() {
        TestClient::with_secret("spaced", "a b").insert();
        TestClient::with_secret("plus", "a+b/c=").insert();
        assert!(ask(Some(&basic("spaced:a+b")), "", Endpoint::Token).is_ok());
        assert!(ask(Some(&basic("spaced:a%20b")), "", Endpoint::Token).is_ok());
        assert!(ask(Some(&basic("plus:a%2Bb%2Fc%3D")), "", Endpoint::Token).is_ok());
        assert!(ask(Some(&basic("plus:a+b/c=")), "", Endpoint::Token).is_ok());
        assert_eq!(
            ask(Some(&basic("plus:a b/c=")), "", Endpoint::Token),
            INVALID_CLIENT
        );
    }

    #[test]
    fn only_the_chosen_methods_are_accepted() {
        TestClient::public("public").insert();
        let request = EndpointRequest::new(None, b"client_id=public");
        let strict = authenticator()
            .methods([AuthMethod::ClientSecretBasic])
            .realm("r");
        let failure = strict
            .authenticate(&request, Endpoint::Token)
            .expect_err("is refused");
        assert_eq!(
            failure,
            Failure::Refused(OAuth2Error::InvalidClient { realm: "r".into() })
        );
    }

    #[test]
    fn a_storage_failure_is_no_refusal() {
        fail_with(Error::Unreachable);
        let request = EndpointRequest::new(None, b"client_id=public");
        let failure = authenticator().authenticate(&request, Endpoint::Token);
        assert_eq!(
            failure.expect_err("fails"),
            Failure::Storage(Error::Unreachable)
        );
    }

    #[test]
    fn the_observer_is_told_of_authenticated_clients_only() {
        TestClient::public("public").insert();
        TestClient::with_secret("app", "s").insert();
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        let authenticator = authenticator().observer(on_client_authenticated(move |client| {
            let id = client.client_id().into_owned();
            list.lock().expect("is not poisoned").push(id);
        }));
        for form in ["client_id=app", "client_id=public"] {
            let request = EndpointRequest::new(None, form.as_bytes());
            let _ = authenticator.authenticate(&request, Endpoint::Token);
        }
        assert_eq!(*told.lock().expect("is not poisoned"), ["public"]);
    }

    proptest! {
        #[test]
        fn any_request_is_answered(authorization in any::<Option<String>>(), body in any::<Vec<u8>>()) {
            let request = EndpointRequest::new(authorization.as_deref(), &body);
            let _ = Credentials::read(&request);
        }
    }
}
