//! The same without blocking.

pub mod lifecycle;
pub mod lookup;
pub mod pool;

mod endpoint;
mod factory;
mod transaction;
mod validator;

pub use endpoint::{
    create_client_authenticator, create_introspection_endpoint, create_revocation_endpoint,
};
pub use factory::{
    BoxFuture, create_query_client_func, create_query_token_func, create_save_token_func,
    create_save_token_func_with_clock, save_token,
};
pub use validator::create_bearer_token_validator;

/// A pool whose connections are awaited.
#[derive(Clone)]
pub struct Async<P>(pub(crate) P);

#[cfg(all(test, feature = "postgres", feature = "deadpool"))]
fn _futures_cross_threads(
    pool: diesel_async::pooled_connection::deadpool::Pool<diesel_async::AsyncPgConnection>,
) {
    fn is_send<T: Send>(_: T) {}
    let validator = create_bearer_token_validator::<crate::models::Token, _>(pool.clone());
    is_send(validator.acquire_token(Some(""), &[]));
    let save = create_save_token_func::<crate::models::Token, _>(pool);
    let _ = save;
}
