//! Checklist rows 15 and 45: no secret stands in the database in plain, and none is shown.

use std::fmt::{Debug, Display};

use diesel_oauth2::lifecycle::{
    CodeRequest, DeviceRequest, Redemption, create_authorization_code_store,
    create_device_code_store, create_refresh_token_store,
};
use diesel_oauth2::registration::{Registration, create_client_registry};
use diesel_oauth2::{
    ClientMetadata, EndpointRequest, OAuth2AuthorizationCode, OAuth2DeviceCode, TokenRequest,
    TokenResponse, create_bearer_token_validator, create_client_authenticator,
    create_introspection_endpoint, create_query_token_func, create_revocation_endpoint,
};

use crate::fixture::{Fixture, Scene, on_every_schema};

on_every_schema!(row_45_no_secret_is_shown_by_a_value_or_an_error);

/// Stands in every secret of these tests, and nowhere else.
const MARK: &str = "S3CR3T";

fn secret(name: &str) -> String {
    format!("{MARK}-{name}-{MARK}")
}

fn response(name: &str) -> TokenResponse {
    let mut response = TokenResponse::bearer(secret(&format!("access-{name}")));
    response.refresh_token = Some(secret(&format!("refresh-{name}")));
    response.scope = Some("profile".into());
    response.expires_in = Some(3600);
    response
}

/// Everything that was shown.
#[derive(Default)]
struct Shown(Vec<String>);

impl Shown {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push(format!("{value:?} {value:#?}"));
    }

    fn error<T>(&mut self, result: Result<T, impl Debug + Display>) {
        match result {
            Ok(_) => panic!("is to fail"),
            Err(error) => self.0.push(format!("{error:?} {error:#?} {error}")),
        }
    }

    fn check(&self) {
        for text in &self.0 {
            assert!(!text.contains(MARK), "{text}");
        }
    }
}

fn row_45_no_secret_is_shown_by_a_value_or_an_error<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let mut shown = Shown::default();
    let (client, pool) = (&scene.client, &scene.pool);
    let tokens = create_refresh_token_store::<F::Token, _>(pool.clone());
    let codes = create_authorization_code_store::<F::Code, F::Token, _>(pool.clone());
    let devices = create_device_code_store::<F::Device, F::Token, _>(pool.clone());
    let validator = create_bearer_token_validator::<F::Token, _>(pool.clone());
    let revocation = create_revocation_endpoint::<F::Token, _>(pool.clone());
    let introspection = create_introspection_endpoint::<F::Token, _>(pool.clone());
    let authenticator = create_client_authenticator::<F::Client, _>(pool.clone());
    shown.debug(&tokens);
    shown.debug(&codes);
    shown.debug(&devices);
    shown.debug(&validator);
    shown.debug(&revocation);
    shown.debug(&introspection);
    shown.debug(&authenticator);

    // Tokens: stored, taken, too long, of characters that no token may have.
    let request = scene.request();
    shown.debug(&response("a"));
    shown.debug(&request);
    let grant = tokens.start(client, Some(&F::user(1))).expect("is started");
    tokens
        .issue(&response("a"), &request, &grant)
        .expect("is issued");
    shown.error(scene.save(&response("a")));
    shown.error(tokens.issue(&response("a"), &request, &grant));
    shown.error(scene.save_plain(&response(&"long".repeat(200))));
    shown.error(scene.save(&response("caf\u{e9}")));
    shown.error(scene.save(&response("nul\0")));

    // Refresh tokens: rotated, reused, unknown.
    let old = secret("refresh-a");
    let refreshing = tokens.authenticate(&old, client);
    let refreshing = refreshing.expect("is valid");
    tokens
        .rotate(&refreshing, &response("b"), &request)
        .expect("is rotated");
    shown.error(tokens.rotate(&refreshing, &response("c"), &request));
    shown.error(tokens.authenticate(&old, client).map(drop));
    shown.error(tokens.authenticate(&secret("unknown"), client).map(drop));

    // Codes: taken, unknown, replayed, with a wrong verifier.
    let code = secret("code");
    let code_request = CodeRequest::new(client)
        .user(F::user(1))
        .extra(F::extra())
        .code_challenge(MARK, "plain");
    shown.debug(&code_request);
    codes.save(&code, &code_request).expect("is saved");
    shown.error(codes.save(&code, &code_request));
    shown.error(codes.save(&secret("\u{e9}"), &code_request));
    let verifier = secret(&"v".repeat(43));
    let redemption = Redemption::new(&code, client).code_verifier(&verifier);
    shown.debug(&redemption);
    shown.error(codes.redeem(&redemption).map(drop));
    let unknown = secret("unknown");
    shown.error(codes.redeem(&Redemption::new(&unknown, client)).map(drop));

    // Device codes.
    let device_request = DeviceRequest::new(client).extra(F::extra());
    let (device_code, user_code) = (secret("device"), format!("{MARK}-U"));
    devices
        .save(&device_code, &user_code, &device_request)
        .expect("is saved");
    shown.error(devices.save(&device_code, &user_code, &device_request));
    shown.error(devices.redeem(&device_code, client).map(drop));
    shown.error(devices.find_pending(&format!("{MARK}X")).map(drop));
    let answer = devices.start(&device_request, "https://op.example/device");
    let answer = answer.expect("is saved");
    let text = format!("{answer:?}");
    assert!(!text.contains(&answer.device_code) && !text.contains(&answer.user_code));

    // Endpoints and the validator, with what they are asked and what they answer.
    let form = format!("token={unknown}&client_id=x&client_secret={MARK}");
    let header = format!("Basic {MARK}");
    for request in [
        EndpointRequest::new(None, form.as_bytes()),
        EndpointRequest::new(Some(&header), b"token=x"),
    ] {
        shown.debug(&request);
        shown.debug(&revocation.create_endpoint_response(&request, &authenticator));
        shown.debug(&introspection.create_endpoint_response(&request, &authenticator));
        shown.debug(&revocation.create_endpoint_response_for(&request, client));
    }
    for token in [secret("unknown"), secret("access-a"), secret("refresh-a")] {
        let header = format!("Bearer {token}");
        shown.error(validator.acquire_token(Some(&header), &[]).map(drop));
    }
    shown.check();
}

