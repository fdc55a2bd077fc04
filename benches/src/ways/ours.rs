//! This crate's public calls.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::Duration;

use diesel_oauth2::endpoint::{
    EndpointRequest, IntrospectionEndpoint, create_introspection_endpoint,
};
use diesel_oauth2::lifecycle::{
    CodeStore, Pruner, Redemption, RefreshStore, Refreshing, create_authorization_code_store,
    create_pruner, create_refresh_token_store,
};
use diesel_oauth2::models::Client;
use diesel_oauth2::pool::ConnectionPool;
use diesel_oauth2::table::{AgedTable, ClientTable, FamilyTokenTable, RedeemableCodeTable};
use diesel_oauth2::types::TokenTypeHint;
use diesel_oauth2::{
    BearerTokenValidator, ClientMetadata, Error, OAuth2AuthorizationCode, OAuth2Client,
    OAuth2Token, RevocationEndpoint, TokenRequest, TokenResponse, create_bearer_token_validator,
    create_query_client_func, create_query_token_func, create_revocation_endpoint,
    create_save_token_func,
};

use crate::input::{CLIENT_ID, PRUNED_BEFORE, REDIRECT_URI, REQUIRED, USER_ID};
use crate::operation::PRUNED;
use crate::store::Store;

#[derive(Clone)]
struct Ours<T, C, P, Query, Save, Find> {
    client: Client,
    query_client: Query,
    save_token: Save,
    query_token: Find,
    validator: BearerTokenValidator<T, P>,
    revocation: RevocationEndpoint<T, P>,
    codes: CodeStore<C, T, P>,
    refreshing: RefreshStore<T, P>,
    introspection: IntrospectionEndpoint<T, P>,
    pruner: Pruner<C, T, P>,
}

/// Every factory on one pool.
pub fn store<T, C, P>(pool: P) -> impl Store<Row = T> + Clone + Send + use<T, C, P>
where
    P: ConnectionPool,
    Client: ClientTable<P::Connection>,
    T::Grant: AgedTable<P::Connection, Key = i64>,
    T: FamilyTokenTable<P::Connection>
        + OAuth2Token<UserId = i64, GrantId = i64, Extra = ()>
        + AgedTable<P::Connection>
        + Clone
        + Send,
    C: Clone
        + RedeemableCodeTable<P::Connection>
        + OAuth2AuthorizationCode<UserId = i64, GrantId = i64>
        + AgedTable<P::Connection>,
{
    let query_client = create_query_client_func::<Client, _>(pool.clone());
    Ours {
        client: query_client(CLIENT_ID).expect("query").expect("client"),
        query_client,
        save_token: create_save_token_func::<T, _>(pool.clone()),
        query_token: create_query_token_func::<T, _>(pool.clone()),
        validator: create_bearer_token_validator(pool.clone()),
        revocation: create_revocation_endpoint(pool.clone()),
        codes: create_authorization_code_store::<C, T, P>(pool.clone()),
        refreshing: create_refresh_token_store::<T, P>(pool.clone()),
        introspection: create_introspection_endpoint(pool.clone())
            // The resource server, which may introspect every token.
            .permission(|_, client| client.client_id() == CLIENT_ID),
        pruner: create_pruner::<C, T, P>(pool)
            .clock(|| PRUNED_BEFORE)
            .retention(0)
            .batch(PRUNED)
            .pause(Duration::ZERO),
    }
}

impl<T, C, P, Query, Save, Find> Store for Ours<T, C, P, Query, Save, Find>
where
    P: ConnectionPool,
    Client: ClientTable<P::Connection>,
    T::Grant: AgedTable<P::Connection, Key = i64>,
    T: FamilyTokenTable<P::Connection>
        + OAuth2Token<UserId = i64, GrantId = i64, Extra = ()>
        + AgedTable<P::Connection>,
    C: Clone
        + RedeemableCodeTable<P::Connection>
        + OAuth2AuthorizationCode<UserId = i64, GrantId = i64>
        + AgedTable<P::Connection>,
    Query: Fn(&str) -> Result<Option<Client>, Error>,
    Save: Fn(&TokenResponse, &TokenRequest<'_, i64>) -> Result<(), Error>,
    Find: Fn(&str, Option<TokenTypeHint>) -> Result<Option<T>, Error>,
{
    type Row = T;
    type Refreshing = Refreshing<T>;

    fn query_client(&mut self, client_id: &str) -> bool {
        (self.query_client)(client_id).expect("query").is_some()
    }

    fn save_token(&mut self, token: &TokenResponse) {
        let request = TokenRequest::new(&self.client).user(USER_ID);
        (self.save_token)(token, &request).expect("insert");
    }

    fn query_token(&mut self, token: &str, hint: Option<TokenTypeHint>) -> Option<T> {
        (self.query_token)(token, hint).expect("query")
    }

    fn validate(&mut self, authorization: &str) -> Option<T> {
        self.validator
            .acquire_token(Some(authorization), &[REQUIRED])
            .ok()
    }

    fn revoke(&mut self, row: &T) {
        let revoked = self
            .revocation
            .revoke_token(row, TokenTypeHint::AccessToken);
        assert_eq!(revoked, Ok(true));
    }

    fn redeem(&mut self, code: &str) {
        let redemption = Redemption::new(code, &self.client).redirect_uri(REDIRECT_URI);
        assert!(self.codes.redeem(&redemption).is_ok());
    }

    fn authenticate(&mut self, refresh_token: &str) -> Refreshing<T> {
        // Loaded tokens belong to many clients.
        let token = self.query_token(refresh_token, None).expect("is there");
        let owner = Owner(token.client_id().into_owned());
        self.refreshing
            .authenticate(refresh_token, &owner)
            .expect("is live")
    }

    fn rotate(&mut self, refreshing: &Refreshing<T>, next: &TokenResponse) {
        let request = TokenRequest::new(&self.client).user(USER_ID);
        self.refreshing
            .rotate(refreshing, next, &request)
            .expect("rotates");
    }

    fn introspect(&mut self, form: &str) -> String {
        let request = EndpointRequest::new(None, form.as_bytes());
        let answer = self
            .introspection
            .create_endpoint_response_for(&request, &self.client);
        answer.expect("query").body
    }

    fn prune(&mut self) -> usize {
        let pruned = self.pruner.prune(|_| ControlFlow::Continue(()));
        pruned.expect("prunes").tokens
    }
}

/// A client of which only the id is known.
struct Owner(String);

impl OAuth2Client for Owner {
    fn client_id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }

    fn client_secret(&self) -> Option<&str> {
        None
    }

    fn client_metadata(&self) -> Cow<'_, ClientMetadata> {
        Cow::Owned(ClientMetadata::default())
    }
}
