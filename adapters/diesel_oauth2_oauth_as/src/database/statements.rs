/// Everything about one connection type that is written alike for all three. What is not stands in [`differing`].
macro_rules! statements {
    ($db:ident, $connection:ty) => {
        impl crate::database::Database for $connection {}

        rows!($db, $connection, AccessToken, oauth_as_access_token, access_token);
        expiring!($connection, AccessToken, oauth_as_access_token, access_token);
        of_client!($connection, AccessToken, oauth_as_access_token);
        of_subject!($connection, AccessToken, oauth_as_access_token);
        of_family!($connection, AccessToken, oauth_as_access_token);

        rows!($db, $connection, RefreshToken, oauth_as_refresh_token, refresh_token);
        expiring!($connection, RefreshToken, oauth_as_refresh_token, refresh_token);
        of_client!($connection, RefreshToken, oauth_as_refresh_token);
        of_subject!($connection, RefreshToken, oauth_as_refresh_token);
        of_family!($connection, RefreshToken, oauth_as_refresh_token);

        rows!($db, $connection, Code, oauth_as_code, code);
        expiring!($connection, Code, oauth_as_code, code);
        of_client!($connection, Code, oauth_as_code);
        of_subject!($connection, Code, oauth_as_code);

        rows!($db, $connection, DeviceGrantRow, oauth_as_device_grant, device_code);
        expiring!($connection, DeviceGrantRow, oauth_as_device_grant, device_code);
        of_client!($connection, DeviceGrantRow, oauth_as_device_grant);
        of_subject!($connection, DeviceGrantRow, oauth_as_device_grant);

        rows!($db, $connection, PushedRequest, oauth_as_pushed_request, request_uri);
        expiring!($connection, PushedRequest, oauth_as_pushed_request, request_uri);
        of_client!($connection, PushedRequest, oauth_as_pushed_request);

        rows!($db, $connection, Consent, oauth_as_consent, consent_id);
        of_client!($connection, Consent, oauth_as_consent);

        rows!($db, $connection, ReplayId, oauth_as_replay_id, replay_id);
        expiring!($connection, ReplayId, oauth_as_replay_id, replay_id);

        rows!($db, $connection, Barrier, oauth_as_barrier, scope);
        expiring!($connection, Barrier, oauth_as_barrier, scope);

        impl Clients for $connection {
            fn load_client(&mut self, client_id: &str) -> Result<Option<Client>, Error> {
                diesel_oauth2::lookup::load_client(self, client_id)
            }

            fn load_client_locked(&mut self, client_id: &str) -> Result<Option<Client>, Error> {
                let query = oauth2_client::table
                    .filter(oauth2_client::client_id.eq(client_id))
                    .select(Client::as_select());
                let row = differing!(for_update $db, query).get_result(self).optional()?;
                Ok(row.filter(|row: &Client| row.client_id == client_id))
            }

            fn save_client(&mut self, client: &ClientRow) -> Result<(), Error> {
                let insert = diesel::insert_into(oauth2_client::table).values(client);
                differing!(upsert $db, insert, oauth2_client::client_id, client).execute(self)?;
                Ok(())
            }

            fn replace_client(&mut self, client: &ClientRow) -> Result<bool, Error> {
                let target = oauth2_client::client_id.eq(&client.client_id);
                let replaced = diesel::update(oauth2_client::table.filter(target))
                    .set(client)
                    .execute(self)?;
                Ok(replaced > 0)
            }

            fn delete_client(&mut self, client_id: &str) -> Result<bool, Error> {
                let target = oauth2_client::client_id.eq(client_id);
                let deleted = diesel::delete(oauth2_client::table.filter(target)).execute(self)?;
                Ok(deleted > 0)
            }
        }

        impl DeviceGrants for $connection {
            fn load_by_user_code(
                &mut self,
                user_code: &str,
            ) -> Result<Option<DeviceGrantRow>, Error> {
                let row = oauth_as_device_grant::table
                    .filter(oauth_as_device_grant::user_code.eq(user_code))
                    .select(DeviceGrantRow::as_select())
                    .get_result(self)
                    .optional()?;
                Ok(row)
            }
        }

        impl Consents for $connection {
            fn find_consent(
                &mut self,
                client_id: &str,
                subject: &str,
            ) -> Result<Option<Consent>, Error> {
                let row = oauth_as_consent::table
                    .filter(oauth_as_consent::client_id.eq(client_id))
                    .filter(oauth_as_consent::subject.eq(subject))
                    .order((oauth_as_consent::granted_at.desc(), oauth_as_consent::consent_id))
                    .select(Consent::as_select())
                    .first(self)
                    .optional()?;
                Ok(row)
            }

            fn consents_of(&mut self, subject: &str) -> Result<Vec<Consent>, Error> {
                let rows = oauth_as_consent::table
                    .filter(oauth_as_consent::subject.eq(subject))
                    .select(Consent::as_select())
                    .load(self)?;
                Ok(rows)
            }
        }
    };
}
pub(super) use statements;

