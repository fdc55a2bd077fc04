//! Hand-written statements, generic over the user's columns.
//!
//! Diesel's own `UPDATE` is never cached as a prepared statement, so it costs a second round trip each time, and its
//! `INSERT` walks more parts than there are columns; these say by their `QueryId` that they always read the same.
//!
//! | file | what |
//! | --- | --- |
//! | `part.rs` | what stands behind SET and WHERE: one column each |
//! | `insert.rs` | an INSERT of one row |
//! | `update.rs` | a conditional UPDATE made of such parts |
//! | `rotate.rs` | two of these and an INSERT as one statement, for PostgreSQL |
//! | `spend.rs` | an UPDATE and an INSERT as one statement, for PostgreSQL |
//! | `touch.rs` | whether a grant's model lends its UPDATE to that statement |

mod insert;
mod part;
mod rotate;
mod spend;
#[cfg(feature = "postgres")]
mod touch;
mod update;

pub use insert::Insert;
pub use part::{And, Comma, Is, IsNull, IsUnset, IsUnsetOrAtLeast, Named, Set, SetIfUnset};
pub use rotate::Rotate;
pub use spend::Spend;
#[cfg(feature = "postgres")]
pub use touch::{Lends, LendsNot, TouchStatement};
pub use update::Update;
