//! The stores.

use std::ops::{ControlFlow, Deref};
use std::time::Duration;

use diesel_oauth2::asynchronous::Async;
use diesel_oauth2::asynchronous::lifecycle as awaited;
use diesel_oauth2::clock::Clock;
use diesel_oauth2::lifecycle;
pub use diesel_oauth2::lifecycle::*;
use diesel_oauth2::observer::Observer;
use diesel_oauth2::table::asynchronous::{
    AsyncAgedTable, AsyncDeviceCodeTable, AsyncFamilyTokenTable, AsyncRedeemableCodeTable,
};
use diesel_oauth2::{
    Error, Failure, OAuth2AuthorizationCode, OAuth2Client, OAuth2DeviceCode, OAuth2Token,
    TokenRequest, TokenResponse,
};

use super::{Pools, wait};

on_pool!(CodeStore<C, T>, lifecycle::CodeStore<C, T, Async<P::Pool>>);

pub fn create_authorization_code_store<C, T, P: Pools>(pool: P) -> CodeStore<C, T, P>
where
    C: AsyncRedeemableCodeTable<P::Conn>,
    T: AsyncFamilyTokenTable<P::Conn, GrantId = C::GrantId, UserId = C::UserId>,
{
    CodeStore(awaited::create_authorization_code_store(pool.awaited()))
}

impl<C, T, P: Pools> CodeStore<C, T, P>
where
    C: AsyncRedeemableCodeTable<P::Conn>,
    T: AsyncFamilyTokenTable<P::Conn, GrantId = C::GrantId, UserId = C::UserId>,
{
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn lifetime(self, seconds: i64) -> Self {
        Self(self.0.lifetime(seconds))
    }

    pub fn grant_lifetime(self, seconds: i64) -> Self {
        Self(self.0.grant_lifetime(seconds))
    }

    pub fn observer(self, observer: impl Observer<T>) -> Self {
        Self(self.0.observer(observer))
    }

    pub fn save(
        &self,
        code: &str,
        request: &CodeRequest<'_, C::UserId, C::Extra>,
    ) -> Result<(), Error> {
        wait(self.0.save(code, request))
    }

    pub fn redeem(&self, redemption: &Redemption<'_>) -> Result<C, Failure<CodeRefusal>> {
        wait(self.0.redeem(redemption))
    }
}

on_pool!(RefreshStore<T>, lifecycle::RefreshStore<T, Async<P::Pool>>);

pub fn create_refresh_token_store<T, P: Pools>(pool: P) -> RefreshStore<T, P>
where
    T: AsyncFamilyTokenTable<P::Conn>,
{
    RefreshStore(awaited::create_refresh_token_store(pool.awaited()))
}

impl<T: AsyncFamilyTokenTable<P::Conn>, P: Pools> RefreshStore<T, P> {
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn grace(self, seconds: i64) -> Self {
        Self(self.0.grace(seconds))
    }

    pub fn idle_lifetime(self, seconds: i64) -> Self {
        Self(self.0.idle_lifetime(seconds))
    }

    pub fn grant_lifetime(self, seconds: i64) -> Self {
        Self(self.0.grant_lifetime(seconds))
    }

    pub fn rotation(self, rotates: bool) -> Self {
        Self(self.0.rotation(rotates))
    }

    pub fn observer(self, observer: impl Observer<T>) -> Self {
        Self(self.0.observer(observer))
    }

    pub fn start(
        &self,
        client: &dyn OAuth2Client,
        user_id: Option<&T::UserId>,
    ) -> Result<T::GrantId, Error> {
        wait(self.0.start(client, user_id))
    }

    pub fn issue(
        &self,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
        grant_id: &T::GrantId,
    ) -> Result<(), Failure<RefreshRefusal>> {
        wait(self.0.issue(response, request, grant_id))
    }

    pub fn authenticate(
        &self,
        refresh_token: &str,
        client: &dyn OAuth2Client,
    ) -> Result<Refreshing<T>, Failure<RefreshRefusal>> {
        wait(self.0.authenticate(refresh_token, client))
    }

    pub fn rotate(
        &self,
        refreshing: &Refreshing<T>,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
    ) -> Result<(), Failure<RefreshRefusal>> {
        wait(self.0.rotate(refreshing, response, request))
    }
}

on_pool!(GrantRevocation<T>, lifecycle::GrantRevocation<T, Async<P::Pool>>);

pub fn create_grant_revocation<T, P: Pools>(pool: P) -> GrantRevocation<T, P>
where
    T: AsyncFamilyTokenTable<P::Conn>,
{
    GrantRevocation(awaited::create_grant_revocation(pool.awaited()))
}

impl<T: AsyncFamilyTokenTable<P::Conn>, P: Pools> GrantRevocation<T, P> {
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn observer(self, observer: impl Observer<T>) -> Self {
        Self(self.0.observer(observer))
    }

