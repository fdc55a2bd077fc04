//! Checklist rows 34 to 37 and 39: refresh tokens and families.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::api::lifecycle::{
    RefreshRefusal, RefreshStore, create_grant_revocation, create_refresh_token_store,
};
use super::api::{
    EndpointRequest, Error, Failure, OAuth2Grant, OAuth2Token, TokenResponse,
    create_bearer_token_validator, create_query_token_func, create_revocation_endpoint,
};

use crate::fixture::{Fixture, NOW, Scene, TestPool, on_every_schema, rounds, token};

on_every_schema!(
    row_34_of_32_threads_that_rotate_one_token_exactly_one_wins,
    row_35_reuse_revokes_the_family_and_grace_lets_a_client_retry,
    row_35a_no_token_survives_a_revocation_at_the_same_time,
    row_36_scope_may_shrink_and_never_grow_and_strangers_are_refused,
    row_37_absolute_and_idle_lifetime,
    row_39_revoked_by_user_by_client_and_by_grant,
    a_token_without_a_grant_gets_one_at_its_first_rotation,
    without_rotation_the_refresh_token_stays,
    without_rotation_no_first_exchange_at_the_same_time_loses,
);

pub type Tokens<F> = RefreshStore<<F as Fixture>::Token, TestPool<F>>;

pub fn tokens<F: Fixture>(scene: &Scene<F>) -> Tokens<F> {
    create_refresh_token_store(scene.pool.clone()).clock(scene.clock.clone())
}

fn refused<T>(result: Result<T, Failure<RefreshRefusal>>) -> Option<RefreshRefusal> {
    match result {
        Ok(_) => None,
        Err(Failure::Refused(refusal)) => Some(refusal),
        Err(other) => panic!("{other}"),
    }
}

pub fn is_valid<F: Fixture>(scene: &Scene<F>, access_token: &str) -> bool {
    let header = format!("Bearer {access_token}");
    create_bearer_token_validator::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .acquire_token(Some(&header), &[])
        .is_ok()
}

/// A family with one token, `access-NAME` and `refresh-NAME`.
pub fn start<F: Fixture>(
    scene: &Scene<F>,
    tokens: &Tokens<F>,
    name: &str,
) -> <F::Grant as OAuth2Grant>::Id {
    let grant = tokens
        .start(&scene.client, Some(&F::user(1)))
        .expect("is started");
    tokens
        .issue(&token(name), &scene.request(), &grant)
        .expect("is issued");
    grant
}

/// Exchanges `refresh-FROM` for `access-TO` and `refresh-TO`.
pub fn refresh<F: Fixture>(
    scene: &Scene<F>,
    tokens: &Tokens<F>,
    from: &str,
    to: &str,
) -> Result<(), Failure<RefreshRefusal>> {
    let refreshing = tokens.authenticate(&format!("refresh-{from}"), &scene.client)?;
    tokens.rotate(&refreshing, &token(to), &scene.request())
}