/// A whole life of each kind of secret; what they were.
fn live<F: Fixture>(scene: &Scene<F>) -> Vec<String> {
    let (client, pool) = (&scene.client, &scene.pool);
    let registered = create_client_registry::<F::Client, _>(pool.clone())
        .register(&Registration::new(ClientMetadata {
            redirect_uris: vec!["https://app.example/cb".into()],
            ..ClientMetadata::default()
        }))
        .expect("is registered");
    let codes = create_authorization_code_store::<F::Code, F::Token, _>(pool.clone());
    let request = CodeRequest::new(client).user(F::user(1)).extra(F::extra());
    codes.save(&secret("code"), &request).expect("is saved");
    let code = secret("code");
    let redeemed = codes.redeem(&Redemption::new(&code, client));
    let redeemed = redeemed.expect("is redeemed");
    let tokens = create_refresh_token_store::<F::Token, _>(pool.clone());
    let request = TokenRequest::new(client).user(F::user(1)).extra(F::extra());
    let grant = redeemed.grant_id().expect("has a grant");
    tokens
        .issue(&response("a"), &request, grant)
        .expect("is issued");
    let refreshing = tokens.authenticate(&secret("refresh-a"), client);
    let refreshing = refreshing.expect("is valid");
    tokens
        .rotate(&refreshing, &response("b"), &request)
        .expect("is rotated");
    let devices = create_device_code_store::<F::Device, F::Token, _>(pool.clone());
    let device_request = DeviceRequest::new(client).extra(F::extra());
    let answer = devices.start(&device_request, "https://op.example/device");
    let answer = answer.expect("is saved");
    let approved = devices.approve(&answer.user_code, &F::user(1));
    let approved = approved.expect("is approved");
    assert!(!approved.stored_device_code().contains(&answer.device_code));
    create_query_token_func::<F::Token, _>(pool.clone())(&secret("access-b"), None)
        .expect("no error")
        .expect("is stored");
    vec![
        MARK.to_owned(),
        registered.client_secret.expect("has a secret"),
        answer.device_code,
        answer.user_code.replace('-', ""),
        answer.user_code,
    ]
}

