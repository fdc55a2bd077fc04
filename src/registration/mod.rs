//! Registering clients and replacing their secrets.

mod check;
mod refusal;
mod registry;
mod request;

pub use refusal::RegistrationRefusal;
pub use registry::{
    ClientRegistry, ClientSecretStorage, MIN_CLIENT_SECRET_LENGTH, create_client_registry,
};
pub use request::{ClientInformation, Registration};

#[cfg(feature = "diesel-async")]
pub(crate) use registry::{GeneratedSecret, check, check_secret, current_secret, needs_secret};
