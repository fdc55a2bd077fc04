//! Registering clients and replacing their secrets.

mod check;
mod refusal;
mod registry;
mod request;

pub use refusal::RegistrationRefusal;
pub use registry::{ClientRegistry, ClientSecretStorage, create_client_registry};
pub use request::{ClientInformation, Registration};

#[cfg(feature = "diesel-async")]
pub(crate) use registry::{GeneratedSecret, check, current_secret, needs_secret};