macro_rules! rows {
    ($db:ident, $connection:ty, $row:ident, $table:ident, $key:ident) => {
        impl Rows<$row> for $connection {
            fn load(&mut self, key: &str) -> Result<Option<$row>, Error> {
                let query = $table::table
                    .filter($table::$key.eq(key))
                    .select($row::as_select());
                Ok(query.get_result(self).optional()?)
            }

            fn load_locked(&mut self, key: &str) -> Result<Option<$row>, Error> {
                let query = $table::table
                    .filter($table::$key.eq(key))
                    .select($row::as_select());
                Ok(differing!(for_update $db, query).get_result(self).optional()?)
            }

            fn take(&mut self, key: &str) -> Result<Option<$row>, Error> {
                differing!(take $db, self, $row, $table::table, $table::$key, key)
            }

            fn insert(&mut self, row: &$row) -> Result<bool, Error> {
                let insert = diesel::insert_into($table::table).values(row);
                differing!(insert $db, self, insert)
            }

            fn replace(&mut self, row: &$row) -> Result<bool, Error> {
                let target = $table::table.filter($table::$key.eq(&row.$key));
                Ok(diesel::update(target).set(row).execute(self)? > 0)
            }

            fn save(&mut self, row: &$row) -> Result<(), Error> {
                let insert = diesel::insert_into($table::table).values(row);
                differing!(upsert $db, insert, $table::$key, row).execute(self)?;
                Ok(())
            }
        }
    };
}
pub(super) use rows;

macro_rules! expiring {
    ($connection:ty, $row:ident, $table:ident, $key:ident) => {
        impl Expiring<$row> for $connection {
            fn expired(&mut self, now: i64, limit: i64) -> Result<Vec<String>, Error> {
                let query = $table::table
                    .filter($table::expires_at.le(now))
                    .order($table::expires_at)
                    .limit(limit)
                    .select($table::$key);
                Ok(query.load(self)?)
            }

            fn delete_expired(&mut self, keys: &[String], now: i64) -> Result<usize, Error> {
                let target = $table::table
                    .filter($table::$key.eq_any(keys))
                    .filter($table::expires_at.le(now));
                Ok(diesel::delete(target).execute(self)?)
            }
        }
    };
}
pub(super) use expiring;

macro_rules! of_client {
    ($connection:ty, $row:ident, $table:ident) => {
        impl OfClient<$row> for $connection {
            fn delete_of_client(&mut self, client_id: &str) -> Result<usize, Error> {
                let target = $table::table.filter($table::client_id.eq(client_id));
                Ok(diesel::delete(target).execute(self)?)
            }
        }
    };
}
pub(super) use of_client;

