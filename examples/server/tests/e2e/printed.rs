//! What the example prints works as printed.

use std::process::Command;

use crate::server::{PASSWORD, SECRET, Server, USERNAME, database_url};
use crate::skip;
use crate::support::{TestDatabase, on_every_database};

on_every_database!(the_printed_lines_work_and_ctrl_c_stops_it);

/// The lines under the headings, as somebody would paste them into one shell.
fn lines(printed: &str) -> Vec<&str> {
    let lines = printed.lines().skip_while(|line| !line.starts_with('#'));
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("http"))
        .collect()
}

/// What the shell prints, line by line.
fn run(printed: &str, variables: &[(&str, &str)]) -> Vec<String> {
    // A line of its own after each: some answers end without one.
    let script = lines(printed).join("\necho\n");
    let output = Command::new("bash")
        .args(["-c", &script])
        .envs(variables.iter().copied())
        .output()
        .expect("bash starts");
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).expect("is text");
    let told = told.lines().filter(|line| !line.is_empty());
    told.map(str::to_owned).collect()
}

fn check(told: &[String]) {
    let has_tokens = |line: &str| line.contains("\"access_token\":\"");
    assert_eq!(told.len(), 9, "{told:?}");
    assert!(has_tokens(&told[0]), "{told:?}");
    assert!(
        told[1].contains(&format!("\"username\":\"{USERNAME}\"")),
        "{told:?}"
    );
    assert!(has_tokens(&told[2]) && told[2] != told[0], "{told:?}");
    assert!(told[3].contains("\"active\":true"), "{told:?}");
    assert_eq!(told[4], "200");
    assert!(has_tokens(&told[5]), "{told:?}");
    assert!(told[6].contains("/device?user_code="), "{told:?}");
    assert_eq!(told[7], "200");
    assert!(has_tokens(&told[8]), "{told:?}");
}

fn the_printed_lines_work_and_ctrl_c_stops_it<D: TestDatabase>() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("curl is not there");
    }
    let Some(database) = D::create() else { return };
    let url = database_url::<D>(&database.url());

    // The first start, with secrets at random.
    let server = Server::start(&url, &[]);
    assert!(!server.printed().contains("$DEMO_"));
    check(&run(&server.printed(), &[]));
    let (status, printed) = server.interrupt();
    assert!(status.success(), "{status}");
    assert!(printed.ends_with("\nstopped\n"), "{printed}");

    // They are not known any more, and the lines say where they go.
    let server = Server::start(&url, &[]);
    assert!(server.printed().contains("as printed at the first start"));
    let secrets = secrets(&printed);
    check(&run(
        &server.printed(),
        &[
            ("DEMO_CLIENT_SECRET", &secrets.0),
            ("DEMO_PASSWORD", &secrets.1),
        ],
    ));
    server.interrupt();

    // New ones.
    let server = Server::on(&database);
    assert!(server.printed().contains(SECRET) && server.printed().contains(PASSWORD));
    check(&run(&server.printed(), &[]));
    server.interrupt();
}

/// The client's secret and the user's password.
fn secrets(printed: &str) -> (String, String) {
    let after = |heading: &str| {
        let (_, rest) = printed.split_once(heading).expect("is printed");
        rest.lines().next().unwrap_or_default().to_owned()
    };
    (after(", secret: "), after(", password: "))
}
