use std::future::{Future, ready};

#[cfg(feature = "postgres")]
use diesel::pg::Pg;
#[cfg(feature = "postgres")]
use diesel::query_builder::{QueryFragment, QueryId};

use super::AsyncRevocableTokenTable;
use crate::Error;
use crate::model::OAuth2Grant;
use crate::table::{NewGrant, NewToken};

/// [`FamilyTokenTable`](crate::table::FamilyTokenTable), awaited.
#[diagnostic::on_unimplemented(
    message = "tokens of `{Self}` form no families on `{Conn}`",
    label = "not an `AsyncFamilyTokenTable<{Conn}>`",
    note = "give the model the fields `grant_id`, `refresh_token`, `access_token_revoked_at`, `refresh_token_revoked_at` and `refresh_token_rotated_at`, or name them: `#[oauth2(grant_id = field)]`; it also needs a single-column primary key"
)]
pub trait AsyncFamilyTokenTable<Conn: Send>: AsyncRevocableTokenTable<Conn> {
    /// The model of the grants: `#[oauth2(grant = Grant)]`.
    type Grant: AsyncGrantTable<Conn, Id = Self::GrantId, UserId = Self::UserId>;

    /// [`FamilyTokenTable::mark_rotated`](crate::table::FamilyTokenTable::mark_rotated), awaited.
    fn mark_rotated(
        &self,
        conn: &mut Conn,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`FamilyTokenTable::rotate`](crate::table::FamilyTokenTable::rotate), awaited.
    fn rotate(
        &self,
        conn: &mut Conn,
        row: &NewToken<'_, Self>,
        now: i64,
    ) -> impl Future<Output = Result<Option<bool>, Error>> + Send {
        let _ = (conn, row, now);
        ready(Ok(None))
    }

    /// [`FamilyTokenTable::join_grant`](crate::table::FamilyTokenTable::join_grant), awaited.
    fn join_grant(
        &self,
        conn: &mut Conn,
        grant_id: &Self::GrantId,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`FamilyTokenTable::load_grants_in_use`](crate::table::FamilyTokenTable::load_grants_in_use), awaited.
    fn load_grants_in_use(
        conn: &mut Conn,
        grant_ids: &[Self::GrantId],
    ) -> impl Future<Output = Result<Vec<Self::GrantId>, Error>> + Send;

    /// [`FamilyTokenTable::revoke_by_grant`](crate::table::FamilyTokenTable::revoke_by_grant), awaited.
    fn revoke_by_grant(
        conn: &mut Conn,
        grant_id: &Self::GrantId,
        now: i64,
    ) -> impl Future<Output = Result<usize, Error>> + Send;

    /// [`FamilyTokenTable::revoke_by_user`](crate::table::FamilyTokenTable::revoke_by_user), awaited.
    fn revoke_by_user(
        conn: &mut Conn,
        user_id: &Self::UserId,
        now: i64,
    ) -> impl Future<Output = Result<usize, Error>> + Send;

    /// [`FamilyTokenTable::revoke_by_client`](crate::table::FamilyTokenTable::revoke_by_client), awaited.
    fn revoke_by_client(
        conn: &mut Conn,
        client_id: &str,
        now: i64,
    ) -> impl Future<Output = Result<usize, Error>> + Send;
}

/// [`GrantTable`](crate::table::GrantTable), awaited.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of grants on `{Conn}`",
    label = "not an `AsyncGrantTable<{Conn}>`",
    note = "put `#[derive(OAuth2Grant)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`)"
)]
pub trait AsyncGrantTable<Conn: Send>: OAuth2Grant {
    /// [`GrantTable::insert`](crate::table::GrantTable::insert), awaited.
    fn insert(
        conn: &mut Conn,
        row: &NewGrant<'_, Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// [`GrantTable::insert_after`](crate::table::GrantTable::insert_after), awaited.
    #[cfg(feature = "postgres")]
    fn insert_after<S>(
        conn: &mut Conn,
        spend: S,
        row: &NewGrant<'_, Self>,
    ) -> impl Future<Output = Result<Option<bool>, Error>> + Send
    where
        S: QueryFragment<Pg> + QueryId + Send,
    {
        let _ = (conn, spend, row);
        ready(Ok(None))
    }

    /// [`GrantTable::load`](crate::table::GrantTable::load), awaited.
    fn load(
        conn: &mut Conn,
        id: &Self::Id,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// [`GrantTable::touch`](crate::table::GrantTable::touch), awaited.
    fn touch(
        conn: &mut Conn,
        id: &Self::Id,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`GrantTable::revoke`](crate::table::GrantTable::revoke), awaited.
    fn revoke(
        conn: &mut Conn,
        id: &Self::Id,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`GrantTable::revoke_by_user`](crate::table::GrantTable::revoke_by_user), awaited.
    fn revoke_by_user(
        conn: &mut Conn,
        user_id: &Self::UserId,
        now: i64,
    ) -> impl Future<Output = Result<usize, Error>> + Send;

    /// [`GrantTable::revoke_by_client`](crate::table::GrantTable::revoke_by_client), awaited.
    fn revoke_by_client(
        conn: &mut Conn,
        client_id: &str,
        now: i64,
    ) -> impl Future<Output = Result<usize, Error>> + Send;
}

/// [`AgedTable`](crate::table::AgedTable), awaited.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` cannot be pruned on `{Conn}`",
    label = "not an `AsyncAgedTable<{Conn}>`",
    note = "give the model a time (`issued_at` of a token, `auth_time` of a code, `created_at` of a grant) with an index, and a single-column primary key"
)]
pub trait AsyncAgedTable<Conn: Send>: Sized + Send + Sync {
    /// The primary key's type.
    type Key: Clone + Send + Sync + 'static;

    /// A place in the order by age.
    type Cursor: Clone + Send + Sync + 'static;

    /// The row's primary key.
    fn key(&self) -> Self::Key;

    /// The row's place.
    fn cursor(&self) -> Self::Cursor;

    /// [`AgedTable::load_aged`](crate::table::AgedTable::load_aged), awaited.
    fn load_aged(
        conn: &mut Conn,
        after: Option<&Self::Cursor>,
        before: i64,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// [`AgedTable::delete`](crate::table::AgedTable::delete), awaited.
    fn delete(
        conn: &mut Conn,
        keys: &[Self::Key],
        before: i64,
    ) -> impl Future<Output = Result<usize, Error>> + Send;
}
