use serde_json::{Map, Value};

/// The type of an `extra_members` field: `String` or `Option<String>` of JSON text, or `serde_json::Value`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of an `extra_members` field",
    label = "not a `diesel_oauth2::column::MembersColumn`",
    note = "use String, Option<String> or serde_json::Value"
)]
pub trait MembersColumn: Sized {
    /// What to write for a token response's further members.
    fn from_members(members: &Map<String, Value>) -> Self;
}

fn to_json(members: &Map<String, Value>) -> Value {
    Value::Object(members.clone())
}

impl MembersColumn for Value {
    fn from_members(members: &Map<String, Value>) -> Self {
        to_json(members)
    }
}

impl MembersColumn for String {
    fn from_members(members: &Map<String, Value>) -> Self {
        to_json(members).to_string()
    }
}

impl MembersColumn for Option<String> {
    fn from_members(members: &Map<String, Value>) -> Self {
        (!members.is_empty()).then(|| to_json(members).to_string())
    }
}
