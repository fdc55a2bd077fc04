//! Replicas and the token cache: when to use which, and what is stale for how long.
//!
//! A look-up by index costs a database little, so begin with neither. Both trade freshness for load or distance, and in
//! one place only: where a token is *looked up*. Whatever *decides* asks the primary database.
//!
//! # Which to use
//!
//! | you have | use |
//! | --- | --- |
//! | one database that keeps up | its pool, and nothing else |
//! | a primary whose look-ups should go elsewhere, or validators far from it but near a replica | [`ReaderWriterPool`] |
//! | few tokens that make many requests, in few processes | [`TokenCache`] (feature `cache`) |
//! | a revocation that must be felt at the next request | the primary's own pool, without a cache, for that validator |
//!
//! Both are chosen for each function on its own: an administrator's API can have a validator on the primary while that of
//! the public one reads from replicas.
//!
//! ```no_run
//! # #[cfg(all(feature = "postgres", feature = "cache"))] {
//! use std::time::Duration;
//!
//! use diesel::PgConnection;
//! use diesel_oauth2::cache::TokenCache;
//! use diesel_oauth2::models::Token;
//! use diesel_oauth2::pool::{PoolBuilder, ReaderWriterPool, create_pool};
//! use diesel_oauth2::{create_bearer_token_validator, create_revocation_endpoint};
//!
//! let primary = create_pool::<PgConnection>("postgres://primary/app")?;
//! let replica = PoolBuilder::<PgConnection>::new("postgres://replica/app")
//!     .connection_timeout(Duration::from_millis(250))
//!     .build()?;
//! let pool = ReaderWriterPool::new(primary.clone()).reader(replica);
//!
//! // As stale as the replica, and 5 seconds more.
//! let cache = TokenCache::<Token>::new(5, 100_000);
//! let public_api = create_bearer_token_validator::<Token, _>(pool.clone()).cache(cache.clone());
//! // Never stale.
//! let admin_api = create_bearer_token_validator::<Token, _>(primary);
//! // Decides on the primary, whichever of the two pools it is given.
//! let revocation = create_revocation_endpoint::<Token, _>(pool).observer(cache);
//! # let _ = (public_api, admin_api, revocation);
//! # }
//! # Ok::<(), diesel_oauth2::Error>(())
//! ```
//!
//! # What is stale, for how long
//!
//! *Lag* is how far the replica is behind; *age* is the cache's `max_age`.
//!
//! | what happened | plain pool | replicas | cache | cache over replicas |
//! | --- | --- | --- | --- | --- |
//! | a token was issued | valid at once | valid at once | valid at once | valid at once |
//! | a token expired | refused at once | refused at once | refused at once | refused at once |
//! | revoked through an endpoint or a store that the cache observes | refused at once | up to lag | refused at once | up to lag + age |
//! | revoked by another process, or by SQL | refused at once | up to lag | up to age | up to lag + age |
//! | a client was registered | known at once | known at once | | |
//! | a client's secret was replaced | at once | at once | | |
//! | a client's other columns, through `query_client` | at once | up to lag | | |
//!
//! 'Up to' is until a validator refuses the token. Two things follow from how they are built:
//!
//! * A miss on a replica is asked again at the primary; that is why a new token is valid at once. A token that does not exist
//!   costs both a statement. Nothing that a validator refuses is cached.
//! * Over a replica a cache cannot keep its promise for what is revoked in the same process: it forgets the row, and the next
//!   request fetches it from the replica, which may not know yet.
//!
//! What asks the primary always, and is never stale: introspection, revocation, client authentication, authorization codes,
//! refresh tokens and device codes. In code of your own, [`find_current_token`] and [`find_current_client`] do so, and
//! [`Intent::CurrentRead`] on the pool.
//!
//! This crate does not bound the lag. PostgreSQL tells it in `pg_stat_replication.replay_lag`, MySQL and MariaDB in `SHOW
//! REPLICA STATUS`; take a replica out when it is too far behind. A replica that was promoted is a primary, and no longer a
//! replica of the one it is configured under: configure the pools anew.
//!
//! # When a database is gone
//!
//! | gone | look-ups | decisions |
//! | --- | --- | --- |
//! | a replica | the next replica or the primary answers; after one that could not be reached it is left alone for [5 seconds](crate::pool::ReaderWriterPool::rest), then tried by one look-up | as before |
//! | the primary | what the replica has is found; what it has not is [`Error::Unreachable`] | [`Error::Unreachable`] or [`Error::ConnectionLost`] |
//! | all, with a cache | what is remembered is valid to its age; the rest is [`Error::Unreachable`] | the same errors |
//!
//! A look-up that meets a replica just gone waits for the pool's `connection_timeout` before it asks the primary: set it to a
//! fraction of a second on the replicas' pools.
//!
//! # With `diesel-async`
//!
//! [`ReaderWriterPool`] takes pools of deadpool's or bb8's just as well, and the functions in `asynchronous` do the same by
//! the same rules.
//!
//! [`ReaderWriterPool`]: crate::pool::ReaderWriterPool
//! [`Intent::CurrentRead`]: crate::pool::Intent::CurrentRead
//! [`find_current_token`]: crate::lookup::find_current_token
//! [`find_current_client`]: crate::lookup::find_current_client
//! [`Error::Unreachable`]: crate::Error::Unreachable
//! [`Error::ConnectionLost`]: crate::Error::ConnectionLost
#![cfg_attr(feature = "cache", doc = "[`TokenCache`]: crate::cache::TokenCache")]
#![cfg_attr(
    not(feature = "cache"),
    doc = "[`TokenCache`]: https://docs.rs/diesel_oauth2/latest/diesel_oauth2/cache/struct.TokenCache.html"
)]
