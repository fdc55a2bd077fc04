use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

use crate::__private::Probe;
use crate::Error;
use crate::model::OAuth2Grant;

/// A grant's model that lends the statement of [`GrantTable::touch`](crate::table::GrantTable::touch) to a larger one.
/// Only `#[derive(OAuth2Grant)]` implements it.
pub trait TouchStatement: OAuth2Grant {
    /// The statement.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] where a column cannot hold the time.
    fn touch_statement(id: &Self::Id, now: i64) -> Result<impl QueryFragment<Pg> + QueryId, Error>;
}

/// Asks a grant's model for its [`TouchStatement`], by which of two methods is found first: this one's needs one
/// reference less.
pub trait Lends<G: OAuth2Grant> {
    /// The statement.
    ///
    /// # Errors
    /// As [`TouchStatement::touch_statement`].
    fn touch_statement(
        &self,
        id: &G::Id,
        now: i64,
    ) -> Result<Option<impl QueryFragment<Pg> + QueryId>, Error>;
}

impl<G: TouchStatement> Lends<G> for Probe<G> {
    fn touch_statement(
        &self,
        id: &G::Id,
        now: i64,
    ) -> Result<Option<impl QueryFragment<Pg> + QueryId>, Error> {
        G::touch_statement(id, now).map(Some)
    }
}

/// What a grant's model without [`TouchStatement`] answers, such as one written by hand.
pub trait LendsNot<G: OAuth2Grant> {
    /// `None`.
    ///
    /// # Errors
    /// None.
    fn touch_statement(&self, id: &G::Id, now: i64) -> Result<Option<Nothing>, Error>;
}

impl<G: OAuth2Grant> LendsNot<G> for &Probe<G> {
    fn touch_statement(&self, _: &G::Id, _: i64) -> Result<Option<Nothing>, Error> {
        Ok(None)
    }
}

/// A statement that there is none of.
#[derive(Debug)]
pub enum Nothing {}

impl QueryFragment<Pg> for Nothing {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match *self {}
    }
}

impl QueryId for Nothing {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}
