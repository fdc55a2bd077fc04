//! Remembering valid tokens for a short while, with the feature `cache`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::model::{OAuth2Client, OAuth2Token};
use crate::observer::{Observer, RevocationCause};
use crate::secret::Candidates;

/// Rows of access tokens that were looked up, kept for a few seconds and at most so many, so that a busy client costs the
/// database one look-up in that time. Cloning it is cheap and gives the same cache.
///
/// # What it costs
/// A token that is revoked elsewhere, by another process or by SQL, stays valid here for up to `max_age` seconds. What is
/// revoked through this process ends at once where the cache is an [`observer`](Observer) of the endpoint or store that
/// revokes: a single token is forgotten, and where many go together everything is. Expiry is to the second all the same,
/// because a row is checked each time. A token that is not found is not remembered.
///
/// Over a [`ReaderWriterPool`](crate::pool::ReaderWriterPool) neither holds until the replica has caught up: a row that was
/// forgotten may come back as the replica has it. See [`guide::staleness`](crate::guide::staleness).
///
/// No token is kept in memory by it but in its row's stored form.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::cache::TokenCache;
/// use diesel_oauth2::models::Token;
/// use diesel_oauth2::{create_bearer_token_validator, create_revocation_endpoint};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let cache = TokenCache::<Token>::new(10, 100_000);
/// let validator = create_bearer_token_validator::<Token, _>(pool.clone()).cache(cache.clone());
/// let revocation = create_revocation_endpoint::<Token, _>(pool).observer(cache);
/// # let _ = (validator, revocation);
/// # }
/// ```
pub struct TokenCache<M>(Arc<Inner<M>>);

struct Inner<M> {
    rows: Cache<Key, Remembered<M>>,
    max_age: i64,
    /// Counts what was forgotten: a row that was looked up before may be out of date.
    forgotten: AtomicU64,
}

/// The digest of a token's stored form.
type Key = [u8; 32];

#[derive(Clone)]
struct Remembered<M> {
    row: M,
    since: i64,
}

/// How much had been forgotten when a look-up began.
#[derive(Clone, Copy)]
pub(crate) struct Epoch(u64);

impl<M> TokenCache<M>
where
    M: OAuth2Token + Clone + Sync,
{
    /// A cache of at most `max_tokens` rows, each kept for at most `max_age` seconds.
    pub fn new(max_age: i64, max_tokens: u64) -> Self {
        let max_age = max_age.max(0);
        let kept = Duration::from_secs(max_age.unsigned_abs().saturating_add(1));
        Self(Arc::new(Inner {
            rows: Cache::builder()
                .max_capacity(max_tokens)
                // What decides is the validator's clock; this gives the memory back.
                .time_to_live(kept.min(Duration::from_secs(24 * 3_600)))
                .build(),
            max_age,
            forgotten: AtomicU64::new(0),
        }))
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.forgotten.fetch_add(1, Ordering::SeqCst);
        self.0.rows.invalidate_all();
    }

    /// Forgets this row.
    pub fn forget(&self, row: &M) {
        self.0.forgotten.fetch_add(1, Ordering::SeqCst);
        self.0.rows.invalidate(&key(row.stored_access_token()));
    }
}

/// What a validator asks of a cache, whatever bounds its model meets.
pub(crate) trait Remember<M>: Send + Sync {
    fn recall(&self, token: &Candidates<'_>, now: i64) -> Option<M>;
    fn epoch(&self) -> Epoch;
    fn remember(&self, row: &M, now: i64, begun: Epoch);
}

impl<M> Remember<M> for TokenCache<M>
where
    M: OAuth2Token + Clone + Sync,
{
    fn recall(&self, token: &Candidates<'_>, now: i64) -> Option<M> {
        let (first, second) = token.as_strs();
        [Some(first), second]
            .into_iter()
            .flatten()
            .find_map(|stored| {
                let Remembered { row, since } = self.0.rows.get(&key(stored))?;
                // A clock that was set back would make it last.
                let is_fresh = (0..self.0.max_age).contains(&now.saturating_sub(since));
                (is_fresh && token.matches(row.stored_access_token())).then_some(row)
            })
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.0.forgotten.load(Ordering::SeqCst))
    }

    fn remember(&self, row: &M, now: i64, begun: Epoch) {
        if row.is_revoked() || self.0.max_age == 0 {
            return;
        }
        let key = key(row.stored_access_token());
        let remembered = Remembered {
            row: row.clone(),
            since: now,
        };
        self.0.rows.insert(key, remembered);
        // Checked afterwards: whoever forgets later finds it there.
        if self.0.forgotten.load(Ordering::SeqCst) != begun.0 {
            self.0.rows.invalidate(&key);
        }
    }
}

fn key(stored: &str) -> Key {
    Sha256::digest(stored.as_bytes()).into()
}

