//! A token's whole life: codes that are redeemed once, refresh tokens that rotate, families that are revoked as one.
//!
//! Decisions that two requests can race for are made by the database: a conditional write whose row count is the answer.
//! Whatever issues a token of a family first takes the grant's row, and whatever revokes the family first marks it: so
//! no token is issued past a revocation, whichever came first.
//!
//! Each call takes a connection from the pool. Its twin whose name ends in `_on` works on the caller's connection, and so
//! can be part of a transaction; on SQLite begin that one with `immediate_transaction`.

mod code_request;
mod code_store;
mod device_request;
mod device_store;
mod family;
mod pkce;
mod prune;
mod redemption;
mod refresh_store;
mod refreshing;
mod refusal;
mod user_code;

pub use code_request::CodeRequest;
pub use code_store::{CodeStore, create_authorization_code_store};
pub use device_request::{DeviceAuthorization, DeviceRequest};
pub use device_store::{DeviceStore, create_device_code_store};
pub use family::{GrantRevocation, create_grant_revocation};
pub use prune::{Pruned, Pruner, create_pruner};
pub use redemption::Redemption;
pub use refresh_store::{RefreshStore, create_refresh_token_store};
pub use refreshing::Refreshing;
pub use refusal::{CodeRefusal, DeviceRefusal, RefreshRefusal};
pub use user_code::generate_user_code;

pub(crate) use refresh_store::idle_until;

#[cfg(feature = "diesel-async")]
pub(crate) use {
    code_store::Redeeming,
    device_store::{DeviceRedeeming, TRIES},
    prune::{unused_grants, without},
    refreshing::Examined,
    user_code::normalize_user_code,
};

use crate::Error;
use crate::endpoint::Failure;
use crate::pool::{ConnectionPool, Intent};

/// Runs `work`, which may refuse, on a connection of the pool. Only the database's errors are the pool's business.
fn run<P, T, R>(
    pool: &P,
    intent: Intent,
    mut work: impl FnMut(&mut P::Connection) -> Result<T, Failure<R>>,
) -> Result<T, Failure<R>>
where
    P: ConnectionPool,
{
    let outcome: Result<Result<T, R>, Error> = pool.run(intent, |conn| match work(conn) {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(Failure::Storage(error)) => Err(error),
    });
    outcome?.map_err(Failure::Refused)
}
