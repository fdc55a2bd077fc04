//! Every flow with Python authlib's `OAuth2Session` as the client.

use std::process::Command;

use serde_json::json;

use crate::server::{CLIENT, PASSWORD, PUBLIC_CLIENT, SECRET, Server, USERNAME};
use crate::skip;
use crate::support::{TestDatabase, on_every_database};

on_every_database!(authlib_s_session);

fn authlib_s_session<D: TestDatabase>() {
    let Ok(interpreter) = std::env::var("DIESEL_OAUTH2_TEST_PYTHON") else {
        return skip("DIESEL_OAUTH2_TEST_PYTHON is not set");
    };
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    // authlib puts the secret into the header as it is, the `oauth2` crate encodes it: the server takes both.
    for (client_id, client_secret) in [(CLIENT, Some(SECRET)), (PUBLIC_CLIENT, None)] {
        let argument = json!({
            "server": server.url, "client_id": client_id, "client_secret": client_secret,
            "redirect_uri": server.at("/demo/callback"), "username": USERNAME, "password": PASSWORD,
        });
        let output = Command::new(&interpreter)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/session.py"))
            .arg(argument.to_string())
            .output()
            .expect("Python starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{client_id}: {errors}");
    }
}
