//! Many requests for one code or one refresh token at the same time.

use std::sync::Barrier;

use oxide_auth::endpoint::OAuthError;
use oxide_auth::frontends::simple::request::Status;
use oxide_auth::primitives::authorizer::Authorizer;

use crate::fixture::{on_every_schema, rounds};
use crate::parts::{OnOxide, Parts, Settings, basic, both, set_up};

on_every_schema!(
    of_32_threads_that_extract_one_code_exactly_one_gets_it,
    of_32_threads_that_redeem_one_code_no_two_get_tokens_and_none_keeps_them,
    of_32_threads_that_exchange_one_refresh_token_exactly_one_wins,
);

const THREADS: usize = 32;

/// What each of 32 threads made of it, begun at the same time.
fn race<F: OnOxide, T: Send>(parts: &Parts<F>, run: impl Fn(&mut Parts<F>) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let mut parts = parts.clone();
                let (barrier, run) = (&barrier, &run);
                scope.spawn(move || {
                    barrier.wait();
                    run(&mut parts)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    })
}

fn of_32_threads_that_extract_one_code_exactly_one_gets_it<F: OnOxide>() {
    let Some((scene, _)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let mut parts = Parts::<F>::new(&scene, pool, Settings::default());
    for round in 0..rounds() {
        let code = parts.code(&F::client_id(1));
        let grants = race(&parts, |parts| {
            parts.authorizer.extract(&code).expect("works")
        });
        let got = grants.iter().flatten().count();
        assert_eq!(got, 1, "round {round}");
    }
}

/// Through the whole flow the winner is found out before it has its tokens, or loses them after.
fn of_32_threads_that_redeem_one_code_no_two_get_tokens_and_none_keeps_them<F: OnOxide>() {
    let Some((scene, _)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let mut parts = Parts::<F>::new(&scene, pool, Settings::default());
    let auth = basic(&F::client_id(1));
    for round in 0..rounds() {
        let code = parts.code(&F::client_id(1));
        let answers = race(&parts, |parts| parts.redeem(Some(&auth), &code));
        let mut winners = Vec::new();
        for answer in &answers {
            match answer {
                Ok(response) if response.status == Status::Ok => winners.push(both(response)),
                Ok(response) => assert_eq!(response.status, Status::BadRequest),
                Err(error) => assert_eq!(*error, OAuthError::PrimitiveError),
            }
        }
        assert!(winners.len() <= 1, "round {round}");
        for (access, refresh) in winners {
            assert!(!parts.is_valid(&access), "round {round}");
            let answer = parts.exchange(&refresh).expect("is answered");
            assert_eq!(answer.status, Status::BadRequest, "round {round}");
        }
    }
}

fn of_32_threads_that_exchange_one_refresh_token_exactly_one_wins<F: OnOxide>() {
    let Some((scene, _)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let mut parts = Parts::<F>::new(&scene, pool, Settings::default());
    for round in 0..rounds() {
        let (_, refresh) = parts.tokens();
        let answers = race(&parts, |parts| parts.exchange(&refresh));
        let mut won = 0;
        for answer in &answers {
            match answer {
                Ok(response) if response.status == Status::Ok => won += 1,
                Ok(response) => assert_eq!(response.status, Status::BadRequest),
                Err(error) => assert_eq!(*error, OAuthError::PrimitiveError),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
    // Each round left two rows: the rotated one and its successor.
    let rows = F::count_tokens(&mut scene.conn());
    assert_eq!(rows, 2 * i64::try_from(rounds()).expect("few"));
}
