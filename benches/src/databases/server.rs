//! A database on a server.

use diesel::Connection;
use url::Url;

use super::Fresh;

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

/// A fresh database on the server that the variable tells.
pub(super) fn create<C: Connection + 'static>(variable: &str, drop_options: &str) -> Option<Fresh> {
    let admin_url = crate::settings::variable(variable)?;
    let mut url = Url::parse(&admin_url).expect("database URL");
    let name = format!("diesel_oauth2_bench_{}", std::process::id());
    let mut admin = C::establish(&admin_url).expect("the server answers");
    admin
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .expect("may create databases");
    url.set_path(&name);
    let statement = format!("DROP DATABASE {name} {drop_options}");
    Some(Fresh {
        url: url.into(),
        _gone_after_it: Box::new(DropDatabase { admin, statement }),
    })
}

/// The URL with another scheme.
pub(super) fn with_scheme(url: &str, scheme: &str) -> String {
    let (_, rest) = url.split_once(':').expect("a URL");
    format!("{scheme}:{rest}")
}
