//! What a model of the user's is to OAuth 2.0: the counterparts of authlib's mixins.
//!
//! The derives of the same names implement these traits from a struct's fields. The methods with a body carry the
//! rules, and may be overridden by an implementation by hand.

mod client;
mod code;
mod device_code;
mod grant;
mod token;

pub use client::OAuth2Client;
pub(crate) use code::DEFAULT_CODE_LIFETIME;
pub use code::OAuth2AuthorizationCode;
pub use device_code::{DeviceCodeState, OAuth2DeviceCode};
pub use grant::{GrantLife, OAuth2Grant};
pub use token::OAuth2Token;
