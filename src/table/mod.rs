//! What a model's table can do on one connection type: each method is one statement.
//!
//! The derives implement these traits for every connection type the model is for. Implement them by hand for a schema
//! that a derive cannot describe; everything above works unchanged. The rules are not here: an implementation sends
//! its statement and hands on what comes back, row by row, until the caller breaks off.

mod aged;
#[cfg(feature = "diesel-async")]
pub mod asynchronous;
mod client;
mod code;
mod device_code;
mod family;
mod grant;
mod token;

pub use aged::AgedTable;
pub use client::{
    ClientTable, NewClient, NewClientSecret, RegistrableClientTable, RotatableClientTable,
};
pub use code::{CodeTable, NewCode};
pub use device_code::{DeviceCodeTable, NewDeviceCode};
pub use family::{FamilyTokenTable, RedeemableCodeTable};
pub use grant::{GrantTable, NewGrant};
pub use token::{NewToken, RevocableTokenTable, TokenTable};

use crate::Error;

/// Refuses a text that does not fit its column before it is sent, because MySQL outside strict mode would cut it.
///
/// # Errors
/// [`Error::ValueTooLong`].
#[doc(hidden)]
pub fn check_length(
    column: &'static str,
    text: Option<&str>,
    max: Option<usize>,
) -> Result<(), Error> {
    match (text, max) {
        (Some(text), Some(max)) if text.len() > max && text.chars().count() > max => {
            Err(Error::ValueTooLong {
                column: Some(column.to_owned()),
                max: Some(max),
            })
        }
        _ => Ok(()),
    }
}
