use diesel::MysqlConnection;

use super::{Db, DieselPool, Fresh, server, ways};
use crate::explain::{Plan, Sent};
use crate::results::TableSize;
use crate::store::PooledWay;
use crate::ways::driver::Driver;
use crate::ways::driver::mysql::Libmysqlclient;
use crate::ways::{by_hand, ours, rows};

impl Db for MysqlConnection {
    const NAME: &'static str = "MySQL/MariaDB";
    const KEY: &'static str = "mysql";
    const IS_SERVER: bool = true;
    const SETTINGS: &'static [&'static str] = &[
        "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES'), \
         SESSION innodb_lock_wait_timeout = 5",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    ];
    type Driver = Libmysqlclient;

    ways!(mysql);

    fn create() -> Option<Fresh> {
        server::create::<Self>("DIESEL_OAUTH2_TEST_MYSQL_URL", "")
    }

    fn python_url(url: &str) -> String {
        server::with_scheme(url, "mysql+pymysql")
    }

    fn version(driver: &mut Libmysqlclient) -> String {
        let version = driver.table("SELECT VERSION()");
        let version = version[0][0].clone().unwrap_or_default();
        match version.split_once("-MariaDB") {
            Some((number, _)) => format!("MariaDB {number}"),
            None => format!("MySQL {version}"),
        }
    }

    fn told_settings(driver: &mut Libmysqlclient) -> Vec<(String, String)> {
        let names = [
            "innodb_buffer_pool_size",
            "innodb_flush_log_at_trx_commit",
            "sync_binlog",
            "log_bin",
        ];
        let value = |name| {
            driver.table(&format!("SELECT @@{name}"))[0][0]
                .clone()
                .unwrap_or_default()
        };
        names
            .map(str::to_owned)
            .into_iter()
            .zip(names.map(value))
            .collect()
    }

    fn before_load(driver: &mut Libmysqlclient) -> Vec<String> {
        driver.run("SET SESSION unique_checks = 0, SESSION foreign_key_checks = 0");
        let mut after = Vec::new();
        for table in ["oauth2_token", "oauth2_grant"] {
            let indexes = driver.table(&format!(
                "SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics \
                 WHERE table_schema = DATABASE() AND table_name = '{table}' AND non_unique = 1 \
                 AND NOT (table_name = 'oauth2_token' AND column_name = 'client_id') GROUP BY index_name"
            ));
            let (mut drop, mut add) = (Vec::new(), Vec::new());
            for index in indexes {
                if let [Some(name), Some(columns)] = &index[..] {
                    drop.push(format!("DROP KEY {name}"));
                    add.push(format!("ADD KEY {name} ({columns})"));
                }
            }
            if !drop.is_empty() {
                driver.run(&format!("ALTER TABLE {table} {}", drop.join(", ")));
                after.push(format!("ALTER TABLE {table} {}", add.join(", ")));
            }
        }
        driver.run("START TRANSACTION");
        after.insert(0, "COMMIT".to_owned());
        after.push("SET SESSION unique_checks = 1, SESSION foreign_key_checks = 1".to_owned());
        after
    }

    fn analyze(driver: &mut Libmysqlclient) {
        driver.run("ANALYZE TABLE oauth2_client, oauth2_code, oauth2_token, oauth2_grant");
    }

    fn sizes(driver: &mut Libmysqlclient) -> Vec<TableSize> {
        let sizes = driver.table(
            "SELECT table_name, index_name, index_name = 'PRIMARY', stat_value * @@innodb_page_size \
             FROM mysql.innodb_index_stats WHERE stat_name = 'size' AND database_name = DATABASE() \
             AND table_name LIKE 'oauth2%' ORDER BY 1, 3 DESC, 2",
        );
        sizes
            .iter()
            .filter_map(|row| TableSize::from_texts(row))
            .collect()
    }

    fn explain(driver: &mut Libmysqlclient, sent: &Sent) -> Plan {
        // Without values it would see that nothing can be found, and plan nothing.
        let rows = driver.table(&format!("EXPLAIN {}", sent.with_values()));
        let (mut scans, mut sorts) = (false, false);
        let lines = rows.iter().map(|row| {
            let text = |at: usize| {
                row.get(at)
                    .and_then(|value| value.as_deref())
                    .unwrap_or("-")
            };
            let (kind, table, access, key, extra) = (text(1), text(2), text(3), text(5), text(9));
            scans |= (access == "ALL" || access == "index") && kind != "INSERT";
            sorts |= extra.contains("filesort") || extra.contains("temporary");
            format!("{kind} {table}: {access}, key {key}; {extra}")
        });
        let lines = lines.collect();
        Plan {
            lines,
            scans,
            sorts,
        }
    }
}
