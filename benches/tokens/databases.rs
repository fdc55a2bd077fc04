//! A database of its own for each run, gone after it.

/// A fresh, empty database.
pub(crate) struct Database {
    pub(crate) url: String,
    /// What [`PoolBuilder`](diesel_oauth2::pool::PoolBuilder) sets on its connections, for everybody else's.
    pub(crate) settings: &'static [&'static str],
    _gone_after_it: Box<dyn std::any::Any>,
}

#[cfg(feature = "sqlite")]
pub(crate) fn sqlite() -> Database {
    let folder = tempfile::tempdir().expect("temporary folder");
    Database {
        url: folder.path().join("tokens.sqlite").display().to_string(),
        settings: &[
            "PRAGMA busy_timeout = 5000",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = NORMAL",
            "PRAGMA foreign_keys = ON",
        ],
        _gone_after_it: Box::new(folder),
    }
}

/// `None` where the variable that tells the server is not set.
#[cfg(feature = "postgres")]
pub(crate) fn postgres() -> Option<Database> {
    let (url, guard) =
        server::create::<diesel::PgConnection>("DIESEL_OAUTH2_TEST_POSTGRES_URL", "WITH (FORCE)")?;
    Some(Database {
        url,
        settings: &["SET lock_timeout = 5000"],
        _gone_after_it: guard,
    })
}

/// `None` where the variable that tells the server is not set.
#[cfg(feature = "mysql")]
pub(crate) fn mysql() -> Option<Database> {
    let (url, guard) =
        server::create::<diesel::MysqlConnection>("DIESEL_OAUTH2_TEST_MYSQL_URL", "")?;
    Some(Database {
        url,
        settings: &[
            "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES'), \
             SESSION innodb_lock_wait_timeout = 5",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        ],
        _gone_after_it: guard,
    })
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server {
    use std::any::Any;

    use diesel::Connection;
    use url::Url;

    struct DropDatabase<C: Connection> {
        admin: C,
        statement: String,
    }

    impl<C: Connection> Drop for DropDatabase<C> {
        fn drop(&mut self) {
            if let Err(error) = self.admin.batch_execute(&self.statement) {
                eprintln!("the benchmark's database was not dropped: {error}");
            }
        }
    }

    pub(super) fn create<C: Connection + 'static>(
        variable: &str,
        drop_options: &str,
    ) -> Option<(String, Box<dyn Any>)> {
        let admin_url = std::env::var(variable).ok().filter(|url| !url.is_empty())?;
        let mut url = Url::parse(&admin_url).expect("database URL");
        let name = format!("diesel_oauth2_bench_{}", std::process::id());
        let mut admin = C::establish(&admin_url).expect("the server answers");
        admin
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .expect("may create databases");
        url.set_path(&name);
        let statement = format!("DROP DATABASE {name} {drop_options}");
        Some((url.into(), Box::new(DropDatabase { admin, statement })))
    }
}
