//! The storage callbacks of an OAuth 2.0 server, named as authlib names them.
//!
//! Each takes a pool and gives back something that is `Clone + Send + Sync + 'static`.

mod query_client;
mod query_token;
mod save_token;

pub use query_client::create_query_client_func;
pub use query_token::create_query_token_func;
#[cfg(feature = "diesel-async")]
pub(crate) use save_token::StoredResponse;
pub use save_token::{
    TokenRequest, create_save_token_func, create_save_token_func_with_clock, save_token,
};
pub(crate) use save_token::{insert_token, with_new_token};
