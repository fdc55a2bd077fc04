use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::column::Identifier;
use crate::model::{
    DEFAULT_CODE_LIFETIME, OAuth2AuthorizationCode, OAuth2DeviceCode, OAuth2Grant, OAuth2Token,
};
use crate::pool::{ConnectionPool, Intent};
use crate::table::{AgedTable, FamilyTokenTable};
use crate::transaction::retry;

/// Creates what removes codes, tokens and grants that have been dead for a while.
///
/// It walks each table from its oldest row on, by an index and a small batch at a time, and deletes by primary key: no
/// lock is held for longer than a batch, no statement scans a table, and a lookup never waits.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use std::ops::ControlFlow;
/// use diesel_oauth2::lifecycle::create_pruner;
/// use diesel_oauth2::models::{AuthorizationCode, Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let pruner = create_pruner::<AuthorizationCode, Token, _>(pool)
///     .retention(30 * 24 * 3600)
///     .refresh_token_lifetime(90 * 24 * 3600);
/// let pruned = pruner.prune(|so_far| {
///     println!("{} tokens removed", so_far.tokens);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(pruned.tokens, 0);
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
pub fn create_pruner<C, T, P>(pool: P) -> Pruner<C, T, P>
where
    P: ConnectionPool,
    C: OAuth2AuthorizationCode + AgedTable<P::Connection>,
    T: FamilyTokenTable<P::Connection> + AgedTable<P::Connection>,
    T::Grant: AgedTable<P::Connection, Key = T::GrantId>,
{
    Pruner::on(pool)
}

/// Removes what has been dead for a while: made by [`create_pruner`].
#[must_use]
pub struct Pruner<C, T, P> {
    pub(crate) pool: P,
    clock: Arc<dyn Clock>,
    retention: i64,
    code_lifetime: i64,
    refresh_token_lifetime: Option<i64>,
    pub(crate) batch: usize,
    pub(crate) pause: Duration,
    // The pruner holds no models, so it may cross threads whatever they are.
    models: PhantomData<fn() -> (C, T)>,
}

/// How far a run of [`Pruner::prune`] has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Rows looked at.
    pub seen: usize,
    /// Codes removed.
    pub codes: usize,
    /// Device codes removed.
    pub device_codes: usize,
    /// Tokens removed.
    pub tokens: usize,
    /// Grants removed.
    pub grants: usize,
    /// Whether the callback stopped the run. The next run goes on, because what was removed is gone.
    pub is_stopped: bool,
}

impl<C, T, P> Pruner<C, T, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            retention: 7 * 24 * 3600,
            code_lifetime: DEFAULT_CODE_LIFETIME,
            refresh_token_lifetime: None,
            batch: 500,
            pause: Duration::from_millis(20),
            models: PhantomData,
        }
    }

    /// Whatever died before this moment goes.
    pub(crate) fn cutoff(&self) -> i64 {
        self.clock.now().saturating_sub(self.retention)
    }

    /// How many rows a statement gives at most.
    pub(crate) fn limit(&self) -> i64 {
        i64::try_from(self.batch).unwrap_or(i64::MAX)
    }

    /// The clock that decides what is old.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// For how many seconds what is dead is kept: as long as reuse of a rotated refresh token or of a redeemed code is to
    /// be recognized. 7 days unless set.
    pub fn retention(mut self, seconds: i64) -> Self {
        self.retention = seconds.max(0);
        self
    }

    /// How long an authorization code is valid, in seconds: as the code store has it. 300 unless set.
    pub fn code_lifetime(mut self, seconds: i64) -> Self {
        self.code_lifetime = seconds;
        self
    }

    /// For how many seconds a refresh token may lie unused: as the refresh-token store's idle lifetime. Unlimited unless
    /// set: then a row whose refresh token was neither rotated nor revoked is never removed.
    pub fn refresh_token_lifetime(mut self, seconds: i64) -> Self {
        self.refresh_token_lifetime = Some(seconds);
        self
    }

    /// How many rows at a time. 500 unless set.
    pub fn batch(mut self, rows: usize) -> Self {
        self.batch = rows.clamp(1, 5_000);
        self
    }

    /// How long to rest after each batch, for the sake of everybody else. 20 ms unless set.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}

impl<C: OAuth2AuthorizationCode, T: OAuth2Token, P> Pruner<C, T, P> {
    pub(crate) fn is_dead_code(&self, code: &C, cutoff: i64) -> bool {
        code.auth_time().saturating_add(self.code_lifetime) < cutoff
    }

    /// Both of a row's tokens must have died before the cutoff.
    pub(crate) fn is_dead_token(&self, token: &T, cutoff: i64) -> bool {
        let died = |at: Option<i64>| at.is_some_and(|at| at < cutoff);
        let is_refresh_token_revoked = died(token.refresh_token_revoked_at());
        let idle_at = token
            .issued_at()
            .zip(self.refresh_token_lifetime)
            .map(|(since, life)| since.saturating_add(life));
        let is_access_token_dead = is_refresh_token_revoked
            || died(token.access_token_revoked_at())
            || died(token.expires_at());
        let is_refresh_token_dead =
            is_refresh_token_revoked || token.stored_refresh_token().is_none() || died(idle_at);
        is_access_token_dead && is_refresh_token_dead
    }
}

/// Those of the grants that were not used for long: of no use any more where their last token is gone.
pub(crate) fn unused_grants<G: OAuth2Grant>(grants: &[G], cutoff: i64) -> Vec<G::Id> {
    let unused = |grant: &&G| grant.last_used_at().is_none_or(|at| at < cutoff);
    grants
        .iter()
        .filter(unused)
        .map(|grant| grant.id().clone())
        .collect()
}

