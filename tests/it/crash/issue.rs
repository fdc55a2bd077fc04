//! A grant is made or not; its first tokens are there together or not at all.

use diesel_oauth2::table::AgedTable;
use diesel_oauth2::{Failure, OAuth2Token, create_save_token_func_with_clock};

use super::faulty::Session;
use super::{End, at_each_point, grant_of, is_alive, is_grant_alive, row, tokens};
use crate::fixture::{Fixture, NOW, Scene, on_every_schema, token};

on_every_schema!(
    a_grant_is_made_or_not,
    the_first_tokens_of_a_grant_are_stored_or_not,
    a_token_is_saved_or_not,
);

fn a_grant_is_made_or_not<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let count = || {
        let mut count = 0;
        F::Grant::load_aged(&mut scene.conn(), None, NOW + 1, 10_000, |_| count += 1)
            .expect("no error");
        count
    };
    let before = std::cell::Cell::new(0);
    at_each_point(
        &scene,
        |_| before.set(count()),
        |victim, _| {
            let grant = victim.tokens().start(&victim.client, Some(&F::user(1)))?;
            assert!(is_grant_alive(&scene, &grant));
            Ok(())
        },
        |name, end| {
            let made = count() - before.get();
            assert!(made <= 1, "{name}");
            assert!(made == 1 || end != End::Done, "{name}");
        },
    );
}

fn the_first_tokens_of_a_grant_are_stored_or_not<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let store = tokens(&scene);
    let issue = |name: &str| {
        let grant = grant_of(&scene, &format!("{name}-seed"));
        store.issue(&token(name), &scene.request(), &grant)
    };
    at_each_point(
        &scene,
        |name| {
            let grant = store.start(&scene.client, Some(&F::user(1)));
            let seed = token(&format!("{name}-seed"));
            store
                .issue(&seed, &scene.request(), &grant.expect("is started"))
                .expect("is issued");
        },
        |victim, name| {
            let grant = grant_of(&scene, &format!("{name}-seed"));
            let request = Scene::<F>::request_of(&victim.client);
            match victim.tokens().issue(&token(name), &request, &grant) {
                Ok(()) => Ok(()),
                Err(Failure::Storage(error)) => Err(error),
                Err(Failure::Refused(refusal)) => panic!("{name}: {refusal}"),
            }
        },
        |name, end| {
            match row(&scene, name) {
                Some(row) => assert!(row.grant_id().is_some() && !row.is_revoked(), "{name}"),
                None => {
                    assert_ne!(end, End::Done, "{name}");
                    issue(name).expect("is issued at the next try");
                }
            }
            let refresh_token = format!("refresh-{name}");
            assert!(store.authenticate(&refresh_token, &scene.client).is_ok());
        },
    );
}

fn a_token_is_saved_or_not<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    at_each_point(
        &scene,
        |_| {},
        |victim, name| {
            let save_token = create_save_token_func_with_clock::<F::Token, _, _>(
                victim.pool.clone(),
                victim.clock.clone(),
            );
            save_token(&token(name), &Scene::<F>::request_of(&victim.client))
        },
        |name, end| assert!(is_alive(&scene, name) || end != End::Done, "{name}"),
    );
}
