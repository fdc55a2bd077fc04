//! The Rust types that a model's fields may have, role by role.
//!
//! A derive asks these traits how to read a field and what to bind for it, so key and time types follow the field's
//! own type. Implement one for a newtype of yours to use it as a field.

mod id;
mod int;
mod members;
mod metadata;
mod text;
mod time;

pub use id::{
    ClientIdColumn, GrantIdColumn, GrantKey, Identifier, NoGrantColumn, NoUserColumn, UserIdColumn,
};
pub use int::{Int, OptionalInt};
pub use members::MembersColumn;
pub use metadata::{JsonMetadata, ListColumn, MetadataColumn};
pub use text::{SecretColumn, TextColumn};
pub use time::{LifetimeColumn, RevocationColumn, TimeColumn};
