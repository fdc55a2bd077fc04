use diesel::prelude::*;
use diesel_oauth2::Error;
use oauth_as::{AuthorizationCodeRecord, AuthorizationCodeState};

use super::{check_client_id, check_subject};
use crate::schema::oauth_as_code;
use crate::secrets::{Sealed, digest, from_json, is_digest_of, to_json};
use crate::time::nanos;

/// A row of `oauth_as_code`.
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_code, primary_key(code))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Code {
    pub(crate) code: String,
    pub(crate) client_id: String,
    pub(crate) subject: String,
    pub(crate) expires_at: i64,
    record: String,
    /// The state, where it names the tokens that the code became.
    sealed: Option<String>,
}

impl Code {
    pub(crate) fn of(code: &AuthorizationCodeRecord) -> Result<Self, Error> {
        check_client_id(code.client_id.as_str())?;
        check_subject(Some(&code.subject))?;
        let mut bare = code.clone();
        bare.code.clear();
        bare.state = without_tokens(&code.state);
        let sealed = match bare.state == code.state {
            true => None,
            false => Some(Sealed::Code.seal(&code.code, &code.state)?),
        };
        Ok(Self {
            code: digest(&code.code),
            client_id: code.client_id.as_str().to_owned(),
            subject: code.subject.clone(),
            expires_at: nanos(code.expires_at),
            record: to_json(&bare)?,
            sealed,
        })
    }

    /// The record, for who presents its code; `None` where it is another's.
    pub(crate) fn open(self, code: &str) -> Result<Option<AuthorizationCodeRecord>, Error> {
        if !is_digest_of(&self.code, code) {
            return Ok(None);
        }
        let mut record: AuthorizationCodeRecord = from_json(&self.record)?;
        code.clone_into(&mut record.code);
        if let Some(sealed) = &self.sealed {
            record.state = Sealed::Code.open(code, sealed)?;
        }
        Ok(Some(record))
    }
}

fn without_tokens(state: &AuthorizationCodeState) -> AuthorizationCodeState {
    let (access_token, refresh_token) = (None, None);
    match state {
        AuthorizationCodeState::Issued => AuthorizationCodeState::Issued,
        AuthorizationCodeState::Consumed { .. } => AuthorizationCodeState::Consumed {
            access_token,
            refresh_token,
        },
        AuthorizationCodeState::Replayed { .. } => AuthorizationCodeState::Replayed {
            access_token,
            refresh_token,
        },
    }
}