impl<M> Observer<M> for TokenCache<M>
where
    M: OAuth2Token + Clone + Sync,
{
    fn token_revoked(&self, token: &M, _: &dyn OAuth2Client) {
        self.forget(token);
    }

    fn token_rotated(&self, token: &M) {
        self.forget(token);
    }

    fn tokens_revoked(&self, _: RevocationCause) {
        self.clear();
    }
}

impl<M> Clone for TokenCache<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> fmt::Debug for TokenCache<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("max_age", &self.0.max_age)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::secret::{Plain, SecretStorage};
    use crate::test_support::{self, Statement, TestClient, TestToken, statements};
    use crate::{create_bearer_token_validator, create_revocation_endpoint};

    const FOUND: [Statement; 1] = [Statement::LoadByAccessToken];

    /// Asks for the token and tells which statements that took, and whether it is valid.
    fn ask(cache: &TokenCache<TestToken>, token: &str, now: i64) -> (Vec<Statement>, bool) {
        statements();
        let validator = create_bearer_token_validator::<TestToken, _>(test_support::pool())
            .clock(move || now)
            .cache(cache.clone());
        let header = format!("Bearer {token}");
        let is_valid = validator.acquire_token(Some(&header), &[]).is_ok();
        (statements(), is_valid)
    }

    #[test]
    fn a_token_is_looked_up_once_in_its_age() {
        TestToken::new("app", "acc").insert();
        let cache = TokenCache::new(10, 100);
        assert_eq!(ask(&cache, "acc", 100), (FOUND.to_vec(), true));
        assert_eq!(ask(&cache, "acc", 100), (vec![], true));
        assert_eq!(ask(&cache, "acc", 109), (vec![], true));
        assert_eq!(ask(&cache, "acc", 110), (FOUND.to_vec(), true));
        assert_eq!(ask(&cache, "acc", 109), (FOUND.to_vec(), true), "set back");
        let none = TokenCache::new(0, 100);
        ask(&none, "acc", 100);
        assert_eq!(ask(&none, "acc", 100), (FOUND.to_vec(), true));
    }

    #[test]
    fn what_is_unknown_or_revoked_is_not_remembered() {
        TestToken {
            access_token_revoked_at: Some(1),
            ..TestToken::new("app", "revoked")
        }
        .insert();
        let cache = TokenCache::new(10, 100);
        for token in ["revoked", "late"] {
            for _ in 0..2 {
                assert_eq!(ask(&cache, token, 100), (FOUND.to_vec(), false));
            }
        }
        TestToken::new("app", "late").insert();
        assert_eq!(ask(&cache, "late", 100), (FOUND.to_vec(), true));
    }

    #[test]
    fn expiry_is_to_the_second_all_the_same() {
        TestToken {
            expires_at: Some(105),
            ..TestToken::new("app", "acc")
        }
        .insert();
        let cache = TokenCache::new(10, 100);
        assert!(ask(&cache, "acc", 100).1);
        assert_eq!(ask(&cache, "acc", 105), (vec![], true));
        assert_eq!(ask(&cache, "acc", 106), (vec![], false));
    }

    #[test]
    fn what_is_revoked_here_ends_at_once() {
        TestToken::new("app", "one").refresh("r1").insert();
        TestToken::new("app", "two").refresh("r2").insert();
        let cache = TokenCache::new(1_000, 100);
        let endpoint = create_revocation_endpoint::<TestToken, _>(test_support::pool())
            .observer(cache.clone());
        let revoke = |token: &str| {
            let form = format!("token={token}");
            let request = crate::EndpointRequest::new(None, form.as_bytes());
            let client = TestClient::public("app");
            let answer = endpoint.create_endpoint_response_for(&request, &client);
            assert_eq!(answer.expect("works").status, 200);
        };
        for token in ["one", "two"] {
            assert!(ask(&cache, token, 100).1);
        }
        revoke("one");
        assert_eq!(ask(&cache, "one", 100), (FOUND.to_vec(), false));
        assert_eq!(ask(&cache, "two", 100), (vec![], true));
        revoke("r2");
        assert_eq!(ask(&cache, "two", 100), (FOUND.to_vec(), false));
    }

    #[test]
    fn a_row_that_was_looked_up_before_a_revocation_is_not_remembered_after_it() {
        let row = TestToken::new("app", "acc");
        let cache = TokenCache::new(1_000, 100);
        let begun = cache.epoch();
        cache.clear();
        cache.remember(&row, 100, begun);
        assert!(cache.recall(&Plain::candidates("acc"), 100).is_none());
        cache.remember(&row, 100, cache.epoch());
        assert!(cache.recall(&Plain::candidates("acc"), 100).is_some());
        assert!(cache.recall(&Plain::candidates("ACC"), 100).is_none());
    }

    #[test]
    fn it_is_bounded() {
        let cache = TokenCache::new(1_000, 10);
        for number in 0..1_000 {
            let row = TestToken::new("app", &format!("acc{number}"));
            cache.remember(&row, 100, cache.epoch());
        }
        cache.0.rows.run_pending_tasks();
        assert!(cache.0.rows.entry_count() <= 10);
    }
}
