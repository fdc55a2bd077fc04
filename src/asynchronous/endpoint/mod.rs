mod client_authentication;
mod introspection;
mod revocation;

pub use client_authentication::create_client_authenticator;
pub use introspection::create_introspection_endpoint;
pub use revocation::create_revocation_endpoint;

pub(super) use revocation::load_joined;
