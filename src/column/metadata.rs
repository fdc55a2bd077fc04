use std::borrow::Cow;

use diesel::backend::Backend;
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Json, Jsonb, Text};
use serde_json::Value;

use crate::{ClientMetadata, Error};

/// The type of a `client_metadata` field: [`ClientMetadata`], or an `Option` of it for a column that may be NULL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a `client_metadata` field",
    label = "not a `diesel_oauth2::column::MetadataColumn`",
    note = "use diesel_oauth2::ClientMetadata or an Option of it; it reads and writes the same Text, Json or Jsonb column"
)]
pub trait MetadataColumn {
    /// What is bound for it.
    type Bound;

    /// The metadata; empty for NULL.
    fn metadata(&self) -> Cow<'_, ClientMetadata>;

    /// What to write.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] where the metadata has no form in JSON.
    fn bind(metadata: &ClientMetadata) -> Result<Self::Bound, Error>;
}

impl MetadataColumn for ClientMetadata {
    type Bound = JsonMetadata;

    fn bind(metadata: &ClientMetadata) -> Result<JsonMetadata, Error> {
        JsonMetadata::new(metadata)
    }

    fn metadata(&self) -> Cow<'_, ClientMetadata> {
        Cow::Borrowed(self)
    }
}

impl MetadataColumn for Option<ClientMetadata> {
    type Bound = Option<JsonMetadata>;

    fn bind(metadata: &ClientMetadata) -> Result<Option<JsonMetadata>, Error> {
        JsonMetadata::new(metadata).map(Some)
    }

    fn metadata(&self) -> Cow<'_, ClientMetadata> {
        match self {
            Some(metadata) => Cow::Borrowed(metadata),
            None => Cow::Owned(ClientMetadata::default()),
        }
    }
}

/// Client metadata as JSON, ready for a column of any of the three types on any backend that has it.
#[derive(Debug, Clone, AsExpression)]
#[diesel(sql_type = Text)]
#[diesel(sql_type = Json)]
#[diesel(sql_type = Jsonb)]
pub struct JsonMetadata {
    text: String,
    value: Value,
}

impl JsonMetadata {
    fn new(metadata: &ClientMetadata) -> Result<Self, Error> {
        let value = serde_json::to_value(metadata).map_err(|_| Error::InvalidValue {
            column: "client_metadata",
            reason: "the metadata has no form in JSON",
        })?;
        Ok(Self {
            text: value.to_string(),
            value,
        })
    }
}

impl<DB: Backend> ToSql<Text, DB> for JsonMetadata
where
    String: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.text.to_sql(out)
    }
}

impl<DB: Backend> ToSql<Json, DB> for JsonMetadata
where
    Value: ToSql<Json, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        ToSql::<Json, DB>::to_sql(&self.value, out)
    }
}

impl<DB: Backend> ToSql<Jsonb, DB> for JsonMetadata
where
    Value: ToSql<Jsonb, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        ToSql::<Jsonb, DB>::to_sql(&self.value, out)
    }
}

/// The type of a list of metadata that has a column of its own, such as `redirect_uris`: text of words separated by
/// white space or of a JSON array, `serde_json::Value`, or a PostgreSQL `TEXT[]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a list field",
    label = "not a `diesel_oauth2::column::ListColumn`",
    note = "use String, Option<String>, serde_json::Value, Vec<String> or Vec<Option<String>>"
)]
pub trait ListColumn: Sized {
    /// The list; empty for NULL.
    fn list(&self) -> Vec<String>;

    /// The field's value for a list. Text gets the members separated by spaces, of which they have none.
    fn from_list(list: &[String]) -> Self;
}

impl ListColumn for String {
    fn from_list(list: &[String]) -> Self {
        list.join(" ")
    }

    fn list(&self) -> Vec<String> {
        serde_json::from_str(self)
            .unwrap_or_else(|_| self.split_whitespace().map(str::to_owned).collect())
    }
}

impl ListColumn for Option<String> {
    fn from_list(list: &[String]) -> Self {
        (!list.is_empty()).then(|| list.join(" "))
    }

    fn list(&self) -> Vec<String> {
        self.as_ref().map(ListColumn::list).unwrap_or_default()
    }
}

impl ListColumn for Value {
    fn from_list(list: &[String]) -> Self {
        list.to_vec().into()
    }

    fn list(&self) -> Vec<String> {
        let members = self.as_array().into_iter().flatten();
        members
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }
}

impl ListColumn for Vec<String> {
    fn from_list(list: &[String]) -> Self {
        list.to_vec()
    }

    fn list(&self) -> Vec<String> {
        self.clone()
    }
}

impl ListColumn for Vec<Option<String>> {
    fn from_list(list: &[String]) -> Self {
        list.iter().cloned().map(Some).collect()
    }

    fn list(&self) -> Vec<String> {
        self.iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_from_words_and_from_json() {
        for text in [
            "https://a https://b",
            "https://a\nhttps://b",
            r#"["https://a","https://b"]"#,
        ] {
            assert_eq!(
                text.to_owned().list(),
                ["https://a", "https://b"],
                "{text:?}"
            );
        }
        assert!(String::new().list().is_empty());
        let list = ["https://a".to_owned(), "https://b".to_owned()];
        assert_eq!(String::from_list(&list).list(), list);
        assert_eq!(Value::from_list(&list).list(), list);
        assert_eq!(Option::<String>::from_list(&[]), None);
    }
}
