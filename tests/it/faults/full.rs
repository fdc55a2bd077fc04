//! No room left to write.

#[cfg(feature = "sqlite")]
use std::sync::Arc;
#[cfg(feature = "sqlite")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel_oauth2::lifecycle::create_refresh_token_store;
use diesel_oauth2::{Error, Failure};

use super::{rotate_on, start_on};
use crate::fixture::{Fixture, ManualClock, Scene, token};

/// Stores tokens until there is no room left, by this pool, and checks what a rotation does then.
fn check_until_full<F: Fixture>(
    pool: &diesel::r2d2::Pool<diesel::r2d2::ConnectionManager<F::Conn>>,
    client: &F::Client,
    free_some: impl FnOnce(&mut F::Conn),
) {
    let store = create_refresh_token_store::<F::Token, _>(pool.clone());
    let store = store.clock(ManualClock::default());
    let grant = store.start(client, Some(&F::user(1))).expect("is started");
    let request = Scene::<F>::request_of(client);
    let before = F::count_tokens(&mut pool.get().expect("is free"));
    let mut stored = 0;
    let error = loop {
        match store.issue(&token(&format!("filling-{stored}")), &request, &grant) {
            Ok(()) => stored += 1,
            Err(Failure::Storage(error)) => break error,
            Err(Failure::Refused(refusal)) => panic!("{refusal}"),
        }
        assert!(stored < 50_000, "it does not become full");
    };
    assert_eq!(error, Error::StorageFull, "after {stored}");
    assert!(error.is_retryable());
    // What is left of the last page may do for a few more.
    let mut latest = "old".to_owned();
    let error = loop {
        let next = format!("{latest}+");
        match rotate_on::<F>(pool, client, &latest, &next) {
            Ok(()) => (latest, stored) = (next, stored + 1),
            Err(error) => break error,
        }
        assert!(latest.len() < 100, "it is full no longer");
    };
    assert_eq!(error, Error::StorageFull);
    let mut conn = pool.get().expect("is free");
    assert_eq!(F::count_tokens(&mut conn), before + stored);
    free_some(&mut conn);
    drop(conn);
    // MariaDB gives the room free in the background.
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = rotate_on::<F>(pool, client, &latest, "last") {
        assert_eq!(error, Error::StorageFull);
        assert!(Instant::now() < deadline, "there is room again");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut conn = pool.get().expect("is free");
    assert_eq!(F::count_tokens(&mut conn), before + stored + 1);
}

#[cfg(feature = "sqlite")]
fn row_44_storage_full_on_sqlite<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    start_on::<F>(&scene.pool, &scene.client);
    let is_full = Arc::new(AtomicBool::new(true));
    let pool = diesel::r2d2::Pool::builder()
        .max_size(1)
        .connection_customizer(Box::new(PageLimit(is_full.clone())))
        .build(diesel::r2d2::ConnectionManager::new(scene.fixture.url()))
        .expect("it opens");
    check_until_full::<F>(&pool, &scene.client, |conn| {
        is_full.store(false, Ordering::Relaxed);
        conn.batch_execute("PRAGMA max_page_count = 1000000")
            .expect("is set");
    });
}

/// Lets the file of each new connection not grow, as long as this is true.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
struct PageLimit(Arc<AtomicBool>);

#[cfg(feature = "sqlite")]
impl<C: SimpleConnection> diesel::r2d2::CustomizeConnection<C, diesel::r2d2::Error> for PageLimit {
    fn on_acquire(&self, connection: &mut C) -> Result<(), diesel::r2d2::Error> {
        // Below what there is, SQLite takes it for what there is.
        let set_up = match self.0.load(Ordering::Relaxed) {
            true => "PRAGMA busy_timeout = 5000; PRAGMA max_page_count = 1",
            false => "PRAGMA busy_timeout = 5000",
        };
        let outcome = connection.batch_execute(set_up);
        outcome.map_err(diesel::r2d2::Error::QueryError)
    }
}

