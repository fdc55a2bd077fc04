//! Many at once on one record: exactly one gets it, and no revocation is slipped past.

use std::future::Future;
use std::sync::Arc;

use oauth_as::store::WriteOutcome;
use oauth_as::{
    AuthorizationCodeRecord, AuthorizationCodeState, ClientId, IssuedToken, RefreshTokenRecord,
    RefreshTokenState, Storage,
};
use tokio::sync::Barrier;

use crate::flow::{VERIFIER, authorize, redemption, refreshing, serve};
use crate::support::{
    TestDatabase, at, block_on, on_every_database, public_client, rounds, scopes, window,
};

const RACERS: usize = 32;

on_every_database!(
    one_of_many_takes_a_code,
    one_of_many_takes_a_refresh_token,
    one_of_many_rotates_a_refresh_token,
    one_of_many_changes_a_code,
    no_token_survives_the_revocation_of_its_family,
    no_rotation_survives_the_revocation_of_its_family,
    no_token_survives_the_deletion_of_its_client,
    at_most_one_of_many_requests_is_answered_with_tokens,
);

/// Starts what `make` makes, all together, each on a task of its own; what they gave.
async fn race<T, F>(make: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let start = Arc::clone(&start);
            let racer = make(number);
            tokio::spawn(async move {
                start.wait().await;
                racer.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for racer in racers {
        results.push(racer.await.expect("no panic"));
    }
    results
}

fn code(code: &str) -> AuthorizationCodeRecord {
    let mut record = AuthorizationCodeRecord::new(
        code,
        ClientId::new("app"),
        "https://app.example/cb",
        scopes("profile"),
        "user 7",
        "challenge",
        at(600),
    );
    record.issued_at = at(0);
    record
}

fn access(token: &str, family: &str) -> IssuedToken {
    let mut record = IssuedToken::new(
        token,
        ClientId::new("app"),
        Some("user 7".to_owned()),
        scopes("profile"),
        at(0),
        at(3600),
    );
    record.family_id = Some(family.to_owned());
    record.grant_established_at = at(0);
    record
}

fn refresh(token: &str, family: &str) -> RefreshTokenRecord {
    let mut record = RefreshTokenRecord::new(
        token,
        ClientId::new("app"),
        Some("user 7".to_owned()),
        scopes("profile"),
        family,
    );
    record.grant_established_at = at(0);
    record
}

fn one_of_many_takes_a_code<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(async {
        for round in 0..rounds() {
            let record = code(&format!("code {round}"));
            storage
                .put_authorization_code(record.clone())
                .await
                .expect("is stored");
            let taken = race(|_| {
                let (storage, code) = (storage.clone(), record.code.clone());
                async move { storage.take_authorization_code(&code).await }
            })
            .await;
            let won: Vec<_> = taken
                .into_iter()
                .filter_map(|it| it.expect("no error"))
                .collect();
            assert_eq!(won, [record], "round {round}");
        }
    });
}

fn one_of_many_takes_a_refresh_token<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(async {
        for round in 0..rounds() {
            let record = refresh(&format!("token {round}"), "family");
            let outcome = storage.put_refresh_token(record.clone()).await;
            assert_eq!(outcome, Ok(WriteOutcome::Applied));
            let taken = race(|_| {
                let (storage, token) = (storage.clone(), record.refresh_token.clone());
                async move { storage.take_refresh_token(&token).await }
            })
            .await;
            let won: Vec<_> = taken
                .into_iter()
                .filter_map(|it| it.expect("no error"))
                .collect();
            assert_eq!(won, [record], "round {round}");
        }
    });
}

fn one_of_many_rotates_a_refresh_token<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(async {
        for round in 0..rounds() {
            let family = format!("family {round}");
            let expected = refresh(&format!("token {round}"), &family);
            let outcome = storage.put_refresh_token(expected.clone()).await;
            assert_eq!(outcome, Ok(WriteOutcome::Applied));
            let mut spent = expected.clone();
            spent.state = RefreshTokenState::Spent;
            let won = race(|number| {
                let storage = storage.clone();
                let (expected, spent) = (expected.clone(), spent.clone());
                let access = access(&format!("access {round} {number}"), &family);
                let next = refresh(&format!("next {round} {number}"), &family);
                async move {
                    let rotated =
                        storage.rotate_refresh_token(&expected, &spent, &access, Some(&next));
                    rotated.await.expect("no error")
                }
            })
            .await;
            let winners: Vec<usize> = (0..RACERS).filter(|number| won[*number]).collect();
            let [winner] = winners[..] else {
                panic!("{winners:?} won round {round}");
            };
            let rows = |table| {
                database.number(&format!(
                    "SELECT COUNT(*) FROM {table} WHERE family_id = '{family}'"
                ))
            };
            assert_eq!(rows("oauth_as_access_token"), 1);
            assert_eq!(rows("oauth_as_refresh_token"), 2);
            let next = storage
                .get_refresh_token(&format!("next {round} {winner}"))
                .await;
            assert!(next.expect("no error").is_some(), "it is the winner's");
        }
    });
}

