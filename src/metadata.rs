//! Client metadata by RFC 7591 names, as one JSON column.

use std::fmt;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::{Json, Jsonb, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A client's metadata (RFC 7591 section 2), the type of a model's `client_metadata` field.
///
/// The column is JSON text, as authlib's `OAuth2ClientMixin` writes it, or `JSON`/`JSONB`. It is parsed once, when the
/// row is read: a column that holds no JSON object is [`Error::InvalidData`](crate::Error::InvalidData). NULL (with an
/// `Option` field) and the empty string are the empty metadata. Members without a field here survive in
/// [`extra`](ClientMetadata::extra).
///
/// ```
/// use diesel_oauth2::ClientMetadata;
///
/// let metadata = ClientMetadata {
///     redirect_uris: vec!["https://app.example/callback".into()],
///     grant_types: vec!["authorization_code".into()],
///     scope: Some("profile email".into()),
///     ..Default::default()
/// };
/// assert_eq!(metadata.token_endpoint_auth_method, None); // client_secret_basic, where it matters
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
#[diesel(sql_type = Json)]
#[diesel(sql_type = Jsonb)]
#[serde(default)]
pub struct ClientMetadata {
    /// Where responses may be redirected to. The first one is the default.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub redirect_uris: Vec<String>,
    /// How the client authenticates at the token endpoint. Absent means `client_secret_basic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// The grant types that the client may use.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub grant_types: Vec<String>,
    /// The response types that the client may use.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub response_types: Vec<String>,
    /// The client's name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The client's home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// The client's logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// The scopes that the client may have, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whom to ask about the client.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub contacts: Vec<String>,
    /// The terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// The privacy policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Where the client's keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The client's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// The client software's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// The client software's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Every other member, kept as it was.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

fn null_is_default<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The column does not hold a JSON object of client metadata. The text is not repeated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedMetadata;

impl fmt::Display for MalformedMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a JSON object of client metadata")
    }
}

impl std::error::Error for MalformedMetadata {}

impl<DB: Backend> FromSql<Text, DB> for ClientMetadata
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = String::from_sql(bytes)?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        Ok(serde_json::from_str(&text).map_err(|_| MalformedMetadata)?)
    }
}

impl<DB: Backend> FromSql<Json, DB> for ClientMetadata
where
    Value: FromSql<Json, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(serde_json::from_value(Value::from_sql(bytes)?).map_err(|_| MalformedMetadata)?)
    }
}

impl<DB: Backend> FromSql<Jsonb, DB> for ClientMetadata
where
    Value: FromSql<Jsonb, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(serde_json::from_value(Value::from_sql(bytes)?).map_err(|_| MalformedMetadata)?)
    }
}

// One implementation a backend, because each builds its own kind of output buffer.
macro_rules! to_sql {
    ($feature:literal, $backend:ty, $sql_type:ty, |$text:ident, $out:ident| $write:expr) => {
        #[cfg(feature = $feature)]
        impl diesel::serialize::ToSql<$sql_type, $backend> for ClientMetadata {
            fn to_sql<'b>(
                &'b self,
                $out: &mut diesel::serialize::Output<'b, '_, $backend>,
            ) -> diesel::serialize::Result {
                let $text = serde_json::to_string(self).map_err(|_| MalformedMetadata)?;
                $write
            }
        }
    };
}

to_sql!("sqlite", diesel::sqlite::Sqlite, Text, |text, out| {
    out.set_value(text);
    Ok(diesel::serialize::IsNull::No)
});
to_sql!("sqlite", diesel::sqlite::Sqlite, Json, |text, out| {
    out.set_value(text);
    Ok(diesel::serialize::IsNull::No)
});
to_sql!("postgres", diesel::pg::Pg, Text, |text, out| {
    std::io::Write::write_all(out, text.as_bytes())?;
    Ok(diesel::serialize::IsNull::No)
});
to_sql!("postgres", diesel::pg::Pg, Json, |text, out| {
    std::io::Write::write_all(out, text.as_bytes())?;
    Ok(diesel::serialize::IsNull::No)
});
to_sql!("postgres", diesel::pg::Pg, Jsonb, |text, out| {
    // The first byte is the version of JSONB's binary format.
    std::io::Write::write_all(out, &[1])?;
    std::io::Write::write_all(out, text.as_bytes())?;
    Ok(diesel::serialize::IsNull::No)
});
to_sql!("mysql", diesel::mysql::Mysql, Text, |text, out| {
    std::io::Write::write_all(out, text.as_bytes())?;
    Ok(diesel::serialize::IsNull::No)
});
to_sql!("mysql", diesel::mysql::Mysql, Json, |text, out| {
    std::io::Write::write_all(out, text.as_bytes())?;
    Ok(diesel::serialize::IsNull::No)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_survive_a_read_and_write() {
        let text = r#"{"redirect_uris":["https://a"],"x_tier":{"gold":true},"scope":"a b"}"#;
        let metadata: ClientMetadata = serde_json::from_str(text).expect("reads");
        assert_eq!(metadata.redirect_uris, ["https://a"]);
        let written: Value = serde_json::to_value(&metadata).expect("writes");
        assert_eq!(
            written,
            serde_json::from_str::<Value>(text).expect("is JSON")
        );
    }

    #[test]
    fn null_members_are_as_if_absent() {
        let text = r#"{"redirect_uris":null,"scope":null,"contacts":null}"#;
        let metadata: ClientMetadata = serde_json::from_str(text).expect("reads");
        assert_eq!(metadata, ClientMetadata::default());
    }
}
