//! What the functions that are awaited meet otherwise than those that block.

use diesel_oauth2::__private::diesel_async::SimpleAsyncConnection;
use diesel_oauth2::Error;
use diesel_oauth2::Failure;
use diesel_oauth2::asynchronous::lifecycle::create_refresh_token_store;

use super::start;
use crate::awaited::facade::runtime;
use crate::fixture::{Bundled, Fixture, ManualClock, Scene, token};

/// SQLite rolls back by itself where it is full.
#[cfg(feature = "sqlite")]
#[test]
fn row_44_storage_full_on_sqlite() {
    type F = Bundled<crate::support::Sqlite>;

    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let grant = start(&scene);
    let pool = scene.fixture.pool_of(1).awaited().clone();
    let store = create_refresh_token_store::<<F as Fixture>::Token, _>(pool.clone())
        .clock(ManualClock::default());
    let client = &scene.client;
    let stored = runtime().block_on(async {
        // Below what there is, SQLite takes it for what there is.
        let mut conn = pool.get().await.expect("is free");
        let limit = conn.batch_execute("PRAGMA max_page_count = 1").await;
        limit.expect("is set");
        drop(conn);
        for stored in 0..10_000 {
            let name = format!("filling-{stored}");
            match store
                .issue(&token(&name), &Scene::<F>::request_of(client), &grant)
                .await
            {
                Ok(()) => {}
                Err(Failure::Storage(error)) => {
                    assert_eq!(error, Error::StorageFull, "after {stored}");
                    return stored;
                }
                Err(Failure::Refused(refusal)) => panic!("{refusal}"),
            }
        }
        panic!("it does not become full")
    });
    // The first one is from the beginning.
    assert_eq!(<F as Fixture>::count_tokens(&mut scene.conn()), 1 + stored);
    runtime().block_on(async {
        let refreshing = store.authenticate("refresh-old", client).await;
        let refreshing = refreshing.expect("is valid");
        let request = Scene::<F>::request_of(client);
        let rotated = store.rotate(&refreshing, &token("new"), &request).await;
        assert!(
            matches!(rotated, Err(Failure::Storage(Error::StorageFull))),
            "{rotated:?}"
        );
        // Whether the pool has kept the connection or not.
        let mut conn = pool.get().await.expect("is free");
        let limit = conn.batch_execute("PRAGMA max_page_count = 1000000").await;
        limit.expect("is set");
        drop(conn);
        let rotated = store.rotate(&refreshing, &token("new"), &request).await;
        rotated.expect("there is room");
    });
}
