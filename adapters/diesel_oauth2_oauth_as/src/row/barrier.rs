use diesel::prelude::*;
use oauth_as::store::RevocationWindow;

use crate::schema::oauth_as_barrier;
use crate::scope::ScopeId;
use crate::time::nanos;

/// A row of `oauth_as_barrier`: a [`RevocationBarrier`](oauth_as::store::RevocationBarrier) and its
/// [`RevocationWindow`].
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_barrier, primary_key(scope))]
pub struct Barrier {
    pub(crate) scope: String,
    pub(crate) recorded_at: i64,
    pub(crate) expires_at: i64,
}

impl Barrier {
    pub(crate) fn new(scope: &ScopeId, window: RevocationWindow) -> Self {
        Self {
            scope: scope.text().to_owned(),
            recorded_at: nanos(window.recorded_at),
            expires_at: nanos(window.until),
        }
    }

    /// One barrier for two revocations of the same scope: the later moment, the later end.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.recorded_at = self.recorded_at.max(other.recorded_at);
        self.expires_at = self.expires_at.max(other.expires_at);
    }
}
