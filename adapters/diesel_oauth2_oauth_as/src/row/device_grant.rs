use diesel::prelude::*;
use diesel_oauth2::Error;
use oauth_as::device::normalize_user_code;
use oauth_as::{DeviceGrant, DeviceGrantState};
use serde::{Deserialize, Serialize};

use super::{check_client_id, check_subject};
use crate::schema::oauth_as_device_grant;
use crate::secrets::{Sealed, UserCodes, digest, from_json, is_digest_of, to_json};
use crate::time::nanos;

/// A row of `oauth_as_device_grant`.
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_device_grant, primary_key(device_code))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct DeviceGrantRow {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
    pub(crate) client_id: String,
    /// Who approved it.
    pub(crate) subject: Option<String>,
    pub(crate) expires_at: i64,
    record: String,
    sealed: String,
    sealed_for_user: String,
}

/// The device presents one code, the user the other, and each is given the whole grant.
#[derive(Serialize, Deserialize)]
struct Codes {
    device_code: String,
    user_code: String,
}

impl DeviceGrantRow {
    pub(crate) fn of(grant: &DeviceGrant, user_codes: &UserCodes) -> Result<Self, Error> {
        let subject = match &grant.state {
            DeviceGrantState::Approved { subject } => Some(subject.clone()),
            DeviceGrantState::Pending | DeviceGrantState::Denied => None,
        };
        check_client_id(grant.client_id.as_str())?;
        check_subject(subject.as_deref())?;
        let normalized = normalize_user_code(&grant.user_code);
        let codes = Codes {
            device_code: grant.device_code.clone(),
            user_code: grant.user_code.clone(),
        };
        let mut bare = grant.clone();
        bare.device_code.clear();
        bare.user_code.clear();
        Ok(Self {
            device_code: digest(&grant.device_code),
            user_code: user_codes.digest(&normalized),
            client_id: grant.client_id.as_str().to_owned(),
            subject,
            expires_at: nanos(grant.expires_at),
            record: to_json(&bare)?,
            sealed: Sealed::DeviceGrant.seal(&grant.device_code, &codes)?,
            sealed_for_user: user_codes.seal(&normalized, &codes)?,
        })
    }

    /// The record, for the device that presents its code; `None` where it is another's.
    pub(crate) fn open(self, device_code: &str) -> Result<Option<DeviceGrant>, Error> {
        if !is_digest_of(&self.device_code, device_code) {
            return Ok(None);
        }
        let codes = Sealed::DeviceGrant.open(device_code, &self.sealed)?;
        self.with(codes).map(Some)
    }

    /// The record, for the user who typed its code, normalized.
    pub(crate) fn open_for_user(
        self,
        user_code: &str,
        user_codes: &UserCodes,
    ) -> Result<DeviceGrant, Error> {
        let codes = user_codes.open(user_code, &self.sealed_for_user)?;
        self.with(codes)
    }

    fn with(self, codes: Codes) -> Result<DeviceGrant, Error> {
        let mut grant: DeviceGrant = from_json(&self.record)?;
        grant.device_code = codes.device_code;
        grant.user_code = codes.user_code;
        Ok(grant)
    }
}
