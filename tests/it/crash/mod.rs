//! Checklist row 34, and what it wants of every other operation: whoever does it may vanish between any two statements,
//! and what is left is either the state before or the state after.

mod families;
mod faulty;
mod issue;
mod process;
mod prune;
mod redeem;
mod rotate;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use diesel_oauth2::lifecycle::{
    CodeStore, RefreshStore, create_authorization_code_store, create_refresh_token_store,
};
use diesel_oauth2::pool::{ConnectionPool, Intent};
use diesel_oauth2::table::GrantTable;
use diesel_oauth2::{Error, OAuth2Grant, OAuth2Token, create_query_token_func};

use self::faulty::{Ended, FaultyPool, Killed, Point, Session};
// `on_every_schema!` looks for it beside the modules of the tests.
use crate::api;
use crate::fixture::{Fixture, ManualClock, NOW, Scene, TestPool};

const REDIRECT_URI: &str = "https://a.example/cb";

type GrantId<F> = <<F as Fixture>::Grant as OAuth2Grant>::Id;
/// What is done to the things of this name.
type Act<F> = fn(&Victim<F>, &str) -> Result<(), Error>;

/// Who does something and comes to harm.
struct Victim<F: Fixture<Conn: Session>> {
    pool: FaultyPool<F::Conn>,
    client: F::Client,
    clock: ManualClock,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// Nobody knows, because whoever did it is gone.
    Gone,
    /// With [`Error::ConnectionLost`].
    Lost,
    /// As it should.
    Done,
}

impl<F: Fixture<Conn: Session>> Victim<F> {
    fn codes(&self) -> CodeStore<F::Code, F::Token, FaultyPool<F::Conn>> {
        create_authorization_code_store(self.pool.clone()).clock(self.clock.clone())
    }

    fn tokens(&self) -> RefreshStore<F::Token, FaultyPool<F::Conn>> {
        create_refresh_token_store(self.pool.clone()).clock(self.clock.clone())
    }
}

fn codes<F: Fixture>(scene: &Scene<F>) -> CodeStore<F::Code, F::Token, TestPool<F>> {
    create_authorization_code_store(scene.pool.clone()).clock(scene.clock.clone())
}

fn tokens<F: Fixture>(scene: &Scene<F>) -> RefreshStore<F::Token, TestPool<F>> {
    create_refresh_token_store(scene.pool.clone()).clock(scene.clock.clone())
}

/// Harms `act` at each of its points in turn, each time after `prepare`, and has what is left looked at by `check`. Each
/// time goes by a name of its own.
fn at_each_point<F: Fixture<Conn: Session>>(
    scene: &Scene<F>,
    prepare: impl Fn(&str),
    act: impl Fn(&Victim<F>, &str) -> Result<(), Error>,
    check: impl Fn(&str, End),
) {
    let mut harms = vec![Killed::Thread];
    if scene.conn().id().expect("no error").is_some() {
        harms.push(Killed::Session);
    }
    // One connection does, because a dead one is replaced.
    let pool = scene.fixture.pool_of(1);
    for harm in harms {
        each_point(|point| {
            let name = format!("{harm:?}-{point:?}");
            prepare(&name);
            // A session that was ended last is met here.
            pool.run(Intent::Read, |conn| conn.id()).expect("no error");
            let victim = Victim::<F> {
                pool: FaultyPool::new((*pool).clone(), scene.fixture.url(), harm, point),
                client: scene.client.clone(),
                clock: scene.clock.clone(),
            };
            let end = match catch_unwind(AssertUnwindSafe(|| act(&victim, &name))) {
                Ok(Ok(())) => End::Done,
                Ok(Err(Error::ConnectionLost)) => End::Lost,
                Ok(Err(error)) => panic!("{name}: {error}"),
                Err(payload) if payload.is::<Ended>() => End::Gone,
                Err(payload) => resume_unwind(payload),
            };
            check(&name, end);
            let is_harmed = victim.pool.has_harmed();
            assert!(is_harmed || end == End::Done, "{name}: {end:?}");
            is_harmed
        });
    }
}

/// [`at_each_point`], with a process of its own that is killed.
fn in_a_process_at_each_point<F: Fixture<Conn: Session>>(
    scene: &Scene<F>,
    act: &str,
    prepare: impl Fn(&str),
    check: impl Fn(&str, End),
) {
    assert!(process::ACTS.contains(&act));
    each_point(|point| {
        let name = format!("killed-{point:?}");
        prepare(&name);
        let was_killed = process::kill_at(&scene.fixture, act, &name, point);
        check(&name, if was_killed { End::Gone } else { End::Done });
        was_killed
    });
}

/// Before each statement and after the last. `harm` tells whether there was such a point.
fn each_point(harm: impl Fn(Point) -> bool) {
    let count = (0..200).find(|statement| !harm(Point::Before(*statement)));
    let count = count.expect("it comes to an end");
    assert!(count > 0, "there was something to harm");
    assert!(harm(Point::After(count - 1)));
}

/// The row of `access-NAME`, if there is one.
fn row<F: Fixture>(scene: &Scene<F>, name: &str) -> Option<F::Token> {
    let query_token = create_query_token_func::<F::Token, _>(scene.pool.clone());
    query_token(&format!("access-{name}"), None).expect("no error")
}

fn is_alive<F: Fixture>(scene: &Scene<F>, name: &str) -> bool {
    row(scene, name).is_some_and(|row| !row.is_revoked())
}

/// Whether tokens can be issued from the grant.
fn is_grant_alive<F: Fixture>(scene: &Scene<F>, id: &GrantId<F>) -> bool {
    F::Grant::touch(&mut scene.conn(), id, NOW).expect("no error")
}

/// The grant of `access-NAME`.
fn grant_of<F: Fixture>(scene: &Scene<F>, name: &str) -> GrantId<F> {
    let row = row(scene, name).expect("is stored");
    row.grant_id().expect("has a grant").clone()
}
