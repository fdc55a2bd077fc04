use std::borrow::Cow;
use std::fmt;

use diesel::prelude::*;
use diesel_oauth2::OAuth2Token;
use diesel_oauth2::secret::Sha256;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::schema::oauth_as_access_token;

/// An opaque access token that `oauth-as` issued, as a model of `diesel_oauth2`: its bearer validator and its
/// introspection endpoint accept these tokens without asking the server.
///
/// Only for reading: `oauth-as` issues and revokes. A token that is bound to a key or a certificate (RFC 9449, RFC 8705)
/// or restricted to a resource (RFC 8707) is not found, because whoever accepts one has to check that too. JWT access
/// tokens are found like any other.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::create_bearer_token_validator;
/// use diesel_oauth2_oauth_as::BearerToken;
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2_oauth_as::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let validator = create_bearer_token_validator::<BearerToken, _>(pool);
/// assert!(validator.acquire_token(Some("Bearer unknown"), &["profile"]).is_err());
/// # }
/// ```
pub struct BearerToken {
    stored: String,
    client_id: String,
    subject: Option<String>,
    scope: String,
    issued_at: i64,
    expires_at: i64,
}

impl BearerToken {
    /// The resource owner, where there is one.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken")
            .field("client_id", &self.client_id)
            .field("subject", &self.subject)
            .field("scope", &self.scope)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl OAuth2Token for BearerToken {
    type Storage = Sha256;
    type UserId = String;
    type GrantId = String;
    type Extra = ();

    const KEEPS_EXTRA_MEMBERS: bool = false;
    const HAS_REFRESH_TOKEN: bool = false;
    const HAS_TOKEN_TYPE: bool = false;

    fn client_id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.client_id)
    }

    fn user_id(&self) -> Option<&String> {
        self.subject.as_ref()
    }

    fn stored_access_token(&self) -> &str {
        &self.stored
    }

    fn stored_refresh_token(&self) -> Option<&str> {
        None
    }

    fn token_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("Bearer"))
    }

    fn scope(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.scope)
    }

    fn issued_at(&self) -> Option<i64> {
        Some(self.issued_at)
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }

    /// What is revoked is deleted.
    fn access_token_revoked_at(&self) -> Option<i64> {
        None
    }

    fn refresh_token_revoked_at(&self) -> Option<i64> {
        None
    }
}

/// A row of `oauth_as_access_token`, as far as it is asked here.
#[derive(Queryable, Selectable)]
#[diesel(table_name = oauth_as_access_token)]
struct Row {
    access_token: String,
    client_id: String,
    subject: Option<String>,
    scope: String,
    issued_at: i64,
    expires_at: i64,
    record: String,
}

/// What a record says that a bearer token's must not.
#[derive(Deserialize)]
struct Conditions {
    #[serde(default)]
    jkt: Option<IgnoredAny>,
    #[serde(default)]
    x5t_s256: Option<IgnoredAny>,
    resource: Vec<IgnoredAny>,
}

impl Row {
    /// The token, if possessing it is all that is asked of who presents it.
    fn into_bearer(self) -> Option<BearerToken> {
        const SECOND: i64 = 1_000_000_000;

        let conditions: Conditions = serde_json::from_str(&self.record).ok()?;
        let is_bound = conditions.jkt.is_some() || conditions.x5t_s256.is_some();
        if is_bound || !conditions.resource.is_empty() {
            return None;
        }
        Some(BearerToken {
            stored: self.access_token,
            client_id: self.client_id,
            subject: self.subject,
            scope: self.scope,
            issued_at: self.issued_at.div_euclid(SECOND),
            // At its end it is dead, so the second before is its last.
            expires_at: self.expires_at.saturating_sub(1).div_euclid(SECOND),
        })
    }
}

macro_rules! token_table {
    ($feature:literal, $connection:ty) => {
        #[cfg(feature = $feature)]
        impl diesel_oauth2::table::TokenTable<$connection> for BearerToken {
            fn load_by_access_token(
                conn: &mut $connection,
                token: &diesel_oauth2::secret::Candidates<'_>,
                each: impl FnMut(Self) -> std::ops::ControlFlow<()>,
            ) -> Result<(), diesel_oauth2::Error> {
                let (stored, _) = token.as_strs();
                let rows: Vec<Row> = oauth_as_access_token::table
                    .filter(oauth_as_access_token::access_token.eq(stored))
                    .select(Row::as_select())
                    .load(conn)?;
                let mut rows = rows.into_iter().filter_map(Row::into_bearer);
                let _ = rows.try_for_each(each);
                Ok(())
            }

            fn load_by_token(
                conn: &mut $connection,
                token: &diesel_oauth2::secret::Candidates<'_>,
                each: impl FnMut(Self) -> std::ops::ControlFlow<()>,
            ) -> Result<(), diesel_oauth2::Error> {
                Self::load_by_access_token(conn, token, each)
            }

            fn insert(
                _: &mut $connection,
                _: &diesel_oauth2::table::NewToken<'_, Self>,
            ) -> Result<(), diesel_oauth2::Error> {
                Err(diesel_oauth2::Error::InvalidValue {
                    column: "access_token",
                    reason: "only the server of oauth-as issues its tokens",
                })
            }
        }
    };
}

token_table!("sqlite", diesel::SqliteConnection);
token_table!("postgres", diesel::PgConnection);
token_table!("mysql", diesel::MysqlConnection);
