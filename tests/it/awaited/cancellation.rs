//! A future may be dropped at any point where it waits: what it had begun is done wholly or not at all, and the pool is as
//! good as before.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use diesel_oauth2::asynchronous::create_save_token_func_with_clock;
use diesel_oauth2::asynchronous::lifecycle::{
    create_authorization_code_store, create_refresh_token_store,
};
use diesel_oauth2::asynchronous::lookup::{find_access_token, find_client, load_client};
use diesel_oauth2::asynchronous::pool::AsyncConnectionPool;
use diesel_oauth2::lifecycle::{CodeRefusal, CodeRequest, Redemption};
use diesel_oauth2::{Failure, OAuth2Client};
use tokio::runtime::{Builder, Runtime};

use super::bounds::AwaitedConn;
use crate::fixture::{Fixture, Scene, on_every_schema, token};

on_every_schema!(
    a_rotation_given_up_halfway_leaves_the_old_or_the_new_token_valid,
    a_redemption_given_up_halfway_spends_the_code_or_does_not,
    a_look_up_given_up_halfway_costs_no_place_in_the_pool,
);

const SIZE: u32 = 2;

/// Polls the future until it has waited `times` more often than once, and drops it. Its output, if it was done by then.
async fn cut<T>(future: impl Future<Output = T>, mut times: usize) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if times == 0 => Poll::Ready(None),
        Poll::Pending => {
            times -= 1;
            Poll::Pending
        }
    })
    .await
}

/// After how many waits to give up: each several times, because a quick database may answer before the question whether it
/// has.
fn cuts() -> impl Iterator<Item = usize> {
    (0..20).flat_map(|times| [times; 3])
}

/// A runtime of one thread, so that nothing is answered before it is waited for. With SQLite no future may be dropped on it.
fn runtime<F: Fixture>() -> Runtime {
    let mut builder = match F::AsyncConn::RUNS_ON_THREADS {
        true => Builder::new_multi_thread(),
        false => Builder::new_current_thread(),
    };
    builder.enable_all().build().expect("a runtime")
}

/// Every place of the pool can be taken at the same time, by a connection that works.
async fn assert_healthy<F: Fixture, P>(scene: &Scene<F>, pool: &P)
where
    P: AsyncConnectionPool<Connection = F::AsyncConn>,
{
    let mut lent = Vec::new();
    for _ in 0..SIZE {
        lent.push(pool.lend().await.expect("a connection is free"));
    }
    let id = scene.client.client_id();
    for connection in &mut lent {
        let found = load_client::<F::Client, _>(&mut **connection, &id).await;
        assert!(found.expect("works").is_some());
    }
}

/// Runs `test` on a pool of each kind.
macro_rules! on_each_pool {
    ($scene:ident, $test:ident) => {
        let Some($scene) = Scene::<F>::set_up() else {
            return;
        };
        let runtime = runtime::<F>();
        let pool = $scene.fixture.pool_of(SIZE).awaited().clone();
        runtime.block_on($test(&$scene, pool, "deadpool"));
        #[cfg(feature = "bb8")]
        runtime.block_on(async {
            let pool = F::AsyncConn::bb8_pool(&$scene.fixture.url(), SIZE).await;
            $test(&$scene, pool, "bb8").await;
        });
    };
}

fn a_rotation_given_up_halfway_leaves_the_old_or_the_new_token_valid<F: Fixture>() {
    on_each_pool!(scene, rotations);
}