fn row_34_of_32_threads_that_rotate_one_token_exactly_one_wins<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let tokens: Tokens<F> = create_refresh_token_store(pool).clock(scene.clock.clone());
    let client = &scene.client;
    for round in 0..rounds() {
        let name = format!("{round}");
        start(&scene, &tokens, &name);
        let barrier = Barrier::new(32);
        let winners: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..32)
                .map(|thread| {
                    let tokens = tokens.clone();
                    let (barrier, name) = (&barrier, &name);
                    scope.spawn(move || {
                        barrier.wait();
                        let outcome = tokens
                            .authenticate(&format!("refresh-{name}"), client)
                            .and_then(|refreshing| {
                                let next = token(&format!("{name}-{thread}"));
                                tokens.rotate(&refreshing, &next, &Scene::<F>::request_of(client))
                            });
                        match outcome {
                            Ok(()) => 1,
                            Err(Failure::Refused(_)) => 0,
                            Err(other) => panic!("{other}"),
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .sum()
        });
        assert_eq!(winners, 1, "round {round}");
    }
    // Each round left two rows: the rotated one and its successor.
    assert_eq!(F::count_tokens(&mut scene.conn()), 2 * rounds() as i64);
}

fn row_35_reuse_revokes_the_family_and_grace_lets_a_client_retry<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let strict = tokens(&scene);
    start(&scene, &strict, "a");
    start(&scene, &strict, "other");
    refresh(&scene, &strict, "a", "a2").expect("is rotated");
    assert!(!is_valid(&scene, "access-a") && is_valid(&scene, "access-a2"));
    assert_eq!(
        refused(refresh(&scene, &strict, "a", "a3")),
        Some(RefreshRefusal::Reused)
    );
    assert!(!is_valid(&scene, "access-a2"), "the family is revoked");
    assert_eq!(
        refused(refresh(&scene, &strict, "a2", "a4")),
        Some(RefreshRefusal::Revoked)
    );
    assert!(is_valid(&scene, "access-other"));

    let lenient = tokens(&scene).grace(10);
    start(&scene, &lenient, "b");
    refresh(&scene, &lenient, "b", "b2").expect("is rotated");
    // The answer is lost; the client asks again.
    scene.clock.set(NOW + 10);
    refresh(&scene, &lenient, "b", "b3").expect("is a retry");
    assert!(is_valid(&scene, "access-b3"));
    refresh(&scene, &lenient, "b3", "b4").expect("is rotated");
    scene.clock.set(NOW + 11);
    assert_eq!(
        refused(refresh(&scene, &lenient, "b", "b5")),
        Some(RefreshRefusal::Reused)
    );
    for name in ["b2", "b3", "b4"] {
        assert!(!is_valid(&scene, &format!("access-{name}")), "{name}");
    }
    // Grace does not outlive a revocation.
    start(&scene, &lenient, "c");
    refresh(&scene, &lenient, "c", "c2").expect("is rotated");
    create_grant_revocation::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .revoke_by_user(&F::user(1))
        .expect("is revoked");
    assert_eq!(
        refused(refresh(&scene, &lenient, "c", "c3")),
        Some(RefreshRefusal::Revoked)
    );
}

fn row_35a_no_token_survives_a_revocation_at_the_same_time<F: Fixture>() {
    // With the one that revokes they are 32.
    const FAMILIES: usize = 31;
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let tokens: Tokens<F> = create_refresh_token_store(pool.clone()).clock(scene.clock.clone());
    let revocation =
        create_grant_revocation::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let endpoint =
        create_revocation_endpoint::<F::Token, _>(pool.clone()).clock(scene.clock.clone());
    let query_token = create_query_token_func::<F::Token, _>(pool);
    let client = &scene.client;
    for round in 0..rounds() {
        let grants: Vec<_> = (0..FAMILIES)
            .map(|family| start(&scene, &tokens, &format!("{round}-{family}-0")))
            .collect();
        let barrier = Barrier::new(FAMILIES + 1);
        let over = AtomicBool::new(false);
        let last: Vec<AtomicUsize> = (0..FAMILIES).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for family in 0..FAMILIES {
                let (tokens, barrier, over, last) =
                    (tokens.clone(), &barrier, &over, &last[family]);
                scope.spawn(move || {
                    barrier.wait();
                    for step in 0.. {
                        let from = format!("refresh-{round}-{family}-{step}");
                        let to = token(&format!("{round}-{family}-{}", step + 1));
                        let outcome = tokens.authenticate(&from, client).and_then(|refreshing| {
                            tokens.rotate(&refreshing, &to, &Scene::<F>::request_of(client))
                        });
                        match outcome {
                            Ok(()) => last.store(step + 1, Ordering::SeqCst),
                            Err(Failure::Refused(_)) => break,
                            Err(other) => panic!("{other}"),
                        }
                        if over.load(Ordering::SeqCst) && step > 200 {
                            break;
                        }
                    }
                });
            }
            barrier.wait();
            match round % 4 {
                0 => drop(revocation.revoke_by_user(&F::user(1)).expect("is revoked")),
                1 => drop(revocation.revoke_by_client(client).expect("is revoked")),
                2 => grants.iter().for_each(|grant| {
                    revocation.revoke_by_grant(grant).expect("is revoked");
                }),
                _ => (0..FAMILIES).for_each(|family| {
                    let form = format!("token=refresh-{round}-{family}-0");
                    let request = EndpointRequest::new(None, form.as_bytes());
                    let response = endpoint.create_endpoint_response_for(&request, client);
                    assert_eq!(response.expect("is revoked").status, 200);
                }),
            }
            over.store(true, Ordering::SeqCst);
        });
        for (family, last) in last.iter().enumerate() {
            for step in 0..=last.load(Ordering::SeqCst) {
                let name = format!("access-{round}-{family}-{step}");
                let found = query_token(&name, None)
                    .expect("no error")
                    .expect("was issued");
                assert!(found.is_revoked(), "{name} survived");
            }
        }
    }
}

