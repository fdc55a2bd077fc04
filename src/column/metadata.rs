use std::borrow::Cow;

use serde_json::Value;

use crate::ClientMetadata;

/// The type of a `client_metadata` field: [`ClientMetadata`], or an `Option` of it for a column that may be NULL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a `client_metadata` field",
    label = "not a `diesel_oauth2::column::MetadataColumn`",
    note = "use diesel_oauth2::ClientMetadata or an Option of it; it reads and writes the same Text, Json or Jsonb column"
)]
pub trait MetadataColumn {
    /// The metadata; empty for NULL.
    fn metadata(&self) -> Cow<'_, ClientMetadata>;
}

impl MetadataColumn for ClientMetadata {
    fn metadata(&self) -> Cow<'_, ClientMetadata> {
        Cow::Borrowed(self)
    }
}

impl MetadataColumn for Option<ClientMetadata> {
    fn metadata(&self) -> Cow<'_, ClientMetadata> {
        match self {
            Some(metadata) => Cow::Borrowed(metadata),
            None => Cow::Owned(ClientMetadata::default()),
        }
    }
}

/// The type of a list of metadata that has a column of its own, such as `redirect_uris`: text of words separated by
/// white space or of a JSON array, `serde_json::Value`, or a PostgreSQL `TEXT[]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a list field",
    label = "not a `diesel_oauth2::column::ListColumn`",
    note = "use String, Option<String>, serde_json::Value, Vec<String> or Vec<Option<String>>"
)]
pub trait ListColumn {
    /// The list; empty for NULL.
    fn list(&self) -> Vec<String>;
}

impl ListColumn for String {
    fn list(&self) -> Vec<String> {
        serde_json::from_str(self)
            .unwrap_or_else(|_| self.split_whitespace().map(str::to_owned).collect())
    }
}

impl ListColumn for Option<String> {
    fn list(&self) -> Vec<String> {
        self.as_ref().map(ListColumn::list).unwrap_or_default()
    }
}

impl ListColumn for Value {
    fn list(&self) -> Vec<String> {
        let members = self.as_array().into_iter().flatten();
        members
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }
}

impl ListColumn for Vec<String> {
    fn list(&self) -> Vec<String> {
        self.clone()
    }
}

impl ListColumn for Vec<Option<String>> {
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
    }
}
