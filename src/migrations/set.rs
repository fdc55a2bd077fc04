use std::fmt;

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::EmbeddedMigrations;

use super::dialect::{Dialect, State};
use super::{MigrationError, MigrationTarget};

/// A crate's migrations in each dialect, with the name of the table in which it is noted which were applied.
///
/// What the [module](super) says of the bundled migrations holds for each set: processes that run it at once go one after
/// the other, where nothing is to be done it is only read, and no version can collide with one of another set's or of the
/// application's. Their versions order them. They must be able to run in a transaction, and for MySQL, which commits
/// midway, each of their statements is to skip what exists.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use diesel::prelude::*;
/// use diesel_migrations::{EmbeddedMigrations, embed_migrations};
/// use diesel_oauth2::migrations::MigrationSet;
///
/// const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
///
/// static TABLES_OF_MINE: MigrationSet = MigrationSet::new("__my_crate_migrations").sqlite(SQLITE);
///
/// let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// let applied = TABLES_OF_MINE.run(&mut connection)?;
/// assert!(!applied.is_empty());
/// assert!(TABLES_OF_MINE.pending(&mut connection)?.is_empty());
/// # }
/// # Ok::<(), diesel_oauth2::migrations::MigrationError>(())
/// ```
pub struct MigrationSet {
    version_table: &'static str,
    tables: &'static [&'static str],
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
    pub(super) sqlite: Option<EmbeddedMigrations>,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(super) postgres: Option<EmbeddedMigrations>,
    #[cfg_attr(not(feature = "mysql"), allow(dead_code))]
    pub(super) mysql: Option<EmbeddedMigrations>,
}

/// One of the migrations, and whether this database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// The version: digits, in the order of which the migrations run.
    pub version: String,
    /// What it does.
    pub name: String,
    /// Whether it was applied or adopted.
    pub applied: bool,
}

impl MigrationSet {
    /// A set without migrations yet. The table is made by the first [`run`](Self::run); no other set has one of its name.
    ///
    /// # Panics
    /// Where the name is not 1 to 63 of the characters `a` to `z`, `0` to `9` and `_`, the first no digit. In a `static` that
    /// is a compile error.
    #[must_use]
    pub const fn new(version_table: &'static str) -> Self {
        assert!(
            is_plain_name(version_table),
            "the name of the table of versions is 1 to 63 of a to z, 0 to 9 and _, the first no digit"
        );
        Self {
            version_table,
            tables: &[],
            sqlite: None,
            postgres: None,
            mysql: None,
        }
    }

