use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::support::TestDatabase;

pub const CLIENT: &str = "demo-client";
pub const PUBLIC_CLIENT: &str = "demo-public";
pub const SECRET: &str = "a secret+with%odd:characters";
pub const USERNAME: &str = "demo";
pub const PASSWORD: &str = "pässword & more";

/// The example, running.
pub struct Server {
    process: Child,
    reader: Option<JoinHandle<()>>,
    output: Arc<Mutex<String>>,
    /// Where it is.
    pub url: String,
}

impl Server {
    /// On the test's database, with the credentials above.
    pub fn on<D: TestDatabase>(database: &D) -> Self {
        Self::start(
            &database_url::<D>(&database.url()),
            &[("DEMO_CLIENT_SECRET", SECRET), ("DEMO_PASSWORD", PASSWORD)],
        )
    }

    pub fn start(database_url: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
        for name in [
            "DEMO_CLIENT_ID",
            "DEMO_CLIENT_SECRET",
            "DEMO_PUBLIC_CLIENT_ID",
            "DEMO_REDIRECT_URI",
            "DEMO_USERNAME",
            "DEMO_PASSWORD",
            "ACCESS_TOKEN_TTL",
            "REFRESH_GRACE",
        ] {
            command.env_remove(name);
        }
        let mut process = command
            .env("PORT", "0")
            .env("DATABASE_URL", database_url)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut lines = BufReader::new(process.stdout.take().expect("is piped")).lines();
        let output = Arc::new(Mutex::new(String::new()));
        let mut url = None;
        // The last of the printed lines is followed by an empty one.
        let mut is_last = false;
        for line in lines.by_ref().map_while(Result::ok) {
            let mut printed = output.lock().expect("no panic");
            printed.push_str(&line);
            printed.push('\n');
            if let Some(rest) = line.strip_prefix("listening on ") {
                url = rest.split(';').next().map(str::to_owned);
            }
            is_last |= line.starts_with("# device: the tokens");
            if is_last && line.is_empty() {
                break;
            }
        }
        let reader = std::thread::spawn({
            let output = Arc::clone(&output);
            move || {
                for line in lines.map_while(Result::ok) {
                    let mut printed = output.lock().expect("no panic");
                    printed.push_str(&line);
                    printed.push('\n');
                }
            }
        });
        Self {
            process,
            reader: Some(reader),
            output,
            url: url.expect("it says where it listens"),
        }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        self.output.lock().expect("no panic").clone()
    }

    /// Sends what Ctrl-C sends, and waits.
    pub fn interrupt(mut self) -> (ExitStatus, String) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill starts").success());
        let status = self.process.wait().expect("it ends");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no panic");
        }
        (status, self.printed())
    }

    /// The memory that it has in use, in kilobytes.
    #[cfg(target_os = "linux")]
    pub fn resident_kilobytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|it| it.parse().ok()).expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn database_url<D: TestDatabase>(url: &str) -> String {
    match D::NAME {
        "sqlite" => format!("sqlite://{url}"),
        _ => url.to_owned(),
    }
}
