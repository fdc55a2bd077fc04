use std::borrow::Cow;
use std::fmt;

use crate::clock::{Clock, SystemClock};
use crate::model::{OAuth2Client, OAuth2Token};
use crate::pool::{ConnectionPool, Intent};
use crate::secret::{SecretStorage, StoredForm};
use crate::table::{NewToken, TokenTable};
use crate::types::is_vschar;
use crate::{Error, TokenResponse, scope};

/// Whom a token is issued to: the part of the token request that is stored with it.
///
/// `U` is the type of the model's user id, `X` that of its extra columns: a model with `#[oauth2(extra = ...)]` cannot
/// be saved without [`extra`](TokenRequest::extra).
#[derive(Clone)]
#[must_use]
pub struct TokenRequest<'a, U, X = ()> {
    client_id: Cow<'a, str>,
    user_id: Option<U>,
    extra: X,
}

impl<'a, U> TokenRequest<'a, U> {
    /// A request of this client, for a token of its own unless a [`user`](TokenRequest::user) is given.
    pub fn new(client: &'a dyn OAuth2Client) -> Self {
        Self {
            client_id: client.client_id(),
            user_id: None,
            extra: (),
        }
    }
}

impl<'a, U, X> TokenRequest<'a, U, X> {
    /// The user who granted the token.
    pub fn user(mut self, user_id: U) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// What fills the model's extra columns.
    pub fn extra<Y>(self, extra: Y) -> TokenRequest<'a, U, Y> {
        TokenRequest {
            client_id: self.client_id,
            user_id: self.user_id,
            extra,
        }
    }
}

impl<U, X> fmt::Debug for TokenRequest<'_, U, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Creates the `save_token` function of an authorization server, which stores an issued token as one row.
///
/// Mirrors authlib's `create_save_token_func`. `expires_in` absent or 0 means that the access token does not expire.
/// Members of the response without a column are kept where the model has a field with the role `extra_members`, and
/// refused where it has none.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::{create_save_token_func, models::{Client, Token}, TokenRequest, TokenResponse};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client).values(client_id.eq("app")).execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// # let client = diesel_oauth2::create_query_client_func::<Client, _>(pool.clone())("app")?.unwrap();
/// let save_token = create_save_token_func::<Token, _>(pool);
/// let response = TokenResponse::bearer("mF_9.B5f-4.1JqM");
/// save_token(&response, &TokenRequest::new(&client).user(7))?;
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
///
/// # Errors
/// Nothing is stored when the function returns [`Error::Duplicate`] (generate another token),
/// [`Error::ValueTooLong`], [`Error::InvalidValue`], [`Error::UnknownReference`] (the client is gone),
/// [`Error::UnknownMember`] or [`Error::MissingUser`]. After [`Error::ConnectionLost`] the row may be there: do not
/// hand the token out; issue another one.
pub fn create_save_token_func<M, P>(
    pool: P,
) -> impl Fn(&TokenResponse, &TokenRequest<'_, M::UserId, M::Extra>) -> Result<(), Error>
+ Clone
+ Send
+ Sync
+ 'static
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    create_save_token_func_with_clock::<M, P, _>(pool, SystemClock)
}

