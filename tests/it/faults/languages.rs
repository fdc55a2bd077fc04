//! Servers whose messages are in another language.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::Error;

use super::private::{Private, Served, builder};
use super::{dialect, rotate_on};
use crate::fixture::Bundled;

/// What a statement ends as, on a connection of this pool.
fn outcome<F: Served>(pool: &Pool<ConnectionManager<F::Conn>>, statement: &str) -> Error {
    let mut conn = pool.get().expect("is free");
    let error = conn.batch_execute(statement).expect_err(statement);
    Error::from(error)
}

fn check_each_error<F: Served>(private: &Private<F>, pool: &Pool<ConnectionManager<F::Conn>>) {
    let slow = dialect::<F>(
        "",
        "BEGIN; SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(30)",
        "SET STATEMENT max_statement_time = 0.05 FOR CREATE TABLE slow SELECT count(*) FROM seq_1_to_10000000000 WHERE sha1(seq) = ''",
    );
    assert_eq!(outcome::<F>(pool, &slow), Error::StatementTimeout);
    let mut conn = pool.get().expect("is free");
    let _ = conn.batch_execute("ROLLBACK");
    drop(conn);
    assert!(matches!(
        outcome::<F>(pool, "SELECT missing FROM oauth2_token"),
        Error::SchemaMismatch { .. }
    ));
    assert!(matches!(
        outcome::<F>(pool, "SELECT 1 FROM missing"),
        Error::SchemaMismatch { .. }
    ));
    let long = format!("UPDATE oauth2_token SET token_type = '{}'", "x".repeat(300));
    assert!(matches!(
        outcome::<F>(pool, &long),
        Error::ValueTooLong { .. }
    ));
    // A lock, while somebody else holds the token.
    let mut other = private.connect();
    other
        .transaction(|conn| {
            conn.batch_execute("UPDATE oauth2_token SET scope = scope")?;
            let error = rotate_on::<F>(pool, &private.client, "old", "new");
            assert_eq!(error, Err(Error::LockTimeout));
            Ok::<_, Error>(())
        })
        .expect("is committed");
    assert_eq!(private.count_tokens(), 1);
    assert_eq!(rotate_on::<F>(pool, &private.client, "old", "new"), Ok(()));
    assert_eq!(private.count_tokens(), 2);
}

#[cfg(feature = "mysql")]
#[test]
fn row_44_errors_are_told_apart_on_a_german_mariadb() {
    type F = Bundled<crate::support::Mysql>;

    let Some(private) = Private::<F>::set_up(&["lc-messages=de_DE"]) else {
        return;
    };
    let german = private.connect().batch_execute("SELECT 1 FROM app.missing");
    let german = german.expect_err("is missing").to_string();
    assert!(german.contains("existiert nicht"), "{german}");
    let url = private.url();
    let pool = builder::<F>(&url).lock_timeout(std::time::Duration::from_secs(1));
    check_each_error(&private, &pool.build().expect("it answers"));
}

/// A locale of the operating system, made in this folder: PostgreSQL shows messages in another language only where the
/// system knows it.
#[cfg(feature = "postgres")]
fn make_locale(folder: &std::path::Path) -> bool {
    std::fs::create_dir(folder).expect("a folder");
    let mut localedef = std::process::Command::new("localedef");
    localedef.args(["--no-archive", "-i", "de_DE", "-f", "UTF-8"]);
    let output = localedef.arg(folder.join("de_DE.UTF-8")).output();
    output.is_ok_and(|output| output.status.success())
}

#[cfg(feature = "postgres")]
#[test]
fn row_44_errors_are_told_apart_on_a_german_postgres() {
    use crate::support::private_server::{PrivatePostgres, cannot_run};

    type F = Bundled<crate::support::Postgres>;

    let Some(server) = PrivatePostgres::new(&["lc_messages=de_DE.UTF-8"]) else {
        return;
    };
    let locales = server.folder().join("locales");
    if !make_locale(&locales) {
        cannot_run("no German locale can be made (localedef and the package locales)");
        return;
    }
    let server = server.environment("LOCPATH", locales.to_str().expect("is UTF-8"));
    let private = Private::<F>::on(server.initialized());
    let mut conn = private.connect();
    let german = conn.batch_execute("SELECT 1 FROM missing");
    let german = german.expect_err("is missing").to_string();
    assert!(german.contains("existiert nicht"), "{german}");

    // By the pool itself, as long as it may.
    let fast = |url: &str| {
        let pool = builder::<F>(url).lock_timeout(std::time::Duration::from_millis(50));
        pool.build().expect("it answers")
    };
    check_each_error(&private, &fast(&private.url()));

    // Another user may not choose the language of its messages: what only they tell apart is an error without a name, and
    // the rest works.
    for statement in [
        "CREATE ROLE app LOGIN",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO app",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app",
    ] {
        conn.batch_execute(statement).expect(statement);
    }
    let url = private.url().replace("postgres@", "app@");
    let pool = fast(&url);
    assert_eq!(
        rotate_on::<F>(&pool, &private.client, "new", "newer"),
        Ok(())
    );
    assert_eq!(
        outcome::<F>(&pool, "SELECT 1 FROM missing"),
        Error::Database
    );
    let duplicate = "INSERT INTO oauth2_token SELECT * FROM oauth2_token LIMIT 1";
    assert!(matches!(
        outcome::<F>(&pool, duplicate),
        Error::Duplicate { .. }
    ));
    drop(pool);

    // Until its administrator chooses for it, in either way.
    for statement in [
        "ALTER ROLE app SET lc_messages = 'C'",
        "ALTER ROLE app RESET lc_messages; GRANT SET ON PARAMETER lc_messages TO app",
    ] {
        if conn.batch_execute(statement).is_err() {
            continue; // before PostgreSQL 15
        }
        let error = outcome::<F>(&fast(&url), "SELECT 1 FROM missing");
        assert!(matches!(error, Error::SchemaMismatch { .. }), "{statement}");
    }
    assert!(
        !private.server.log().contains("\u{bb}lc_messages\u{ab}"),
        "no refusal is logged"
    );
    drop(conn);
}
