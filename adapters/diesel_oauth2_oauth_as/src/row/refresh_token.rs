use diesel::prelude::*;
use diesel_oauth2::Error;
use oauth_as::RefreshTokenRecord;

use super::{check_client_id, check_family_id, check_subject};
use crate::schema::oauth_as_refresh_token;
use crate::secrets::{Sealed, digest, from_json, is_digest_of, to_json};
use crate::time::nanos;

/// A row of `oauth_as_refresh_token`.
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_refresh_token, primary_key(refresh_token))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct RefreshToken {
    pub(crate) refresh_token: String,
    pub(crate) client_id: String,
    pub(crate) subject: Option<String>,
    pub(crate) family_id: String,
    pub(crate) expires_at: Option<i64>,
    record: String,
    /// The answer that a retry of the rotation gets: it holds tokens.
    sealed: Option<String>,
}

impl RefreshToken {
    pub(crate) fn of(token: &RefreshTokenRecord) -> Result<Self, Error> {
        check_client_id(token.client_id.as_str())?;
        check_subject(token.subject.as_deref())?;
        check_family_id(Some(&token.family_id))?;
        let retry = token.retry.as_deref();
        let seal = |retry| Sealed::RefreshToken.seal(&token.refresh_token, retry);
        let sealed = retry.map(seal).transpose()?;
        let mut bare = token.clone();
        bare.refresh_token.clear();
        bare.retry = None;
        Ok(Self {
            refresh_token: digest(&token.refresh_token),
            client_id: token.client_id.as_str().to_owned(),
            subject: token.subject.clone(),
            family_id: token.family_id.clone(),
            expires_at: token.expires_at.map(nanos),
            record: to_json(&bare)?,
            sealed,
        })
    }

    /// The record, for who presents its refresh token; `None` where it is another's.
    pub(crate) fn open(self, refresh_token: &str) -> Result<Option<RefreshTokenRecord>, Error> {
        if !is_digest_of(&self.refresh_token, refresh_token) {
            return Ok(None);
        }
        let mut token: RefreshTokenRecord = from_json(&self.record)?;
        refresh_token.clone_into(&mut token.refresh_token);
        if let Some(sealed) = &self.sealed {
            token.retry = Sealed::RefreshToken.open(refresh_token, sealed)?;
        }
        Ok(Some(token))
    }
}
