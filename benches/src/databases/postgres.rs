use diesel::PgConnection;

use super::{Db, DieselPool, Fresh, server, ways};
use crate::explain::{Plan, Sent};
use crate::results::TableSize;
use crate::store::PooledWay;
use crate::ways::driver::Driver;
use crate::ways::driver::postgres::Libpq;
use crate::ways::{by_hand, ours, rows};

impl Db for PgConnection {
    const NAME: &'static str = "PostgreSQL";
    const KEY: &'static str = "postgres";
    const IS_SERVER: bool = true;
    const SETTINGS: &'static [&'static str] = &["SET lock_timeout = 5000"];
    type Driver = Libpq;

    ways!(postgres);

    fn create() -> Option<Fresh> {
        server::create::<Self>("DIESEL_OAUTH2_TEST_POSTGRES_URL", "WITH (FORCE)")
    }

    fn python_url(url: &str) -> String {
        server::with_scheme(url, "postgresql+psycopg2")
    }

    fn version(driver: &mut Libpq) -> String {
        let version = driver.table("SHOW server_version");
        let version = version[0][0].clone().unwrap_or_default();
        format!(
            "PostgreSQL {}",
            version.split(' ').next().unwrap_or_default()
        )
    }

    fn told_settings(driver: &mut Libpq) -> Vec<(String, String)> {
        let names = [
            "shared_buffers",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
        ];
        let value = |name| {
            driver.table(&format!("SHOW {name}"))[0][0]
                .clone()
                .unwrap_or_default()
        };
        names
            .map(str::to_owned)
            .into_iter()
            .zip(names.map(value))
            .collect()
    }

    const COPIES: bool = true;

    fn load(driver: &mut Libpq, into: &str, rows: &str) {
        driver.copy(into, rows);
    }

    fn before_load(driver: &mut Libpq) -> Vec<String> {
        // Those of constraints stay.
        let indexes = driver.table(
            "SELECT i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) FROM pg_index i \
             WHERE i.indrelid::regclass::text LIKE 'oauth2%' AND NOT i.indisunique",
        );
        let mut after = vec!["SET maintenance_work_mem = '512MB'".to_owned()];
        for index in indexes {
            if let [Some(name), Some(sql)] = &index[..] {
                driver.run(&format!("DROP INDEX {name}"));
                after.push(sql.clone());
            }
        }
        after
    }

    fn analyze(driver: &mut Libpq) {
        for table in [
            "oauth2_client",
            "oauth2_code",
            "oauth2_token",
            "oauth2_grant",
        ] {
            driver.run(&format!("VACUUM ANALYZE {table}"));
        }
    }

    fn sizes(driver: &mut Libpq) -> Vec<TableSize> {
        let sizes = driver.table(
            "SELECT t.relname, t.relname, '1', pg_table_size(t.oid)::text FROM pg_class t \
             WHERE t.relkind = 'r' AND t.relname LIKE 'oauth2%' \
             UNION ALL SELECT t.relname, x.relname, '0', pg_relation_size(x.oid)::text FROM pg_index i \
             JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid \
             WHERE t.relname LIKE 'oauth2%' ORDER BY 1, 3 DESC, 2",
        );
        sizes
            .iter()
            .filter_map(|row| TableSize::from_texts(row))
            .collect()
    }

    fn explain(driver: &mut Libpq, sent: &Sent) -> Plan {
        driver.run("SET plan_cache_mode = force_generic_plan");
        driver.run(&format!("PREPARE explained AS {}", sent.sql));
        let nulls = vec!["NULL"; sent.dollars()].join(", ");
        let arguments = if nulls.is_empty() {
            nulls
        } else {
            format!("({nulls})")
        };
        let rows = driver.table(&format!("EXPLAIN (COSTS OFF) EXECUTE explained{arguments}"));
        driver.run("DEALLOCATE explained");
        let lines: Vec<String> = rows
            .into_iter()
            .filter_map(|mut row| row.pop().flatten())
            .collect();
        let any = |text: &str| lines.iter().any(|line| line.contains(text));
        Plan {
            scans: any("Seq Scan"),
            sorts: any("Sort"),
            lines,
        }
    }
}
