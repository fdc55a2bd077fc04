//! The rows that are left, beside those of the model.

use std::collections::BTreeMap;

use diesel_oauth2::column::Identifier;
use diesel_oauth2::secret::SecretStorage;
use diesel_oauth2::table::AgedTable;
use diesel_oauth2::{OAuth2AuthorizationCode, OAuth2Grant, OAuth2Token};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::run::{GrantId, Run};
use crate::fixture::{Fixture, NOW};

impl<F: Fixture> Run<'_, F> {
    /// What is left in the tables is what is left in the model.
    pub fn compare_rows(&self) -> Result<(), TestCaseError> {
        type Storage<M> = <M as OAuth2Token>::Storage;
        let conn = &mut *self.scene.conn();
        let grant_number = |id: Option<&GrantId<F>>| {
            let text = |id: &GrantId<F>| id.to_text().into_owned();
            let id = text(id?);
            let position = self.grants.iter().position(|(_, known)| text(known) == id);
            // One that the model knows nothing of is equal to none.
            Some(position.unwrap_or(usize::MAX))
        };

        let digest = |name: &str| Storage::<F::Token>::stored(name).as_str().to_owned();
        let numbers: BTreeMap<String, usize> = (self.tokens.iter())
            .map(|token| (digest(&self.access_token(*token)), *token))
            .collect();
        let found: BTreeMap<usize, _> = rows::<F::Token, _>(conn)
            .iter()
            .map(|row| {
                let marks = (
                    row.issued_at(),
                    row.access_token_revoked_at(),
                    row.refresh_token_revoked_at(),
                    row.refresh_token_rotated_at(),
                    grant_number(row.grant_id()),
                );
                (numbers[row.stored_access_token()], marks)
            })
            .collect();
        let expected = self.model.tokens.iter().map(|(number, row)| {
            let revoked_at = (row.access_revoked_at, row.ended_at);
            let at = Some(row.issued_at);
            let marks = (at, revoked_at.0, revoked_at.1, row.rotated_at, row.grant);
            (*number, marks)
        });
        prop_assert_eq!(found, expected.collect());

        let found: BTreeMap<_, _> = rows::<F::Grant, _>(conn)
            .iter()
            .map(|row| {
                let marks = (row.created_at(), row.last_used_at(), row.revoked_at());
                (grant_number(Some(OAuth2Grant::id(row))), marks)
            })
            .collect();
        let expected = self.model.grants.iter().map(|(number, row)| {
            let marks = (Some(row.begun_at), Some(row.used_at), row.revoked_at);
            (Some(*number), marks)
        });
        prop_assert_eq!(found, expected.collect());

        let mut found: Vec<_> = rows::<F::Code, _>(conn)
            .iter()
            .map(|row| (row.auth_time(), row.redeemed_at()))
            .collect();
        let codes = self.model.codes.values();
        let mut expected: Vec<_> = codes.map(|row| (row.saved_at, row.redeemed_at)).collect();
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
        Ok(())
    }
}

/// Later than any row.
const FAR: i64 = NOW + 100 * 365 * 24 * 3600;

/// Every row of a table.
pub fn rows<M: AgedTable<Conn>, Conn>(conn: &mut Conn) -> Vec<M> {
    let mut rows = Vec::new();
    M::load_aged(conn, None, FAR, i64::from(i32::MAX), |row| rows.push(row)).expect("loads");
    rows
}

/// Deletes every row of a table.
pub fn empty<M: AgedTable<Conn>, Conn>(conn: &mut Conn) {
    for row in rows::<M, _>(conn) {
        M::delete(conn, &[row.key()], FAR).expect("is deleted");
    }
}
