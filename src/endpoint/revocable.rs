use std::any::TypeId;
use std::ops::ControlFlow;

use diesel::connection::Connection;

use crate::Error;
use crate::column::NoGrantColumn;
use crate::lookup::{Found, keep_first};
use crate::model::{OAuth2Client, OAuth2Token};
use crate::secret::{Candidates, StoredForm};
use crate::table::RevocableTokenTable;
use crate::transaction::transaction;
use crate::types::TokenTypeHint;

/// The rows that hold a token which a client wants revoked.
pub(crate) struct Revocable<M> {
    /// The client's own. A refresh token that the server does not rotate may stand in several rows: all of them go.
    pub(crate) own: Vec<Found<M>>,
    /// Whether there are others.
    pub(super) others: bool,
}

impl<M: OAuth2Token> Revocable<M> {
    pub(crate) fn new() -> Self {
        Self {
            own: Vec::new(),
            others: false,
        }
    }

    pub(crate) fn sort_in(&mut self, found: Found<M>, client: &dyn OAuth2Client) {
        if found.token.check_client(client) {
            self.own.push(found);
        } else {
            self.others = true;
        }
    }
}

/// What revoking a token takes.
pub(crate) enum Extent {
    /// The row's access token.
    AccessToken,
    /// The grant, and then its tokens.
    Family,
    /// Both tokens of the row, which has no grant; and its family, if it was given one meanwhile.
    Row,
}

impl Extent {
    pub(crate) fn of<M: OAuth2Token>(token: &M, kind: TokenTypeHint) -> Self {
        match kind {
            TokenTypeHint::AccessToken => Self::AccessToken,
            TokenTypeHint::RefreshToken if token.grant_id().is_none() => Self::Row,
            TokenTypeHint::RefreshToken => Self::Family,
        }
    }
}

/// Revokes the token, or all that goes with it; tells whether anything was left to revoke.
pub(super) fn revoke<M, Conn>(
    conn: &mut Conn,
    token: &M,
    kind: TokenTypeHint,
    now: i64,
) -> Result<bool, Error>
where
    Conn: Connection,
    M: RevocableTokenTable<Conn>,
{
    match Extent::of(token, kind) {
        Extent::AccessToken => token.revoke_access_token(conn, now),
        Extent::Family => revoke_family(conn, token, now),
        Extent::Row => {
            let revoked = token.revoke_refresh_token(conn, now)?;
            match load_joined(conn, token)? {
                Some(token) => Ok(revoke_family(conn, &token, now)? || revoked),
                None => Ok(revoked),
            }
        }
    }
}

fn revoke_family<M, Conn>(conn: &mut Conn, token: &M, now: i64) -> Result<bool, Error>
where
    Conn: Connection,
    M: RevocableTokenTable<Conn>,
{
    // A rotation that runs at the same time has the grant's row first, or finds it revoked.
    transaction(conn, |conn| {
        let grant = token.revoke_grant(conn, now)?;
        let tokens = token.revoke_family(conn, now)?;
        Ok(grant || tokens > 0)
    })
}

/// The row again, if it was given a grant since it was loaded: by its first rotation, whose tokens must go too.
pub(crate) fn load_joined<M, Conn>(conn: &mut Conn, token: &M) -> Result<Option<M>, Error>
where
    M: RevocableTokenTable<Conn>,
{
    let mut joined = None;
    if let Some(candidates) = may_join(token) {
        M::load_by_token(conn, &candidates, keep_joined(token, &mut joined))?;
    }
    Ok(joined)
}

/// By what to look for the row again, where it can have been given a grant.
pub(crate) fn may_join<M: OAuth2Token>(token: &M) -> Option<Candidates<'_>> {
    let has_grants = TypeId::of::<M::GrantId>() != TypeId::of::<NoGrantColumn>();
    let stored = token.stored_refresh_token().filter(|_| has_grants)?;
    Some(Candidates::one(StoredForm::Plain(stored)))
}

/// Keeps the row that is the same as `token`, but has a grant.
pub(crate) fn keep_joined<M: OAuth2Token>(
    token: &M,
    joined: &mut Option<M>,
) -> impl FnMut(M) -> ControlFlow<()> {
    keep_first(joined, |row: &M| {
        let is_same = row.stored_access_token() == token.stored_access_token()
            && row.stored_refresh_token() == token.stored_refresh_token();
        is_same && row.grant_id().is_some()
    })
}
