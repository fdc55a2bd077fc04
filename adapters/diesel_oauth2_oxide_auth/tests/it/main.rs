//! oxide-auth's own flows over each database, with the bundled models and with a schema of the user's own.

#[cfg(feature = "async")]
mod async_flows;
mod client_credentials;
mod code_grant;
mod extensions;
mod failures;
mod parts;
mod races;
mod refresh;
mod registrar;

// What the core's own tests stand on: databases, schemas on them, a clock to turn.
/// Without the features for them, the core's awaited functions ask nothing of a fixture.
#[allow(dead_code, unexpected_cfgs)]
#[path = "../../../../tests/it/awaited/bounds.rs"]
mod awaited_bounds;
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../../tests/it/bundled_schema.rs"]
mod bundled_schema;
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../../tests/it/fixture.rs"]
mod fixture;
mod awaited {
    pub(crate) use crate::awaited_bounds as bounds;
}
mod api {
    /// A test of a schema runs once: the adapter has one kind of function only.
    pub fn run(body: impl FnOnce()) {
        body();
    }
}
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../../tests/it/own_schema/mod.rs"]
mod own_schema;
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../../tests/it/support/mod.rs"]
mod support;
