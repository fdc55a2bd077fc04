//! Codes are unspent, or spent with their grant there.

use diesel_oauth2::lifecycle::{
    CodeRefusal, CodeRequest, DeviceRefusal, DeviceRequest, Redemption, create_device_code_store,
};
use diesel_oauth2::lookup::{find_code, load_device_code};
use diesel_oauth2::{Error, Failure, OAuth2AuthorizationCode, OAuth2DeviceCode};

use super::faulty::Session;
use super::{
    End, REDIRECT_URI, Victim, at_each_point, codes, in_a_process_at_each_point, is_grant_alive,
};
use crate::fixture::{Fixture, NOW, Scene, on_every_schema};

on_every_schema!(
    a_code_is_saved_or_not,
    a_code_is_unspent_or_spent_with_its_grant,
    a_code_is_unspent_or_spent_with_its_grant_when_the_process_is_killed,
    a_device_code_is_unspent_or_spent_with_its_grant,
);

/// Redeems the code of this name.
pub(super) fn act<F: Fixture<Conn: Session>>(victim: &Victim<F>, name: &str) -> Result<(), Error> {
    let redemption = Redemption::new(name, &victim.client).redirect_uri(REDIRECT_URI);
    match victim.codes().redeem(&redemption) {
        Ok(_) => Ok(()),
        Err(Failure::Storage(error)) => Err(error),
        Err(Failure::Refused(refusal)) => panic!("{name}: {refusal}"),
    }
}

fn save<F: Fixture<Conn: Session>>(scene: &Scene<F>, name: &str) {
    let request = CodeRequest::new(&scene.client)
        .user(F::user(1))
        .redirect_uri(REDIRECT_URI)
        .extra(F::extra());
    codes(scene).save(name, &request).expect("is saved");
}

fn check<F: Fixture<Conn: Session>>(scene: &Scene<F>, name: &str, end: End) {
    let code = find_code::<F::Code, _>(&scene.pool, name).expect("no error");
    let code = code.expect("is there");
    let is_spent = code.redeemed_at().is_some();
    let grant = code.grant_id().expect("has a grant");
    assert_eq!(is_spent, is_grant_alive(scene, grant), "{name}");
    assert!(is_spent || end != End::Done, "{name}");
    // The client's next try.
    let redemption = Redemption::new(name, &scene.client).redirect_uri(REDIRECT_URI);
    match codes(scene).redeem(&redemption) {
        Ok(_) => assert!(!is_spent, "{name}"),
        Err(Failure::Refused(CodeRefusal::Replayed)) => assert!(is_spent, "{name}"),
        Err(other) => panic!("{name}: {other}"),
    }
}

fn a_code_is_unspent_or_spent_with_its_grant<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    at_each_point(
        &scene,
        |name| save(&scene, name),
        act,
        |name, end| check(&scene, name, end),
    );
}

fn a_code_is_unspent_or_spent_with_its_grant_when_the_process_is_killed<
    F: Fixture<Conn: Session>,
>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    in_a_process_at_each_point(
        &scene,
        "redeem",
        |name| save(&scene, name),
        |name, end| check(&scene, name, end),
    );
}

fn a_code_is_saved_or_not<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    at_each_point(
        &scene,
        |_| {},
        |victim, name| {
            let request = CodeRequest::new(&victim.client)
                .user(F::user(1))
                .redirect_uri(REDIRECT_URI)
                .extra(F::extra());
            victim.codes().save(name, &request)
        },
        |name, end| match find_code::<F::Code, _>(&scene.pool, name).expect("no error") {
            Some(_) => check(&scene, name, End::Gone),
            None => assert_ne!(end, End::Done, "{name}"),
        },
    );
}

fn a_device_code_is_unspent_or_spent_with_its_grant<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let store = create_device_code_store::<F::Device, F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone());
    at_each_point(
        &scene,
        |name| {
            let request = DeviceRequest::new(&scene.client).extra(F::extra());
            store.save(name, name, &request).expect("is saved");
            store.approve(name, &F::user(1)).expect("is approved");
        },
        |victim, name| {
            let store = create_device_code_store::<F::Device, F::Token, _>(victim.pool.clone())
                .clock(victim.clock.clone());
            match store.redeem(name, &victim.client) {
                Ok(_) => Ok(()),
                Err(Failure::Storage(error)) => Err(error),
                Err(Failure::Refused(refusal)) => panic!("{name}: {refusal}"),
            }
        },
        |name, end| {
            let code = load_device_code::<F::Device, _>(&mut *scene.conn(), name);
            let code = code.expect("no error").expect("is there");
            let grant = code.grant_id().expect("has a grant");
            let is_spent = is_grant_alive(&scene, grant);
            let next_try = store.redeem(name, &scene.client).err();
            let refused = Failure::Refused(DeviceRefusal::Redeemed);
            assert_eq!(next_try, is_spent.then_some(refused), "{name}");
            assert!(is_spent || end != End::Done, "{name}");
            assert!(code.expires_at() > NOW);
        },
    );
}
