//! Hand-written statements, generic over the user's columns.
//!
//! Diesel's own `UPDATE` is never cached as a prepared statement, so it costs a second round trip each time; these say
//! by their `QueryId` that they always read the same.

mod revoke;

pub use revoke::{MarkBothRevoked, MarkRevoked};