async fn rotations<F: Fixture, P>(scene: &Scene<F>, pool: P, kind: &str)
where
    P: AsyncConnectionPool<Connection = F::AsyncConn>,
{
    let tokens = create_refresh_token_store::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let save_token =
        create_save_token_func_with_clock::<F::Token, _, _>(pool.clone(), scene.clock.clone());
    let (client, request) = (&scene.client, scene.request());
    let (mut undone, mut done) = (0, 0);
    for (round, times) in cuts().enumerate() {
        let name = |step: &str| format!("{kind}-{round}-{step}");
        // A token without a grant: its rotation is a transaction of four statements on every database.
        let first = token(&name("a"));
        save_token(&first, &request).await.expect("is saved");
        let old = format!("refresh-{}", name("a"));
        let old = tokens.authenticate(&old, client).await.expect("is valid");
        let rotated = cut(tokens.rotate(&old, &token(&name("b")), &request), times).await;
        if let Some(rotated) = rotated {
            rotated.expect("is rotated");
            continue;
        }
        // Whatever the database has not ended yet holds the row, so that this waits for it.
        let again = tokens.rotate(&old, &token(&name("c")), &request).await;
        let new = find_access_token::<F::Token, _>(&pool, &format!("access-{}", name("b"))).await;
        let is_new_there = new.expect("works").is_some();
        match again {
            Ok(()) => {
                assert!(!is_new_there, "{kind} {times}: both are valid");
                undone += 1;
            }
            Err(Failure::Refused(_)) => {
                assert!(is_new_there, "{kind} {times}: neither is valid");
                let new = format!("refresh-{}", name("b"));
                let new = tokens.authenticate(&new, client).await.expect("is valid");
                let next = token(&name("d"));
                let rotated = tokens.rotate(&new, &next, &request).await;
                rotated.expect("is rotated");
                done += 1;
            }
            Err(Failure::Storage(error)) => panic!("{kind} {times}: {error}"),
        }
        assert_healthy(scene, &pool).await;
    }
    println!("{kind}: {undone} undone, {done} done");
    assert!(undone > 0, "{kind}: {undone} undone, {done} done");
}

fn a_redemption_given_up_halfway_spends_the_code_or_does_not<F: Fixture>() {
    on_each_pool!(scene, redemptions);
}

async fn redemptions<F: Fixture, P>(scene: &Scene<F>, pool: P, kind: &str)
where
    P: AsyncConnectionPool<Connection = F::AsyncConn>,
{
    let codes = create_authorization_code_store::<F::Code, F::Token, _>(pool.clone())
        .clock(scene.clock.clone());
    let tokens = create_refresh_token_store::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let request = CodeRequest::new(&scene.client)
        .user(F::user(1))
        .extra(F::extra());
    let mut count = 0;
    for (round, times) in cuts().enumerate() {
        let code = format!("{kind}-{round}");
        codes.save(&code, &request).await.expect("is saved");
        let redemption = Redemption::new(&code, &scene.client);
        if let Some(redeemed) = cut(codes.redeem(&redemption), times).await {
            redeemed.expect("is redeemed");
            continue;
        }
        count += 1;
        match codes.redeem(&redemption).await {
            Ok(code) => {
                // It was not spent, so its grant was not there yet either, or this could not make it.
                let grant = diesel_oauth2::OAuth2AuthorizationCode::grant_id(&code);
                let grant = grant.expect("has a grant");
                let next = token(&format!("{kind}-{round}"));
                let issued = tokens.issue(&next, &scene.request(), grant).await;
                issued.expect("the grant is there");
            }
            Err(Failure::Refused(CodeRefusal::Replayed)) => {}
            Err(other) => panic!("{kind} {times}: {other}"),
        }
        assert_healthy(scene, &pool).await;
    }
    assert!(count > 0, "{kind}");
}

fn a_look_up_given_up_halfway_costs_no_place_in_the_pool<F: Fixture>() {
    on_each_pool!(scene, look_ups);
}

async fn look_ups<F: Fixture, P>(scene: &Scene<F>, pool: P, _: &str)
where
    P: AsyncConnectionPool<Connection = F::AsyncConn>,
{
    let id = scene.client.client_id();
    for times in cuts() {
        let look_up = find_client::<F::Client, _>(&pool, &id);
        if let Some(found) = cut(look_up, times).await {
            assert!(found.expect("works").is_some());
        }
        assert_healthy(scene, &pool).await;
    }
}
