//! The old refresh token is good, or the new one: never none, never both.

use diesel_oauth2::{Error, Failure, OAuth2Token};

use super::faulty::Session;
use super::{
    End, Victim, at_each_point, grant_of, in_a_process_at_each_point, is_alive, is_grant_alive,
    row, tokens,
};
use crate::fixture::{Fixture, Scene, on_every_schema, token};

on_every_schema!(
    row_34_the_old_or_the_new_refresh_token_is_good,
    row_34_the_old_or_the_new_refresh_token_is_good_when_the_process_is_killed,
    row_34_the_first_rotation_of_a_token_without_a_grant,
    row_34_the_first_rotation_of_a_token_without_a_grant_when_the_process_is_killed,
    row_35_a_retry_leaves_the_family_as_it_was_or_with_a_token_more,
);

/// Exchanges `refresh-NAME-0` for `access-NAME-1` and `refresh-NAME-1`.
pub(super) fn act<F: Fixture<Conn: Session>>(victim: &Victim<F>, name: &str) -> Result<(), Error> {
    exchange(victim, &format!("{name}-0"), &format!("{name}-1"))
}

fn exchange<F: Fixture<Conn: Session>>(
    victim: &Victim<F>,
    from: &str,
    to: &str,
) -> Result<(), Error> {
    let store = victim.tokens().grace(60);
    let outcome = store
        .authenticate(&format!("refresh-{from}"), &victim.client)
        .and_then(|refreshing| {
            let request = Scene::<F>::request_of(&victim.client);
            store.rotate(&refreshing, &token(to), &request)
        });
    match outcome {
        Ok(()) => Ok(()),
        Err(Failure::Storage(error)) => Err(error),
        Err(Failure::Refused(refusal)) => panic!("{from}: {refusal}"),
    }
}

fn start<F: Fixture>(scene: &Scene<F>, name: &str) {
    let store = tokens(scene);
    let grant = store.start(&scene.client, Some(&F::user(1)));
    let first = token(&format!("{name}-0"));
    store
        .issue(&first, &scene.request(), &grant.expect("is started"))
        .expect("is issued");
}

fn check<F: Fixture>(scene: &Scene<F>, name: &str, end: End) {
    let (old, new) = (format!("{name}-0"), format!("{name}-1"));
    let is_rotated = row(scene, &new).is_some();
    assert_eq!(is_alive(scene, &old), !is_rotated, "{name}");
    assert_eq!(is_alive(scene, &new), is_rotated, "{name}");
    assert!(is_rotated || end != End::Done, "{name}");
    let old_row = row(scene, &old).expect("is kept");
    let rotated_at = old_row.refresh_token_rotated_at();
    assert_eq!(rotated_at.is_some(), is_rotated, "{name}");
    // The client's next try works either way.
    let store = tokens(scene).grace(60);
    let again = store.authenticate(&format!("refresh-{old}"), &scene.client);
    let again = again.expect("is valid");
    assert_eq!(again.is_retry, is_rotated, "{name}");
    let next = token(&format!("{name}-again"));
    store
        .rotate(&again, &next, &scene.request())
        .expect("is rotated");
    assert!(is_alive(scene, &format!("{name}-again")), "{name}");
    assert!(is_grant_alive(scene, &grant_of(scene, &old)), "{name}");
}

fn row_34_the_old_or_the_new_refresh_token_is_good<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    at_each_point(
        &scene,
        |name| start(&scene, name),
        act,
        |name, end| check(&scene, name, end),
    );
}

fn row_34_the_old_or_the_new_refresh_token_is_good_when_the_process_is_killed<
    F: Fixture<Conn: Session>,
>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    in_a_process_at_each_point(
        &scene,
        "rotate",
        |name| start(&scene, name),
        |name, end| check(&scene, name, end),
    );
}

/// As authlib writes them.
fn save<F: Fixture>(scene: &Scene<F>, name: &str) {
    let saved = scene.save(&token(&format!("{name}-0")));
    saved.expect("is saved");
}

fn row_34_the_first_rotation_of_a_token_without_a_grant<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    at_each_point(
        &scene,
        |name| save(&scene, name),
        act,
        |name, end| {
            let old = row(&scene, &format!("{name}-0")).expect("is kept");
            let new = row(&scene, &format!("{name}-1"));
            assert_eq!(old.grant_id().is_some(), new.is_some(), "{name}");
            check(&scene, name, end);
        },
    );
}

fn row_34_the_first_rotation_of_a_token_without_a_grant_when_the_process_is_killed<
    F: Fixture<Conn: Session>,
>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    in_a_process_at_each_point(
        &scene,
        "rotate the first of a family",
        |name| save(&scene, name),
        |name, end| check(&scene, name, end),
    );
}

fn row_35_a_retry_leaves_the_family_as_it_was_or_with_a_token_more<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    at_each_point(
        &scene,
        |name| {
            start(&scene, name);
            let store = tokens(&scene);
            let refreshing = store.authenticate(&format!("refresh-{name}-0"), &scene.client);
            let lost = token(&format!("{name}-lost"));
            store
                .rotate(&refreshing.expect("is valid"), &lost, &scene.request())
                .expect("is rotated");
        },
        act,
        |name, end| {
            assert!(!is_alive(&scene, &format!("{name}-0")), "{name}");
            assert!(is_alive(&scene, &format!("{name}-lost")), "{name}");
            let is_new_there = is_alive(&scene, &format!("{name}-1"));
            assert!(is_new_there || end != End::Done, "{name}");
            let grant = grant_of(&scene, &format!("{name}-0"));
            assert!(is_grant_alive(&scene, &grant), "{name}");
        },
    );
}
