//! What the bundled tables promise.

use diesel::connection::SimpleConnection;
use diesel_oauth2::migrations::{revert_all, status};

use crate::support::{TestDatabase, on_every_database};

on_every_database!(
    schema_rs_agrees_with_the_catalog,
    every_lookup_goes_by_an_index,
    secrets_are_compared_byte_by_byte,
    times_beyond_2038_fit,
    deleting_a_client_takes_its_tokens_and_codes_along,
);

fn schema_rs_agrees_with_the_catalog<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let catalog = match D::NAME {
        "sqlite" => {
            "SELECT m.name || '.' || c.name || ' ' || lower(c.type) || iif(c.\"notnull\", ' not null', ' null') AS value
             FROM sqlite_master AS m, pragma_table_info(m.name) AS c
             WHERE m.type = 'table' AND m.name LIKE 'oauth2%' ORDER BY m.name, c.cid"
        }
        _ => {
            "SELECT CONCAT(table_name, '.', column_name, ' ',
                           CASE data_type WHEN 'character varying' THEN 'varchar' ELSE data_type END,
                           CASE WHEN data_type IN ('varchar', 'character varying')
                                THEN CONCAT('(', character_maximum_length, ')') ELSE '' END,
                           CASE is_nullable WHEN 'YES' THEN ' null' ELSE ' not null' END) AS value
             FROM information_schema.columns
             WHERE table_name LIKE 'oauth2%' AND table_schema = (SELECT CURRENT)
             ORDER BY table_name, ordinal_position"
        }
    };
    let current = match D::NAME {
        "postgres" => "SELECT current_schema()",
        _ => "SELECT DATABASE()",
    };
    let catalog = catalog.replace("SELECT CURRENT", current);
    let live = D::strings(&mut database.connect(), &catalog);
    let mut printed = columns_of_schema_rs();
    if D::NAME == "sqlite" {
        // The row id has this type's name, and is 64 bits wide all the same.
        for column in printed.iter_mut().filter(|column| column.contains(".id ")) {
            *column = column.replace("bigint", "integer");
        }
    }
    assert_eq!(live, printed);
}

/// Each column of `src/schema.rs` in the form `table.column type(length) null`.
fn columns_of_schema_rs() -> Vec<String> {
    let mut columns = Vec::new();
    let mut table = "";
    let mut length = None;
    for line in include_str!("../../src/schema.rs").lines().map(str::trim) {
        if let Some((name, "(id) {")) = line.split_once(' ') {
            table = name;
        } else if let Some(max) = line.strip_prefix("#[max_length = ") {
            length = max.strip_suffix(']');
        } else if let Some((column, sql_type)) = line.split_once(" -> ") {
            let sql_type = sql_type.trim_end_matches(',');
            let (sql_type, null) = match sql_type.strip_prefix("Nullable<") {
                Some(inner) => (inner.trim_end_matches('>'), "null"),
                None => (sql_type, "not null"),
            };
            let sql_type = match (sql_type, length.take()) {
                ("Int8", None) => "bigint".to_owned(),
                ("Varchar", Some(length)) => format!("varchar({length})"),
                ("Text", None) => "text".to_owned(),
                other => panic!("{column} is {other:?}"),
            };
            columns.push(format!("{table}.{column} {sql_type} {null}"));
        }
    }
    assert_eq!(columns.len(), 9 + 15 + 14 + 7 + 13);
    columns
}

