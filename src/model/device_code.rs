use std::borrow::Cow;

use crate::column::Identifier;
use crate::secret::SecretStorage;

/// A device authorization (RFC 8628): a device code with its user code, and what the user decided. The counterpart of
/// authlib's `DeviceCredentialMixin`.
///
/// `#[derive(OAuth2DeviceCode)]` implements it.
pub trait OAuth2DeviceCode: Sized + Send + 'static {
    /// How both codes are stored. [`Sha256`](crate::secret::Sha256) unless the model says otherwise.
    type Storage: SecretStorage;

    /// The type of the user's id.
    type UserId: Identifier;

    /// The type of the id of the grant that the device code stands for.
    type GrantId: Identifier;

    /// What fills the model's `#[oauth2(extra)]` columns at save time; `()` where there are none.
    type Extra;

    /// The device code in its stored form.
    fn stored_device_code(&self) -> &str;

    /// The user code in its stored form: that of its capital letters and digits alone.
    fn stored_user_code(&self) -> &str;

    /// `client_id` of the client that the codes were issued to.
    fn client_id(&self) -> Cow<'_, str>;

    /// The requested scopes, separated by spaces.
    fn scope(&self) -> Cow<'_, str>;

    /// When the codes were issued, in epoch seconds. `None` where the model does not keep it.
    fn issued_at(&self) -> Option<i64>;

    /// The last second at which the codes are valid. 0: they never were.
    fn expires_at(&self) -> i64;

    /// How long the device must wait between two requests, in seconds.
    fn interval(&self) -> i64;

    /// When the device last asked, in epoch seconds.
    fn last_polled_at(&self) -> Option<i64>;

    /// The user who approved.
    fn user_id(&self) -> Option<&Self::UserId>;

    /// The grant that the device code stands for: the family of the tokens that come of it.
    fn grant_id(&self) -> Option<&Self::GrantId>;

    /// When the user approved, in epoch seconds.
    fn approved_at(&self) -> Option<i64>;

    /// When the user denied, in epoch seconds.
    fn denied_at(&self) -> Option<i64>;

    /// When the device code was redeemed, in epoch seconds.
    fn redeemed_at(&self) -> Option<i64>;

    /// How far the authorization has come at `now` (epoch seconds).
    fn state(&self, now: i64) -> DeviceCodeState {
        if self.redeemed_at().is_some() {
            DeviceCodeState::Redeemed
        } else if self.expires_at() < now {
            DeviceCodeState::Expired
        } else if self.denied_at().is_some() {
            DeviceCodeState::Denied
        } else if self.approved_at().is_some() {
            DeviceCodeState::Approved
        } else {
            DeviceCodeState::Pending
        }
    }

    /// Whether the device asks sooner at `now` (epoch seconds) than its interval allows.
    fn polls_too_soon(&self, now: i64) -> bool {
        let soonest = (self.last_polled_at()).map(|last| last.saturating_add(self.interval()));
        soonest.is_some_and(|soonest| now < soonest)
    }
}

/// How far a device authorization has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceCodeState {
    /// The user has not decided yet.
    Pending,
    /// The user has said yes, and the device has not fetched its tokens yet.
    Approved,
    /// The user has said no.
    Denied,
    /// It is too late.
    Expired,
    /// The device has fetched its tokens.
    Redeemed,
}
