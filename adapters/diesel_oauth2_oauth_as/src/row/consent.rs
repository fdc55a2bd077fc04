use diesel::prelude::*;

use crate::schema::oauth_as_consent;

/// A row of `oauth_as_consent`. It holds no secret.
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_consent, primary_key(consent_id))]
pub struct Consent {
    pub(crate) consent_id: String,
    pub(crate) client_id: String,
    pub(crate) subject: String,
    pub(crate) granted_at: i64,
    record: String,
}

#[cfg(feature = "consent")]
mod record {
    use diesel_oauth2::Error;
    use oauth_as::ConsentRecord;

    use super::Consent;
    use crate::row::{check_client_id, check_length, check_subject};
    use crate::secrets::{from_json, to_json};
    use crate::time::nanos;

    impl Consent {
        pub(crate) fn of(consent: &ConsentRecord) -> Result<Self, Error> {
            check_length("consent_id", &consent.consent_id, 255)?;
            check_client_id(consent.client_id.as_str())?;
            check_subject(Some(&consent.subject))?;
            Ok(Self {
                consent_id: consent.consent_id.to_string(),
                client_id: consent.client_id.as_str().to_owned(),
                subject: consent.subject.to_string(),
                granted_at: nanos(consent.granted_at),
                record: to_json(consent)?,
            })
        }

        pub(crate) fn open(&self) -> Result<ConsentRecord, Error> {
            from_json(&self.record)
        }
    }
}