#[cfg(feature = "sqlite")]
fn row_15_no_secret_is_in_the_bytes_of_the_file<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let secrets = live(&scene);
    let file = scene.fixture.url();
    let mut bytes = Vec::new();
    for part in ["", "-wal", "-journal"] {
        bytes.extend(std::fs::read(format!("{file}{part}")).unwrap_or_default());
    }
    let has = |needle: &str| {
        bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    };
    assert!(has("sha256:"), "the digests are there");
    for secret in secrets {
        assert!(!has(&secret), "{secret}");
    }
}

#[cfg(feature = "sqlite")]
mod row_15_no_secret_is_in_the_bytes_of_the_file {
    use crate::fixture::{Bundled, Own};
    use crate::support::Sqlite;

    #[test]
    fn sqlite_bundled() {
        super::row_15_no_secret_is_in_the_bytes_of_the_file::<Bundled<Sqlite>>();
    }

    #[test]
    fn sqlite_own() {
        super::row_15_no_secret_is_in_the_bytes_of_the_file::<Own<Sqlite>>();
    }
}

/// Every row of every table of the database, its columns as hexadecimal bytes: in whatever type a secret is kept, it is found.
#[cfg(feature = "postgres")]
fn rows_on_postgres(url: &str) -> Vec<String> {
    use crate::support::{Postgres, TestDatabase};
    use diesel::Connection;

    let mut conn = diesel::PgConnection::establish(url).expect("the database answers");
    let tables = "SELECT format('%I.%I', schemaname, tablename) AS value FROM pg_tables \
                  WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let tables = Postgres::strings(&mut conn, tables);
    assert!(tables.len() >= 5, "{tables:?}");
    // What is binary is in hexadecimal in the row's text already, so both are looked at.
    let rows = tables.iter().flat_map(|table| {
        let rows = format!(
            "SELECT encode(convert_to(t::text, 'UTF8'), 'hex') || ' ' || t::text AS value FROM {table} t"
        );
        Postgres::strings(&mut conn, &rows)
    });
    rows.collect()
}

#[cfg(feature = "mysql")]
fn rows_on_mysql(url: &str) -> Vec<String> {
    use crate::support::{Mysql, TestDatabase};
    use diesel::Connection;

    let mut conn = diesel::MysqlConnection::establish(url).expect("the database answers");
    let queries = "SELECT CONCAT('SELECT LOWER(CONCAT_WS('' '', ', \
                       GROUP_CONCAT('HEX(CAST(`', column_name, '` AS BINARY))'), \
                       ')) AS value FROM `', table_name, '`') AS value \
                   FROM information_schema.columns WHERE table_schema = database() GROUP BY table_name";
    let longer = "SET SESSION group_concat_max_len = 1000000";
    diesel::connection::SimpleConnection::batch_execute(&mut conn, longer).expect("is set");
    let queries = Mysql::strings(&mut conn, queries);
    assert!(queries.len() >= 5, "{queries:?}");
    let rows = queries
        .iter()
        .flat_map(|rows| Mysql::strings(&mut conn, rows));
    rows.collect()
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn row_15_no_secret_is_in_any_row_of_any_table<F: Fixture>(rows: fn(&str) -> Vec<String>) {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let secrets = live(&scene);
    let is_found = |needle: &str| {
        let needle: String = needle.bytes().map(|byte| format!("{byte:02x}")).collect();
        let rows = rows(&scene.fixture.url());
        rows.iter().any(|row| row.contains(&needle))
    };
    assert!(is_found("sha256:"), "the digests are there");
    for secret in secrets {
        assert!(!is_found(&secret), "{secret}");
    }
    // And it would have been found.
    scene.save_plain(&response("plain")).expect("is saved");
    assert!(is_found(MARK));
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod row_15_no_secret_is_in_any_row_of_any_table {
    use super::row_15_no_secret_is_in_any_row_of_any_table as check;
    use crate::fixture::{Bundled, Own};

    #[cfg(feature = "postgres")]
    #[test]
    fn postgres_bundled() {
        check::<Bundled<crate::support::Postgres>>(super::rows_on_postgres);
    }

    #[cfg(all(feature = "postgres", feature = "uuid"))]
    #[test]
    fn postgres_own() {
        check::<Own<crate::support::Postgres>>(super::rows_on_postgres);
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn mysql_bundled() {
        check::<Bundled<crate::support::Mysql>>(super::rows_on_mysql);
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn mysql_own() {
        check::<Own<crate::support::Mysql>>(super::rows_on_mysql);
    }
}
