use async_trait::async_trait;
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::grant::Grant;
use oxide_auth::primitives::issuer::{IssuedToken, Issuer, RefreshedToken};
use oxide_auth::primitives::registrar::{
    BoundClient, ClientUrl, PreGrant, Registrar, RegistrarError,
};
use oxide_auth::primitives::scope::Scope;
use oxide_auth_async::primitives;

/// A registrar, authorizer or issuer for oxide-auth-async, whose calls run on tokio's blocking threads.
///
/// oxide-auth-async takes the plain ones too, but runs them on the async threads, which then wait for the database.
///
/// A call that has begun runs to its end, also where its future is dropped: a code may be spent then without anybody
/// having its grant, as after any lost answer. A panic inside goes on in the caller.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use diesel_oauth2::models::{AuthorizationCode, Client, Token};
/// use diesel_oauth2::pool::ConnectionPool;
/// use diesel_oauth2_oxide_auth::{SpawnBlocking, create_authorizer, create_issuer, create_registrar};
/// use oxide_auth_async::primitives::{Authorizer, Issuer, Registrar};
///
/// fn primitives(
///     pool: impl ConnectionPool<Connection = diesel::SqliteConnection>,
/// ) -> (impl Registrar, impl Authorizer, impl Issuer) {
///     let issuer = create_issuer::<Token, _>(pool.clone());
///     (
///         SpawnBlocking::new(create_registrar::<Client, _>(pool)),
///         SpawnBlocking::new(create_authorizer::<AuthorizationCode, _, _, _>(&issuer)),
///         SpawnBlocking::new(issuer),
///     )
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SpawnBlocking<T>(T);

impl<T> SpawnBlocking<T> {
    /// Has the calls of this one run elsewhere.
    pub fn new(inner: T) -> Self {
        Self(inner)
    }

    /// What runs the calls.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: Clone + Send + 'static> SpawnBlocking<T> {
    /// Runs a call on a blocking thread. `None` where the runtime is shutting down.
    async fn run<R, F>(&self, call: F) -> Option<R>
    where
        R: Send + 'static,
        F: FnOnce(T) -> R + Send + 'static,
    {
        let inner = self.0.clone();
        match tokio::task::spawn_blocking(move || call(inner)).await {
            Ok(value) => Some(value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }
}

#[async_trait]
impl<T> primitives::Registrar for SpawnBlocking<T>
where
    T: Registrar + Clone + Send + Sync + 'static,
{
    async fn bound_redirect<'a>(
        &self,
        bound: ClientUrl<'a>,
    ) -> Result<BoundClient<'a>, RegistrarError> {
        let bound = ClientUrl {
            client_id: bound.client_id.into_owned().into(),
            redirect_uri: bound
                .redirect_uri
                .map(|uri| std::borrow::Cow::Owned(uri.into_owned())),
        };
        self.run(move |registrar| registrar.bound_redirect(bound))
            .await
            .unwrap_or(Err(RegistrarError::PrimitiveError))
    }

    async fn negotiate<'a>(
        &self,
        client: BoundClient<'a>,
        scope: Option<Scope>,
    ) -> Result<PreGrant, RegistrarError> {
        let client = BoundClient {
            client_id: client.client_id.into_owned().into(),
            redirect_uri: std::borrow::Cow::Owned(client.redirect_uri.into_owned()),
        };
        self.run(move |registrar| registrar.negotiate(client, scope))
            .await
            .unwrap_or(Err(RegistrarError::PrimitiveError))
    }

    async fn check(
        &self,
        client_id: &str,
        passphrase: Option<&[u8]>,
    ) -> Result<(), RegistrarError> {
        let client_id = client_id.to_owned();
        let passphrase = passphrase.map(<[u8]>::to_vec);
        self.run(move |registrar| registrar.check(&client_id, passphrase.as_deref()))
            .await
            .unwrap_or(Err(RegistrarError::PrimitiveError))
    }
}

#[async_trait]
impl<T> primitives::Authorizer for SpawnBlocking<T>
where
    T: Authorizer + Clone + Send + Sync + 'static,
{
    async fn authorize(&mut self, grant: Grant) -> Result<String, ()> {
        self.run(move |mut authorizer| authorizer.authorize(grant))
            .await
            .unwrap_or(Err(()))
    }

    async fn extract(&mut self, code: &str) -> Result<Option<Grant>, ()> {
        let code = code.to_owned();
        self.run(move |mut authorizer| authorizer.extract(&code))
            .await
            .unwrap_or(Err(()))
    }
}

#[async_trait]
impl<T> primitives::Issuer for SpawnBlocking<T>
where
    T: Issuer + Clone + Send + Sync + 'static,
{
    async fn issue(&mut self, grant: Grant) -> Result<IssuedToken, ()> {
        self.run(move |mut issuer| issuer.issue(grant))
            .await
            .unwrap_or(Err(()))
    }

    async fn refresh(&mut self, refresh: &str, grant: Grant) -> Result<RefreshedToken, ()> {
        let refresh = refresh.to_owned();
        self.run(move |mut issuer| issuer.refresh(&refresh, grant))
            .await
            .unwrap_or(Err(()))
    }

    async fn recover_token(&mut self, token: &str) -> Result<Option<Grant>, ()> {
        let token = token.to_owned();
        self.run(move |issuer| issuer.recover_token(&token))
            .await
            .unwrap_or(Err(()))
    }

    async fn recover_refresh(&mut self, token: &str) -> Result<Option<Grant>, ()> {
        let token = token.to_owned();
        self.run(move |issuer| issuer.recover_refresh(&token))
            .await
            .unwrap_or(Err(()))
    }
}
