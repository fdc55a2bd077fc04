//! The floor: each database's own driver on one connection, the statements prepared once, into the same struct.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

/// What the drivers prepare.
struct Sql {
    by_access_token: String,
    by_either_token: String,
    insert: String,
    revoke: String,
}

impl Sql {
    /// `parameter` writes the statement's n-th parameter as the database wants it.
    fn new(parameter: impl Fn(usize) -> String) -> Self {
        let columns = "user_id, client_id, token_type, access_token, refresh_token, scope, issued_at, \
                       access_token_revoked_at, refresh_token_revoked_at, expires_in";
        let select = format!(
            "SELECT id, {columns} FROM oauth2_token WHERE access_token = {}",
            parameter(1)
        );
        let values: Vec<String> = (1..=10).map(&parameter).collect();
        Self {
            by_either_token: format!("{select} OR refresh_token = {}", parameter(2)),
            by_access_token: select,
            insert: format!(
                "INSERT INTO oauth2_token ({columns}) VALUES ({})",
                values.join(", ")
            ),
            revoke: format!(
                "UPDATE oauth2_token SET access_token_revoked_at = {} WHERE id = {} AND access_token_revoked_at = 0",
                parameter(1),
                parameter(2)
            ),
        }
    }
}
