use diesel::prelude::*;

use crate::schema::oauth_as_replay_id;

/// A row of `oauth_as_replay_id`.
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_replay_id, primary_key(replay_id))]
pub struct ReplayId {
    pub(crate) replay_id: String,
    pub(crate) expires_at: i64,
}
