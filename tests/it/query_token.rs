//! Checklist rows 13 to 16: looking tokens up.

use super::api::types::TokenTypeHint;
use super::api::{
    Error, OAuth2Token, TokenResponse, create_bearer_token_validator, create_query_token_func,
};

use crate::fixture::{Fixture, Scene, on_every_schema, token};

on_every_schema!(
    row_13_with_each_hint_and_without,
    row_14_a_wrong_hint_still_finds_the_token,
    row_14_the_hinted_kind_wins_where_a_text_is_both,
    row_15_sha256_stores_no_plaintext,
    row_15_plain_rows_are_found_and_rewritten_if_asked_to,
    look_ups_by_wrong_case_padded_and_wrong_secrets_find_nothing,
);

fn row_13_with_each_hint_and_without<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    scene.save(&token("2")).expect("is saved");
    let query_token = create_query_token_func::<F::Token, _>(scene.pool.clone());
    let find = |token: &str, hint| {
        query_token(token, hint)
            .expect("no error")
            .map(|found| found.stored_access_token().to_owned())
    };
    let one = find("access-1", None);
    assert!(one.is_some());
    assert_eq!(find("access-1", Some(TokenTypeHint::AccessToken)), one);
    assert_eq!(find("refresh-1", Some(TokenTypeHint::RefreshToken)), one);
    assert_eq!(find("refresh-1", None), one);
    assert_ne!(find("access-2", None), one);
    for hint in [
        None,
        Some(TokenTypeHint::AccessToken),
        Some(TokenTypeHint::RefreshToken),
    ] {
        assert_eq!(find("access-3", hint), None);
    }
}

fn row_14_a_wrong_hint_still_finds_the_token<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let query_token = create_query_token_func::<F::Token, _>(scene.pool.clone());
    for (token, hint) in [
        ("access-1", TokenTypeHint::RefreshToken),
        ("refresh-1", TokenTypeHint::AccessToken),
    ] {
        let found = query_token(token, Some(hint)).expect("no error");
        assert!(found.is_some(), "{token} with {hint:?}");
    }
}

fn row_14_the_hinted_kind_wins_where_a_text_is_both<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let response = |access: &str, refresh: &str| {
        let mut response = TokenResponse::bearer(access);
        response.refresh_token = Some(refresh.to_owned());
        response
    };
    // Once with each row as the older one.
    for rows in [
        [("one", "other"), ("another", "one")],
        [("yet", "two"), ("two", "more")],
    ] {
        for (access, refresh) in rows {
            scene.save(&response(access, refresh)).expect("is saved");
        }
    }
    let query_token = create_query_token_func::<F::Token, _>(scene.pool.clone());
    let find = |token: &str, hint| {
        let found = query_token(token, hint).expect("no error");
        found.expect("is there").stored_access_token().to_owned()
    };
    for (text, as_access, as_refresh) in [("one", "one", "another"), ("two", "two", "yet")] {
        let stored = |access: &str| find(access, Some(TokenTypeHint::AccessToken));
        assert_eq!(find(text, None), stored(as_access));
        assert_eq!(
            find(text, Some(TokenTypeHint::RefreshToken)),
            stored(as_refresh)
        );
        assert_ne!(stored(as_access), stored(as_refresh));
    }
}

fn row_15_sha256_stores_no_plaintext<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let texts = F::stored_texts(&mut scene.conn());
    assert!(
        texts.iter().any(|text| text.starts_with("sha256:")),
        "{texts:?}"
    );
    for text in texts {
        assert!(
            !text.contains("access-1") && !text.contains("refresh-1"),
            "{text}"
        );
        // What stands in the database is no token itself.
        let query_token = create_query_token_func::<F::Token, _>(scene.pool.clone());
        assert!(
            query_token(&text, None).expect("no error").is_none(),
            "{text}"
        );
    }
}

fn row_15_plain_rows_are_found_and_rewritten_if_asked_to<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    for name in ["1", "2"] {
        scene.save_plain(&token(name)).expect("is saved");
    }
    let bare = TokenResponse::bearer("access-3");
    scene.save_plain(&bare).expect("is saved");
    scene.save(&token("4")).expect("is saved");
    let plain_left = || {
        let mut texts = F::stored_texts(&mut scene.conn());
        texts.retain(|text| text.starts_with("access-") || text.starts_with("refresh-"));
        texts.sort();
        texts
    };
    let finds = |found: Result<bool, Error>, token: &str| {
        assert_eq!(found, Ok(true), "{token}");
    };
    let plain = ["access-1", "access-2", "access-3", "refresh-1", "refresh-2"];
    let all = [&plain[..], &["access-4", "refresh-4"]].concat();

    let either = create_query_token_func::<F::EitherToken, _>(scene.pool.clone());
    for token in &all {
        finds(either(token, None).map(|found| found.is_some()), token);
    }
    assert_eq!(plain_left(), plain, "nothing is rewritten unless asked for");

    let moving = create_query_token_func::<F::MovingToken, _>(scene.pool.clone());
    finds(moving("refresh-1", None).map(|found| found.is_some()), "1");
    assert_eq!(plain_left(), ["access-2", "access-3", "refresh-2"]);
    let validator = create_bearer_token_validator::<F::MovingToken, _>(scene.pool.clone());
    for token in ["access-2", "access-3", "access-4"] {
        let found = validator.authenticate_token(token);
        finds(found.map(|found| found.is_some()), token);
    }
    assert_eq!(plain_left(), [""; 0]);
    let digests = create_query_token_func::<F::Token, _>(scene.pool.clone());
    for token in &all {
        finds(digests(token, None).map(|found| found.is_some()), token);
        finds(moving(token, None).map(|found| found.is_some()), token);
    }
}

fn look_ups_by_wrong_case_padded_and_wrong_secrets_find_nothing<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save_plain(&token("AbC")).expect("is saved");
    let query_token = create_query_token_func::<F::PlainToken, _>(scene.pool.clone());
    let validator = create_bearer_token_validator::<F::PlainToken, _>(scene.pool.clone());
    let wrong = [
        "access-abc",
        "ACCESS-AbC",
        "access-AbC ",
        " access-AbC",
        "access-AbC  ",
        "refresh-abc",
        "refresh-AbC ",
        "access-Ab",
        "access-AbCd",
        "%",
        "_",
    ];
    for wrong in wrong {
        assert!(
            query_token(wrong, None).expect("no error").is_none(),
            "{wrong:?}"
        );
        assert!(
            validator
                .authenticate_token(wrong)
                .expect("no error")
                .is_none(),
            "{wrong:?}"
        );
    }
    assert!(query_token("access-AbC", None).expect("no error").is_some());
    assert!(
        query_token("refresh-AbC", None)
            .expect("no error")
            .is_some()
    );
}
