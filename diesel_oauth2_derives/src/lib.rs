//! Derives of `diesel_oauth2`; use them through that crate, where they are documented.
//!
//! | file | what |
//! | --- | --- |
//! | `model.rs` | reads the struct: fields, attributes, roles |
//! | `connection.rs` | for which connection types code is made |
//! | `statement.rs` | the statements that the derives share |
//! | `client.rs`, `token.rs`, `code.rs`, `grant.rs`, `device_code.rs` | a derive each |
//! | `family.rs` | what of the tokens' derive revokes and rotates |
//!
//! A derive emits accessors and statements only. Every rule is ordinary code in `diesel_oauth2`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod client;
mod code;
mod connection;
mod device_code;
mod family;
mod grant;
mod model;
mod statement;
mod token;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// See `diesel_oauth2::OAuth2Client`.
#[proc_macro_derive(OAuth2Client, attributes(oauth2))]
pub fn derive_client(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input), client::expand)
}

/// See `diesel_oauth2::OAuth2Token`.
#[proc_macro_derive(OAuth2Token, attributes(oauth2))]
pub fn derive_token(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input), token::expand)
}

/// See `diesel_oauth2::OAuth2AuthorizationCode`.
#[proc_macro_derive(OAuth2AuthorizationCode, attributes(oauth2))]
pub fn derive_code(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input), code::expand)
}

/// See `diesel_oauth2::OAuth2Grant`.
#[proc_macro_derive(OAuth2Grant, attributes(oauth2))]
pub fn derive_grant(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input), grant::expand)
}

/// See `diesel_oauth2::OAuth2DeviceCode`.
#[proc_macro_derive(OAuth2DeviceCode, attributes(oauth2))]
pub fn derive_device_code(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input), device_code::expand)
}

fn expand(
    input: DeriveInput,
    derive: fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    derive(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
