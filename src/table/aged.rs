use crate::Error;

/// The statements that walk a table from its oldest row on and delete rows, by index and a batch at a time.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` cannot be pruned on `{Conn}`",
    label = "not an `AgedTable<{Conn}>`",
    note = "give the model a time (`issued_at` of a token, `auth_time` of a code, `created_at` of a grant) with an index, and a single-column primary key"
)]
pub trait AgedTable<Conn>: Sized {
    /// The primary key's type.
    type Key: Clone + Send + 'static;

    /// A place in the order by age.
    type Cursor: Clone + Send + 'static;

    /// The row's primary key.
    fn key(&self) -> Self::Key;

    /// The row's place.
    fn cursor(&self) -> Self::Cursor;

    /// Gives `each` the next rows behind `after`, oldest first, that are older than `before` (epoch seconds); at most
    /// `limit` of them.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_aged(
        conn: &mut Conn,
        after: Option<&Self::Cursor>,
        before: i64,
        limit: i64,
        each: impl FnMut(Self),
    ) -> Result<(), Error>;

    /// Deletes the rows with these keys that are older than `before` (epoch seconds). Tells how many.
    ///
    /// The age is asked again because a database may have given a key out anew: SQLite does so with the highest one.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn delete(conn: &mut Conn, keys: &[Self::Key], before: i64) -> Result<usize, Error>;
}
