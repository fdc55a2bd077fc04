//! Checklist row 38: device codes (RFC 8628).

use std::sync::Barrier;

use super::api::endpoint::OAuth2Error;
use super::api::lifecycle::{
    DeviceAuthorization, DeviceRefusal, DeviceRequest, DeviceStore, create_device_code_store,
    create_refresh_token_store,
};
use super::api::model::DeviceCodeState;
use super::api::{Error, Failure, OAuth2DeviceCode};

use crate::fixture::{Fixture, NOW, Scene, TestPool, on_every_schema, rounds, token};

on_every_schema!(
    row_38_pending_then_approved_then_spent_once,
    row_38_denied_expired_unknown_and_another_client_s,
    row_38_a_device_that_polls_too_often_is_slowed_down,
    row_38_the_user_code_is_found_whatever_case_and_dash,
    row_38_of_32_threads_that_redeem_one_device_code_exactly_one_wins,
    row_38_of_two_decisions_one_counts,
    row_38_taken_codes_are_refused_and_nothing_is_stored,
);

type Devices<F> = DeviceStore<<F as Fixture>::Device, <F as Fixture>::Token, TestPool<F>>;

fn devices<F: Fixture>(scene: &Scene<F>) -> Devices<F> {
    create_device_code_store(scene.pool.clone()).clock(scene.clock.clone())
}

fn start<F: Fixture>(scene: &Scene<F>, devices: &Devices<F>) -> DeviceAuthorization {
    let request = DeviceRequest::new(&scene.client)
        .scope("profile email")
        .extra(F::extra());
    devices
        .start(&request, "https://op.example/device")
        .expect("is saved")
}

fn refused<T>(result: Result<T, Failure<DeviceRefusal>>) -> Option<DeviceRefusal> {
    match result {
        Ok(_) => None,
        Err(Failure::Refused(refusal)) => Some(refusal),
        Err(other) => panic!("{other}"),
    }
}

fn row_38_pending_then_approved_then_spent_once<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let devices = devices(&scene);
    let answer = start(&scene, &devices);
    assert_eq!((answer.expires_in, answer.interval), (1_800, 5));
    let complete = format!("https://op.example/device?user_code={}", answer.user_code);
    assert_eq!(answer.verification_uri_complete, complete);

    let poll = || devices.redeem(&answer.device_code, &scene.client);
    assert_eq!(refused(poll()), Some(DeviceRefusal::Pending));
    let asked = devices.find_pending(&answer.user_code).expect("is pending");
    assert_eq!(asked.scope(), "profile email");
    assert_eq!(asked.user_id().map(drop), None);

    devices
        .approve(&answer.user_code, &F::user(1))
        .expect("is approved");
    // The user was quick: the device need not wait for its interval.
    let code = poll().expect("is approved");
    assert!(code.user_id().is_some());
    assert_eq!(code.state(NOW), DeviceCodeState::Approved);
    let tokens =
        create_refresh_token_store::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let grant = code.grant_id().expect("has a grant");
    tokens
        .issue(&token("device"), &scene.request(), grant)
        .expect("is issued");

    assert_eq!(refused(poll()), Some(DeviceRefusal::Redeemed));
    let by_user_code = devices.find_pending(&answer.user_code);
    assert_eq!(refused(by_user_code), Some(DeviceRefusal::Decided));
    // Unlike an authorization code, one that comes back revokes nothing.
    assert!(tokens.authenticate("refresh-device", &scene.client).is_ok());
}

fn row_38_denied_expired_unknown_and_another_client_s<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let devices = devices(&scene).lifetime(600);
    let denied = start(&scene, &devices);
    devices.deny(&denied.user_code).expect("is denied");
    let poll = |code: &str| refused(devices.redeem(code, &scene.client));
    assert_eq!(poll(&denied.device_code), Some(DeviceRefusal::Denied));
    for unknown in ["", "unknown", &denied.user_code, "caf\u{e9}", "\0"] {
        assert_eq!(poll(unknown), Some(DeviceRefusal::Unknown), "{unknown:?}");
    }

    let approved = start(&scene, &devices);
    let pending = start(&scene, &devices);
    devices
        .approve(&approved.user_code, &F::user(1))
        .expect("is approved");
    let stranger = scene.another_client(2);
    let by_stranger = refused(devices.redeem(&approved.device_code, &stranger));
    assert_eq!(by_stranger, Some(DeviceRefusal::WrongClient));

    scene.clock.set(NOW + 600);
    assert_eq!(poll(&pending.device_code), Some(DeviceRefusal::Pending));
    scene.clock.set(NOW + 601);
    for late in [&approved, &pending] {
        assert_eq!(poll(&late.device_code), Some(DeviceRefusal::Expired));
    }
    let late = devices.approve(&pending.user_code, &F::user(1));
    assert_eq!(refused(late), Some(DeviceRefusal::Expired));

    for (refusal, code) in [
        (DeviceRefusal::Pending, "authorization_pending"),
        (DeviceRefusal::SlowDown, "slow_down"),
        (DeviceRefusal::Denied, "access_denied"),
        (DeviceRefusal::Expired, "expired_token"),
        (DeviceRefusal::Redeemed, "invalid_grant"),
        (DeviceRefusal::WrongClient, "invalid_grant"),
    ] {
        assert_eq!(OAuth2Error::from(refusal).code(), code);
    }
}

