use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{TestDatabase, Value};

/// A file in a folder of its own.
pub struct Sqlite {
    folder: tempfile::TempDir,
}

impl TestDatabase for Sqlite {
    type Conn = SqliteConnection;
    #[cfg(feature = "diesel-async")]
    type AsyncConn = diesel_oauth2::asynchronous::pool::AsyncSqliteConnection;
    #[cfg(not(feature = "diesel-async"))]
    type AsyncConn = ();

    const NAME: &'static str = "sqlite";

    fn create() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Some(Self { folder })
    }

    fn url(&self) -> String {
        let file = self.folder.path().join("test.sqlite");
        file.to_str().expect("a path in UTF-8").to_owned()
    }

    fn strings(conn: &mut Self::Conn, query: &str) -> Vec<String> {
        let rows = diesel::sql_query(query).load::<Value>(conn);
        let rows = rows.unwrap_or_else(|error| panic!("{error}, in {query}"));
        rows.into_iter().map(|row| row.value).collect()
    }

    fn explain(conn: &mut Self::Conn, query: &str, parameters: &[&str]) -> String {
        #[derive(QueryableByName)]
        struct Step {
            #[diesel(sql_type = Text)]
            detail: String,
        }

        let mut explain = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).into_boxed();
        for parameter in parameters {
            explain = explain.bind::<Text, _>(*parameter);
        }
        let steps: Vec<Step> = explain.load(conn).expect("a plan");
        let steps: Vec<String> = steps.into_iter().map(|step| step.detail).collect();
        steps.join("\n")
    }
}
