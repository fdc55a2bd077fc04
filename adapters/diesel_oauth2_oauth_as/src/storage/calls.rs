//! The calls of the trait: each makes its rows and hands them to its work.

use std::sync::Arc;
use std::time::SystemTime;

use diesel_oauth2::Error;
use diesel_oauth2::pool::{ConnectionPool, Intent};
use oauth_as::store::{RevocationWindow, Storage, StorageError, WriteOutcome};
use oauth_as::{
    AuthorizationCodeRecord, AuthorizationCodeState, Client, ClientId, DeviceGrant,
    DeviceGrantState, IssuedToken, RefreshTokenRecord,
};

use super::{DieselStorage, storage_error};
#[cfg(feature = "consent")]
use crate::database::Consents;
use crate::database::{Database, Rows};
use crate::row::{
    AccessToken, Barrier, ClientRow, Code, DeviceGrantRow, PushedRequest, RefreshToken, ReplayId,
};
use crate::scope::Write;
use crate::secrets::digest;
use crate::time::{nanos, seconds};
use crate::work;

impl<P> Storage for DieselStorage<P>
where
    P: ConnectionPool,
    P::Connection: Database,
{
    async fn get_client(&self, client_id: &ClientId) -> Result<Option<Arc<Client>>, StorageError> {
        let client_id = client_id.clone();
        let now = seconds(SystemTime::now());
        self.read(move |conn| {
            let client = work::clients::get(conn, client_id.as_str(), now)?;
            Ok(client.map(Arc::new))
        })
        .await
    }

    async fn put_client(&self, client: Client) -> Result<(), StorageError> {
        let now = seconds(SystemTime::now());
        let row = ClientRow::of(&client, now).map_err(storage_error)?;
        self.run(Intent::Write, move |conn| work::clients::put(conn, &row))
            .await
    }

    async fn compare_and_swap_client(
        &self,
        expected: &Client,
        updated: Client,
    ) -> Result<bool, StorageError> {
        let expected = expected.clone();
        let now = seconds(SystemTime::now());
        self.run(Intent::Write, move |conn| {
            work::clients::compare_and_swap(conn, &expected, &updated, now)
        })
        .await
    }

    async fn delete_client(
        &self,
        client_id: &ClientId,
        window: RevocationWindow,
    ) -> Result<bool, StorageError> {
        let client_id = client_id.clone();
        self.run(Intent::Write, move |conn| {
            work::clients::delete(conn, &client_id, window)
        })
        .await
    }

    async fn put_device_grant(&self, grant: DeviceGrant) -> Result<(), StorageError> {
        let row = DeviceGrantRow::of(&grant, &self.user_codes).map_err(storage_error)?;
        self.run(Intent::Write, move |conn| work::devices::put(conn, &row))
            .await
    }

    async fn get_device_grant(
        &self,
        device_code: &str,
    ) -> Result<Option<DeviceGrant>, StorageError> {
        let device_code = device_code.to_owned();
        self.read(move |conn| {
            let row = Rows::<DeviceGrantRow>::load(conn, &digest(&device_code))?;
            opened(row, |row| row.open(&device_code))
        })
        .await
    }

    async fn find_device_grant_by_user_code(
        &self,
        normalized_user_code: &str,
    ) -> Result<Option<DeviceGrant>, StorageError> {
        let user_code = normalized_user_code.to_owned();
        let user_codes = self.user_codes.clone();
        self.read(move |conn| work::devices::find_by_user_code(conn, &user_code, &user_codes))
            .await
    }

    async fn take_device_grant(
        &self,
        device_code: &str,
    ) -> Result<Option<DeviceGrant>, StorageError> {
        let device_code = device_code.to_owned();
        self.run(Intent::Write, move |conn| {
            let row = work::take::<DeviceGrantRow, _>(conn, &digest(&device_code))?;
            opened(row, |row| row.open(&device_code))
        })
        .await
    }

    async fn compare_and_swap_device_grant(
        &self,
        expected: &DeviceGrantState,
        updated: DeviceGrant,
    ) -> Result<bool, StorageError> {
        let expected = expected.clone();
        let row = DeviceGrantRow::of(&updated, &self.user_codes).map_err(storage_error)?;
        self.run(Intent::Write, move |conn| {
            work::devices::compare_and_swap(conn, &expected, &updated, &row)
        })
        .await
    }

    async fn put_authorization_code(
        &self,
        record: AuthorizationCodeRecord,
    ) -> Result<(), StorageError> {
        let row = Code::of(&record).map_err(storage_error)?;
        self.run(Intent::Write, move |conn| work::codes::put(conn, &row))
            .await
    }

    async fn compare_and_swap_authorization_code(
        &self,
        expected: &AuthorizationCodeState,
        updated: AuthorizationCodeRecord,
    ) -> Result<bool, StorageError> {
        let expected = expected.clone();
        let row = Code::of(&updated).map_err(storage_error)?;
        self.run(Intent::Write, move |conn| {
            work::codes::compare_and_swap(conn, &expected, &updated, &row)
        })
        .await
    }

    async fn take_authorization_code(
        &self,
        code: &str,
    ) -> Result<Option<AuthorizationCodeRecord>, StorageError> {
        let code = code.to_owned();
        self.run(Intent::Write, move |conn| {
            let row = work::take::<Code, _>(conn, &digest(&code))?;
            opened(row, |row| row.open(&code))
        })
        .await
    }

    #[cfg(feature = "par")]
    async fn put_pushed_authorization_request(
        &self,
        record: oauth_as::par::PushedAuthorizationRequest,
    ) -> Result<WriteOutcome, StorageError> {
        let row = PushedRequest::of(&record).map_err(storage_error)?;
        let write = work::pushed::write_of(&record);
        self.run(Intent::Write, move |conn| {
            work::put_unless_revoked(conn, &row, &write)
        })
        .await
    }

    #[cfg(feature = "par")]
    async fn take_pushed_authorization_request(
        &self,
        request_uri: &str,
    ) -> Result<Option<oauth_as::par::PushedAuthorizationRequest>, StorageError> {
        let request_uri = request_uri.to_owned();
        self.run(Intent::Write, move |conn| {
            let row = work::take::<PushedRequest, _>(conn, &digest(&request_uri))?;
            opened(row, |row| row.open(&request_uri))
        })
        .await
    }

    async fn put_token(&self, token: IssuedToken) -> Result<WriteOutcome, StorageError> {
        let row = AccessToken::of(&token).map_err(storage_error)?;
        let write = Write::of_token(&token);
        self.run(Intent::Write, move |conn| {
            work::put_unless_revoked(conn, &row, &write)
        })
        .await
    }

    async fn get_token(
        &self,
        access_token: &str,
    ) -> Result<Option<Arc<IssuedToken>>, StorageError> {
        let access_token = access_token.to_owned();
        self.look_up(move |conn| {
            let row = Rows::<AccessToken>::load(conn, &digest(&access_token))?;
            opened(row, |row| Ok(row.open(&access_token)?.map(Arc::new)))
        })
        .await
    }

    async fn delete_token(&self, access_token: &str) -> Result<(), StorageError> {
        let key = digest(access_token);
        self.run(Intent::IdempotentWrite, move |conn| {
            work::take::<AccessToken, _>(conn, &key).map(drop)
        })
        .await
    }

    async fn put_refresh_token(
        &self,
        record: RefreshTokenRecord,
    ) -> Result<WriteOutcome, StorageError> {
        let row = RefreshToken::of(&record).map_err(storage_error)?;
        let write = Write::of_refresh_token(&record);
        self.run(Intent::Write, move |conn| {
            work::put_unless_revoked(conn, &row, &write)
        })
        .await
    }

    async fn get_refresh_token(
        &self,
        refresh_token: &str,
    ) -> Result<Option<Arc<RefreshTokenRecord>>, StorageError> {
        let refresh_token = refresh_token.to_owned();
        self.read(move |conn| {
            let row = Rows::<RefreshToken>::load(conn, &digest(&refresh_token))?;
            opened(row, |row| Ok(row.open(&refresh_token)?.map(Arc::new)))
        })
        .await
    }

    async fn rotate_refresh_token(
        &self,
        expected: &RefreshTokenRecord,
        spent: &RefreshTokenRecord,
        access: &IssuedToken,
        next: Option<&RefreshTokenRecord>,
    ) -> Result<bool, StorageError> {
        let rotation = || {
            Ok(work::tokens::Rotation {
                expected: expected.clone(),
                predecessor: digest(&expected.refresh_token),
                spent: RefreshToken::of(spent)?,
                access: AccessToken::of(access)?,
                next: next.map(RefreshToken::of).transpose()?,
            })
        };
        let rotation = rotation().map_err(storage_error)?;
        self.run(Intent::Write, move |conn| {
            work::tokens::rotate(conn, &rotation)
        })
        .await
    }

    async fn take_refresh_token(
        &self,
        refresh_token: &str,
    ) -> Result<Option<RefreshTokenRecord>, StorageError> {
        let refresh_token = refresh_token.to_owned();
        self.run(Intent::Write, move |conn| {
            let row = work::take::<RefreshToken, _>(conn, &digest(&refresh_token))?;
            opened(row, |row| row.open(&refresh_token))
        })
        .await
    }

    async fn revoke_token_family(
        &self,
        family_id: &str,
        window: RevocationWindow,
    ) -> Result<u64, StorageError> {
        let family_id = family_id.to_owned();
        // Done twice it is done; only the second count is smaller.
        self.run(Intent::IdempotentWrite, move |conn| {
            work::tokens::revoke_family(conn, &family_id, window)
        })
        .await
    }

    #[cfg(feature = "consent")]
    async fn put_consent(&self, record: oauth_as::ConsentRecord) -> Result<(), StorageError> {
        let row = crate::row::Consent::of(&record).map_err(storage_error)?;
        self.run(Intent::Write, move |conn| work::consents::put(conn, &row))
            .await
    }

    #[cfg(feature = "consent")]
    async fn compare_and_swap_consent(
        &self,
        expected: Option<&oauth_as::ConsentRecord>,
        updated: oauth_as::ConsentRecord,
    ) -> Result<bool, StorageError> {
        let expected = expected.cloned();
        let row = crate::row::Consent::of(&updated).map_err(storage_error)?;
        self.run(Intent::Write, move |conn| {
            work::consents::compare_and_swap(conn, expected.as_ref(), &row)
        })
        .await
    }

    #[cfg(feature = "consent")]
    async fn get_consent(
        &self,
        consent_id: &str,
    ) -> Result<Option<Arc<oauth_as::ConsentRecord>>, StorageError> {
        if !is_storable(consent_id) {
            return Ok(None);
        }
        let consent_id = consent_id.to_owned();
        self.read(move |conn| {
            let row = Rows::<crate::row::Consent>::load(conn, &consent_id)?;
            opened(row, |row| Ok(Some(Arc::new(row.open()?))))
        })
        .await
    }

    #[cfg(feature = "consent")]
    async fn find_consent(
        &self,
        client_id: &ClientId,
        subject: &str,
    ) -> Result<Option<Arc<oauth_as::ConsentRecord>>, StorageError> {
        if !is_storable(client_id.as_str()) || !is_storable(subject) {
            return Ok(None);
        }
        let (client_id, subject) = (client_id.clone(), subject.to_owned());
        self.read(move |conn| {
            let row = conn.find_consent(client_id.as_str(), &subject)?;
            opened(row, |row| Ok(Some(Arc::new(row.open()?))))
        })
        .await
    }

    #[cfg(feature = "consent")]
    async fn consents_for_subject(
        &self,
        subject: &str,
    ) -> Result<Vec<Arc<oauth_as::ConsentRecord>>, StorageError> {
        if !is_storable(subject) {
            return Ok(Vec::new());
        }
        let subject = subject.to_owned();
        self.read(move |conn| {
            let rows = conn.consents_of(&subject)?.into_iter();
            rows.map(|row| row.open().map(Arc::new)).collect()
        })
        .await
    }

    #[cfg(feature = "consent")]
    async fn revoke_consent(
        &self,
        consent_id: &str,
        window: RevocationWindow,
    ) -> Result<u64, StorageError> {
        if !is_storable(consent_id) {
            return Ok(0);
        }
        let consent_id = consent_id.to_owned();
        self.run(Intent::IdempotentWrite, move |conn| {
            work::consents::withdraw(conn, &consent_id, window)
        })
        .await
    }

    #[cfg(any(feature = "client-assertion", feature = "dpop"))]
    async fn claim_replay_id(
        &self,
        id: &str,
        expires_at: SystemTime,
    ) -> Result<bool, StorageError> {
        let row = ReplayId {
            replay_id: digest(id),
            expires_at: nanos(expires_at),
        };
        self.run(Intent::Write, move |conn| work::replay::claim(conn, &row))
            .await
    }

    async fn sweep_expired(&self, now: SystemTime) -> Result<u64, StorageError> {
        let now = nanos(now);
        let mut removed = self.sweep::<DeviceGrantRow>(now).await?;
        removed += self.sweep::<Code>(now).await?;
        removed += self.sweep::<PushedRequest>(now).await?;
        removed += self.sweep::<AccessToken>(now).await?;
        removed += self.sweep::<RefreshToken>(now).await?;
        removed += self.sweep::<ReplayId>(now).await?;
        removed += self.sweep::<Barrier>(now).await?;
        Ok(removed)
    }
}

/// What is opened of a row, where there is one and it is the caller's.
fn opened<R, T>(
    row: Option<R>,
    open: impl FnOnce(R) -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    match row {
        Some(row) => open(row),
        None => Ok(None),
    }
}

/// PostgreSQL refuses a NUL byte, so nothing has an id with one.
#[cfg(feature = "consent")]
fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}
