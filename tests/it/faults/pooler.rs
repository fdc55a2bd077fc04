//! A pooler in transaction mode between the application and PostgreSQL: pgbouncer, which hands a connection of the server's
//! to whoever begins a transaction next.

use std::process::{Child, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::{Error, create_query_token_func};

use super::private::{Private, builder};
use super::{issue_on, rotate_on};
use crate::fixture::{Bundled, Fixture};
use crate::support::private_server::{
    as_user, cannot_run, find, free_port, give_to, signal, wait_until_ended,
};

type F = Bundled<crate::support::Postgres>;
type Conn = <F as Fixture>::Conn;

const THREADS: usize = 8;

/// Stopped when dropped.
struct Pgbouncer {
    child: Option<Child>,
    url: String,
}

impl Pgbouncer {
    /// In front of this server, with fewer connections to it than the tests have to the pooler.
    fn start(private: &Private<F>) -> Option<Self> {
        let Some(program) = find("pgbouncer", ["/usr/sbin".into()]) else {
            cannot_run("pgbouncer is missing");
            return None;
        };
        let folder = private.server.folder().join("pgbouncer");
        std::fs::create_dir(&folder).expect("a folder");
        let port = free_port();
        let server_port = private.server.port();
        let configuration = format!(
            "[databases]\napp = host=127.0.0.1 port={server_port} user=postgres\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 3\nmax_client_conn = 100\n"
        );
        let file = folder.join("pgbouncer.ini");
        std::fs::write(&file, configuration).expect("is written");
        give_to("postgres", &folder);
        let mut child = as_user("postgres", &program)
            .arg("--quiet")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let url = format!("postgres://postgres@127.0.0.1:{port}/app");
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Err(error) = Conn::establish(&url) {
            let ended = child.try_wait().expect("its state").is_some();
            assert!(!ended && Instant::now() < deadline, "{error}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let child = Some(child);
        Some(Self { child, url })
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            signal("TERM", child.id());
            wait_until_ended(child);
        }
    }
}

/// Look-ups and whole lives of families from threads that each have a connection: what went wrong.
fn errors_of_threads(pool: &Pool<ConnectionManager<Conn>>, private: &Private<F>) -> Vec<Error> {
    let barrier = Barrier::new(THREADS);
    let client = &private.client;
    let one_life = |thread: usize| {
        let query_token = create_query_token_func::<<F as Fixture>::Token, _>(pool.clone());
        for round in 0..10 {
            let name = |step: &str| format!("{step}-{thread}-{round}-{}", pool.max_size());
            let found = query_token("access-old", None)?;
            assert!(found.is_some());
            let (first, second) = (name("first"), name("second"));
            issue_on::<F>(pool, client, &first)?;
            rotate_on::<F>(pool, client, &first, &second)?;
            let found = query_token(&format!("access-{second}"), None)?;
            assert!(found.is_some());
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    one_life(thread)
                })
            })
            .collect();
        let outcomes = threads.into_iter().map(|it| it.join().expect("no panic"));
        outcomes.filter_map(Result::err).collect()
    })
}

#[test]
fn row_44_behind_a_pooler_in_transaction_mode() {
    let Some(private) = Private::<F>::set_up(&[]) else {
        return;
    };
    let Some(pooler) = Pgbouncer::start(&private) else {
        return;
    };
    let size = u32::try_from(THREADS).expect("is small");

    // Statements that are kept are looked for on a connection that does not know them.
    let pool = builder::<F>(&pooler.url).max_size(size).build();
    let pool = pool.expect("the pooler answers");
    let errors = errors_of_threads(&pool, &private);
    assert!(!errors.is_empty(), "each has found its own connection");
    for error in &errors {
        assert_eq!(*error, Error::PreparedStatementLost);
        assert!(!error.is_retryable());
        let advice = error.to_string();
        assert!(
            advice.contains("PoolBuilder::prepared_statements"),
            "{advice}"
        );
    }
    drop(pool);

    // Statements that are not kept work.
    let before = private.count_tokens();
    let pool = builder::<F>(&pooler.url)
        .max_size(size + 1)
        .prepared_statements(false)
        .build()
        .expect("the pooler answers");
    // Those of the pool above are still known to the server's connections.
    assert_eq!(errors_of_threads(&pool, &private), []);
    let added = private.count_tokens() - before;
    assert_eq!(added, 2 * 10 * i64::from(size));
    drop(pool);
    #[cfg(feature = "deadpool")]
    check_awaited(&pooler.url);
}

/// diesel-async gives every statement a name, and so needs a pooler that knows names: what the setting's documentation says.
#[cfg(feature = "deadpool")]
fn check_awaited(url: &str) {
    use crate::awaited::facade::runtime;
    use diesel_oauth2::asynchronous::create_query_token_func;
    use diesel_oauth2::asynchronous::pool::AsyncPoolBuilder;

    let pool = AsyncPoolBuilder::<<F as Fixture>::AsyncConn>::new(url)
        .max_size(u32::try_from(THREADS).expect("is small"))
        .prepared_statements(false)
        .build_deadpool()
        .expect("the pool is made");
    let query_token = create_query_token_func::<<F as Fixture>::Token, _>(pool);
    let outcomes = runtime().block_on(async {
        let tasks: Vec<_> = (0..THREADS * 20)
            .map(|_| {
                let query_token = query_token.clone();
                tokio::spawn(
                    async move { query_token("access-old", None).await.map(|it| it.is_some()) },
                )
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.expect("no panic"));
        }
        outcomes
    });
    let is_expected = |outcome: &Result<bool, Error>| {
        // New connections are set up by named statements too.
        let lost = [Error::PreparedStatementLost, Error::Unreachable];
        match outcome {
            Ok(is_found) => *is_found,
            Err(error) => lost.contains(error),
        }
    };
    assert!(outcomes.iter().all(is_expected), "{outcomes:?}");
    // Where this fails, diesel-async has learnt it, and the setting's documentation may say so.
    assert!(outcomes.iter().any(Result::is_err));
}