fn one_of_many_changes_a_code<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(async {
        for round in 0..rounds() {
            let record = code(&format!("code {round}"));
            storage
                .put_authorization_code(record.clone())
                .await
                .expect("is stored");
            let won = race(|number| {
                let (storage, mut updated) = (storage.clone(), record.clone());
                updated.state = AuthorizationCodeState::Consumed {
                    access_token: Some(format!("access {number}")),
                    refresh_token: None,
                };
                async move {
                    let expected = AuthorizationCodeState::Issued;
                    let swapped = storage.compare_and_swap_authorization_code(&expected, updated);
                    swapped.await.expect("no error")
                }
            })
            .await;
            assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}");
        }
    });
}

/// Half of them issue for one family while one revokes it: whichever came first, nothing is left.
fn no_token_survives_the_revocation_of_its_family<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(async {
        let mut refused = 0;
        for round in 0..rounds() {
            let family = format!("family {round}");
            let outcomes = race(|number| {
                let (storage, family) = (storage.clone(), family.clone());
                async move {
                    if number == RACERS / 2 {
                        let revoked = storage.revoke_token_family(&family, window(at(1))).await;
                        revoked.expect("no error");
                        return WriteOutcome::Applied;
                    }
                    let token = format!("token {round} {number}");
                    let put = match number % 2 {
                        0 => storage.put_token(access(&token, &family)).await,
                        _ => storage.put_refresh_token(refresh(&token, &family)).await,
                    };
                    put.expect("no error")
                }
            })
            .await;
            refused += outcomes.iter().filter(|it| it.is_refused()).count();
            for table in ["oauth_as_access_token", "oauth_as_refresh_token"] {
                let rows = database.number(&format!(
                    "SELECT COUNT(*) FROM {table} WHERE family_id = '{family}'"
                ));
                assert_eq!(rows, 0, "{table} in round {round}");
            }
        }
        eprintln!("{refused} of {} writes came after", rounds() * (RACERS - 1));
    });
}

fn no_rotation_survives_the_revocation_of_its_family<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(async {
        for round in 0..rounds() {
            let family = format!("family {round}");
            let tokens: Vec<RefreshTokenRecord> = (0..RACERS)
                .map(|number| refresh(&format!("token {round} {number}"), &family))
                .collect();
            for token in &tokens {
                let outcome = storage.put_refresh_token(token.clone()).await;
                assert_eq!(outcome, Ok(WriteOutcome::Applied));
            }
            race(|number| {
                let (storage, family) = (storage.clone(), family.clone());
                let expected = tokens[number].clone();
                async move {
                    if number == RACERS / 2 {
                        let revoked = storage.revoke_token_family(&family, window(at(1))).await;
                        assert!(revoked.expect("no error") >= RACERS as u64);
                        return;
                    }
                    let mut spent = expected.clone();
                    spent.state = RefreshTokenState::Spent;
                    let access = access(&format!("access {round} {number}"), &family);
                    let next = refresh(&format!("next {round} {number}"), &family);
                    let rotated =
                        storage.rotate_refresh_token(&expected, &spent, &access, Some(&next));
                    rotated.await.expect("no error");
                }
            })
            .await;
            for table in ["oauth_as_access_token", "oauth_as_refresh_token"] {
                let rows = database.number(&format!("SELECT COUNT(*) FROM {table}"));
                assert_eq!(rows, 0, "{table} in round {round}");
            }
        }
    });
}

fn no_token_survives_the_deletion_of_its_client<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(async {
        for round in 0..rounds() {
            let client_id = ClientId::new(format!("app {round}"));
            let client = public_client(client_id.as_str());
            storage.put_client(client).await.expect("is registered");
            race(|number| {
                let (storage, client_id) = (storage.clone(), client_id.clone());
                async move {
                    if number == RACERS / 2 {
                        let deleted = storage.delete_client(&client_id, window(at(1))).await;
                        assert_eq!(deleted, Ok(true));
                        return;
                    }
                    let mut token = access(&format!("token {round} {number}"), "family");
                    token.client_id = client_id;
                    // Some say they are newer than the deletion: the client is gone all the same.
                    token.grant_established_at = at(number as u64 % 3);
                    let _ = storage.put_token(token).await.expect("no error");
                }
            })
            .await;
            let rows = database.number("SELECT COUNT(*) FROM oauth_as_access_token");
            assert_eq!(rows, 0, "round {round}");
        }
    });
}

/// Through the server, where a second use also revokes what the first one got.
fn at_most_one_of_many_requests_is_answered_with_tokens<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, _) = serve(&database, |_| {}).await;
        let server = Arc::new(server);
        for round in 0..rounds().div_ceil(4) {
            let code = authorize(&server).await;
            let redeemed = race(|_| {
                let (server, request) = (Arc::clone(&server), redemption(&code, VERIFIER));
                async move { server.token(request).await.ok() }
            })
            .await;
            let answers = redeemed.iter().flatten().count();
            assert!(answers <= 1, "{answers} answers in round {round}");

            let code = authorize(&server).await;
            let issued = server.token(redemption(&code, VERIFIER)).await;
            let issued = issued.expect("a token");
            let refreshed = race(|_| {
                let (server, request) = (Arc::clone(&server), refreshing(&issued));
                async move { server.token(request).await.ok() }
            })
            .await;
            let answers = refreshed.iter().flatten().count();
            assert!(answers <= 1, "{answers} answers in round {round}");
        }
    });
}
