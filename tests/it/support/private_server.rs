//! A PostgreSQL or MariaDB of one test's own: to be stopped, filled up or set up otherwise, which those that all tests share
//! must not be. In a temporary folder, on loopback, run by another user where the test is root, and gone when dropped.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::Connection;

/// How long a server may take to answer, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Sessions are ended, what is committed is written.
    Orderly,
    /// The process is killed.
    Crash,
}

/// What differs between the two servers.
pub trait Kind: 'static {
    type Conn: Connection;
    /// The user that runs the server where the test is root.
    const USER: &'static str;
    /// The signal that ends the sessions and stops the server.
    const STOP: &'static str;
    /// The signal of a crash. PostgreSQL's own processes outlive their parent's KILL for a moment, so it is told to quit.
    const CRASH: &'static str;

    /// Where this program is.
    fn program(name: &str) -> Option<PathBuf>;
    /// Makes an empty data folder.
    fn initialize(server: &PrivateServer<Self>)
    where
        Self: Sized;
    /// The server's command line.
    fn command(server: &PrivateServer<Self>) -> Vec<String>
    where
        Self: Sized;
    fn url(port: u16, database: &str) -> String;
    /// Where one connects to make databases.
    const DATABASE: &'static str;
}

/// A server that one test starts and stops.
pub struct PrivateServer<K: Kind> {
    // Stopped by `drop`, before the folder goes.
    child: RefCell<Option<Child>>,
    settings: Vec<String>,
    environment: Vec<(String, String)>,
    port: u16,
    folder: tempfile::TempDir,
    kind: std::marker::PhantomData<K>,
}

