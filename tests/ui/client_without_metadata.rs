use diesel::prelude::*;
use diesel_oauth2::OAuth2Client;

diesel::table! {
    clients (client_id) {
        client_id -> Text,
        client_secret -> Nullable<Text>,
    }
}

#[derive(Queryable, Selectable, OAuth2Client)]
#[diesel(table_name = clients)]
struct Client {
    client_id: String,
    client_secret: Option<String>,
}

fn main() {}
