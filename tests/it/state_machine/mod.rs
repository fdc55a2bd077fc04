//! Random sequences of calls give the same answers as a model in memory, and leave the same rows.

mod calls;
mod model;
mod rows;
mod run;

use std::cell::Cell;

use proptest::test_runner::{Config, TestRunner};

use self::calls::{calls, settings};
use self::run::{Run, Seen};
use crate::fixture::{Fixture, Scene, on_every_schema};

on_every_schema!(any_sequence_of_calls_is_answered_as_by_the_model);

/// What the answers must have been, all sequences taken together, for the test to have tried everything.
const OUTCOMES: &[&str] = &[
    "redeem: Ok",
    "redeem: Unknown",
    "redeem: WrongClient",
    "redeem: WrongRedirectUri",
    "redeem: Expired",
    "redeem: Replayed",
    "issue: Ok",
    "issue: Revoked",
    "authenticate: Ok",
    "authenticate: Ok, a retry",
    "authenticate: Unknown",
    "authenticate: WrongClient",
    "authenticate: Revoked",
    "authenticate: Idle",
    "authenticate: Reused",
    "rotate: Ok",
    "rotate: Ok, a retry",
    "rotate: Revoked",
    "rotate: LostRace",
    "rotate: ScopeExceeded",
    "revoke: true",
    "revoke: false",
    "valid: true",
    "valid: false",
    "active: true",
    "active: false",
    "pruned: codes",
    "pruned: tokens",
    "pruned: grants",
];

/// How many sequences are tried on each schema: a few, or as many as `DIESEL_OAUTH2_TEST_CASES` says.
fn cases() -> u32 {
    let cases = std::env::var("DIESEL_OAUTH2_TEST_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

fn any_sequence_of_calls_is_answered_as_by_the_model<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let clients = [scene.client.clone(), scene.another_client(2)];
    // So that no token of one sequence is one of another.
    let serial = Cell::new(0);
    let seen = Seen::default();
    let config = Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(settings(), calls()), |(settings, calls)| {
        serial.set(serial.get() + 1);
        let mut run = Run::new(&scene, &clients, &seen, serial.get(), settings);
        for call in &calls {
            run.call(call)?;
        }
        run.compare_rows()
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Few sequences do not come by everything.
    if cases() >= 200 {
        let seen = seen.into_inner();
        println!("{seen:#?}");
        let missing: Vec<_> = (OUTCOMES.iter())
            .filter(|outcome| !seen.contains_key(**outcome))
            .collect();
        assert!(missing.is_empty(), "{missing:?} never came: {seen:?}");
    }
}