/// [`create_save_token_func`] with a clock of the caller's.
///
/// # Errors
/// As [`create_save_token_func`].
pub fn create_save_token_func_with_clock<M, P, C>(
    pool: P,
    clock: C,
) -> impl Fn(&TokenResponse, &TokenRequest<'_, M::UserId, M::Extra>) -> Result<(), Error>
+ Clone
+ Send
+ Sync
+ 'static
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
    C: Clock + Clone,
{
    move |response, request| {
        let now = clock.now();
        pool.run(Intent::Write, |conn| {
            save_token::<M, _>(conn, response, request, now)
        })
    }
}

/// Stores an issued token on a connection of the caller's, so that it can be part of a transaction.
///
/// # Errors
/// As [`create_save_token_func`].
pub fn save_token<M, Conn>(
    conn: &mut Conn,
    response: &TokenResponse,
    request: &TokenRequest<'_, M::UserId, M::Extra>,
    now: i64,
) -> Result<(), Error>
where
    M: TokenTable<Conn>,
{
    insert_token::<M, _>(conn, response, request, None, now)
}

/// [`save_token`] with the grant that the token comes of, if any.
pub(crate) fn insert_token<M, Conn>(
    conn: &mut Conn,
    response: &TokenResponse,
    request: &TokenRequest<'_, M::UserId, M::Extra>,
    grant_id: Option<&M::GrantId>,
    now: i64,
) -> Result<(), Error>
where
    M: TokenTable<Conn>,
{
    with_new_token::<M, _>(response, request, grant_id, now, |row| M::insert(conn, row))
}

/// Gives `store` the row for an issued token, once it is known that the model can hold it.
pub(crate) fn with_new_token<M: OAuth2Token, T>(
    response: &TokenResponse,
    request: &TokenRequest<'_, M::UserId, M::Extra>,
    grant_id: Option<&M::GrantId>,
    now: i64,
    store: impl FnOnce(&NewToken<'_, M>) -> Result<T, Error>,
) -> Result<T, Error> {
    let stored = StoredResponse::new::<M>(response)?;
    store(&stored.row(request, grant_id, now))
}

/// An issued token of which it is known that the model can hold it, with its secrets in the form in which they are stored.
pub(crate) struct StoredResponse<'r> {
    response: &'r TokenResponse,
    access_token: StoredForm<'r>,
    refresh_token: Option<StoredForm<'r>>,
}

impl<'r> StoredResponse<'r> {
    /// The response as a token of `M`.
    ///
    /// # Errors
    /// Those of [`create_save_token_func`] that are known before anything is sent.
    pub(crate) fn new<M: OAuth2Token>(response: &'r TokenResponse) -> Result<Self, Error> {
        check::<M>(response)?;
        Ok(Self {
            response,
            access_token: M::Storage::stored(&response.access_token),
            refresh_token: response.refresh_token.as_deref().map(M::Storage::stored),
        })
    }

    /// The row to insert.
    pub(crate) fn row<'a, M: OAuth2Token>(
        &'a self,
        request: &'a TokenRequest<'_, M::UserId, M::Extra>,
        grant_id: Option<&'a M::GrantId>,
        now: i64,
    ) -> NewToken<'a, M> {
        NewToken {
            client_id: &request.client_id,
            user_id: request.user_id.as_ref(),
            grant_id,
            token_type: &self.response.token_type,
            access_token: self.access_token.as_str(),
            refresh_token: self.refresh_token.as_ref().map(StoredForm::as_str),
            scope: self.response.scope.as_deref(),
            issued_at: now,
            expires_in: self.response.expires_in.filter(|seconds| *seconds != 0),
            extra_members: &self.response.extra,
            extra: &request.extra,
        }
    }
}

/// Refuses what the model cannot hold or no token may be, before anything is sent.
fn check<M: OAuth2Token>(response: &TokenResponse) -> Result<(), Error> {
    let tokens = [
        ("access_token", Some(&response.access_token)),
        ("refresh_token", response.refresh_token.as_ref()),
    ];
    for (column, token) in tokens {
        if token.is_some_and(|token| !is_vschar(token)) {
            return Err(Error::InvalidValue {
                column,
                reason: "a token is one or more printable ASCII characters (RFC 6749 appendix A)",
            });
        }
    }
    if !response.scope.as_deref().is_none_or(scope::is_printable) {
        return Err(Error::InvalidValue {
            column: "scope",
            reason: scope::NOT_PRINTABLE,
        });
    }
    if response.expires_in.is_some_and(|seconds| seconds < 0) {
        return Err(Error::InvalidValue {
            column: "expires_in",
            reason: "a lifetime is not negative",
        });
    }
    let unknown = |name: &str| {
        Err(Error::UnknownMember {
            name: name.to_owned(),
        })
    };
    if response.refresh_token.is_some() && !M::HAS_REFRESH_TOKEN {
        return unknown("refresh_token");
    }
    if !M::HAS_SCOPE
        && response
            .scope
            .as_ref()
            .is_some_and(|scope| !scope.is_empty())
    {
        return unknown("scope");
    }
    if !M::HAS_TOKEN_TYPE && !response.token_type.eq_ignore_ascii_case("bearer") {
        return unknown("token_type");
    }
    if !M::KEEPS_EXTRA_MEMBERS {
        if let Some(name) = response.extra.keys().next() {
            return unknown(name);
        }
    }
    Ok(())
}