fn every_lookup_goes_by_an_index<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let conn = &mut database.connect();
    fill::<D>(conn, 20_000);
    let lookups = [
        ("oauth2_client WHERE client_id = ?", vec!["client-7"]),
        ("oauth2_code WHERE code = ?", vec!["code-7"]),
        ("oauth2_code WHERE client_id = ?", vec!["client-7"]),
        ("oauth2_code WHERE auth_time < 100", vec![]),
        ("oauth2_token WHERE access_token = ?", vec!["access-7"]),
        ("oauth2_token WHERE refresh_token = ?", vec!["refresh-7"]),
        (
            "oauth2_token WHERE access_token = ? OR refresh_token = ?",
            vec!["refresh-7", "refresh-7"],
        ),
        ("oauth2_token WHERE client_id = ?", vec!["client-7"]),
        ("oauth2_token WHERE user_id = 7", vec![]),
        ("oauth2_token WHERE issued_at < 100", vec![]),
        ("oauth2_token WHERE grant_id = 7", vec![]),
        ("oauth2_device_code WHERE device_code = ?", vec!["device-7"]),
        ("oauth2_device_code WHERE user_code = ?", vec!["user-7"]),
        ("oauth2_device_code WHERE issued_at < 100", vec![]),
        ("oauth2_grant WHERE id = 7", vec![]),
        ("oauth2_grant WHERE user_id = 7", vec![]),
        ("oauth2_grant WHERE created_at < 100", vec![]),
        ("oauth2_grant WHERE client_id = ?", vec!["client-7"]),
    ];
    let scan = match D::NAME {
        "sqlite" => "SCAN ",
        "postgres" => "Seq Scan",
        _ => "\"access_type\": \"ALL\"",
    };
    let index = match D::NAME {
        "sqlite" => "USING IN",
        "postgres" => "Index Cond",
        _ => "\"used_key_parts\"",
    };
    for (lookup, parameters) in lookups {
        let plan = D::explain(conn, &format!("SELECT * FROM {lookup}"), &parameters);
        assert!(!plan.contains(scan), "{lookup}: {plan}");
        assert!(plan.contains(index), "{lookup}: {plan}");
    }
}

/// Many rows: on a table that fits a page no planner looks at an index.
fn fill<D: TestDatabase>(conn: &mut D::Conn, rows: u32) {
    if D::NAME == "mysql" {
        D::execute(
            conn,
            &format!("SET max_recursive_iterations = {}", rows + 1),
        );
    }
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    D::execute(
        conn,
        &format!(
            "INSERT INTO oauth2_client (client_id) {numbers} SELECT concat('client-', i) FROM n;
             INSERT INTO oauth2_code (client_id, code, auth_time) {numbers}
             SELECT concat('client-', i), concat('code-', i), i FROM n;
             INSERT INTO oauth2_grant (id, client_id, user_id, created_at, last_used_at) {numbers}
             SELECT i, concat('client-', i), i, i, i FROM n;
             INSERT INTO oauth2_token (client_id, user_id, access_token, refresh_token, issued_at, grant_id) {numbers}
             SELECT concat('client-', i), i, concat('access-', i),
                    CASE WHEN i % 3 = 0 THEN NULL ELSE concat('refresh-', i) END, i, i
             FROM n;
             INSERT INTO oauth2_device_code
                 (client_id, device_code, user_code, issued_at, expires_at, poll_interval) {numbers}
             SELECT concat('client-', i), concat('device-', i), concat('user-', i), i, i, 5 FROM n;"
        ),
    );
    D::execute(
        conn,
        match D::NAME {
            "mysql" => {
                "ANALYZE TABLE oauth2_client, oauth2_code, oauth2_device_code, oauth2_grant, oauth2_token"
            }
            _ => "ANALYZE",
        },
    );
}

fn secrets_are_compared_byte_by_byte<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let conn = &mut database.connect();
    D::execute(
        conn,
        "INSERT INTO oauth2_client (client_id, client_secret) VALUES ('acc5', 'acc5');
         INSERT INTO oauth2_code (client_id, code, auth_time) VALUES ('acc5', 'acc5', 0);
         INSERT INTO oauth2_token (client_id, access_token, refresh_token, issued_at)
         VALUES ('acc5', 'acc5', 'acc5', 0)",
    );
    let columns = [
        ("oauth2_client", "client_id"),
        ("oauth2_client", "client_secret"),
        ("oauth2_code", "code"),
        ("oauth2_code", "client_id"),
        ("oauth2_token", "client_id"),
        ("oauth2_token", "access_token"),
        ("oauth2_token", "refresh_token"),
    ];
    for (table, column) in columns {
        for (text, expected) in [
            ("acc5", 1),
            ("ACC5", 0),
            ("Acc5", 0),
            ("acc5 ", 0),
            ("acc5   ", 0),
            (" acc5", 0),
            ("åcc5", 0),
            ("acc5\u{1f980}", 0),
            ("", 0),
        ] {
            let query = format!("SELECT count(*) FROM {table} WHERE {column} = '{text}'");
            assert_eq!(D::number(conn, &query), expected, "{query}");
        }
    }
    // Texts that differ only so are no duplicates either.
    D::execute(
        conn,
        "INSERT INTO oauth2_client (client_id) VALUES ('ACC5'), ('acc5 '), ('åcc5')",
    );
}

