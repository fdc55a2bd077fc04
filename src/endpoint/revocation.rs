use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::endpoint::revocable::{Revocable, revoke};
use crate::endpoint::token_parameters::token_parameters;
use crate::endpoint::{
    ClientAuthenticator, EndpointRequest, EndpointResponse, Failure, OAuth2Error,
};
use crate::lookup::{load_each_token, load_token};
use crate::model::{OAuth2Client, OAuth2Token};
use crate::observer::{Observer, RevocationCause};
use crate::pool::{ConnectionPool, Intent};
use crate::table::{ClientTable, RevocableTokenTable};
use crate::types::{Endpoint, TokenTypeHint};

/// Creates the revocation endpoint (RFC 7009).
///
/// Mirrors authlib's `create_revocation_endpoint`, but goes by what the token is, not by what the hint says it is
/// (RFC 7009 section 2.1): a wrong hint still finds the token, and a refresh token takes its access token along. A
/// refresh token of a model with grants takes its whole family along: the grant is revoked, so that no token of it
/// survives that is issued at the same time.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::endpoint::{EndpointRequest, create_client_authenticator, create_revocation_endpoint};
/// use diesel_oauth2::models::{Client, Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client)
/// #     .values((client_id.eq("s6BhdRkqt3"), client_secret.eq("gX1fBat3bV")))
/// #     .execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let endpoint = create_revocation_endpoint::<Token, _>(pool.clone());
/// let authenticator = create_client_authenticator::<Client, _>(pool);
///
/// let request = EndpointRequest::new(
///     Some("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"),
///     b"token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token",
/// );
/// let response = endpoint.create_endpoint_response(&request, &authenticator)?;
/// assert_eq!((response.status, response.body.as_str()), (200, ""));
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
pub fn create_revocation_endpoint<M, P>(pool: P) -> RevocationEndpoint<M, P>
where
    P: ConnectionPool,
    M: RevocableTokenTable<P::Connection>,
{
    RevocationEndpoint::on(pool)
}

/// The revocation endpoint: made by [`create_revocation_endpoint`].
///
/// It looks tokens up where it revokes them, never on a replica: a token that has not reached the replica yet would be
/// answered with 200 and stay valid.
#[must_use]
pub struct RevocationEndpoint<M, P> {
    pub(crate) pool: P,
    pub(crate) clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer<M>>>,
    model: PhantomData<fn() -> M>,
}

impl<M: OAuth2Token, P> RevocationEndpoint<M, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            observer: None,
            model: PhantomData,
        }
    }

    /// The clock that tells when a token was revoked.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Who is told of [`token_revoked`](Observer::token_revoked).
    pub fn observer(mut self, observer: impl Observer<M>) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Tells the observer what was revoked, or refuses the client whose token it is not.
    pub(crate) fn told(
        &self,
        revoked: &Revocable<M>,
        client: &dyn OAuth2Client,
    ) -> Result<(), Failure<OAuth2Error>> {
        if revoked.own.is_empty() && revoked.others {
            return Err(OAuth2Error::InvalidGrant {
                description: "The token was issued to another client.",
            }
            .into());
        }
        if let Some(observer) = &self.observer {
            for found in &revoked.own {
                observer.token_revoked(&found.token, client);
                if found.kind == TokenTypeHint::RefreshToken {
                    observer.tokens_revoked(RevocationCause::RefreshTokenRevoked);
                }
            }
        }
        Ok(())
    }
}

impl<M, P> RevocationEndpoint<M, P>
where
    P: ConnectionPool,
    M: RevocableTokenTable<P::Connection>,
{
    /// The row whose access or refresh token this is, and which of the two: one statement, also where the hint is
    /// wrong.
    ///
    /// # Errors
    /// The database's, as [`Error`]. An unknown token is no error.
    pub fn query_token(
        &self,
        token: &str,
        hint: Option<TokenTypeHint>,
    ) -> Result<Option<(M, TokenTypeHint)>, Error> {
        let found = self.pool.run(Intent::IdempotentWrite, |conn| {
            load_token::<M, _>(conn, token, hint)
        })?;
        Ok(found.map(|found| (found.token, found.kind)))
    }

    /// Revokes this row's access token, or its refresh token with its access token and its whole family. What is revoked already
    /// keeps its time. Tells whether anything was left to revoke.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    pub fn revoke_token(&self, token: &M, kind: TokenTypeHint) -> Result<bool, Error> {
        let now = self.clock.now();
        self.pool.run(Intent::IdempotentWrite, |conn| {
            revoke(conn, token, kind, now)
        })
    }

    /// Answers a request: authenticates the client, then does as
    /// [`create_endpoint_response_for`](Self::create_endpoint_response_for).
    ///
    /// # Errors
    /// The database's, as [`Error`]. What the client is refused for is an answer, not an error.
    pub fn create_endpoint_response<C, Q>(
        &self,
        request: &EndpointRequest<'_>,
        authenticator: &ClientAuthenticator<C, Q>,
    ) -> Result<EndpointResponse, Error>
    where
        Q: ConnectionPool,
        C: ClientTable<Q::Connection>,
    {
        match authenticator.authenticate(request, Endpoint::Revocation) {
            Ok(authenticated) => self.create_endpoint_response_for(request, &authenticated.client),
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
    pub fn create_endpoint_response_for(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<EndpointResponse, Error> {
        answer(self.revoke_requested(request, client))
    }

    fn revoke_requested(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<(), Failure<OAuth2Error>> {
        let (token, hint) = token_parameters(request)?;
        let now = self.clock.now();
        let revoked = self.pool.run(Intent::IdempotentWrite, |conn| {
            let mut tokens: Revocable<M> = Revocable::new();
            load_each_token(conn, token, hint, |found| {
                tokens.sort_in(found, client);
                ControlFlow::Continue(())
            })?;
            for found in &tokens.own {
                revoke(conn, &found.token, found.kind, now)?;
            }
            Ok(tokens)
        })?;
        self.told(&revoked, client)
    }
}

pub(crate) fn answer(revoked: Result<(), Failure<OAuth2Error>>) -> Result<EndpointResponse, Error> {
    match revoked {
        Ok(()) => Ok(EndpointResponse::empty(200)),
        Err(Failure::Refused(error)) => Ok(error.into()),
        Err(Failure::Storage(error)) => Err(error),
    }
}

impl<M, P: Clone> Clone for RevocationEndpoint<M, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            observer: self.observer.clone(),
            model: PhantomData,
        }
    }
}

