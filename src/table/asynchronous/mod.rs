//! The twins of the [table traits](super) for connections of `diesel-async`.
//!
//! The derives implement both from the same statements. What each function does, and its errors, are those of the function
//! of the same name that blocks; a look-up returns its rows instead of handing them to a closure.

mod client;
mod code;
mod family;
mod token;

pub use client::{AsyncClientTable, AsyncRegistrableClientTable, AsyncRotatableClientTable};
pub use code::{AsyncCodeTable, AsyncDeviceCodeTable, AsyncRedeemableCodeTable};
pub use family::{AsyncAgedTable, AsyncFamilyTokenTable, AsyncGrantTable};
pub use token::{AsyncRevocableTokenTable, AsyncTokenTable};
