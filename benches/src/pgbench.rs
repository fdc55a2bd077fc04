//! pgbench as an outside witness: the driver's statements, `-M prepared`, on the same tables.

use std::process::Command;

use crate::databases::Db;
use crate::input::{CLIENT_ID, LOADED_AT, USER_ID};
use crate::operation::Operation;
use crate::settings;
use crate::ways::driver::Statement;

/// The mean of a statement in microseconds, as pgbench tells it. `None` for operations of more than one statement and
/// for other databases.
///
/// # Errors
/// Why there is none.
pub fn mean<D: Db>(url: &str, operation: Operation, tokens: u64) -> Result<Option<f64>, String> {
    let Some(script) = (D::KEY == "postgres")
        .then(|| script(operation, tokens))
        .flatten()
    else {
        return Ok(None);
    };
    let folder = tempfile::tempdir().map_err(|error| format!("pgbench: {error}"))?;
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script).map_err(|error| format!("pgbench: {error}"))?;
    let calls = if settings::is_quick() { 10 } else { 3_000 };
    let output = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--report-per-command"])
        .arg(format!("--transactions={calls}"))
        .arg("--file")
        .arg(&file)
        .arg(url)
        .output()
        .map_err(|error| format!("pgbench: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // The statement that counts comes last; before it stand its mean in milliseconds and how often it failed.
    let last = text.lines().rev().find(|line| {
        line.contains(" SELECT ")
            || line.contains(" INSERT ")
            || line.contains(" UPDATE ")
            || line.contains(" WITH ")
    });
    let millis = last.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    match millis {
        Some(millis) => Ok(Some(millis * 1000.0)),
        None => Err(format!(
            "pgbench: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

/// Gets the values by a statement of its own, and then runs the one that counts.
fn script(operation: Operation, tokens: u64) -> Option<String> {
    let odd = format!("\\set number random(0, {}) * 2 + 1", tokens / 2 - 1);
    let pick = |columns: &str| {
        format!("{odd}\nSELECT {columns} FROM oauth2_token WHERE id = :number \\gset\n")
    };
    let fresh = format!(
        "SELECT md5(random()::text) || 'pgbench' AS access, md5(random()::text) || 'pgbench' AS refresh \\gset\n\
         \\set now {LOADED_AT} + 1000\n\\set user {USER_ID}\n\\set zero 0\n"
    );
    let insert = [
        ":user", ":client", ":type", ":access", ":refresh", ":scope", ":now", ":zero", ":zero",
        ":hour",
    ];
    let texts = format!(
        "SELECT '{CLIENT_ID}' AS client, 'Bearer' AS type, 'profile email' AS scope \\gset\n\\set hour 3600\n"
    );
    let (before, statement, values): (String, Statement, Vec<&str>) = match operation {
        Operation::QueryClient => (
            format!("SELECT '{CLIENT_ID}' AS client \\gset\n"),
            Statement::Client,
            vec![":client"],
        ),
        Operation::QueryTokenUnhinted | Operation::QueryTokenAccess | Operation::Introspect => (
            pick("access_token AS token"),
            Statement::ByEitherToken,
            vec![":token"; 2],
        ),
        Operation::QueryTokenRefresh => (
            pick("refresh_token AS token"),
            Statement::ByEitherToken,
            vec![":token"; 2],
        ),
        Operation::Validate => (
            pick("access_token AS token"),
            Statement::ByAccessToken,
            vec![":token"],
        ),
        Operation::SaveToken => {
            let values = [&insert[..], &["NULL", ":zero"]].concat();
            (fresh + &texts, Statement::InsertToken, values)
        }
        Operation::Revoke => {
            let live = format!(
                "{odd}\nUPDATE oauth2_token SET access_token_revoked_at = 0 WHERE id = :number;\n\\set now {LOADED_AT}\n"
            );
            (live, Statement::RevokeAccessToken, vec![":now", ":number"])
        }
        Operation::Rotate => {
            let live = format!(
                "{odd}\nUPDATE oauth2_token SET refresh_token_revoked_at = 0 WHERE id = :number \\;\n\
                 SELECT grant_id AS grant FROM oauth2_token WHERE id = :number \\gset\n"
            );
            let updates = [":now", ":grant", ":now", ":now", ":now", ":number"];
            let values = [&updates[..], &insert, &[":grant", ":zero"]].concat();
            (
                live.replace(" \\;", ";") + &fresh + &texts,
                Statement::Rotate,
                values,
            )
        }
        Operation::Redeem | Operation::Prune => return None,
    };
    let sql = statement.definition().sql;
    let mut values = values.into_iter();
    let mut pieces = sql.split('?');
    let first = pieces.next().unwrap_or_default().to_owned();
    let statement = pieces.fold(first, |sql, piece| {
        sql + values.next().unwrap_or("NULL") + piece
    });
    Some(format!("{before}{statement};\n"))
}
