//! Being told what happened: the counterparts of authlib's signals.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::model::OAuth2Client;

/// Is told of events, for an audit log or a cache: authlib's signals `client_authenticated`, `token_revoked` and
/// `token_authenticated`.
///
/// One observer in an `Arc` can be given to a client authenticator, a revocation endpoint, a bearer validator and the
/// stores of the [`lifecycle`](crate::lifecycle) alike.
/// For a single event, a closure will do: [`on_client_authenticated`], [`on_token_revoked`],
/// [`on_token_authenticated`]. It is called on the request's thread, after the event was
/// committed; whoever calls a store's function on a connection of their own commits, and tells, for themselves.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use diesel_oauth2::{OAuth2Client, models::Token, observer::Observer};
///
/// #[derive(Default)]
/// struct Revocations(AtomicUsize);
///
/// impl Observer<Token> for Revocations {
///     fn token_revoked(&self, _: &Token, _: &dyn OAuth2Client) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let revocations = Arc::new(Revocations::default());
/// # fn takes(_: impl Observer<Token>) {}
/// takes(Arc::clone(&revocations)); // such as `endpoint.observer(...)`
/// ```
pub trait Observer<M>: Send + Sync + 'static {
    /// A client has authenticated.
    fn client_authenticated(&self, client: &dyn OAuth2Client) {
        let _ = client;
    }

    /// A client has revoked a token of its own. `token` is the row as it was found. Told for each revocation that is
    /// answered, also where the token had been revoked before.
    fn token_revoked(&self, token: &M, client: &dyn OAuth2Client) {
        let _ = (token, client);
    }

    /// A request has presented a valid token with the scopes it needs.
    fn token_authenticated(&self, token: &M) {
        let _ = token;
    }

    /// A refresh token was exchanged for new tokens. `token` is the row as it was before: both its tokens are revoked now.
    fn token_rotated(&self, token: &M) {
        let _ = token;
    }

    /// A refresh token was presented that had been exchanged before: somebody else may have it. Its family is revoked now.
    fn refresh_token_reused(&self, token: &M) {
        let _ = token;
    }

    /// Tokens were revoked together. Told for each such call that succeeds, also where nothing was left to revoke.
    fn tokens_revoked(&self, cause: RevocationCause) {
        let _ = cause;
    }
}

/// Why tokens were revoked together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevocationCause {
    /// Their grant was revoked.
    Grant,
    /// All of a user's were revoked.
    User,
    /// All of a client's were revoked.
    Client,
    /// The authorization code that they came of was redeemed a second time.
    CodeReplayed,
    /// A refresh token of their family was used a second time.
    RefreshTokenReused,
    /// A client revoked a refresh token of its own, and with it the family.
    RefreshTokenRevoked,
}

impl<M, O: Observer<M> + ?Sized> Observer<M> for Arc<O> {
    fn client_authenticated(&self, client: &dyn OAuth2Client) {
        (**self).client_authenticated(client);
    }

    fn token_revoked(&self, token: &M, client: &dyn OAuth2Client) {
        (**self).token_revoked(token, client);
    }

    fn token_authenticated(&self, token: &M) {
        (**self).token_authenticated(token);
    }

    fn token_rotated(&self, token: &M) {
        (**self).token_rotated(token);
    }

    fn refresh_token_reused(&self, token: &M) {
        (**self).refresh_token_reused(token);
    }

    fn tokens_revoked(&self, cause: RevocationCause) {
        (**self).tokens_revoked(cause);
    }
}

/// An [`Observer`] made of a closure for [`client_authenticated`](Observer::client_authenticated).
pub fn on_client_authenticated<F>(tell: F) -> impl Observer<()>
where
    F: Fn(&dyn OAuth2Client) + Send + Sync + 'static,
{
    OnClientAuthenticated(tell)
}

/// An [`Observer`] made of a closure for [`token_revoked`](Observer::token_revoked).
pub fn on_token_revoked<M: 'static, F>(tell: F) -> impl Observer<M>
where
    F: Fn(&M, &dyn OAuth2Client) + Send + Sync + 'static,
{
    OnTokenRevoked(tell, PhantomData)
}

/// An [`Observer`] made of a closure for [`token_authenticated`](Observer::token_authenticated).
pub fn on_token_authenticated<M: 'static, F>(tell: F) -> impl Observer<M>
where
    F: Fn(&M) + Send + Sync + 'static,
{
    OnTokenAuthenticated(tell, PhantomData)
}

struct OnClientAuthenticated<F>(F);

impl<F> Observer<()> for OnClientAuthenticated<F>
where
    F: Fn(&dyn OAuth2Client) + Send + Sync + 'static,
{
    fn client_authenticated(&self, client: &dyn OAuth2Client) {
        (self.0)(client);
    }
}

struct OnTokenRevoked<M, F>(F, PhantomData<fn(M)>);

impl<M: 'static, F> Observer<M> for OnTokenRevoked<M, F>
where
    F: Fn(&M, &dyn OAuth2Client) + Send + Sync + 'static,
{
    fn token_revoked(&self, token: &M, client: &dyn OAuth2Client) {
        (self.0)(token, client);
    }
}

struct OnTokenAuthenticated<M, F>(F, PhantomData<fn(M)>);

impl<M: 'static, F> Observer<M> for OnTokenAuthenticated<M, F>
where
    F: Fn(&M) + Send + Sync + 'static,
{
    fn token_authenticated(&self, token: &M) {
        (self.0)(token);
    }
}