macro_rules! of_subject {
    ($connection:ty, $row:ident, $table:ident) => {
        impl OfSubject<$row> for $connection {
            fn delete_of_subject(
                &mut self,
                client_id: &str,
                subject: &str,
            ) -> Result<usize, Error> {
                let target = $table::table
                    .filter($table::client_id.eq(client_id))
                    .filter($table::subject.eq(subject));
                Ok(diesel::delete(target).execute(self)?)
            }
        }
    };
}
pub(super) use of_subject;

macro_rules! of_family {
    ($connection:ty, $row:ident, $table:ident) => {
        impl OfFamily<$row> for $connection {
            fn delete_of_family(&mut self, family_id: &str) -> Result<usize, Error> {
                let target = $table::table.filter($table::family_id.eq(family_id));
                Ok(diesel::delete(target).execute(self)?)
            }
        }
    };
}
pub(super) use of_family;

/// What each database has its own words for.
macro_rules! differing {
    // SQLite has one writer, who needs no locks on rows.
    (for_update sqlite, $query:expr) => {
        $query
    };
    (for_update $db:ident, $query:expr) => {
        $query.for_update()
    };

    (take postgres, $conn:expr, $row:ident, $table:expr, $column:expr, $key:expr) => {{
        let taken = diesel::delete($table.filter($column.eq($key)))
            .returning($row::as_returning())
            .get_result($conn)
            .optional()?;
        Ok(taken)
    }};
    (take $db:ident, $conn:expr, $row:ident, $table:expr, $column:expr, $key:expr) => {
        $conn.transact(|conn| {
            let row = Rows::<$row>::load_locked(conn, $key)?;
            if row.is_some() {
                diesel::delete($table.filter($column.eq($key))).execute(conn)?;
            }
            Ok(row)
        })
    };

    (insert mysql, $conn:expr, $insert:expr) => {
        match $insert.execute($conn).map_err(Error::from) {
            Err(Error::Duplicate { .. }) => Ok(false),
            inserted => Ok(inserted? > 0),
        }
    };
    (insert $db:ident, $conn:expr, $insert:expr) => {
        Ok($insert.on_conflict_do_nothing().execute($conn)? > 0)
    };

    (upsert mysql, $insert:expr, $column:expr, $row:expr) => {
        $insert
            .on_conflict(diesel::dsl::DuplicatedKeys)
            .do_update()
            .set($row)
    };
    (upsert $db:ident, $insert:expr, $column:expr, $row:expr) => {
        $insert.on_conflict($column).do_update().set($row)
    };
}
pub(super) use differing;

/// What the macros' bodies name.
macro_rules! names {
    () => {
        use diesel::prelude::*;
        use diesel_oauth2::Error;
        use diesel_oauth2::models::Client;
        use diesel_oauth2::schema::oauth2_client;

        use super::statements::{
            differing, expiring, of_client, of_family, of_subject, rows, statements,
        };
        use super::{
            Clients, Consents, DeviceGrants, Expiring, OfClient, OfFamily, OfSubject, Rows, Scopes,
            Transactions,
        };
        use crate::row::{
            AccessToken, Barrier, ClientRow, Code, Consent, DeviceGrantRow, PushedRequest,
            RefreshToken, ReplayId,
        };
        use crate::schema::{
            oauth_as_access_token, oauth_as_barrier, oauth_as_code, oauth_as_consent,
            oauth_as_device_grant, oauth_as_pushed_request, oauth_as_refresh_token,
            oauth_as_replay_id,
        };
        use crate::scope::ScopeId;
    };
}
pub(super) use names;

macro_rules! load_barriers {
    ($conn:expr, $scopes:expr) => {{
        let keys: Vec<&str> = $scopes.iter().map(|scope| scope.text()).collect();
        let query = oauth_as_barrier::table
            .filter(oauth_as_barrier::scope.eq_any(keys))
            .select(Barrier::as_select());
        Ok(query.load($conn)?)
    }};
}
pub(super) use load_barriers;