    /// The tables that the first version makes. Where one is there already, another's, [`run`](Self::run) refuses to: its
    /// statements, which skip what exists, would take it for their own.
    #[must_use]
    pub const fn tables(self, tables: &'static [&'static str]) -> Self {
        Self { tables, ..self }
    }

    /// The migrations for SQLite.
    #[must_use]
    pub const fn sqlite(self, migrations: EmbeddedMigrations) -> Self {
        Self {
            sqlite: Some(migrations),
            ..self
        }
    }

    /// The migrations for PostgreSQL.
    #[must_use]
    pub const fn postgres(self, migrations: EmbeddedMigrations) -> Self {
        Self {
            postgres: Some(migrations),
            ..self
        }
    }

    /// The migrations for MySQL and MariaDB.
    #[must_use]
    pub const fn mysql(self, migrations: EmbeddedMigrations) -> Self {
        Self {
            mysql: Some(migrations),
            ..self
        }
    }

    pub(super) fn version_table(&self) -> &'static str {
        self.version_table
    }

    /// Applies what is pending and returns the versions applied, oldest first.
    ///
    /// # Errors
    /// [`MigrationError::Busy`] where other processes are at it for a minute, [`MigrationError::TableExists`] where one of
    /// the [tables](Self::tables) is there that these migrations did not make, [`MigrationError::NoMigrations`], on MySQL
    /// [`MigrationError::InsideTransaction`], and whatever the database has against it.
    pub fn run<C: MigrationTarget>(
        &self,
        connection: &mut C,
    ) -> Result<Vec<String>, MigrationError> {
        let notes = self.version_table;
        let connection = connection.connected();
        // Without a lock and without writing: the usual start, on a database that is up to date.
        if self.pending_in(connection)?.is_empty() {
            return Ok(Vec::new());
        }
        connection.exclusively(notes, |connection| {
            connection.create_notes(notes)?;
            let records = connection.records(notes)?;
            let mut applied = Vec::new();
            for (index, step) in self.steps::<C::Connection>()?.into_iter().enumerate() {
                match state_of(&records, &step.version) {
                    Some(State::Applied | State::Adopted) => continue,
                    Some(State::Begun) => {}
                    None => {
                        if index == 0 {
                            self.refuse_existing_tables(connection)?;
                        }
                        connection.insert_record(notes, &step.version, State::Begun)?;
                    }
                }
                (step.migration.run(connection)).map_err(|error| failed(&step.version, &*error))?;
                connection.update_record(notes, &step.version, State::Applied)?;
                applied.push(step.version);
            }
            Ok(applied)
        })
    }

    /// Every migration, oldest first, and whether it was applied. Only reads.
    ///
    /// # Errors
    /// [`MigrationError::NoMigrations`], and what the database has against reading.
    pub fn status<C: MigrationTarget>(
        &self,
        connection: &mut C,
    ) -> Result<Vec<MigrationStatus>, MigrationError> {
        self.status_of(connection.connected())
    }

    /// The versions that [`run`](Self::run) would apply, oldest first. Only reads.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub fn pending<C: MigrationTarget>(
        &self,
        connection: &mut C,
    ) -> Result<Vec<String>, MigrationError> {
        self.pending_in(connection.connected())
    }

    /// Reverts the last applied version and returns it, or `None` where nothing was applied. What its `down.sql` drops is
    /// gone with all that is in it.
    ///
    /// # Errors
    /// [`MigrationError::UnknownVersion`] where a newer release of the crate applied it; otherwise as [`run`](Self::run).
    pub fn revert_last<C: MigrationTarget>(
        &self,
        connection: &mut C,
    ) -> Result<Option<String>, MigrationError> {
        (self.revert(connection.connected(), 1)).map(|mut reverted| reverted.pop())
    }

    /// Reverts every applied version and returns them, newest first.
    ///
    /// # Errors
    /// As [`revert_last`](Self::revert_last).
    pub fn revert_all<C: MigrationTarget>(
        &self,
        connection: &mut C,
    ) -> Result<Vec<String>, MigrationError> {
        self.revert(connection.connected(), usize::MAX)
    }

    /// Every migration, oldest first.
    pub(super) fn steps<C: Dialect>(&self) -> Result<Vec<Step<C>>, MigrationError> {
        let migrations = C::migrations(self).ok_or(MigrationError::NoMigrations {
            version_table: self.version_table,
        })?;
        let migrations = migrations
            .migrations()
            .map_err(|error| failed("of the crate", &*error))?;
        let mut steps: Vec<Step<C>> = migrations
            .into_iter()
            .map(|migration: Box<dyn Migration<C::Backend>>| {
                let full_name = migration.name().to_string();
                Step {
                    version: migration.name().version().to_string(),
                    name: match full_name.split_once('_') {
                        Some((_, name)) => name.to_owned(),
                        None => full_name,
                    },
                    migration,
                }
            })
            .collect();
        steps.sort_unstable_by(|one, other| one.version.cmp(&other.version));
        Ok(steps)
    }

    fn status_of<C: Dialect>(
        &self,
        connection: &mut C,
    ) -> Result<Vec<MigrationStatus>, MigrationError> {
        let records = connection.records(self.version_table)?;
        let status = self.steps::<C>()?.into_iter().map(|step| MigrationStatus {
            applied: state_of(&records, &step.version).is_some_and(State::is_applied),
            version: step.version,
            name: step.name,
        });
        Ok(status.collect())
    }

    fn pending_in<C: Dialect>(&self, connection: &mut C) -> Result<Vec<String>, MigrationError> {
        let status = self.status_of(connection)?.into_iter();
        Ok(status
            .filter(|migration| !migration.applied)
            .map(|migration| migration.version)
            .collect())
    }

    fn revert<C: Dialect>(
        &self,
        connection: &mut C,
        at_most: usize,
    ) -> Result<Vec<String>, MigrationError> {
        let notes = self.version_table;
        let is_reverted = |connection: &mut C| {
            let records = connection.records(notes)?;
            Ok::<_, MigrationError>(!records.iter().any(|(_, state)| state.is_applied()))
        };
        if is_reverted(connection)? {
            return Ok(Vec::new());
        }
        connection.exclusively(notes, |connection| {
            let mut records = connection.records(notes)?;
            records.retain(|(_, state)| state.is_applied());
            records.sort_unstable_by(|one, other| other.0.cmp(&one.0));
            let steps = self.steps::<C>()?;
            let mut reverted = Vec::new();
            for (version, state) in records.into_iter().take(at_most) {
                let Some(step) = steps.iter().find(|step| step.version == version) else {
                    return Err(MigrationError::UnknownVersion { version });
                };
                if state == State::Applied {
                    connection.update_record(notes, &version, State::Begun)?;
                    (step.migration.revert(connection))
                        .map_err(|error| failed(&version, &*error))?;
                }
                connection.delete_record(notes, &version)?;
                reverted.push(version);
            }
            Ok(reverted)
        })
    }

    fn refuse_existing_tables<C: Dialect>(&self, connection: &mut C) -> Result<(), MigrationError> {
        for &table in self.tables {
            if connection.has_table(table)? {
                return Err(MigrationError::TableExists { table });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for MigrationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrationSet")
            .field("version_table", &self.version_table)
            .field("tables", &self.tables)
            .finish_non_exhaustive()
    }
}

/// A migration in one dialect.
pub(super) struct Step<C: Dialect> {
    pub(super) version: String,
    name: String,
    pub(super) migration: Box<dyn Migration<C::Backend>>,
}

pub(super) fn state_of(records: &[(String, State)], version: &str) -> Option<State> {
    let record = records.iter().find(|(recorded, _)| recorded == version);
    record.map(|&(_, state)| state)
}

/// Whether the name needs no quotes, and means the same, in every dialect.
const fn is_plain_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty() && bytes.len() <= 63 && !bytes[0].is_ascii_digit()
}