fn row_38_a_device_that_polls_too_often_is_slowed_down<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let devices = devices(&scene);
    let answer = start(&scene, &devices);
    for (at, expected) in [
        (0, DeviceRefusal::Pending),
        (5, DeviceRefusal::Pending),
        // Too soon: from now on 10 seconds.
        (9, DeviceRefusal::SlowDown),
        (18, DeviceRefusal::SlowDown),
        // From now on 15 seconds.
        (33, DeviceRefusal::Pending),
        (47, DeviceRefusal::SlowDown),
        (67, DeviceRefusal::Pending),
    ] {
        scene.clock.set(NOW + at);
        let poll = devices.redeem(&answer.device_code, &scene.client);
        assert_eq!(refused(poll), Some(expected), "after {at} s");
    }
}

fn row_38_the_user_code_is_found_whatever_case_and_dash<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let devices = devices(&scene);
    let answer = start(&scene, &devices);
    let code = &answer.user_code;
    for typed in [
        code.clone(),
        code.to_lowercase(),
        code.replace('-', ""),
        code.replace('-', " ").to_lowercase(),
        format!("  {code}\n"),
    ] {
        assert!(devices.find_pending(&typed).is_ok(), "{typed:?}");
    }
    let too_short = code[1..].to_owned();
    for typed in ["", "-", "caf\u{e9}", "\0", "' OR 1=1 --", &too_short] {
        let refusal = refused(devices.find_pending(typed));
        assert_eq!(refusal, Some(DeviceRefusal::Unknown), "{typed:?}");
    }
}

fn row_38_of_32_threads_that_redeem_one_device_code_exactly_one_wins<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let devices: Devices<F> = create_device_code_store(pool).clock(scene.clock.clone());
    let client = &scene.client;
    for round in 0..rounds() {
        let answer = start(&scene, &devices);
        devices
            .approve(&answer.user_code, &F::user(1))
            .expect("is approved");
        let barrier = Barrier::new(32);
        let winners: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..32)
                .map(|_| {
                    let (devices, barrier, answer) = (devices.clone(), &barrier, &answer);
                    scope.spawn(move || {
                        barrier.wait();
                        match refused(devices.redeem(&answer.device_code, client)) {
                            None => 1,
                            Some(refusal) => {
                                assert_eq!(refusal, DeviceRefusal::Redeemed);
                                0
                            }
                        }
                    })
                })
                .collect();
            let winners = threads.into_iter().map(|it| it.join().expect("no panic"));
            winners.sum()
        });
        assert_eq!(winners, 1, "round {round}");
    }
}

fn row_38_of_two_decisions_one_counts<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let devices = devices(&scene);
    for round in 0..rounds() {
        let answer = start(&scene, &devices);
        let barrier = Barrier::new(2);
        let (approved, denied) = std::thread::scope(|scope| {
            let approving = scope.spawn(|| {
                barrier.wait();
                refused(devices.approve(&answer.user_code, &F::user(1)))
            });
            barrier.wait();
            let denied = refused(devices.deny(&answer.user_code));
            (approving.join().expect("no panic"), denied)
        });
        let polled = refused(devices.redeem(&answer.device_code, &scene.client));
        match (approved, denied) {
            (None, Some(DeviceRefusal::Decided)) => assert_eq!(polled, None),
            (Some(DeviceRefusal::Decided), None) => {
                assert_eq!(polled, Some(DeviceRefusal::Denied));
            }
            both => panic!("{both:?} in round {round}"),
        }
    }
}

fn row_38_taken_codes_are_refused_and_nothing_is_stored<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let devices = devices(&scene);
    let save = |device_code: &str, user_code: &str| {
        let request = DeviceRequest::new(&scene.client).extra(F::extra());
        devices.save(device_code, user_code, &request)
    };
    save("device-1", "BCDF-GHJK").expect("is saved");
    let is_duplicate = |result| matches!(result, Err(Error::Duplicate { .. }));
    assert!(is_duplicate(save("device-1", "BCDF-GHJL")));
    assert!(is_duplicate(save("device-2", "bcdfghjk")));
    for (device_code, user_code) in [("", "BCDF"), ("\0", "BCDF"), ("a", ""), ("a", "caf\u{e9}")] {
        let refused = save(device_code, user_code);
        assert!(
            matches!(refused, Err(Error::InvalidValue { .. })),
            "{refused:?}"
        );
    }
    let not_there = refused(devices.find_pending("BCDF-GHJL"));
    assert_eq!(not_there, Some(DeviceRefusal::Unknown));
}