impl<K: Kind> PrivateServer<K> {
    /// A running server with an empty data folder and these settings, as `name=value`; `None` where its programs are missing.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let server = Self::new(settings)?;
        K::initialize(&server);
        server.up();
        Some(server)
    }

    /// A server that has no data folder yet: [`data`](Self::data) is to be filled ([`run`](Self::run)), then the server
    /// started ([`up`](Self::up)).
    pub fn new(settings: &[&str]) -> Option<Self> {
        if K::program("").is_none() {
            cannot_run(&format!("the programs of {}'s server are missing", K::USER));
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        give_to(K::USER, folder.path());
        Some(Self {
            child: RefCell::new(None),
            settings: settings.iter().map(|&it| it.to_owned()).collect(),
            environment: Vec::new(),
            port: free_port(),
            folder,
            kind: std::marker::PhantomData,
        })
    }

    /// Adds to the environment of the server and of what [`run`](Self::run) starts.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A folder for the test, which the server may write to.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the database that is there from the beginning.
    pub fn url(&self) -> String {
        self.url_of(K::DATABASE)
    }

    pub fn url_of(&self, database: &str) -> String {
        K::url(self.port, database)
    }

    /// Runs one of the server's programs to its end, as the server's user.
    pub fn run(&self, program: &str, arguments: &[&str]) {
        let path = K::program(program).expect("the program is there");
        let arguments = arguments.iter().map(|&it| it.to_owned());
        let mut command = self.as_user(&path, arguments.collect());
        let output = command.output().expect("it starts");
        assert!(
            output.status.success(),
            "{command:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts the server and waits until it answers.
    pub fn up(&self) {
        self.up_without_waiting();
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = K::Conn::establish(&self.url()) {
            let ended = match self.child.borrow_mut().as_mut() {
                Some(child) => child.try_wait().expect("its state").is_some(),
                None => true,
            };
            assert!(
                !ended && Instant::now() < deadline,
                "the server does not answer: {error}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the server, which may refuse connections for a moment.
    pub fn up_without_waiting(&self) {
        assert!(self.child.borrow().is_none(), "is running already");
        let mut words = K::command(self).into_iter();
        let program = PathBuf::from(words.next().expect("a program"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder().join("log"))
            .expect("a log");
        let child = self
            .as_user(&program, words.collect())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("it starts");
        *self.child.borrow_mut() = Some(child);
    }

    /// Stops the server and waits until it has ended.
    pub fn down(&self, how: Stop) {
        let name = match how {
            Stop::Orderly => K::STOP,
            Stop::Crash => K::CRASH,
        };
        self.signal(name);
        self.wait_until_ended();
    }

    /// Sends the server's process a signal.
    pub fn signal(&self, name: &str) {
        let child = self.child.borrow();
        let pid = child.as_ref().expect("is running").id();
        signal(name, pid);
    }

    pub fn wait_until_ended(&self) {
        let child = self.child.borrow_mut().take();
        wait_until_ended(child.expect("is running"));
    }

    /// Stops and starts.
    pub fn restart(&self, how: Stop) {
        self.down(how);
        self.up();
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn as_user(&self, program: &Path, arguments: Vec<String>) -> Command {
        let mut command = as_user(K::USER, program);
        command
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("HOME", self.folder())
            .current_dir(self.folder());
        command
    }
}

impl<K: Kind> Drop for PrivateServer<K> {
    fn drop(&mut self) {
        if let Some(child) = self.child.borrow_mut().take() {
            signal(K::CRASH, child.id());
            wait_until_ended(child);
        }
    }
}

/// The command, run by this user where the test is root. Its process id is the program's own.
pub fn as_user(user: &str, program: &Path) -> Command {
    let mut command = match is_root() {
        false => Command::new(program),
        true => {
            let mut command = Command::new("setpriv");
            let group = group_of(user);
            command.args([
                &format!("--reuid={user}"),
                &format!("--regid={group}"),
                "--clear-groups",
                "--",
            ]);
            command.arg(program);
            command
        }
    };
    command.stdin(Stdio::null());
    command
}

/// Makes a folder this user's, where the test is root.
pub fn give_to(user: &str, folder: &Path) {
    if is_root() {
        let status = Command::new("chown").arg(user).arg(folder).status();
        assert!(status.expect("chown starts").success());
    }
}

/// Says that this machine cannot run the test, and fails it where every test is asked for.
pub fn cannot_run(why: &str) {
    assert!(
        std::env::var_os("DIESEL_OAUTH2_TEST_REQUIRE_ALL").is_none(),
        "{why}, and every test is asked for"
    );
    eprintln!("skipped: {why}");
}

/// Ends a process: by this signal, and by KILL where it does not follow within [`PATIENCE`].
pub fn wait_until_ended(mut child: Child) {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("its state").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("is killed");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn signal(name: &str, pid: u32) {
    let mut command = Command::new("kill");
    let status = command
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status();
    assert!(status.expect("kill starts").success(), "{command:?}");
}

pub fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("Uid:"));
    line.and_then(|line| line.split_whitespace().nth(2)) == Some("0")
}

fn group_of(user: &str) -> String {
    let output = Command::new("id").args(["-g", user]).output();
    let output = output.expect("id starts");
    assert!(output.status.success(), "there is no user {user}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// This program in `PATH` or in one of the folders that not every user has there; the folder itself for no name.
pub fn find(name: &str, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = folders
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}

#[cfg(feature = "postgres")]
pub enum Postgres {}

/// A PostgreSQL of the test's own.
#[cfg(feature = "postgres")]
pub type PrivatePostgres = PrivateServer<Postgres>;

#[cfg(feature = "postgres")]
impl Kind for Postgres {
    type Conn = diesel::PgConnection;
    const USER: &'static str = "postgres";
    const STOP: &'static str = "INT";
    const CRASH: &'static str = "QUIT";
    const DATABASE: &'static str = "postgres";

    fn program(name: &str) -> Option<PathBuf> {
        let name = if name.is_empty() { "postgres" } else { name };
        // The newest of Debian's layout: another one may come first in PATH.
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter();
        let mut versions: Vec<(u32, PathBuf)> = versions
            .flatten()
            .flatten()
            .filter_map(|it| {
                Some((
                    it.file_name().to_str()?.parse().ok()?,
                    it.path().join("bin"),
                ))
            })
            .collect();
        versions.sort();
        find(name, versions.into_iter().rev().map(|(_, folder)| folder))
    }

    fn initialize(server: &PrivateServer<Self>) {
        let data = server.data().display().to_string();
        // On loopback, for the seconds that the test takes.
        server.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
        );
    }

    fn command(server: &PrivateServer<Self>) -> Vec<String> {
        let mut command = vec![
            Self::program("postgres")
                .expect("is there")
                .display()
                .to_string(),
            "-D".into(),
            server.data().display().to_string(),
            "-p".into(),
            server.port.to_string(),
        ];
        // A commit outlives the server's process also without fsync, only not the machine's power.
        let ours = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
            "shared_buffers=16MB",
        ];
        let theirs = server.settings.iter().map(String::as_str);
        for setting in ours.into_iter().chain(theirs) {
            command.extend(["-c".into(), setting.into()]);
        }
        command
    }

    fn url(port: u16, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{database}")
    }
}

#[cfg(feature = "mysql")]
pub enum Mariadb {}

/// A MariaDB of the test's own.
#[cfg(feature = "mysql")]
pub type PrivateMariadb = PrivateServer<Mariadb>;

#[cfg(feature = "mysql")]
impl Kind for Mariadb {
    type Conn = diesel::MysqlConnection;
    const USER: &'static str = "mysql";
    const STOP: &'static str = "TERM";
    const CRASH: &'static str = "KILL";
    const DATABASE: &'static str = "mysql";

    fn program(name: &str) -> Option<PathBuf> {
        let name = if name.is_empty() { "mariadbd" } else { name };
        find(name, ["/usr/sbin".into(), "/usr/local/sbin".into()])
    }

    fn initialize(server: &PrivateServer<Self>) {
        let data = format!("--datadir={}", server.data().display());
        server.run(
            "mariadb-install-db",
            &[
                "--no-defaults",
                &data,
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ],
        );
    }

    fn command(server: &PrivateServer<Self>) -> Vec<String> {
        let mut command = vec![
            Self::program("mariadbd")
                .expect("is there")
                .display()
                .to_string(),
            "--no-defaults".into(),
        ];
        let folder = server.folder().display();
        let mut ours = String::new();
        let _ = write!(
            ours,
            "datadir={folder}/data tmpdir={folder} socket={folder}/socket pid-file={folder}/pid port={} \
             bind-address=127.0.0.1 skip-name-resolve=1 character-set-server=utf8mb4 \
             innodb-flush-log-at-trx-commit=2 innodb-buffer-pool-size=16M",
            server.port
        );
        let theirs = server.settings.iter().map(String::as_str);
        for setting in ours.split_whitespace().chain(theirs) {
            command.push(format!("--{setting}"));
        }
        command
    }

    fn url(port: u16, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{port}/{database}")
    }
}
