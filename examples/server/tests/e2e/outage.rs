//! Checklist row 35b: a client refreshes every 500 ms while PostgreSQL is stopped and started every second. It is never
//! locked out: after each lost answer its next try works or says 'try again'.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, TokenResponse};
use serde_json::Value;

use crate::flows::{client, me, send};
use crate::server::{PASSWORD, PUBLIC_CLIENT, SECRET, Server};
use crate::user::{User, parameter};
use crate::{block_on, how_long, skip};

const EVERY: Duration = Duration::from_millis(500);
/// Clients that do so at the same time, each with a family of its own and at another moment of the half second.
const CLIENTS: u32 = 32;

/// A PostgreSQL of the test's own, in a temporary folder, run by another user where the test is root.
struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skip("PostgreSQL's programs are not there");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        if is_root() {
            let status = Command::new("chown")
                .arg("postgres")
                .arg(folder.path())
                .status();
            assert!(status.expect("chown starts").success());
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let postgres = Self {
            folder,
            programs,
            port,
        };
        let data = postgres.data();
        // On loopback, for the seconds that the test takes.
        postgres.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "--auth=trust", "--no-sync"],
        );
        postgres.up();
        Some(postgres)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn up(&self) {
        let log = self.folder.path().join("log").display().to_string();
        // A commit outlives the server's process also without fsync, only not the machine's power.
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.port
        );
        self.run(
            "pg_ctl",
            &[
                "-D",
                &self.data(),
                "-l",
                &log,
                "-o",
                &options,
                "-w",
                "start",
            ],
        );
    }

    /// `fast` ends the sessions, `immediate` is a crash.
    fn down(&self, mode: &str) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", mode, "-w", "stop"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                "--",
            ]);
            command.arg(&program);
            command
        } else {
            Command::new(&program)
        };
        let status = command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(
            status.expect("it starts").success(),
            "{program:?} {arguments:?}"
        );
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.down("immediate");
        }
    }
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("Uid:"));
    line.and_then(|line| line.split_whitespace().nth(2)) == Some("0")
}

/// The newest PostgreSQL of Debian's layout, else what is in `PATH`.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let newest = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            folder.join("pg_ctl").exists().then_some((version, folder))
        })
        .max_by_key(|(version, _)| *version);
    newest.map(|(_, folder)| folder).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("pg_ctl").exists())
    })
}

#[test]
fn row_35b_a_client_is_never_locked_out_while_the_database_comes_and_goes() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let server = Server::start(
        &postgres.url(),
        &[("DEMO_CLIENT_SECRET", SECRET), ("DEMO_PASSWORD", PASSWORD)],
    );
    let duration = how_long(12, 60);
    let over = AtomicBool::new(false);
    let mut stops = 0;
    let counted = std::thread::scope(|scope| {
        let families = block_on(async {
            let mut families = Vec::new();
            for _ in 0..CLIENTS {
                families.push(first_refresh_token(&server).await);
            }
            families
        });
        let refreshing = scope.spawn(|| block_on(refresh_all(&server, families, &over)));
        let begun = Instant::now();
        while begun.elapsed() < duration && !refreshing.is_finished() {
            let round = Instant::now();
            postgres.down(["immediate", "fast"][stops % 2]);
            // Down for a moment, of another length each time.
            std::thread::sleep(EVERY * (u32::try_from(stops).unwrap_or(0) % 4) / 5);
            postgres.up();
            stops += 1;
            std::thread::sleep(
                Duration::from_secs(1)
                    .saturating_sub(round.elapsed())
                    .max(EVERY / 2),
            );
        }
        over.store(true, Ordering::Relaxed);
        refreshing.join().expect("was never locked out")
    });
    eprintln!("{stops} stops in {duration:?}: {counted:?}");
    assert!(stops >= 3 && counted.granted >= 3, "{counted:?}");
}

/// How often which answer came.
#[derive(Debug, Default)]
struct Counted {
    granted: usize,
    try_again: usize,
    /// Granted at once after 'try again', where the first answer may have been lost after the commit.
    granted_after_try_again: usize,
}

async fn refresh_all(server: &Server, families: Vec<String>, over: &AtomicBool) -> Counted {
    let clients = families
        .into_iter()
        .zip(0..)
        .map(|(first, number)| async move {
            tokio::time::sleep(EVERY * number / CLIENTS).await;
            refresh_all_the_time(server, first, over).await
        });
    let mut sum = Counted::default();
    for counted in futures_util::future::join_all(clients).await {
        sum.granted += counted.granted;
        sum.try_again += counted.try_again;
        sum.granted_after_try_again += counted.granted_after_try_again;
    }
    sum
}

async fn refresh_all_the_time(
    server: &Server,
    mut refresh_token: String,
    over: &AtomicBool,
) -> Counted {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .build();
    let http = http.expect("a client");
    let mut counted = Counted::default();
    let mut was_refused = false;
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let is_last = over.load(Ordering::Relaxed);
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", PUBLIC_CLIENT),
            ("refresh_token", refresh_token.as_str()),
        ];
        let request = http.post(server.at("/oauth/token")).form(&form);
        let answer = request.send().await.expect("the server itself stays up");
        let status = answer.status().as_u16();
        let may_retry = answer.headers().contains_key("retry-after");
        let body: Value = answer.json().await.expect("is JSON");
        match status {
            200 => {
                refresh_token = body["refresh_token"].as_str().expect("a token").to_owned();
                counted.granted += 1;
                counted.granted_after_try_again += usize::from(was_refused);
                was_refused = false;
                if is_last {
                    // The database is up, and the last token is as good as the first.
                    let access_token = body["access_token"].as_str().expect("a token");
                    assert_eq!(me(server, access_token).await.0, 200);
                    return counted;
                }
            }
            503 => {
                assert!(may_retry);
                assert_eq!(body["error"], "temporarily_unavailable");
                counted.try_again += 1;
                was_refused = true;
            }
            _ => panic!("locked out after {counted:?}: {status} {}", body["error"]),
        }
    }
}

async fn first_refresh_token(server: &Server) -> String {
    let client = client(server, PUBLIC_CLIENT, None);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, _) = client
        .authorize_url(CsrfToken::new_random)
        .set_pkce_challenge(challenge)
        .url();
    let told = User::new().authorize(url.as_str(), "allow").await;
    let code = parameter(&told, "code").expect("a code").to_owned();
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request_async(&send)
        .await
        .expect("tokens");
    let refresh_token = tokens.refresh_token().expect("a refresh token");
    refresh_token.secret().clone()
}
