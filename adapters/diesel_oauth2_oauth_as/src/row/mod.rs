//! The rows of the adapter's tables, each made of a record of `oauth-as` and made into it again.
//!
//! A row's key is the digest of the secret that the record is kept under, its other columns are what statements search,
//! `record` is the whole record without its secrets. Whoever reads a row has the secret and puts it back.

mod access_token;
mod barrier;
mod client;
mod code;
#[cfg_attr(not(feature = "consent"), allow(dead_code))]
mod consent;
mod device_grant;
#[cfg_attr(not(feature = "par"), allow(dead_code))]
mod pushed_request;
mod refresh_token;
mod replay_id;

pub use access_token::AccessToken;
pub use barrier::Barrier;
pub use client::ClientRow;
pub(crate) use client::open as open_client;
pub use code::Code;
pub use consent::Consent;
pub use device_grant::DeviceGrantRow;
pub use pushed_request::PushedRequest;
pub use refresh_token::RefreshToken;
pub use replay_id::ReplayId;

use diesel_oauth2::Error;

/// Refuses what does not fit its column before it is sent: SQLite would take it, MySQL outside strict mode cut it.
fn check_length(column: &'static str, text: &str, max: usize) -> Result<(), Error> {
    if text.len() > max && text.chars().count() > max {
        return Err(Error::ValueTooLong {
            column: Some(column.to_owned()),
            max: Some(max),
        });
    }
    Ok(())
}

fn check_client_id(client_id: &str) -> Result<(), Error> {
    check_length("client_id", client_id, 512)
}

fn check_subject(subject: Option<&str>) -> Result<(), Error> {
    check_length("subject", subject.unwrap_or_default(), 255)
}

fn check_family_id(family_id: Option<&str>) -> Result<(), Error> {
    check_length("family_id", family_id.unwrap_or_default(), 255)
}
