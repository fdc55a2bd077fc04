use std::borrow::Cow;

/// The type of a text field: `String`, `Option<String>`, or for a PostgreSQL `TEXT[]` of scopes `Vec<String>` and
/// `Vec<Option<String>>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a text field",
    label = "not a `diesel_oauth2::column::TextColumn`",
    note = "use String or Option<String> (Vec<String> for an array of scopes), or implement `TextColumn` for your newtype"
)]
pub trait TextColumn: Sized {
    /// What is bound for it.
    type Bound<'a>;

    /// The text, unless NULL.
    fn text(&self) -> Option<Cow<'_, str>>;

    /// What to write. A column that cannot be NULL gets the empty string for `None`.
    fn bind(text: Option<&str>) -> Self::Bound<'_>;
}

impl TextColumn for String {
    type Bound<'a> = &'a str;

    fn text(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self))
    }

    fn bind(text: Option<&str>) -> &str {
        text.unwrap_or_default()
    }
}

impl TextColumn for Option<String> {
    type Bound<'a> = Option<&'a str>;

    fn text(&self) -> Option<Cow<'_, str>> {
        self.as_deref().map(Cow::Borrowed)
    }

    fn bind(text: Option<&str>) -> Option<&str> {
        text
    }
}

impl TextColumn for Vec<String> {
    type Bound<'a> = Vec<&'a str>;

    fn text(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Owned(self.join(" ")))
    }

    fn bind(text: Option<&str>) -> Vec<&str> {
        text.unwrap_or_default().split_whitespace().collect()
    }
}

impl TextColumn for Vec<Option<String>> {
    type Bound<'a> = Vec<Option<&'a str>>;

    fn text(&self) -> Option<Cow<'_, str>> {
        let scopes: Vec<&str> = self.iter().flatten().map(String::as_str).collect();
        Some(Cow::Owned(scopes.join(" ")))
    }

    fn bind(text: Option<&str>) -> Vec<Option<&str>> {
        text.unwrap_or_default()
            .split_whitespace()
            .map(Some)
            .collect()
    }
}

/// The type of a field that holds a token, a code or a client secret: `String` or `Option<String>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a secret's field",
    label = "not a `diesel_oauth2::column::SecretColumn`",
    note = "use String or Option<String>"
)]
pub trait SecretColumn: TextColumn {
    /// The stored form, unless NULL.
    fn secret(&self) -> Option<&str>;
}

impl SecretColumn for String {
    fn secret(&self) -> Option<&str> {
        Some(self)
    }
}

impl SecretColumn for Option<String> {
    fn secret(&self) -> Option<&str> {
        self.as_deref()
    }
}