#[cfg(feature = "sqlite")]
mod row_44_storage_full_on_sqlite {
    use crate::fixture::{Bundled, Own};
    use crate::support::Sqlite;

    #[test]
    fn bundled() {
        super::row_44_storage_full_on_sqlite::<Bundled<Sqlite>>();
    }

    #[test]
    fn own() {
        super::row_44_storage_full_on_sqlite::<Own<Sqlite>>();
    }
}

/// A file system of its own, unmounted when dropped.
#[cfg(feature = "postgres")]
struct SmallDisk(tempfile::TempDir);

#[cfg(feature = "postgres")]
impl SmallDisk {
    /// `None` where the user may not mount one.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = as_root("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=0777", "none"])
            .arg(folder.path())
            .output();
        match output {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => None,
        }
    }
}

#[cfg(feature = "postgres")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the server may still have files of it open.
        let status = as_root("umount").arg("--lazy").arg(self.0.path()).status();
        if !status.is_ok_and(|it| it.success()) {
            eprintln!("{} is left mounted", self.0.path().display());
        }
    }
}

#[cfg(feature = "postgres")]
fn as_root(program: &str) -> std::process::Command {
    if crate::support::private_server::is_root() {
        return std::process::Command::new(program);
    }
    let mut command = std::process::Command::new("sudo");
    command.args(["-n", program]);
    command
}

#[cfg(feature = "postgres")]
#[test]
fn row_44_storage_full_on_postgres() {
    use super::private::Private;
    use crate::support::private_server::{PrivatePostgres, cannot_run, give_to};

    type F = crate::fixture::Bundled<crate::support::Postgres>;

    // The tables on a small disk; what the server needs for itself is not.
    let Some(server) = PrivatePostgres::start(&[]) else {
        return;
    };
    let Some(disk) = SmallDisk::mount() else {
        cannot_run("a small file system cannot be mounted (neither root nor sudo)");
        return;
    };
    let tables = disk.0.path().join("tables");
    std::fs::create_dir(&tables).expect("a folder");
    give_to("postgres", disk.0.path());
    give_to("postgres", &tables);
    let private = Private::<F>::on(server);
    let mut conn = private.connect();
    let place = format!("CREATE TABLESPACE small LOCATION '{}'", tables.display());
    for statement in [
        place.as_str(),
        "ALTER TABLE oauth2_token SET TABLESPACE small",
        "CREATE TABLE filler (bytes TEXT) TABLESPACE small",
        "ALTER TABLE filler ALTER bytes SET STORAGE PLAIN",
    ] {
        conn.batch_execute(statement).expect(statement);
    }
    let fill = "INSERT INTO filler SELECT repeat('x', 7000) FROM generate_series(1, 400)";
    conn.batch_execute(fill).expect("there is room for it");
    check_until_full::<F>(&private.pool, &private.client, |conn| {
        conn.batch_execute("DROP TABLE filler").expect("makes room");
    });
    drop((conn, private));
    drop(disk);
}

#[cfg(feature = "mysql")]
#[test]
fn row_44_storage_full_on_mariadb() {
    use super::private::Private;

    type F = crate::fixture::Bundled<crate::support::Mysql>;

    // All tables in one file, which may not grow beyond what they need at first.
    let settings = [
        "innodb-file-per-table=0",
        "innodb-data-file-path=ibdata1:12M:autoextend:max:24M",
        "innodb-autoextend-increment=1",
    ];
    let Some(private) = Private::<F>::set_up(&settings) else {
        return;
    };
    let mut conn = private.connect();
    let table = "CREATE TABLE filler (bytes VARBINARY(7000)) ENGINE = InnoDB";
    conn.batch_execute(table).expect("is made");
    let fill = "INSERT INTO filler SELECT repeat('x', 7000) FROM seq_1_to_100";
    while conn.batch_execute(fill).is_ok() {}
    check_until_full::<F>(&private.pool, &private.client, |conn| {
        conn.batch_execute("DROP TABLE filler").expect("makes room");
    });
}
