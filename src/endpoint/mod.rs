//! Endpoints from request to response, in parts neutral of any web framework: an `Authorization` value and a form go
//! in; a status, headers and a body come out.

mod basic;
mod client_authentication;
mod credentials;
mod error;
mod failure;
#[cfg(feature = "http")]
mod http;
mod introspection;
mod request;
mod response;
mod revocable;
mod revocation;
mod token_parameters;

pub use client_authentication::{
    AuthenticatedClient, ClientAuthenticator, create_client_authenticator,
};
pub use error::OAuth2Error;
pub use failure::Failure;
pub use introspection::{IntrospectionEndpoint, create_introspection_endpoint};
pub use request::EndpointRequest;
pub use response::EndpointResponse;
pub use revocation::{RevocationEndpoint, create_revocation_endpoint};

pub(crate) use revocable::load_joined;
#[cfg(feature = "diesel-async")]
pub(crate) use {
    introspection::confidential,
    revocable::{Extent, Revocable, keep_joined, may_join},
    revocation::answer,
    token_parameters::token_parameters,
};

pub use crate::header::Realm;
