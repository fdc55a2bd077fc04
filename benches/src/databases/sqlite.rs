use diesel::SqliteConnection;

use super::{Db, DieselPool, Fresh, ways};
use crate::explain::{Plan, Sent};
use crate::results::TableSize;
use crate::store::PooledWay;
use crate::ways::driver::Driver;
use crate::ways::driver::sqlite::Rusqlite;
use crate::ways::{by_hand, ours, rows};

impl Db for SqliteConnection {
    const NAME: &'static str = "SQLite";
    const KEY: &'static str = "sqlite";
    const IS_SERVER: bool = false;
    const SETTINGS: &'static [&'static str] = &[
        "PRAGMA busy_timeout = 5000",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",
        "PRAGMA foreign_keys = ON",
    ];
    type Driver = Rusqlite;

    ways!(sqlite);

    fn create() -> Option<Fresh> {
        let folder = tempfile::tempdir().expect("temporary folder");
        Some(Fresh {
            url: folder.path().join("tokens.sqlite").display().to_string(),
            _gone_after_it: Box::new(folder),
        })
    }

    fn python_url(url: &str) -> String {
        format!("sqlite:///{url}")
    }

    fn version(driver: &mut Rusqlite) -> String {
        let version = driver.table("SELECT sqlite_version()");
        format!("SQLite {}", version[0][0].as_deref().unwrap_or_default())
    }

    fn told_settings(_: &mut Rusqlite) -> Vec<(String, String)> {
        Self::SETTINGS
            .iter()
            .filter_map(|setting| setting.strip_prefix("PRAGMA ")?.split_once(" = "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn before_load(driver: &mut Rusqlite) -> Vec<String> {
        let indexes = driver.table(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name LIKE 'oauth2%'",
        );
        let mut after = vec!["COMMIT".to_owned()];
        driver.run("PRAGMA cache_size = -1000000");
        driver.run("BEGIN");
        for index in indexes {
            if let [Some(name), Some(sql)] = &index[..] {
                driver.run(&format!("DROP INDEX {name}"));
                after.insert(0, sql.clone());
            }
        }
        after.push("PRAGMA cache_size = -2000".to_owned());
        after.push("PRAGMA wal_checkpoint(TRUNCATE)".to_owned());
        after
    }

    fn analyze(_: &mut Rusqlite) {
        // Nothing runs ANALYZE on SQLite unless told to.
    }

    fn sizes(driver: &mut Rusqlite) -> Vec<TableSize> {
        let sizes = driver.table(
            "SELECT s.tbl_name, d.name, d.name = s.tbl_name, SUM(d.pgsize) FROM dbstat d \
             JOIN sqlite_schema s ON s.name = d.name WHERE s.tbl_name LIKE 'oauth2%' GROUP BY d.name ORDER BY 1, 3 DESC, 2",
        );
        sizes
            .iter()
            .filter_map(|row| TableSize::from_texts(row))
            .collect()
    }

    fn explain(driver: &mut Rusqlite, sent: &Sent) -> Plan {
        let rows = driver.table(&format!("EXPLAIN QUERY PLAN {}", sent.sql));
        let lines: Vec<String> = rows
            .into_iter()
            .filter_map(|mut row| row.pop().flatten())
            .collect();
        let any = |text: &str| lines.iter().any(|line| line.contains(text));
        Plan {
            // "SCAN t" alone reads the table; "SCAN t USING INDEX" an index from end to end.
            scans: any("SCAN "),
            sorts: any("TEMP B-TREE"),
            lines,
        }
    }
}
