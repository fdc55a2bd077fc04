use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;

use crate::model::{OAuth2Client, OAuth2DeviceCode};
use crate::secret::{SecretStorage, StoredForm};
use crate::table::NewDeviceCode;

/// A device authorization request (RFC 8628 section 3.1). `X` is the type of the model's extra columns.
#[derive(Clone)]
#[must_use]
pub struct DeviceRequest<'a, X = ()> {
    client_id: Cow<'a, str>,
    pub(super) scope: Option<&'a str>,
    extra: X,
}

impl<'a> DeviceRequest<'a> {
    /// A request of this client.
    pub fn new(client: &'a dyn OAuth2Client) -> Self {
        Self {
            client_id: client.client_id(),
            scope: None,
            extra: (),
        }
    }
}

impl<'a, X> DeviceRequest<'a, X> {
    /// The requested scopes, separated by spaces.
    pub fn scope(mut self, scope: &'a str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// What fills the model's extra columns.
    pub fn extra<Y>(self, extra: Y) -> DeviceRequest<'a, Y> {
        DeviceRequest {
            client_id: self.client_id,
            scope: self.scope,
            extra,
        }
    }
}

impl<X> fmt::Debug for DeviceRequest<'_, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceRequest")
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// The answer to a device authorization request (RFC 8628 section 3.2). It does not show its codes in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeviceAuthorization {
    /// The code that the device polls with.
    pub device_code: String,
    /// The code that the user types in.
    pub user_code: String,
    /// Where the user types it in.
    pub verification_uri: String,
    /// The same with the user code in it, for a QR code.
    pub verification_uri_complete: String,
    /// How long both codes are valid, in seconds.
    pub expires_in: i64,
    /// How long the device must wait between two requests, in seconds.
    pub interval: i64,
}

impl fmt::Debug for DeviceAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceAuthorization")
            .field("verification_uri", &self.verification_uri)
            .field("expires_in", &self.expires_in)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// Device and user code in the form in which they are stored.
pub(crate) struct StoredDeviceCode<'r, S, G> {
    pub(super) device_code: StoredForm<'r>,
    /// As it is typed in, normalized.
    pub(super) user_code: String,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
    pub(super) interval: i64,
    pub(super) grant_id: G,
    pub(super) storage: PhantomData<fn() -> S>,
}

impl<S: SecretStorage, G> StoredDeviceCode<'_, S, G> {
    /// The stored form of the user code.
    pub(crate) fn user_code(&self) -> StoredForm<'_> {
        S::stored(&self.user_code)
    }

    /// The row to insert.
    pub(crate) fn row<'a, D: OAuth2DeviceCode<GrantId = G>>(
        &'a self,
        user_code: &'a StoredForm<'_>,
        request: &'a DeviceRequest<'_, D::Extra>,
    ) -> NewDeviceCode<'a, D> {
        NewDeviceCode {
            device_code: self.device_code.as_str(),
            user_code: user_code.as_str(),
            client_id: &request.client_id,
            scope: request.scope,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            interval: self.interval,
            grant_id: Some(&self.grant_id),
            extra: &request.extra,
        }
    }
}
