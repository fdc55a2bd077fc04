//! The same without blocking, on Tokio and [`diesel-async`](diesel_async)'s connections: feature `diesel-async`.
//!
//! Each function here has the name of the one that blocks and gives what that one gives, on a pool whose connections are
//! awaited: a pool of [deadpool](diesel_async::pooled_connection::deadpool) (feature `deadpool`) or of
//! [bb8](diesel_async::pooled_connection::bb8) (feature `bb8`) of PostgreSQL, MySQL/MariaDB or SQLite. Stores and endpoints
//! are the same types, on [`Async`]: what they are set to, and every rule, is shared; only what sends statements is awaited.
//! The same derives make the models fit, see [`table::asynchronous`](crate::table::asynchronous); a model of
//! `#[oauth2(connection = ...)]` is for that connection only.
//!
//! ```
//! # #[cfg(all(feature = "sqlite", feature = "deadpool"))] {
//! # use diesel::prelude::*;
//! use diesel_oauth2::asynchronous::pool::{AsyncPoolBuilder, AsyncSqliteConnection};
//! use diesel_oauth2::asynchronous::{create_bearer_token_validator, create_save_token_func};
//! use diesel_oauth2::models::{Client, Token};
//! use diesel_oauth2::{TokenRequest, TokenResponse};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let url = directory.path().join("app.sqlite").display().to_string();
//! # let mut connection = SqliteConnection::establish(&url).unwrap();
//! # diesel_oauth2::migrations::run(&mut connection).unwrap();
//! # use diesel_oauth2::schema::oauth2_client::dsl::*;
//! # diesel::insert_into(oauth2_client).values(client_id.eq("app")).execute(&mut connection).unwrap();
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! let pool = AsyncPoolBuilder::<AsyncSqliteConnection>::new(url).build_deadpool()?;
//! # let query_client = diesel_oauth2::asynchronous::create_query_client_func::<Client, _>(pool.clone());
//! # let client = query_client("app").await?.unwrap();
//! let save_token = create_save_token_func::<Token, _>(pool.clone());
//! let response = TokenResponse::bearer("mF_9.B5f-4.1JqM");
//! save_token(&response, &TokenRequest::new(&client).user(7)).await?;
//!
//! let validator = create_bearer_token_validator::<Token, _>(pool);
//! let token = validator.acquire_token(Some("Bearer mF_9.B5f-4.1JqM"), &[]).await.unwrap();
//! assert_eq!(token.user_id, Some(7));
//! # Ok::<(), diesel_oauth2::Error>(())
//! # }).unwrap();
//! # }
//! # Ok::<(), diesel_oauth2::Error>(())
//! ```
//!
//! # Dropping a future
//!
//! A future may be dropped at any point, such as when a client hangs up: a transaction is committed wholly or not at all,
//! and the connection on which something was under way is closed, not given back, except after a mere look-up where the
//! driver allows for it. What it had begun may have taken effect, as after [`Error::ConnectionLost`]. On
//! SQLite dropping one waits for the statement under way, and needs Tokio's multi-threaded runtime.
//!
//! # What is retried
//!
//! The same as where it blocks: what only reads or may be repeated, on another connection, where its own turns out to be
//! dead; a transaction that the database gave up for another one, after a rest on Tokio's timer.

use std::fmt;
use std::sync::OnceLock;

use tokio::sync::Semaphore;

pub mod lifecycle;
pub mod lookup;
pub mod pool;

mod endpoint;
mod factory;
mod registration;
mod transaction;
mod validator;

pub use endpoint::{
    create_client_authenticator, create_introspection_endpoint, create_revocation_endpoint,
};
pub use factory::{
    BoxFuture, create_query_client_func, create_query_token_func, create_save_token_func,
    create_save_token_func_with_clock, save_token,
};
pub use registration::create_client_registry;
pub use validator::create_bearer_token_validator;

use crate::Error;
use crate::secret::HASHING;

/// A pool whose connections are awaited, in a store or an endpoint: made by the functions of this module.
#[derive(Clone)]
pub struct Async<P>(pub(crate) P);

impl<P> fmt::Debug for Async<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Async(..)")
    }
}

/// Runs what takes the processor for long where it holds up no other task.
async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Ok(value),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down.
            Err(_) => Err(Error::Unreachable),
        },
    }
}

/// Hashes a client secret where it holds up no other task: tasks wait their turn, so that no blocking thread has to.
async fn hash_on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    static TURNS: OnceLock<Semaphore> = OnceLock::new();
    let turns = TURNS.get_or_init(|| Semaphore::new(HASHING.limit()));
    // It is never closed.
    let turn = turns.acquire().await.map_err(|_| Error::Unreachable)?;
    // Whoever drops the future leaves a thread that hashes on: the turn is over when that is.
    on_blocking_thread(move || {
        let value = work();
        drop(turn);
        value
    })
    .await
}