/// Those of the grants that have no token any more.
pub(crate) fn without<I: Identifier>(mut grant_ids: Vec<I>, in_use: &[I]) -> Vec<I> {
    let in_use: HashSet<_> = in_use.iter().map(Identifier::to_text).collect();
    grant_ids.retain(|id| !in_use.contains(&id.to_text()));
    grant_ids
}

impl<C, T, P> Pruner<C, T, P>
where
    P: ConnectionPool,
    C: OAuth2AuthorizationCode + AgedTable<P::Connection>,
    T: FamilyTokenTable<P::Connection> + AgedTable<P::Connection>,
    T::Grant: AgedTable<P::Connection, Key = T::GrantId>,
{
    /// Removes what has been dead for longer than the retention. `progress` is told after each batch, and may stop.
    ///
    /// # Errors
    /// The database's, as [`Error`]. The batches before are gone; calling again goes on.
    pub fn prune(
        &self,
        mut progress: impl FnMut(&Pruned) -> ControlFlow<()>,
    ) -> Result<Pruned, Error> {
        let cutoff = self.cutoff();
        let mut pruned = Pruned::default();
        let mut flow = self.walk::<C>(
            cutoff,
            &mut pruned,
            |pruned| &mut pruned.codes,
            |_, codes| Ok(keys_of(codes, |code| self.is_dead_code(code, cutoff))),
            &mut progress,
        )?;
        if flow.is_continue() {
            flow = self.walk::<T>(
                cutoff,
                &mut pruned,
                |pruned| &mut pruned.tokens,
                |_, tokens| Ok(keys_of(tokens, |token| self.is_dead_token(token, cutoff))),
                &mut progress,
            )?;
        }
        // Last, because a grant stays as long as it has a token.
        if flow.is_continue() {
            flow = self.walk::<T::Grant>(
                cutoff,
                &mut pruned,
                |pruned| &mut pruned.grants,
                |conn, grants| self.dead_grants(conn, grants, cutoff),
                &mut progress,
            )?;
        }
        pruned.is_stopped = flow.is_break();
        Ok(pruned)
    }

    /// Removes device codes that expired longer ago than the retention, as [`prune`](Self::prune) removes the rest.
    ///
    /// # Errors
    /// The database's, as [`Error`]. The batches before are gone; calling again goes on.
    pub fn prune_device_codes<D>(
        &self,
        mut progress: impl FnMut(&Pruned) -> ControlFlow<()>,
    ) -> Result<Pruned, Error>
    where
        D: OAuth2DeviceCode + AgedTable<P::Connection>,
    {
        let cutoff = self.cutoff();
        let mut pruned = Pruned::default();
        let flow = self.walk::<D>(
            cutoff,
            &mut pruned,
            |pruned| &mut pruned.device_codes,
            |_, codes| Ok(keys_of(codes, |code| code.expires_at() < cutoff)),
            &mut progress,
        )?;
        pruned.is_stopped = flow.is_break();
        Ok(pruned)
    }

    /// Walks one table from its oldest row on and deletes those that `dead` names among a batch.
    fn walk<M: AgedTable<P::Connection>>(
        &self,
        cutoff: i64,
        pruned: &mut Pruned,
        count: fn(&mut Pruned) -> &mut usize,
        dead: impl Fn(&mut P::Connection, &[M]) -> Result<Vec<M::Key>, Error>,
        progress: &mut impl FnMut(&Pruned) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let limit = self.limit();
        let mut after: Option<M::Cursor> = None;
        loop {
            let (seen, next, removed) = self.pool.run(Intent::IdempotentWrite, |conn| {
                let mut rows = Vec::with_capacity(self.batch);
                M::load_aged(conn, after.as_ref(), cutoff, limit, |row| rows.push(row))?;
                let keys = dead(conn, &rows)?;
                let removed = match keys.is_empty() {
                    true => 0,
                    // One statement is a transaction by itself.
                    false => retry(conn, |conn| M::delete(conn, &keys, cutoff))?,
                };
                Ok((rows.len(), rows.last().map(M::cursor), removed))
            })?;
            pruned.seen += seen;
            *count(pruned) += removed;
            if seen > 0 && progress(pruned).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if seen < self.batch {
                return Ok(ControlFlow::Continue(()));
            }
            after = next;
            std::thread::sleep(self.pause);
        }
    }

    /// A grant is of no use any more when it was not used for long and its last token is gone.
    fn dead_grants(
        &self,
        conn: &mut P::Connection,
        grants: &[T::Grant],
        cutoff: i64,
    ) -> Result<Vec<T::GrantId>, Error> {
        let unused = unused_grants(grants, cutoff);
        let mut in_use = Vec::new();
        if !unused.is_empty() {
            T::load_grants_in_use(conn, &unused, |id| in_use.push(id))?;
        }
        Ok(without(unused, &in_use))
    }
}

fn keys_of<M: AgedTable<Conn>, Conn>(rows: &[M], is_dead: impl Fn(&M) -> bool) -> Vec<M::Key> {
    let dead = rows.iter().filter(|row| is_dead(row));
    dead.map(M::key).collect()
}

impl<C, T, P: Clone> Clone for Pruner<C, T, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            models: PhantomData,
            ..*self
        }
    }
}

impl<C, T, P> fmt::Debug for Pruner<C, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pruner")
            .field("retention", &self.retention)
            .field("code_lifetime", &self.code_lifetime)
            .field("refresh_token_lifetime", &self.refresh_token_lifetime)
            .field("batch", &self.batch)
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}