    pub fn revoke_by_grant(&self, grant_id: &T::GrantId) -> Result<usize, Error> {
        wait(self.0.revoke_by_grant(grant_id))
    }

    pub fn revoke_by_user(&self, user_id: &T::UserId) -> Result<usize, Error> {
        wait(self.0.revoke_by_user(user_id))
    }

    pub fn revoke_by_client(&self, client: &dyn OAuth2Client) -> Result<usize, Error> {
        wait(self.0.revoke_by_client(client))
    }
}

on_pool!(DeviceStore<D, T>, lifecycle::DeviceStore<D, T, Async<P::Pool>>);

pub fn create_device_code_store<D, T, P: Pools>(pool: P) -> DeviceStore<D, T, P>
where
    D: AsyncDeviceCodeTable<P::Conn>,
    T: AsyncFamilyTokenTable<P::Conn, GrantId = D::GrantId, UserId = D::UserId>,
{
    DeviceStore(awaited::create_device_code_store(pool.awaited()))
}

impl<D, T, P: Pools> DeviceStore<D, T, P>
where
    D: AsyncDeviceCodeTable<P::Conn>,
    T: AsyncFamilyTokenTable<P::Conn, GrantId = D::GrantId, UserId = D::UserId>,
{
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn lifetime(self, seconds: i64) -> Self {
        Self(self.0.lifetime(seconds))
    }

    pub fn interval(self, seconds: i64) -> Self {
        Self(self.0.interval(seconds))
    }

    pub fn grant_lifetime(self, seconds: i64) -> Self {
        Self(self.0.grant_lifetime(seconds))
    }

    pub fn start(
        &self,
        request: &DeviceRequest<'_, D::Extra>,
        verification_uri: &str,
    ) -> Result<DeviceAuthorization, Error> {
        wait(self.0.start(request, verification_uri))
    }

    pub fn save(
        &self,
        device_code: &str,
        user_code: &str,
        request: &DeviceRequest<'_, D::Extra>,
    ) -> Result<(), Error> {
        wait(self.0.save(device_code, user_code, request))
    }

    pub fn find_pending(&self, user_code: &str) -> Result<D, Failure<DeviceRefusal>> {
        wait(self.0.find_pending(user_code))
    }

    pub fn approve(
        &self,
        user_code: &str,
        user_id: &D::UserId,
    ) -> Result<D, Failure<DeviceRefusal>> {
        wait(self.0.approve(user_code, user_id))
    }

    pub fn deny(&self, user_code: &str) -> Result<D, Failure<DeviceRefusal>> {
        wait(self.0.deny(user_code))
    }

    pub fn redeem(
        &self,
        device_code: &str,
        client: &dyn OAuth2Client,
    ) -> Result<D, Failure<DeviceRefusal>> {
        wait(self.0.redeem(device_code, client))
    }
}

on_pool!(Pruner<C, T>, lifecycle::Pruner<C, T, Async<P::Pool>>);

pub fn create_pruner<C, T, P: Pools>(pool: P) -> Pruner<C, T, P>
where
    C: OAuth2AuthorizationCode + AsyncAgedTable<P::Conn>,
    T: AsyncFamilyTokenTable<P::Conn> + AsyncAgedTable<P::Conn>,
    T::Grant: AsyncAgedTable<P::Conn, Key = <T as OAuth2Token>::GrantId>,
{
    Pruner(awaited::create_pruner(pool.awaited()))
}

impl<C, T, P: Pools> Pruner<C, T, P>
where
    C: OAuth2AuthorizationCode + AsyncAgedTable<P::Conn>,
    T: AsyncFamilyTokenTable<P::Conn> + AsyncAgedTable<P::Conn>,
    T::Grant: AsyncAgedTable<P::Conn, Key = <T as OAuth2Token>::GrantId>,
{
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn retention(self, seconds: i64) -> Self {
        Self(self.0.retention(seconds))
    }

    pub fn code_lifetime(self, seconds: i64) -> Self {
        Self(self.0.code_lifetime(seconds))
    }

    pub fn refresh_token_lifetime(self, seconds: i64) -> Self {
        Self(self.0.refresh_token_lifetime(seconds))
    }

    pub fn batch(self, rows: usize) -> Self {
        Self(self.0.batch(rows))
    }

    pub fn pause(self, pause: Duration) -> Self {
        Self(self.0.pause(pause))
    }

    pub fn prune(
        &self,
        progress: impl FnMut(&Pruned) -> ControlFlow<()> + Send,
    ) -> Result<Pruned, Error> {
        wait(self.0.prune(progress))
    }

    pub fn prune_device_codes<D: OAuth2DeviceCode + AsyncAgedTable<P::Conn>>(
        &self,
        progress: impl FnMut(&Pruned) -> ControlFlow<()> + Send,
    ) -> Result<Pruned, Error> {
        wait(self.0.prune_device_codes::<D>(progress))
    }
}
