//! Derives of `diesel_oauth2`; use them through that crate.
