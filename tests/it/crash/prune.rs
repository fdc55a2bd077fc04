//! Pruning can be stopped anywhere: nothing that lives is gone, and the next run finishes.

use std::ops::ControlFlow;
use std::time::Duration;

use diesel_oauth2::TokenResponse;
use diesel_oauth2::clock::Clock;
use diesel_oauth2::lifecycle::{CodeRequest, Pruner, create_grant_revocation, create_pruner};
use diesel_oauth2::lookup::find_code;
use diesel_oauth2::pool::ConnectionPool;

use super::faulty::Session;
use super::{End, at_each_point, codes, grant_of, is_grant_alive, row, tokens};
use crate::fixture::{Fixture, ManualClock, Scene, on_every_schema, token};

on_every_schema!(row_40_what_lives_stays_and_the_next_run_finishes);

const DAY: i64 = 24 * 3600;

fn pruner<F: Fixture, P: ConnectionPool<Connection = F::Conn>>(
    pool: &P,
    clock: &ManualClock,
) -> Pruner<F::Code, F::Token, P> {
    create_pruner(pool.clone())
        .clock(clock.clone())
        .retention(DAY)
        .batch(2)
        .pause(Duration::ZERO)
}

fn row_40_what_lives_stays_and_the_next_run_finishes<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let store = tokens(&scene);
    at_each_point(
        &scene,
        |name| {
            let request = CodeRequest::new(&scene.client)
                .user(F::user(1))
                .extra(F::extra());
            codes(&scene).save(name, &request).expect("is saved");
            for dead in 0..3 {
                let grant = store.start(&scene.client, Some(&F::user(1)));
                let short = TokenResponse {
                    expires_in: Some(1),
                    ..TokenResponse::bearer(format!("access-{name}-dead-{dead}"))
                };
                store
                    .issue(&short, &scene.request(), &grant.expect("is started"))
                    .expect("is issued");
            }
            let grant = store.start(&scene.client, Some(&F::user(1)));
            store
                .issue(&token(name), &scene.request(), &grant.expect("is started"))
                .expect("is issued");
            scene.clock.set(scene.clock.now() + 3 * DAY);
        },
        |victim, _| {
            let pruner = pruner::<F, _>(&victim.pool, &victim.clock);
            pruner.prune(|_| ControlFlow::Continue(())).map(drop)
        },
        |name, end| {
            assert_ne!(end, End::Lost, "each batch may be repeated");
            let rest = pruner::<F, _>(&scene.pool, &scene.clock)
                .prune(|_| ControlFlow::Continue(()))
                .expect("no error");
            let left = (rest.codes, rest.tokens, rest.grants);
            assert!(end != End::Done || left == (0, 0, 0), "{name}: {left:?}");
            let code = find_code::<F::Code, _>(&scene.pool, name);
            assert!(code.expect("no error").is_none(), "{name}");
            for dead in 0..3 {
                assert!(
                    row(&scene, &format!("{name}-dead-{dead}")).is_none(),
                    "{name}"
                );
            }
            let grant = grant_of(&scene, name);
            assert!(is_grant_alive(&scene, &grant), "{name}");
            let refresh_token = format!("refresh-{name}");
            assert!(store.authenticate(&refresh_token, &scene.client).is_ok());
            // The next time begins with empty tables.
            create_grant_revocation::<F::Token, _>(scene.pool.clone())
                .clock(scene.clock.clone())
                .revoke_by_grant(&grant)
                .expect("is revoked");
            scene.clock.set(scene.clock.now() + 3 * DAY);
            let all = pruner::<F, _>(&scene.pool, &scene.clock)
                .prune(|_| ControlFlow::Continue(()))
                .expect("no error");
            assert_eq!((all.tokens, all.grants), (1, 1), "{name}");
        },
    );
}
