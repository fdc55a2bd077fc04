//! Bearer tokens (RFC 6750): making them and accepting them.

mod token_response;

pub use token_response::TokenResponse;
