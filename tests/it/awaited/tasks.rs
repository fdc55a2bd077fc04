//! Races of tasks on a multi-threaded runtime.

use std::sync::Arc;

use diesel_oauth2::Failure;
use diesel_oauth2::asynchronous::lifecycle::{
    create_authorization_code_store, create_grant_revocation, create_refresh_token_store,
};
use diesel_oauth2::asynchronous::lookup::find_access_token;
use diesel_oauth2::lifecycle::{CodeRequest, Redemption};
use diesel_oauth2::{OAuth2Token, TokenRequest};
use tokio::sync::Barrier;

use super::facade::runtime;
use crate::fixture::{Fixture, Scene, on_every_schema, rounds, token};

on_every_schema!(
    row_30_of_32_tasks_that_redeem_one_code_exactly_one_wins,
    row_34_of_32_tasks_that_rotate_one_token_exactly_one_wins,
    row_35a_no_token_survives_a_revocation_by_another_task,
);

const TASKS: usize = 32;

/// Runs `race` in 32 tasks that begin together. Tells how many won.
async fn winners<Fut>(race: impl Fn(usize) -> Fut) -> usize
where
    Fut: Future<Output = bool> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(TASKS));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (race, barrier) = (race(task), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                race.await
            })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.expect("no panic"));
    }
    winners
}

fn row_30_of_32_tasks_that_redeem_one_code_exactly_one_wins<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32).awaited().clone();
    let codes =
        create_authorization_code_store::<F::Code, F::Token, _>(pool).clock(scene.clock.clone());
    let client = Arc::new(scene.client.clone());
    runtime().block_on(async {
        for round in 0..rounds() {
            let code: Arc<str> = format!("code-{round}").into();
            let request = CodeRequest::new(&*client)
                .user(F::user(1))
                .extra(F::extra());
            codes.save(&code, &request).await.expect("is saved");
            let winners = winners(|_| {
                let (codes, client, code) = (codes.clone(), Arc::clone(&client), code.clone());
                async move {
                    match codes.redeem(&Redemption::new(&code, &*client)).await {
                        Ok(_) => true,
                        Err(Failure::Refused(_)) => false,
                        Err(other) => panic!("{other}"),
                    }
                }
            });
            assert_eq!(winners.await, 1, "round {round}");
        }
    });
}

fn row_34_of_32_tasks_that_rotate_one_token_exactly_one_wins<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32).awaited().clone();
    let tokens = create_refresh_token_store::<F::Token, _>(pool).clock(scene.clock.clone());
    let client = Arc::new(scene.client.clone());
    runtime().block_on(async {
        for round in 0..rounds() {
            let grant = tokens.start(&*client, Some(&F::user(1))).await;
            let grant = grant.expect("is started");
            let first = token(&format!("{round}"));
            let issued = tokens.issue(&first, &scene.request(), &grant).await;
            issued.expect("is issued");
            let winners = winners(|task| {
                let (tokens, client) = (tokens.clone(), Arc::clone(&client));
                async move {
                    let old = format!("refresh-{round}");
                    let request = TokenRequest::new(&*client)
                        .user(F::user(1))
                        .extra(F::extra());
                    let rotated = match tokens.authenticate(&old, &*client).await {
                        Ok(old) => {
                            let next = token(&format!("{round}-{task}"));
                            tokens.rotate(&old, &next, &request).await
                        }
                        Err(refused) => Err(refused),
                    };
                    match rotated {
                        Ok(()) => true,
                        Err(Failure::Refused(_)) => false,
                        Err(other) => panic!("{other}"),
                    }
                }
            });
            assert_eq!(winners.await, 1, "round {round}");
        }
    });
    assert_eq!(F::count_tokens(&mut scene.conn()), 2 * rounds() as i64);
}

fn row_35a_no_token_survives_a_revocation_by_another_task<F: Fixture>() {
    const STEPS: usize = 20;
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32).awaited().clone();
    let tokens = create_refresh_token_store::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let revocation =
        create_grant_revocation::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let client = Arc::new(scene.client.clone());
    runtime().block_on(async {
        for round in 0..rounds() {
            for family in 1..TASKS {
                let grant = tokens.start(&*client, Some(&F::user(1))).await;
                let first = token(&format!("{round}-{family}-0"));
                let grant = grant.expect("is started");
                let issued = tokens.issue(&first, &scene.request(), &grant).await;
                issued.expect("is issued");
            }
            let ended = winners(|family| {
                let (tokens, revocation) = (tokens.clone(), revocation.clone());
                let client = Arc::clone(&client);
                async move {
                    if family == 0 {
                        let revoked = match round % 2 {
                            0 => revocation.revoke_by_user(&F::user(1)).await,
                            _ => revocation.revoke_by_client(&*client).await,
                        };
                        return revoked.expect("is revoked") > 0;
                    }
                    let request = TokenRequest::new(&*client)
                        .user(F::user(1))
                        .extra(F::extra());
                    for step in 0..STEPS {
                        let old = format!("refresh-{round}-{family}-{step}");
                        let next = token(&format!("{round}-{family}-{}", step + 1));
                        let rotated = match tokens.authenticate(&old, &*client).await {
                            Ok(old) => tokens.rotate(&old, &next, &request).await,
                            Err(refused) => Err(refused),
                        };
                        match rotated {
                            Ok(()) => {}
                            Err(Failure::Refused(_)) => return true,
                            Err(other) => panic!("{other}"),
                        }
                    }
                    // It was through before the revocation came.
                    true
                }
            });
            assert_eq!(ended.await, TASKS, "round {round}");
            for family in 1..TASKS {
                for step in 0..=STEPS {
                    let name = format!("access-{round}-{family}-{step}");
                    let found = find_access_token::<F::Token, _>(&pool, &name).await;
                    let Some(found) = found.expect("works") else {
                        break; // the family got no further
                    };
                    assert!(found.is_revoked(), "{name} survived");
                }
            }
        }
    });
}
