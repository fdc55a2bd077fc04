//! Bearer tokens (RFC 6750): making them and accepting them.

mod challenge;
mod generator;
mod token_response;
mod validator;

pub use challenge::{BearerChallenge, BearerError};
pub use generator::{
    BearerTokenGenerator, GenerateContext, GenerateRequest, MIN_TOKEN_LENGTH, generate_token,
};
pub use token_response::TokenResponse;
#[cfg(all(feature = "cache", feature = "diesel-async"))]
pub(crate) use validator::Recalled;
pub use validator::{BearerTokenValidator, create_bearer_token_validator};
