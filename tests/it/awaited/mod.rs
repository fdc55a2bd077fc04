//! The same behaviours of the functions that are awaited: the bodies are those of the files above, on a [`facade`] that waits
//! for each call. What only these functions can do wrong is in `cancellation.rs` and `tasks.rs`.

pub mod bounds;
#[cfg(feature = "deadpool")]
#[allow(dead_code)] // whole, whatever the bodies use of it
pub mod facade;

#[cfg(feature = "deadpool")]
use facade as api;

#[cfg(feature = "deadpool")]
mod cancellation;
#[cfg(feature = "deadpool")]
mod tasks;

#[cfg(feature = "deadpool")]
#[path = "../bearer.rs"]
mod bearer;
#[cfg(feature = "deadpool")]
#[path = "../client.rs"]
mod client;
#[cfg(feature = "deadpool")]
#[path = "../code_store.rs"]
mod code_store;
#[cfg(feature = "deadpool")]
#[path = "../device_store.rs"]
mod device_store;
#[cfg(feature = "deadpool")]
#[path = "../introspection.rs"]
mod introspection;
#[cfg(feature = "deadpool")]
#[path = "../joining.rs"]
mod joining;
#[cfg(feature = "deadpool")]
#[path = "../observers.rs"]
mod observers;
#[cfg(feature = "deadpool")]
#[path = "../prune.rs"]
mod prune;
#[cfg(feature = "deadpool")]
#[path = "../query_token.rs"]
mod query_token;
#[cfg(feature = "deadpool")]
#[path = "../refresh_store.rs"]
mod refresh_store;
#[cfg(feature = "deadpool")]
#[path = "../registration.rs"]
mod registration;
#[cfg(all(feature = "deadpool", feature = "postgres"))]
#[path = "../replica.rs"]
mod replica;
#[cfg(all(feature = "deadpool", feature = "bb8", feature = "postgres"))]
mod replica_on_bb8;
#[cfg(feature = "deadpool")]
#[path = "../revocation.rs"]
mod revocation;
#[cfg(feature = "deadpool")]
#[path = "../save_token.rs"]
mod save_token;