impl<M, P> fmt::Debug for RevocationEndpoint<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationEndpoint").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::endpoint::create_client_authenticator;
    use crate::observer::on_token_revoked;
    use crate::test_support::{
        self, Statement, TestClient, TestToken, assert_shareable, fail_with, statements,
    };
    use std::sync::Mutex;

    type Pool = crate::pool::SharedConnection<diesel::SqliteConnection>;

    fn endpoint(now: i64) -> RevocationEndpoint<TestToken, Pool> {
        create_revocation_endpoint(test_support::pool()).clock(move || now)
    }

    /// Asks as the client `app`, at the time 10.
    fn ask(form: &str) -> EndpointResponse {
        let client = TestClient::public("app");
        let request = EndpointRequest::new(None, form.as_bytes());
        let response = endpoint(10).create_endpoint_response_for(&request, &client);
        response.expect("storage works")
    }

    fn error(form: &str) -> (u16, String) {
        let response = ask(form);
        let body: serde_json::Value = serde_json::from_str(&response.body).expect("is JSON");
        (
            response.status,
            body["error"].as_str().expect("is text").to_owned(),
        )
    }

    /// When access and refresh token were revoked.
    fn revoked_at(access_token: &str) -> (Option<i64>, Option<i64>) {
        let row = TestToken::stored(access_token);
        (row.access_token_revoked_at, row.refresh_token_revoked_at)
    }

    #[test]
    fn it_can_be_shared() {
        assert_shareable(&endpoint(10));
    }

    #[test]
    fn what_is_revoked_follows_what_matched() {
        use Statement::{LoadByToken, RevokeAccessToken, RevokeRefreshToken};
        for hint in [
            "",
            "&token_type_hint=access_token",
            "&token_type_hint=refresh_token",
        ] {
            let (a, b) = (format!("a{}", hint.len()), format!("b{}", hint.len()));
            TestToken::new("app", &a).refresh(&format!("r{a}")).insert();
            TestToken::new("app", &b).refresh(&format!("r{b}")).insert();

            let response = ask(&format!("token={a}{hint}"));
            assert_eq!((response.status, response.body.as_str()), (200, ""));
            assert_eq!(statements(), [LoadByToken, RevokeAccessToken]);
            assert_eq!(revoked_at(&a), (Some(10), None));

            assert_eq!(ask(&format!("token=r{b}{hint}")).status, 200);
            assert_eq!(statements(), [LoadByToken, RevokeRefreshToken]);
            assert_eq!(revoked_at(&b), (Some(10), Some(10)));
        }
    }

    #[test]
    fn the_parameters_are_checked_before_anything_is_looked_up() {
        for form in [
            "",
            "token=",
            "token=a&token=b",
            "token=a&token_type_hint=x&token_type_hint=y",
        ] {
            assert_eq!(error(form), (400, "invalid_request".into()), "{form}");
        }
        let unsupported = (400, "unsupported_token_type".into());
        assert_eq!(error("token=a&token_type_hint=id_token"), unsupported);
        assert_eq!(statements(), []);
        assert_eq!(ask("token=a&token_type_hint=").status, 200);
    }

    #[test]
    fn an_unknown_token_is_answered_like_a_known_one() {
        TestToken::new("app", "acc5").insert();
        for form in [
            "token=unknown",
            "token=%00",
            "token=%ff",
            "token=ACC5",
            "token=acc5%20",
        ] {
            let response = ask(form);
            assert_eq!(
                (response.status, response.body.as_str()),
                (200, ""),
                "{form}"
            );
        }
        assert_eq!(revoked_at("acc5"), (None, None));
    }

    #[test]
    fn another_client_s_token_is_not_revoked() {
        TestToken::new("other", "acc").refresh("ref").insert();
        for form in ["token=acc", "token=ref"] {
            assert_eq!(error(form), (400, "invalid_grant".into()));
        }
        assert_eq!(revoked_at("acc"), (None, None));
    }

    #[test]
    fn a_refresh_token_in_several_rows_goes_with_all_of_them() {
        TestToken::new("app", "first").refresh("ref").insert();
        TestToken::new("app", "second").refresh("ref").insert();
        TestToken::new("other", "third").refresh("ref").insert();
        assert_eq!(ask("token=ref").status, 200);
        assert_eq!(revoked_at("first"), (Some(10), Some(10)));
        assert_eq!(revoked_at("second"), (Some(10), Some(10)));
        assert_eq!(revoked_at("third"), (None, None));
    }

    #[test]
    fn the_first_time_stamp_stays() {
        TestToken::new("app", "acc").refresh("ref").insert();
        let endpoint = |now| endpoint(now);
        let find = |token| {
            let found = endpoint(0).query_token(token, None).expect("works");
            found.expect("is found")
        };
        let (row, kind) = find("acc");
        assert_eq!(endpoint(1).revoke_token(&row, kind), Ok(true));
        assert_eq!(endpoint(2).revoke_token(&row, kind), Ok(false));
        let (row, kind) = find("ref");
        assert_eq!(kind, TokenTypeHint::RefreshToken);
        assert_eq!(endpoint(3).revoke_token(&row, kind), Ok(true));
        assert_eq!(endpoint(4).revoke_token(&row, kind), Ok(false));
        assert_eq!(revoked_at("acc"), (Some(1), Some(3)));
        assert_eq!(ask("token=ref").status, 200);
        assert_eq!(revoked_at("acc"), (Some(1), Some(3)));
    }

    #[test]
    fn the_hinted_kind_is_preferred_and_then_what_is_not_revoked() {
        TestToken {
            access_token_revoked_at: Some(1),
            ..TestToken::new("app", "x")
        }
        .insert();
        TestToken::new("app", "x").insert();
        TestToken::new("app", "y").refresh("x").insert();
        let find = |hint| {
            let found = endpoint(0).query_token("x", hint).expect("works");
            let (row, kind) = found.expect("is found");
            assert_eq!(row.access_token_revoked_at, None);
            (row.access_token, kind)
        };
        let access = ("x".to_owned(), TokenTypeHint::AccessToken);
        assert_eq!(find(None), access);
        assert_eq!(find(Some(TokenTypeHint::AccessToken)), access);
        let refresh = ("y".to_owned(), TokenTypeHint::RefreshToken);
        assert_eq!(find(Some(TokenTypeHint::RefreshToken)), refresh);
    }

    #[test]
    fn the_client_authenticates_before_its_parameters_are_read() {
        TestClient::public("app").insert();
        TestToken::new("app", "acc").insert();
        TestToken::new("other", "theirs").insert();
        let authenticator = create_client_authenticator::<TestClient, _>(test_support::pool());
        let status = |form: &str| {
            let request = EndpointRequest::new(None, form.as_bytes());
            let response = endpoint(10).create_endpoint_response(&request, &authenticator);
            response.expect("storage works").status
        };
        assert_eq!(status(""), 401);
        assert_eq!(status("token=acc"), 401);
        assert_eq!(status("client_id=unknown"), 401);
        assert_eq!(status("client_id=app"), 400);
        assert_eq!(status("client_id=app&token=theirs"), 400);
        assert_eq!(revoked_at("acc"), (None, None));
        assert_eq!(status("client_id=app&token=acc"), 200);
        assert_eq!(revoked_at("acc"), (Some(10), None));
    }

    #[test]
    fn a_storage_failure_is_an_error_and_no_200() {
        fail_with(Error::Conflict);
        let request = EndpointRequest::new(None, b"token=acc&client_id=app");
        let response =
            endpoint(10).create_endpoint_response_for(&request, &TestClient::public("app"));
        assert_eq!(response, Err(Error::Conflict));
        let authenticator = create_client_authenticator::<TestClient, _>(test_support::pool());
        let response = endpoint(10).create_endpoint_response(&request, &authenticator);
        assert_eq!(response, Err(Error::Conflict));
    }

    #[test]
    fn the_observer_is_told_of_the_client_s_own_tokens_only() {
        TestToken::new("app", "acc").insert();
        TestToken::new("other", "theirs").insert();
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        let endpoint = endpoint(10).observer(on_token_revoked(
            move |token: &TestToken, client: &dyn OAuth2Client| {
                let line = format!("{} by {}", token.access_token, client.client_id());
                list.lock().expect("is not poisoned").push(line);
            },
        ));
        for token in ["unknown", "theirs", "acc"] {
            let form = format!("token={token}");
            let request = EndpointRequest::new(None, form.as_bytes());
            let response =
                endpoint.create_endpoint_response_for(&request, &TestClient::public("app"));
            response.expect("storage works");
        }
        assert_eq!(*told.lock().expect("is not poisoned"), ["acc by app"]);
    }
}
