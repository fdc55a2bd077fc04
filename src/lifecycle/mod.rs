//! A token's whole life: codes that are redeemed once, refresh tokens that rotate, families that are revoked as one.
//!
//! Decisions that two requests can race for are made by the database: a conditional write whose row count is the answer.
//! Whatever issues a token of a family first takes the grant's row, and whatever revokes the family first marks it: so
//! no token is issued past a revocation, whichever came first.

mod code_store;
mod family;
mod pkce;
mod prune;
mod refresh_store;
mod refusal;

pub use code_store::{CodeRequest, CodeStore, Redemption, create_authorization_code_store};
pub use family::{GrantRevocation, create_grant_revocation};
pub use prune::{Pruned, Pruner, create_pruner};
pub use refresh_store::{RefreshStore, Refreshing, create_refresh_token_store};
pub use refusal::{CodeRefusal, RefreshRefusal};
