use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{TestDatabase, Value};

/// A database on PostgreSQL.
#[cfg(feature = "postgres")]
pub struct Postgres(OnServer<PgConnection>);

/// A database on MariaDB or MySQL.
#[cfg(feature = "mysql")]
pub struct Mysql(OnServer<MysqlConnection>);

/// A database on a server, dropped with this.
struct OnServer<C: Connection> {
    admin_url: String,
    name: String,
    drop: fn(&str) -> String,
    connection: std::marker::PhantomData<C>,
}

impl<C: Connection> OnServer<C> {
    fn create(variable: &str, drop: fn(&str) -> String) -> Option<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);

        let Ok(admin_url) = std::env::var(variable) else {
            assert!(
                std::env::var_os("DIESEL_OAUTH2_TEST_REQUIRE_ALL").is_none(),
                "{variable} is not set, and every database is asked for"
            );
            eprintln!("skipped: {variable} is not set");
            return None;
        };
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("diesel_oauth2_test_{}_{number}", std::process::id());
        let mut admin = C::establish(&admin_url).expect("the test server answers");
        // One of the same process id may have been killed.
        for statement in [drop(&name), format!("CREATE DATABASE {name}")] {
            admin.batch_execute(&statement).expect(&statement);
        }
        Some(Self {
            admin_url,
            name,
            drop,
            connection: std::marker::PhantomData,
        })
    }

    fn url(&self) -> String {
        let (url, parameters) = match self.admin_url.split_once('?') {
            Some((url, parameters)) => (url, format!("?{parameters}")),
            None => (self.admin_url.as_str(), String::new()),
        };
        let (server, _) = url.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{}{parameters}", self.name)
    }
}

impl<C: Connection> Drop for OnServer<C> {
    fn drop(&mut self) {
        let dropped = C::establish(&self.admin_url)
            .map_err(|error| error.to_string())
            .and_then(|mut admin| {
                let statement = (self.drop)(&self.name);
                (admin.batch_execute(&statement)).map_err(|error| error.to_string())
            });
        if let Err(error) = dropped {
            eprintln!("{} is left on the server: {error}", self.name);
        }
    }
}

#[cfg(feature = "postgres")]
impl TestDatabase for Postgres {
    type Conn = PgConnection;
    #[cfg(feature = "diesel-async")]
    type AsyncConn = diesel_oauth2::__private::AsyncPgConnection;
    #[cfg(not(feature = "diesel-async"))]
    type AsyncConn = ();

    const NAME: &'static str = "postgres";

    fn create() -> Option<Self> {
        OnServer::create("DIESEL_OAUTH2_TEST_POSTGRES_URL", |name| {
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        })
        .map(Self)
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn strings(conn: &mut Self::Conn, query: &str) -> Vec<String> {
        let rows = diesel::sql_query(query).load::<Value>(conn);
        let rows = rows.unwrap_or_else(|error| panic!("{error}, in {query}"));
        rows.into_iter().map(|row| row.value).collect()
    }

    fn explain(conn: &mut Self::Conn, query: &str, parameters: &[&str]) -> String {
        #[derive(QueryableByName)]
        struct Step {
            #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
            step: String,
        }

        // The plan that a prepared statement ends up with: one that must do for every value.
        let mut numbered = String::new();
        for (index, part) in query.split('?').enumerate() {
            let parameter = if index == 0 {
                String::new()
            } else {
                format!("${index}")
            };
            numbered = numbered + &parameter + part;
        }
        let values: Vec<String> = parameters.iter().map(|text| format!("'{text}'")).collect();
        let values = match values.is_empty() {
            true => String::new(),
            false => format!("({})", values.join(", ")),
        };
        Self::execute(
            conn,
            &format!("SET plan_cache_mode = force_generic_plan; PREPARE explained AS {numbered}"),
        );
        let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN EXECUTE explained {values}"))
            .load(conn)
            .expect("a plan");
        Self::execute(conn, "DEALLOCATE explained; RESET plan_cache_mode");
        let steps: Vec<String> = steps.into_iter().map(|step| step.step).collect();
        steps.join("\n")
    }
}

#[cfg(feature = "mysql")]
impl TestDatabase for Mysql {
    type Conn = MysqlConnection;
    #[cfg(feature = "diesel-async")]
    type AsyncConn = diesel_oauth2::__private::AsyncMysqlConnection;
    #[cfg(not(feature = "diesel-async"))]
    type AsyncConn = ();

    const NAME: &'static str = "mysql";

    fn create() -> Option<Self> {
        OnServer::create("DIESEL_OAUTH2_TEST_MYSQL_URL", |name| {
            format!("DROP DATABASE IF EXISTS {name}")
        })
        .map(Self)
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn strings(conn: &mut Self::Conn, query: &str) -> Vec<String> {
        let rows = diesel::sql_query(query).load::<Value>(conn);
        let rows = rows.unwrap_or_else(|error| panic!("{error}, in {query}"));
        rows.into_iter().map(|row| row.value).collect()
    }

    fn explain(conn: &mut Self::Conn, query: &str, parameters: &[&str]) -> String {
        #[derive(QueryableByName)]
        struct Plan {
            #[diesel(sql_type = Text, column_name = "EXPLAIN")]
            plan: String,
        }

        let mut explain = diesel::sql_query(format!("EXPLAIN FORMAT=JSON {query}")).into_boxed();
        for parameter in parameters {
            explain = explain.bind::<Text, _>(*parameter);
        }
        explain.get_result::<Plan>(conn).expect("a plan").plan
    }
}
