//! Models whose table is a list in memory, for tests of the rules above the tables.
//!
//! Each test runs on a thread of its own, and so has its own lists. They compare as MariaDB's default collation does:
//! case and trailing spaces are ignored.

// The tests on the lists need some connection type, which is SQLite's.
#![cfg_attr(not(feature = "sqlite"), allow(dead_code))]

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;

use crate::model::{OAuth2Client, OAuth2Token};
use crate::secret::{Candidates, Plain};
use crate::table::{ClientTable, NewToken, RevocableTokenTable, TokenTable};
use crate::{ClientMetadata, Error};

thread_local! {
    static CLIENTS: RefCell<Vec<TestClient>> = const { RefCell::new(Vec::new()) };
    static TOKENS: RefCell<Vec<TestToken>> = const { RefCell::new(Vec::new()) };
    static STATEMENTS: RefCell<Vec<Statement>> = const { RefCell::new(Vec::new()) };
    static FAILURE: RefCell<Option<Error>> = const { RefCell::new(None) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statement {
    LoadClient,
    LoadByAccessToken,
    LoadByToken,
    RevokeAccessToken,
    RevokeRefreshToken,
}

/// The statements sent since the last call.
pub(crate) fn statements() -> Vec<Statement> {
    STATEMENTS.take()
}

/// Makes every later statement fail.
pub(crate) fn fail_with(error: Error) {
    FAILURE.set(Some(error));
}

fn sent(statement: Statement) -> Result<(), Error> {
    STATEMENTS.with_borrow_mut(|statements| statements.push(statement));
    FAILURE.with_borrow(Clone::clone).map_or(Ok(()), Err)
}

fn collates(stored: &str, candidates: &Candidates<'_>) -> bool {
    let (first, second) = candidates.as_strs();
    let equal = |text: &str| stored.trim_end().eq_ignore_ascii_case(text.trim_end());
    equal(first) || second.is_some_and(equal)
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TestClient {
    id: String,
    secret: Option<String>,
    pub(crate) secret_expires_at: Option<i64>,
    metadata: ClientMetadata,
}

impl TestClient {
    pub(crate) fn public(id: &str) -> Self {
        let mut client = Self {
            id: id.into(),
            ..Self::default()
        };
        client.metadata.token_endpoint_auth_method = Some("none".into());
        client
    }

    pub(crate) fn with_secret(id: &str, secret: &str) -> Self {
        Self {
            id: id.into(),
            secret: Some(secret.into()),
            ..Self::default()
        }
    }

    pub(crate) fn scope(mut self, scope: &str) -> Self {
        self.metadata.scope = Some(scope.into());
        self
    }

    pub(crate) fn auth_method(mut self, method: &str) -> Self {
        self.metadata.token_endpoint_auth_method = Some(method.into());
        self
    }

    pub(crate) fn insert(self) -> Self {
        CLIENTS.with_borrow_mut(|clients| clients.push(self.clone()));
        self
    }
}

impl OAuth2Client for TestClient {
    fn client_id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn client_secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    fn client_secret_expires_at(&self) -> Option<i64> {
        self.secret_expires_at
    }

    fn client_metadata(&self) -> Cow<'_, ClientMetadata> {
        Cow::Borrowed(&self.metadata)
    }
}

impl<Conn> ClientTable<Conn> for TestClient {
    fn load_by_client_id(
        _: &mut Conn,
        id: &str,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        sent(Statement::LoadClient)?;
        let equal = |client: &TestClient| client.id.trim_end().eq_ignore_ascii_case(id.trim_end());
        let mut clients = CLIENTS.with_borrow(Clone::clone);
        clients.retain(equal);
        let _ = clients.into_iter().try_for_each(each);
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TestToken {
    pub(crate) client_id: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: String,
    pub(crate) expires_at: Option<i64>,
    pub(crate) access_token_revoked_at: Option<i64>,
    pub(crate) refresh_token_revoked_at: Option<i64>,
}

impl TestToken {
    pub(crate) fn new(client_id: &str, access_token: &str) -> Self {
        Self {
            client_id: client_id.into(),
            access_token: access_token.into(),
            ..Self::default()
        }
    }

    pub(crate) fn refresh(mut self, refresh_token: &str) -> Self {
        self.refresh_token = Some(refresh_token.into());
        self
    }

    pub(crate) fn insert(self) {
        TOKENS.with_borrow_mut(|tokens| tokens.push(self));
    }

    /// The row with this access token as it is now.
    pub(crate) fn stored(access_token: &str) -> Self {
        TOKENS.with_borrow(|tokens| {
            let row = tokens.iter().find(|row| row.access_token == access_token);
            row.expect("is stored").clone()
        })
    }

    fn update(&self, change: impl FnOnce(&mut Self) -> bool) -> bool {
        TOKENS.with_borrow_mut(|tokens| {
            let row = tokens
                .iter_mut()
                .find(|row| row.access_token == self.access_token);
            change(row.expect("is stored"))
        })
    }
}

impl OAuth2Token for TestToken {
    type Storage = Plain;
    type GrantId = crate::column::NoGrantColumn;
    type UserId = i64;
    type Extra = ();
    const KEEPS_EXTRA_MEMBERS: bool = false;
    const HAS_REFRESH_TOKEN: bool = true;

    fn client_id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.client_id)
    }

    fn user_id(&self) -> Option<&i64> {
        None
    }

    fn stored_access_token(&self) -> &str {
        &self.access_token
    }

    fn stored_refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_deref()
    }

    fn token_type(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn scope(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.scope)
    }

    fn issued_at(&self) -> Option<i64> {
        None
    }

    fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    fn access_token_revoked_at(&self) -> Option<i64> {
        self.access_token_revoked_at
    }

    fn refresh_token_revoked_at(&self) -> Option<i64> {
        self.refresh_token_revoked_at
    }
}

impl<Conn> TokenTable<Conn> for TestToken {
    fn load_by_access_token(
        _: &mut Conn,
        token: &Candidates<'_>,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        sent(Statement::LoadByAccessToken)?;
        let mut rows = TOKENS.with_borrow(Clone::clone);
        rows.retain(|row| collates(&row.access_token, token));
        let _ = rows.into_iter().try_for_each(each);
        Ok(())
    }

    fn load_by_token(
        _: &mut Conn,
        token: &Candidates<'_>,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        sent(Statement::LoadByToken)?;
        let mut rows = TOKENS.with_borrow(Clone::clone);
        rows.retain(|row| {
            let refresh_token = row.refresh_token.as_deref();
            collates(&row.access_token, token)
                || refresh_token.is_some_and(|stored| collates(stored, token))
        });
        let _ = rows.into_iter().try_for_each(each);
        Ok(())
    }

    fn insert(_: &mut Conn, row: &NewToken<'_, Self>) -> Result<(), Error> {
        Self::new(row.client_id, row.access_token).insert();
        Ok(())
    }
}

impl<Conn> RevocableTokenTable<Conn> for TestToken {
    fn revoke_access_token(&self, _: &mut Conn, now: i64) -> Result<bool, Error> {
        sent(Statement::RevokeAccessToken)?;
        Ok(self.update(|row| {
            let is_new = row.access_token_revoked_at.is_none();
            row.access_token_revoked_at.get_or_insert(now);
            is_new
        }))
    }

    fn revoke_refresh_token(&self, _: &mut Conn, now: i64) -> Result<bool, Error> {
        sent(Statement::RevokeRefreshToken)?;
        Ok(self.update(|row| {
            let is_new = row.refresh_token_revoked_at.is_none();
            row.refresh_token_revoked_at.get_or_insert(now);
            row.access_token_revoked_at.get_or_insert(now);
            is_new
        }))
    }
}

/// A pool for the lists, which need none.
#[cfg(feature = "sqlite")]
pub(crate) fn pool() -> crate::pool::SharedConnection<diesel::SqliteConnection> {
    use diesel::Connection;

    let connection = diesel::SqliteConnection::establish(":memory:").expect("opens");
    crate::pool::SharedConnection::new(connection)
}

/// Everything that a factory returns is this.
#[cfg(feature = "sqlite")]
pub(crate) fn assert_shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
