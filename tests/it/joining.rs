//! Checklist row 35a for tokens that no grant stands for yet, as authlib writes them: the first rotation makes the grant.

use std::sync::Barrier;

use super::api::OAuth2Token;
use super::api::lifecycle::{create_grant_revocation, create_refresh_token_store};
use super::api::{EndpointRequest, Failure, create_query_token_func, create_revocation_endpoint};

use crate::fixture::{Fixture, Scene, on_every_schema, rounds, token};

on_every_schema!(row_35a_no_first_rotation_survives_a_revocation_at_the_same_time);

fn row_35a_no_first_rotation_survives_a_revocation_at_the_same_time<F: Fixture>() {
    const FAMILIES: usize = 31;
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let tokens = create_refresh_token_store::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let revocation =
        create_grant_revocation::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let endpoint =
        create_revocation_endpoint::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let query_token = create_query_token_func::<F::Token, _>(pool);
    let client = &scene.client;
    let mut survivors = Vec::new();
    for round in 0..rounds() {
        for family in 0..FAMILIES {
            let name = format!("{round}-{family}-0");
            scene.save(&token(&name)).expect("is saved");
        }
        let barrier = Barrier::new(FAMILIES + 1);
        std::thread::scope(|scope| {
            for family in 0..FAMILIES {
                let (tokens, barrier) = (tokens.clone(), &barrier);
                scope.spawn(move || {
                    let from = format!("refresh-{round}-{family}-0");
                    let to = token(&format!("{round}-{family}-1"));
                    barrier.wait();
                    let outcome = tokens.authenticate(&from, client).and_then(|refreshing| {
                        tokens.rotate(&refreshing, &to, &Scene::<F>::request_of(client))
                    });
                    if let Err(Failure::Storage(error)) = outcome {
                        panic!("{error}");
                    }
                });
            }
            barrier.wait();
            match round % 3 {
                0 => drop(revocation.revoke_by_user(&F::user(1)).expect("is revoked")),
                1 => drop(revocation.revoke_by_client(client).expect("is revoked")),
                _ => (0..FAMILIES).for_each(|family| {
                    let form = format!("token=refresh-{round}-{family}-0");
                    let request = EndpointRequest::new(None, form.as_bytes());
                    let response = endpoint.create_endpoint_response_for(&request, client);
                    assert_eq!(response.expect("is revoked").status, 200);
                }),
            }
        });
        for family in 0..FAMILIES {
            for step in 0..2 {
                let name = format!("access-{round}-{family}-{step}");
                let found = query_token(&name, None).expect("no error");
                if found.is_some_and(|found| !found.is_revoked()) {
                    survivors.push(name);
                }
            }
        }
    }
    assert!(survivors.is_empty(), "survived: {survivors:?}");
}
