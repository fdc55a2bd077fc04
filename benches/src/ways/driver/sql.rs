//! What the drivers prepare.

use crate::operation::PRUNED;

/// A statement that is prepared once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Statement {
    Client,
    ByAccessToken,
    ByEitherToken,
    InsertToken,
    RevokeAccessToken,
    Code,
    MarkRedeemed,
    InsertGrant,
    TouchGrant,
    MarkRotated,
    AgedCodes,
    AgedTokens,
    AgedGrants,
    DeleteTokens,
    /// PostgreSQL's only.
    Rotate,
}

/// Begins a transaction.
pub(super) const BEGIN: &str = "BEGIN";

/// What a column or a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Int,
    Text,
    /// A list of numbers, one parameter of PostgreSQL's, [`PRUNED`] elsewhere.
    Ints,
}

/// A statement's text, parameters and results.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Definition {
    pub sql: String,
    pub parameters: &'static [Kind],
    pub results: &'static [Kind],
}

use Kind::{Int, Ints, Text};

const TOKEN_COLUMNS: &str = "user_id, client_id, token_type, access_token, refresh_token, scope, issued_at, \
     access_token_revoked_at, refresh_token_revoked_at, expires_in, grant_id, refresh_token_rotated_at";
const TOKEN: [Kind; 13] = [
    Int, Int, Text, Text, Text, Text, Text, Int, Int, Int, Int, Int, Int,
];
const INSERTED_TOKEN: [Kind; 12] = [
    Int, Text, Text, Text, Text, Text, Int, Int, Int, Int, Int, Int,
];
const ROTATION: [Kind; 18] = [
    Int, Int, Int, Int, Int, Int, Int, Text, Text, Text, Text, Text, Int, Int, Int, Int, Int, Int,
];
const CODE: [Kind; 15] = [
    Int, Int, Text, Text, Text, Text, Text, Text, Int, Text, Text, Text, Text, Int, Int,
];
const CLIENT: [Kind; 9] = [Int, Int, Text, Text, Int, Int, Text, Int, Text];

impl Statement {
    /// Those that every database has, in order.
    pub const ALL: [Self; 14] = [
        Self::Client,
        Self::ByAccessToken,
        Self::ByEitherToken,
        Self::InsertToken,
        Self::RevokeAccessToken,
        Self::Code,
        Self::MarkRedeemed,
        Self::InsertGrant,
        Self::TouchGrant,
        Self::MarkRotated,
        Self::AgedCodes,
        Self::AgedTokens,
        Self::AgedGrants,
        Self::DeleteTokens,
    ];

    /// What it is, with `?` for each parameter.
    pub fn definition(self) -> Definition {
        let token =
            |filter: &str| format!("SELECT id, {TOKEN_COLUMNS} FROM oauth2_token WHERE {filter}");
        let (sql, parameters, results): (String, &'static [Kind], &'static [Kind]) = match self {
            Self::Client => (
                "SELECT id, user_id, client_id, client_secret, client_id_issued_at, client_secret_expires_at, \
                 previous_client_secret, previous_client_secret_expires_at, client_metadata FROM oauth2_client WHERE client_id = ?"
                    .into(),
                &[Text],
                &CLIENT,
            ),
            Self::ByAccessToken => (token("access_token = ?"), &[Text], &TOKEN),
            Self::ByEitherToken => {
                (token("access_token = ? OR refresh_token = ?"), &[Text, Text], &TOKEN)
            }
            Self::InsertToken => (
                format!("INSERT INTO oauth2_token ({TOKEN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
                &INSERTED_TOKEN,
                &[],
            ),
            Self::RevokeAccessToken => (
                "UPDATE oauth2_token SET access_token_revoked_at = ? WHERE id = ? AND access_token_revoked_at = 0"
                    .into(),
                &[Int, Int],
                &[],
            ),
            Self::Code => (
                "SELECT id, user_id, code, client_id, redirect_uri, response_type, scope, nonce, auth_time, acr, \
                 amr, code_challenge, code_challenge_method, grant_id, redeemed_at FROM oauth2_code WHERE code = ?"
                    .into(),
                &[Text],
                &CODE,
            ),
            Self::MarkRedeemed => (
                "UPDATE oauth2_code SET redeemed_at = ? WHERE id = ? AND redeemed_at = 0".into(),
                &[Int, Int],
                &[],
            ),
            Self::InsertGrant => (
                "INSERT INTO oauth2_grant (id, user_id, client_id, created_at, last_used_at, expires_at, revoked_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)"
                    .into(),
                &[Int, Int, Text, Int, Int, Int, Int],
                &[],
            ),
            Self::TouchGrant => (
                "UPDATE oauth2_grant SET last_used_at = ? WHERE id = ? AND revoked_at = 0 \
                 AND (expires_at = 0 OR expires_at >= ?)"
                    .into(),
                &[Int, Int, Int],
                &[],
            ),
            Self::MarkRotated => (
                "UPDATE oauth2_token SET refresh_token_rotated_at = ?, refresh_token_revoked_at = ? WHERE id = ? \
                 AND refresh_token_revoked_at = 0"
                    .into(),
                &[Int, Int, Int],
                &[],
            ),
            Self::AgedCodes => ("SELECT id, auth_time FROM oauth2_code WHERE auth_time < ?".into(), &[Int], &[Int, Int]),
            Self::AgedTokens => (
                token(&format!(
                    "issued_at < ? AND issued_at >= ? AND (issued_at > ? OR id > ?) ORDER BY issued_at, id LIMIT {PRUNED}"
                )),
                &[Int, Int, Int, Int],
                &TOKEN,
            ),
            Self::AgedGrants => {
                ("SELECT id, last_used_at FROM oauth2_grant WHERE created_at < ?".into(), &[Int], &[Int, Int])
            }
            Self::Rotate => (
                format!(
                    "WITH touched AS (UPDATE oauth2_grant SET last_used_at = ? WHERE id = ? AND revoked_at = 0 \
                     AND (expires_at = 0 OR expires_at >= ?) RETURNING 1), \
                     rotated AS (UPDATE oauth2_token SET refresh_token_rotated_at = ?, refresh_token_revoked_at = ? \
                     FROM touched WHERE id = ? AND refresh_token_revoked_at = 0 RETURNING 1) \
                     INSERT INTO oauth2_token ({TOKEN_COLUMNS}) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM rotated"
                ),
                &ROTATION,
                &[],
            ),
            Self::DeleteTokens => ("DELETE FROM oauth2_token WHERE id IN (??)".into(), &[Ints], &[]),
        };
        Definition {
            sql,
            parameters,
            results,
        }
    }
}

impl Definition {
    /// The text where each parameter is `?` and a list is so many of them.
    pub fn with_question_marks(&self) -> String {
        self.sql.replace("??", &vec!["?"; PRUNED].join(","))
    }

    /// The text where parameters are `$1`, `$2`... and a list is an array.
    pub fn with_dollars(&self) -> String {
        let sql = self.sql.replace("IN (??)", "= ANY (?)");
        let mut pieces = sql.split('?');
        let first = pieces.next().unwrap_or_default().to_owned();
        let rest = pieces
            .enumerate()
            .map(|(at, piece)| format!("${}{piece}", at + 1));
        rest.fold(first, |sql, piece| sql + &piece)
    }
}
