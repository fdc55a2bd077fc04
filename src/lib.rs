//! Diesel-backed persistence for OAuth 2.0 servers.