fn row_36_scope_may_shrink_and_never_grow_and_strangers_are_refused<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let tokens = tokens(&scene);
    start(&scene, &tokens, "a");
    let stranger = scene.another_client(2);
    let by_stranger = tokens.authenticate("refresh-a", &stranger);
    assert_eq!(refused(by_stranger), Some(RefreshRefusal::WrongClient));
    let by_access_token = tokens.authenticate("access-a", &scene.client);
    assert_eq!(refused(by_access_token), Some(RefreshRefusal::Unknown));

    let refreshing = tokens
        .authenticate("refresh-a", &scene.client)
        .expect("is valid");
    let narrow = |requested| tokens.narrow_scope(&refreshing, requested);
    assert_eq!(narrow(None), Ok("profile email".into()));
    assert_eq!(narrow(Some("")), Ok("profile email".into()));
    assert_eq!(narrow(Some("email")), Ok("email".into()));
    assert_eq!(
        narrow(Some("email address")),
        Err(RefreshRefusal::ScopeExceeded)
    );

    let wider = TokenResponse {
        scope: Some("profile email address".into()),
        ..token("wide")
    };
    let refusal = refused(tokens.rotate(&refreshing, &wider, &scene.request()));
    assert_eq!(refusal, Some(RefreshRefusal::ScopeExceeded));
    let narrower = TokenResponse {
        scope: Some("email".into()),
        ..token("narrow")
    };
    tokens
        .rotate(&refreshing, &narrower, &scene.request())
        .expect("is rotated");
    let refreshing = tokens
        .authenticate("refresh-narrow", &scene.client)
        .expect("is valid");
    let refusal = refused(tokens.rotate(&refreshing, &token("grown"), &scene.request()));
    assert_eq!(refusal, Some(RefreshRefusal::ScopeExceeded));
}

fn row_37_absolute_and_idle_lifetime<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let tokens = tokens(&scene).idle_lifetime(100).grant_lifetime(250);
    start(&scene, &tokens, "a0");
    for (step, at) in [(1, 100), (2, 200), (3, 250)] {
        scene.clock.set(NOW + at);
        let (from, to) = (format!("a{}", step - 1), format!("a{step}"));
        refresh(&scene, &tokens, &from, &to).expect("is alive");
    }
    scene.clock.set(NOW + 251);
    assert_eq!(
        refused(refresh(&scene, &tokens, "a3", "a4")),
        Some(RefreshRefusal::Revoked)
    );

    start(&scene, &tokens, "b");
    scene.clock.set(NOW + 251 + 101);
    assert_eq!(
        refused(refresh(&scene, &tokens, "b", "b2")),
        Some(RefreshRefusal::Idle)
    );
}

fn row_39_revoked_by_user_by_client_and_by_grant<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let tokens = tokens(&scene);
    let revocation =
        create_grant_revocation::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let start_for = |name: &str, user: u32| {
        let grant = tokens
            .start(&scene.client, Some(&F::user(user)))
            .expect("is started");
        let request = diesel_oauth2::TokenRequest::new(&scene.client)
            .user(F::user(user))
            .extra(F::extra());
        tokens
            .issue(&token(name), &request, &grant)
            .expect("is issued");
        grant
    };
    let one = start_for("one", 1);
    start_for("two", 1);
    start_for("three", 2);
    // A token that no grant stands for is its user's all the same.
    scene.save(&token("bare")).expect("is saved");

    assert_eq!(revocation.revoke_by_grant(&one), Ok(1));
    assert_eq!(revocation.revoke_by_grant(&one), Ok(0));
    let alive = |name: &str| is_valid(&scene, &format!("access-{name}"));
    assert!(!alive("one") && alive("two") && alive("three") && alive("bare"));
    assert_eq!(revocation.revoke_by_user(&F::user(1)), Ok(2));
    assert!(!alive("two") && !alive("bare") && alive("three"));
    assert_eq!(revocation.revoke_by_user(&F::user(99)), Ok(0));
    assert_eq!(revocation.revoke_by_client(&scene.client), Ok(1));
    assert!(!alive("three"));
    let late = tokens.issue(&token("late"), &scene.request(), &one);
    assert_eq!(refused(late), Some(RefreshRefusal::Revoked));
}