fn times_beyond_2038_fit<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let conn = &mut database.connect();
    D::execute(
        conn,
        "INSERT INTO oauth2_client (client_id, client_secret_expires_at) VALUES ('c', 253402300799);
         INSERT INTO oauth2_token (client_id, access_token, issued_at, expires_in)
         VALUES ('c', 'a', 253402300799, 253402300799)",
    );
    let issued_at = D::number(conn, "SELECT issued_at FROM oauth2_token");
    assert_eq!(issued_at, 253_402_300_799);
}

fn deleting_a_client_takes_its_tokens_and_codes_along<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let conn = &mut database.connect();
    if D::NAME == "sqlite" {
        D::execute(conn, "PRAGMA foreign_keys = ON");
    }
    D::execute(
        conn,
        "INSERT INTO oauth2_client (client_id) VALUES ('one'), ('two');
         INSERT INTO oauth2_code (client_id, code, auth_time) VALUES ('one', '1', 0), ('two', '2', 0);
         INSERT INTO oauth2_token (client_id, access_token, issued_at) VALUES ('one', '1', 0), ('two', '2', 0);
         DELETE FROM oauth2_client WHERE client_id = 'one'",
    );
    for table in ["oauth2_client", "oauth2_code", "oauth2_token"] {
        assert_eq!(D::number(conn, &format!("SELECT count(*) FROM {table}")), 1);
    }
    let stranger = conn.batch_execute(
        "INSERT INTO oauth2_token (client_id, access_token, issued_at) VALUES ('none', '3', 0)",
    );
    assert!(stranger.is_err());
    // Down works with rows in every table.
    revert_all(conn).expect("are reverted");
    assert_eq!(
        status(conn)
            .expect("is read")
            .iter()
            .filter(|it| it.applied)
            .count(),
        0
    );
}

/// SQLite gives the highest key out again once its row is gone: to a token that is issued while someone else prunes.
#[cfg(feature = "sqlite")]
#[test]
fn row_40_a_live_token_with_the_key_of_a_dead_one_stays() {
    use diesel::prelude::*;
    use diesel_oauth2::models::Token;
    use diesel_oauth2::schema::oauth2_token;
    use diesel_oauth2::table::AgedTable;

    use crate::fixture::{Bundled, NOW, Scene, token};
    use crate::support::Sqlite;

    let Some(scene) = Scene::<Bundled<Sqlite>>::set_up() else {
        return;
    };
    scene.save(&token("dead")).expect("is saved");
    scene.clock.set(NOW + 100);
    let conn = &mut *scene.conn();
    let before = NOW + 50;
    let mut aged: Vec<Token> = Vec::new();
    Token::load_aged(conn, None, before, 10, |row| aged.push(row)).expect("no error");
    let keys: Vec<_> = aged
        .iter()
        .map(AgedTable::<SqliteConnection>::key)
        .collect();
    assert_eq!(Token::delete(conn, &keys, before), Ok(1));
    scene.save(&token("live")).expect("is saved");
    let live = oauth2_token::table.select(oauth2_token::id).load(conn);
    assert_eq!(live, Ok(keys.clone()), "the key was given out again");
    assert_eq!(Token::delete(conn, &keys, before), Ok(0));
}
