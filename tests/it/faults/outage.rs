//! The server is stopped, killed, started again, or refuses.

use std::time::{Duration, Instant};

use diesel::Connection;
use diesel_oauth2::{Error, create_query_token_func};

use super::private::{Private, Served, builder, on_every_server};
use crate::fixture::Fixture;
use crate::support::private_server::Stop;

on_every_server!(
    row_44_server_gone_and_back_again,
    row_44_server_takes_no_more_connections,
);

/// Whether the access token of this name is found.
fn find<F: Served>(private: &Private<F>, name: &str) -> Result<bool, Error> {
    let query_token = create_query_token_func::<F::Token, _>(private.pool.clone());
    Ok(query_token(&format!("access-{name}"), None)?.is_some())
}

fn row_44_server_gone_and_back_again<F: Served>() {
    let Some(private) = Private::<F>::set_up(&[]) else {
        return;
    };
    let mut latest = "old".to_owned();
    for (round, how) in [(1, Stop::Orderly), (2, Stop::Crash)] {
        // All of the pool's connections are open, so that each of them dies.
        let open: Vec<_> = (0..4).map(|_| private.pool.get()).collect();
        assert!(open.iter().all(Result::is_ok));
        drop(open);

        private.server.down(how);
        for _ in 0..2 {
            let error = find(&private, &latest).expect_err("the server is gone");
            assert_eq!(error, Error::Unreachable, "{how:?}");
            assert!(error.is_retryable());
            let error = private.rotate(&latest, "lost").expect_err("is gone");
            assert_eq!(error, Error::Unreachable, "{how:?}");
        }

        private.server.up();
        assert_eq!(find(&private, &latest), Ok(true), "{how:?}");
        assert_eq!(private.count_tokens(), round);
        let next = format!("after-{round}");
        assert_eq!(private.rotate(&latest, &next), Ok(()), "{how:?}");
        assert_eq!(private.count_tokens(), round + 1);
        latest = next;
    }

    // Restarted unseen: what only reads is asked again, and each dead connection is met at most once.
    private.server.restart(Stop::Orderly);
    assert_eq!(find(&private, &latest), Ok(true));
    assert_eq!(find(&private, "lost"), Ok(false));
}

fn row_44_server_takes_no_more_connections<F: Served>() {
    // One more is kept for an administrator, which the tests' user is.
    let settings = super::dialect::<F>("", "max_connections=10", "max-connections=10");
    let Some(private) = Private::<F>::set_up(&[&settings]) else {
        return;
    };
    // Of more connections than the server takes.
    let pool = builder::<F>(&private.url()).max_size(30).build();
    let pool = pool.expect("it answers");
    let rotate = || super::rotate_on::<F>(&pool, &private.client, "old", "new");
    let mut taken = Vec::new();
    while let Ok(conn) = F::Conn::establish(&private.url()) {
        taken.push(conn);
        assert!(taken.len() < 20, "the server takes any number");
    }
    let refused = builder::<F>(&private.url()).build().map(drop);
    assert_eq!(refused, Err(Error::Unreachable));

    // The open connections go on; another one is not to be had, and that is not the pool's doing.
    assert_eq!(find(&private, "old"), Ok(true));
    let in_use: Vec<_> = std::iter::from_fn(|| pool.try_get()).collect();
    assert!(!in_use.is_empty());
    let error = rotate().expect_err("is refused");
    assert_eq!(error, Error::Unreachable);
    assert!(error.is_retryable());
    drop((in_use, taken));
    // By the pool: the server may still be ending the sessions that were given up.
    let count_tokens = || F::count_tokens(&mut pool.get().expect("is open"));
    assert_eq!(count_tokens(), 1);
    assert_eq!(rotate(), Ok(()));
    assert_eq!(count_tokens(), 2);
}

/// PostgreSQL refuses all connections while it starts up, and new ones while it waits for the old ones to end.
#[cfg(feature = "postgres")]
#[test]
fn row_44_server_starting_up_and_shutting_down_on_postgres() {
    type F = crate::fixture::Bundled<crate::support::Postgres>;

    // A standby that may not be read from is one that does not finish starting up.
    let Some(private) = Private::<F>::set_up(&["hot_standby=off"]) else {
        return;
    };
    let signal = private.server.data().join("standby.signal");
    private.server.down(Stop::Orderly);
    std::fs::write(&signal, "").expect("is written");
    private.server.up_without_waiting();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let refusal = <F as Fixture>::Conn::establish(&private.url());
        let refusal = refusal.err().expect("it starts up").to_string();
        if refusal.contains("the database system is") {
            break;
        }
        assert!(Instant::now() < deadline, "{refusal}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let error = private.rotate("old", "new").expect_err("it starts up");
    assert_eq!(error, Error::Unreachable);
    private.server.down(Stop::Orderly);
    std::fs::remove_file(signal).expect("is gone");
    private.server.up();
    assert_eq!(private.rotate("old", "new"), Ok(()));

    // TERM ends no session.
    private.server.signal("TERM");
    let deadline = Instant::now() + Duration::from_secs(20);
    while <F as Fixture>::Conn::establish(&private.url()).is_ok() {
        assert!(Instant::now() < deadline, "it goes on taking connections");
        std::thread::sleep(Duration::from_millis(20));
    }
    let refused = builder::<F>(&private.url()).build().map(drop);
    assert_eq!(refused, Err(Error::Unreachable));
    assert_eq!(private.rotate("new", "newer"), Ok(()), "by the old session");
    private.server.down(Stop::Orderly);
    let error = private.rotate("newer", "newest").expect_err("is gone");
    assert_eq!(error, Error::Unreachable);
    private.server.up();
    assert_eq!(private.count_tokens(), 3);
    assert_eq!(private.rotate("newer", "newest"), Ok(()));
}