fn failed(version: &str, error: &(dyn std::error::Error + 'static)) -> MigrationError {
    // Diesel wraps the database's answer into a type that it does not export: only the text gets through.
    let text = error.to_string();
    let message = match text.split_once(" with: ") {
        Some((_, message)) => message,
        None => &text,
    };
    let cause = crate::Error::from(diesel::result::Error::DatabaseError(
        diesel::result::DatabaseErrorKind::Unknown,
        Box::new(message.to_owned()),
    ));
    MigrationError::Failed {
        version: version.to_owned(),
        // The one message about a table's definition that quotes what is in its rows.
        message: match message.starts_with("Duplicate entry") {
            true => "the rows have duplicates of what is to be unique".to_owned(),
            false => message.to_owned(),
        },
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_need_quotes_is_none() {
        for name in ["__diesel_oauth2_migrations", "a", "_1"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in ["", "A", "a b", "a;", "a\"", "ä", "1a", &"a".repeat(64)] {
            assert!(!is_plain_name(name), "{name}");
        }
    }

    #[test]
    fn a_failure_quotes_no_row() {
        let error = |message: &str| failed("1", &*Box::<dyn std::error::Error>::from(message));
        let duplicate = error("Failed to run 1_x with: Duplicate entry 's3cret' for key 'k'");
        assert!(!format!("{duplicate:?} {duplicate}").contains("s3cret"));
        assert_eq!(
            error("Failed to run 1_x with: table t already exists").to_string(),
            "migration 1 failed: table t already exists"
        );
    }
}
