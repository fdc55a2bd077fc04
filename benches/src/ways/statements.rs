//! The inserts and updates that Diesel by hand uses.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::BigInt;
use diesel_oauth2::TokenResponse;
use diesel_oauth2::schema::{oauth2_grant, oauth2_token};

use crate::input::{CLIENT_ID, USER_ID, now};
use crate::ways::rows::Code;

macro_rules! token_row {
    ($(#[$meta:meta])* $name:ident, $($option:tt)*) => {
        $(#[$meta])*
        #[derive(Insertable)]
        #[diesel(table_name = oauth2_token, $($option)*)]
        pub struct $name<'a> {
            user_id: Option<i64>,
            client_id: &'a str,
            token_type: Option<&'a str>,
            access_token: &'a str,
            refresh_token: Option<&'a str>,
            scope: Option<&'a str>,
            issued_at: i64,
            access_token_revoked_at: i64,
            refresh_token_revoked_at: i64,
            expires_in: i64,
            grant_id: Option<i64>,
            refresh_token_rotated_at: i64,
        }

        impl<'a> $name<'a> {
            /// The token as it is stored.
            pub fn new(token: &'a TokenResponse, grant_id: Option<i64>) -> Self {
                Self {
                    user_id: Some(USER_ID),
                    client_id: CLIENT_ID,
                    token_type: Some(&token.token_type),
                    access_token: &token.access_token,
                    refresh_token: token.refresh_token.as_deref(),
                    scope: token.scope.as_deref(),
                    issued_at: now(),
                    access_token_revoked_at: 0,
                    refresh_token_revoked_at: 0,
                    expires_in: token.expires_in.unwrap_or(0),
                    grant_id,
                    refresh_token_rotated_at: 0,
                }
            }
        }
    };
}

token_row! {
    /// As Diesel's guides have it.
    IdiomaticToken, treat_none_as_default_value = true
}

token_row! {
    /// Always the same statement, so it stays prepared.
    BestToken, treat_none_as_default_value = false
}

macro_rules! grant_row {
    ($(#[$meta:meta])* $name:ident, $($option:tt)*) => {
        $(#[$meta])*
        #[derive(Insertable)]
        #[diesel(table_name = oauth2_grant, $($option)*)]
        pub struct $name<'a> {
            id: i64,
            user_id: Option<i64>,
            client_id: &'a str,
            created_at: i64,
            last_used_at: i64,
            expires_at: i64,
            revoked_at: i64,
        }

        impl<'a> $name<'a> {
            /// The grant that a code becomes.
            pub fn new(code: &'a Code) -> Self {
                let now = now();
                Self {
                    id: code.grant_id.expect("grant"),
                    user_id: code.user_id,
                    client_id: &code.client_id,
                    created_at: now,
                    last_used_at: now,
                    expires_at: 0,
                    revoked_at: 0,
                }
            }
        }
    };
}

grant_row! {
    /// As Diesel's guides have it.
    IdiomaticGrant, treat_none_as_default_value = true
}

grant_row! {
    /// Always the same statement, so it stays prepared.
    BestGrant, treat_none_as_default_value = false
}

/// What goes into a place of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// The time.
    Now,
    /// The row's key.
    Id,
}

/// The text of an UPDATE: pieces with a place behind each, and the end.
pub trait UpdateText: 'static {
    /// The pieces.
    const PIECES: &'static [(&'static str, Place)];
    /// The end.
    const END: &'static str;
}

/// An UPDATE of one row that stays prepared, which Diesel's own never does.
#[derive(Debug)]
pub struct Update<T> {
    now: i64,
    id: i64,
    text: PhantomData<T>,
}

impl<T> Update<T> {
    /// The update of this row, now.
    pub fn of(id: i64) -> Self {
        Self {
            now: now(),
            id,
            text: PhantomData,
        }
    }
}

impl<T: UpdateText, DB: Backend> QueryFragment<DB> for Update<T>
where
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (piece, place) in T::PIECES {
            out.push_sql(piece);
            out.push_bind_param::<BigInt, _>(match place {
                Place::Now => &self.now,
                Place::Id => &self.id,
            })?;
        }
        out.push_sql(T::END);
        Ok(())
    }
}

impl<T: 'static> QueryId for Update<T> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<T, C> RunQueryDsl<C> for Update<T> {}

macro_rules! update {
    ($name:ident: $([$piece:literal $place:ident])* $end:literal) => {
        #[doc = concat!($($piece, "?",)* $end)]
        #[derive(Debug)]
        pub struct $name;

        impl UpdateText for $name {
            const PIECES: &'static [(&'static str, Place)] = &[$(($piece, Place::$place)),*];
            const END: &'static str = $end;
        }
    };
}

update!(RevokeAccessToken:
    ["UPDATE oauth2_token SET access_token_revoked_at = " Now] [" WHERE id = " Id]
    " AND access_token_revoked_at = 0");
update!(MarkRotated:
    ["UPDATE oauth2_token SET refresh_token_rotated_at = " Now] [", refresh_token_revoked_at = " Now] [" WHERE id = " Id]
    " AND refresh_token_revoked_at = 0");
update!(MarkRedeemed:
    ["UPDATE oauth2_code SET redeemed_at = " Now] [" WHERE id = " Id]
    " AND redeemed_at = 0");
update!(TouchGrant:
    ["UPDATE oauth2_grant SET last_used_at = " Now] [" WHERE id = " Id]
    [" AND revoked_at = 0 AND (expires_at = 0 OR expires_at >= " Now]
    ")");
