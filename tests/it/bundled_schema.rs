//! Further models of the bundled table of tokens.

use diesel::prelude::*;
use diesel_oauth2::OAuth2Token;
use diesel_oauth2::schema::oauth2_token;

macro_rules! token {
    ($name:ident, $storage:ident) => {
        #[derive(Clone, Queryable, Selectable, OAuth2Token)]
        #[diesel(table_name = oauth2_token)]
        #[oauth2(storage = $storage)]
        #[allow(dead_code)] // read through the traits
        pub struct $name {
            pub id: i64,
            pub user_id: Option<i64>,
            pub client_id: String,
            pub access_token: String,
            pub refresh_token: Option<String>,
            pub issued_at: i64,
            pub expires_in: i64,
        }
    };
}

token!(EitherToken, Sha256OrPlain);
token!(MovingToken, Sha256RewritingPlain);
