use std::ops::ControlFlow;

use diesel_async::AsyncConnection;

use crate::Error;
use crate::asynchronous::Async;
use crate::asynchronous::pool::{AsyncConnectionPool, on_connection};
use crate::asynchronous::transaction::Tries;
use crate::lifecycle::{Pruned, Pruner, unused_grants, without};
use crate::model::{OAuth2AuthorizationCode, OAuth2DeviceCode};
use crate::pool::Intent;
use crate::table::asynchronous::{AsyncAgedTable, AsyncFamilyTokenTable};

/// [`create_pruner`](crate::lifecycle::create_pruner), awaited.
pub fn create_pruner<C, T, P>(pool: P) -> Pruner<C, T, Async<P>>
where
    P: AsyncConnectionPool,
    C: OAuth2AuthorizationCode + AsyncAgedTable<P::Connection>,
    T: AsyncFamilyTokenTable<P::Connection> + AsyncAgedTable<P::Connection>,
    T::Grant: AsyncAgedTable<P::Connection, Key = T::GrantId>,
{
    Pruner::on(Async(pool))
}

/// The rows of a batch, and how many of them were removed.
struct Batch<M> {
    rows: Vec<M>,
    removed: usize,
}

/// On an asynchronous pool.
impl<C, T, P> Pruner<C, T, Async<P>>
where
    P: AsyncConnectionPool,
    C: OAuth2AuthorizationCode + AsyncAgedTable<P::Connection>,
    T: AsyncFamilyTokenTable<P::Connection> + AsyncAgedTable<P::Connection>,
    T::Grant: AsyncAgedTable<P::Connection, Key = T::GrantId>,
{
    /// Removes what has been dead for longer than the retention. `progress` is told after each batch, and may stop.
    /// Dropping the future stops it too: the batches before are gone.
    ///
    /// # Errors
    /// The database's, as [`Error`]. The batches before are gone; calling again goes on.
    pub async fn prune(
        &self,
        mut progress: impl FnMut(&Pruned) -> ControlFlow<()> + Send,
    ) -> Result<Pruned, Error> {
        let cutoff = self.cutoff();
        let mut pruned = Pruned::default();
        let is_dead = |code: &C| self.is_dead_code(code, cutoff);
        let codes = |pruned: &mut Pruned, count| pruned.codes += count;
        let mut flow = self
            .walk(cutoff, &mut pruned, codes, is_dead, &mut progress)
            .await?;
        if flow.is_continue() {
            let is_dead = |token: &T| self.is_dead_token(token, cutoff);
            let tokens = |pruned: &mut Pruned, count| pruned.tokens += count;
            flow = self
                .walk(cutoff, &mut pruned, tokens, is_dead, &mut progress)
                .await?;
        }
        // Last, because a grant stays as long as it has a token.
        if flow.is_continue() {
            flow = self.walk_grants(cutoff, &mut pruned, &mut progress).await?;
        }
        pruned.is_stopped = flow.is_break();
        Ok(pruned)
    }

    /// Removes device codes that expired longer ago than the retention, as `prune` removes the rest.
    ///
    /// # Errors
    /// The database's, as [`Error`]. The batches before are gone; calling again goes on.
    pub async fn prune_device_codes<D>(
        &self,
        mut progress: impl FnMut(&Pruned) -> ControlFlow<()> + Send,
    ) -> Result<Pruned, Error>
    where
        D: OAuth2DeviceCode + AsyncAgedTable<P::Connection>,
    {
        let cutoff = self.cutoff();
        let mut pruned = Pruned::default();
        let is_dead = |code: &D| code.expires_at() < cutoff;
        let codes = |pruned: &mut Pruned, count| pruned.device_codes += count;
        let flow = self
            .walk(cutoff, &mut pruned, codes, is_dead, &mut progress)
            .await?;
        pruned.is_stopped = flow.is_break();
        Ok(pruned)
    }

    /// Walks one table from its oldest row on and deletes those that are dead.
    async fn walk<M: AsyncAgedTable<P::Connection>>(
        &self,
        cutoff: i64,
        pruned: &mut Pruned,
        count: fn(&mut Pruned, usize),
        is_dead: impl Fn(&M) -> bool + Send + Sync,
        progress: &mut (impl FnMut(&Pruned) -> ControlFlow<()> + Send),
    ) -> Result<ControlFlow<()>, Error> {
        let mut after = None;
        loop {
            let batch = on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| async {
                let rows = M::load_aged(conn, after.as_ref(), cutoff, self.limit()).await?;
                let dead: Vec<_> = rows.iter().filter(|row| is_dead(row)).map(M::key).collect();
                let removed = delete::<M, _>(conn, &dead, cutoff).await?;
                Ok::<_, Error>(Batch { rows, removed })
            })?;
            count(pruned, batch.removed);
            match self.rest(pruned, &batch.rows, progress).await {
                Some(flow) => return Ok(flow),
                None => after = batch.rows.last().map(M::cursor),
            }
        }
    }

    /// The same for grants, which need one more look.
    async fn walk_grants(
        &self,
        cutoff: i64,
        pruned: &mut Pruned,
        progress: &mut (impl FnMut(&Pruned) -> ControlFlow<()> + Send),
    ) -> Result<ControlFlow<()>, Error> {
        let mut after = None;
        loop {
            let batch = on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| async {
                let rows = T::Grant::load_aged(conn, after.as_ref(), cutoff, self.limit()).await?;
                let unused = unused_grants(&rows, cutoff);
                let in_use = match unused.is_empty() {
                    true => Vec::new(),
                    false => T::load_grants_in_use(conn, &unused).await?,
                };
                let dead = without(unused, &in_use);
                let removed = delete::<T::Grant, _>(conn, &dead, cutoff).await?;
                Ok::<_, Error>(Batch { rows, removed })
            })?;
            pruned.grants += batch.removed;
            match self.rest(pruned, &batch.rows, progress).await {
                Some(flow) => return Ok(flow),
                None => after = batch.rows.last().map(AsyncAgedTable::cursor),
            }
        }
    }

    /// Tells of a batch and rests, unless that was the last one.
    async fn rest<M: Sync>(
        &self,
        pruned: &mut Pruned,
        rows: &[M],
        progress: &mut (impl FnMut(&Pruned) -> ControlFlow<()> + Send),
    ) -> Option<ControlFlow<()>> {
        pruned.seen += rows.len();
        if !rows.is_empty() && progress(pruned).is_break() {
            return Some(ControlFlow::Break(()));
        }
        if rows.len() < self.batch {
            return Some(ControlFlow::Continue(()));
        }
        tokio::time::sleep(self.pause).await;
        None
    }
}

async fn delete<M, Conn>(conn: &mut Conn, keys: &[M::Key], cutoff: i64) -> Result<usize, Error>
where
    Conn: AsyncConnection,
    M: AsyncAgedTable<Conn>,
{
    if keys.is_empty() {
        return Ok(0);
    }
    let mut tries = Tries::on(conn);
    loop {
        // One statement is a transaction by itself.
        let outcome = M::delete(conn, keys, cutoff).await;
        if !tries.again(&outcome).await {
            return outcome;
        }
    }
}
