//! The Rust types that a model's fields may have, role by role.
//!
//! A derive asks these traits how to read a field and what to bind for it, so key and time types follow the field's
//! own type. Implement one for a newtype of yours to use it as a field.

mod id;
mod members;
mod text;
mod time;

pub use id::{ClientIdColumn, Identifier, UserIdColumn};
pub use members::MembersColumn;
pub use text::TextColumn;
pub use time::{LifetimeColumn, RevocationColumn, TimeColumn};
