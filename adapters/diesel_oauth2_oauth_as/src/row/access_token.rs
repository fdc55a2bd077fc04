use diesel::prelude::*;
use diesel_oauth2::Error;
use oauth_as::IssuedToken;

use super::{check_client_id, check_family_id, check_subject};
use crate::schema::oauth_as_access_token;
use crate::secrets::{digest, from_json, is_digest_of, to_json};
use crate::time::nanos;

/// A row of `oauth_as_access_token`.
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_access_token, primary_key(access_token))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct AccessToken {
    pub(crate) access_token: String,
    pub(crate) client_id: String,
    pub(crate) subject: Option<String>,
    pub(crate) family_id: Option<String>,
    pub(crate) scope: String,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    record: String,
}

impl AccessToken {
    pub(crate) fn of(token: &IssuedToken) -> Result<Self, Error> {
        check_client_id(token.client_id.as_str())?;
        check_subject(token.subject.as_deref())?;
        check_family_id(token.family_id.as_deref())?;
        let mut bare = token.clone();
        bare.access_token.clear();
        Ok(Self {
            access_token: digest(&token.access_token),
            client_id: token.client_id.as_str().to_owned(),
            subject: token.subject.clone(),
            family_id: token.family_id.clone(),
            scope: token.scope.to_string(),
            issued_at: nanos(token.issued_at),
            expires_at: nanos(token.expires_at),
            record: to_json(&bare)?,
        })
    }

    /// The record, for who presents its access token; `None` where it is another's.
    pub(crate) fn open(self, access_token: &str) -> Result<Option<IssuedToken>, Error> {
        if !is_digest_of(&self.access_token, access_token) {
            return Ok(None);
        }
        let mut token: IssuedToken = from_json(&self.record)?;
        access_token.clone_into(&mut token.access_token);
        Ok(Some(token))
    }
}
