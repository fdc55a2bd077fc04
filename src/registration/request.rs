use std::fmt;

use serde::Serialize;

use crate::ClientMetadata;

/// A client to be registered (RFC 7591 section 3.1). `U` is the type of the model's user id, `X` that of its extra columns.
/// It does not show its secret in `Debug`.
#[derive(Clone)]
#[must_use]
pub struct Registration<U = i64, X = ()> {
    pub(super) metadata: ClientMetadata,
    pub(super) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(super) user_id: Option<U>,
    pub(super) extra: X,
}

impl<U> Registration<U> {
    /// A client with this metadata. One whose `token_endpoint_auth_method` is `none` is public: it gets no secret.
    pub fn new(metadata: ClientMetadata) -> Self {
        Self {
            metadata,
            client_id: None,
            client_secret: None,
            user_id: None,
            extra: (),
        }
    }
}

impl<U, X> Registration<U, X> {
    /// The client's id, instead of one at random.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// The client's secret, instead of one at random: such as that which it has at the system that it comes from. It is stored
    /// as any other. At least [`MIN_CLIENT_SECRET_LENGTH`](super::MIN_CLIENT_SECRET_LENGTH) printable ASCII characters (RFC
    /// 6749 appendix A.2), and not for a public client.
    pub fn client_secret(mut self, client_secret: impl Into<String>) -> Self {
        self.client_secret = Some(client_secret.into());
        self
    }

    /// The user who owns the client.
    pub fn user(mut self, user_id: U) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// What fills the model's extra columns.
    pub fn extra<Y>(self, extra: Y) -> Registration<U, Y> {
        Registration {
            metadata: self.metadata,
            client_id: self.client_id,
            client_secret: self.client_secret,
            user_id: self.user_id,
            extra,
        }
    }
}

impl<U: fmt::Debug, X: fmt::Debug> fmt::Debug for Registration<U, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("metadata", &self.metadata)
            .field("client_id", &self.client_id)
            .field("user_id", &self.user_id)
            .field("extra", &self.extra)
            .finish_non_exhaustive()
    }
}

/// What the client is told of its registration (RFC 7591 section 3.2.1). This is the only time that the secret is there to
/// be read. It does not show itself in `Debug`.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClientInformation {
    /// The client's public name.
    pub client_id: String,
    /// The client's secret. Absent for a client that does not authenticate by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// When the client was registered, in epoch seconds. Absent where the model does not keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id_issued_at: Option<i64>,
    /// When the secret ceases to be valid, in epoch seconds; 0: never. Absent without a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
    /// The metadata as it was registered.
    #[serde(flatten)]
    pub metadata: ClientMetadata,
}

impl fmt::Debug for ClientInformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientInformation")
            .field("client_id", &self.client_id)
            .field("client_id_issued_at", &self.client_id_issued_at)
            .field("client_secret_expires_at", &self.client_secret_expires_at)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}
