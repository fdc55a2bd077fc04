//! The server is stopped, killed, started again, or refuses.

use diesel_oauth2::{Error, create_query_token_func};

use super::private::{Private, Served, on_every_server};
use crate::support::private_server::Stop;

on_every_server!(row_44_server_gone_and_back_again);

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