fn a_token_without_a_grant_gets_one_at_its_first_rotation<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let tokens = tokens(&scene);
    scene.save(&token("a")).expect("is saved");
    refresh(&scene, &tokens, "a", "a2").expect("is rotated");
    refresh(&scene, &tokens, "a2", "a3").expect("is rotated");
    assert!(is_valid(&scene, "access-a3"));
    assert_eq!(
        refused(refresh(&scene, &tokens, "a2", "a4")),
        Some(RefreshRefusal::Reused)
    );
    assert!(!is_valid(&scene, "access-a3"));

    // The token itself has joined the family too.
    scene.save(&token("b")).expect("is saved");
    refresh(&scene, &tokens, "b", "b2").expect("is rotated");
    assert_eq!(
        refused(refresh(&scene, &tokens, "b", "b3")),
        Some(RefreshRefusal::Reused)
    );
    assert!(!is_valid(&scene, "access-b2"));
}

fn without_rotation_the_refresh_token_stays<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let tokens = tokens(&scene).rotation(false);
    let renew = |name: &str| {
        let refreshing = tokens.authenticate("refresh-a", &scene.client)?;
        let response = TokenResponse {
            refresh_token: None,
            ..token(name)
        };
        tokens.rotate(&refreshing, &response, &scene.request())
    };
    // One with a grant and, in the second turn, one that somebody saved without.
    start(&scene, &tokens, "a");
    for _ in 0..2 {
        renew("2").expect("is renewed");
        renew("3").expect("is renewed");
        for name in ["a", "2", "3"] {
            assert!(is_valid(&scene, &format!("access-{name}")), "{name}");
        }
        let refreshing = tokens
            .authenticate("refresh-a", &scene.client)
            .expect("is valid");
        let with_another = tokens.rotate(&refreshing, &token("4"), &scene.request());
        assert!(
            matches!(
                with_another,
                Err(Failure::Storage(Error::InvalidValue { .. }))
            ),
            "{with_another:?}"
        );
        let form = "token=refresh-a";
        let response = create_revocation_endpoint::<F::Token, _>(scene.pool.clone())
            .create_endpoint_response_for(
                &EndpointRequest::new(None, form.as_bytes()),
                &scene.client,
            );
        assert_eq!(response.expect("is revoked").status, 200);
        for name in ["a", "2", "3"] {
            assert!(!is_valid(&scene, &format!("access-{name}")), "{name}");
        }
        assert_eq!(refused(renew("5")), Some(RefreshRefusal::Revoked));
        F::delete_tokens(&mut scene.conn());
        scene.save(&token("a")).expect("is saved");
    }
}

fn without_rotation_no_first_exchange_at_the_same_time_loses<F: Fixture>() {
    const THREADS: usize = 8;
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(THREADS as u32);
    let tokens: Tokens<F> = create_refresh_token_store(pool)
        .clock(scene.clock.clone())
        .rotation(false);
    let client = &scene.client;
    for round in 0..rounds() {
        scene.save(&token(&format!("{round}"))).expect("is saved");
        // Each has seen the token without a grant.
        let refresh_token = format!("refresh-{round}");
        let seen: Vec<_> = (0..THREADS)
            .map(|_| tokens.authenticate(&refresh_token, client))
            .collect();
        let barrier = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for (thread, refreshing) in seen.into_iter().enumerate() {
                let (tokens, barrier) = (tokens.clone(), &barrier);
                scope.spawn(move || {
                    let refreshing = refreshing.expect("is valid");
                    let next = TokenResponse {
                        refresh_token: None,
                        ..token(&format!("{round}-{thread}"))
                    };
                    barrier.wait();
                    tokens
                        .rotate(&refreshing, &next, &Scene::<F>::request_of(client))
                        .expect("nobody loses");
                });
            }
        });
        // They are of one family, whose revocation no one outlives.
        let (found, kind) = create_revocation_endpoint::<F::Token, _>(scene.pool.clone())
            .query_token(&refresh_token, None)
            .expect("no error")
            .expect("is found");
        assert!(found.grant_id().is_some());
        create_revocation_endpoint::<F::Token, _>(scene.pool.clone())
            .revoke_token(&found, kind)
            .expect("is revoked");
        for thread in 0..THREADS {
            assert!(
                !is_valid(&scene, &format!("access-{round}-{thread}")),
                "{thread}"
            );
        }
    }
}
