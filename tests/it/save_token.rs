//! Checklist rows 9 to 12: saving tokens.

use super::api::{
    Error, OAuth2Token, TokenRequest, TokenResponse, create_query_token_func,
    create_save_token_func,
};

use crate::fixture::{Fixture, NOW, Scene, confidential_client, on_every_schema, token};

on_every_schema!(
    row_09_with_and_without_user_refresh_token_and_scope,
    row_10_issue_time_is_the_clock_s_and_no_lifetime_is_for_ever,
    row_11_extra_columns_are_filled_and_unknown_members_are_never_dropped,
    row_12_a_duplicate_is_named_without_its_value_and_nothing_is_stored,
    row_12_a_value_too_long_is_named_without_its_value_and_nothing_is_stored,
    row_12_an_unknown_client_is_named_and_nothing_is_stored,
    row_12_what_no_token_may_be_is_refused,
);

fn find<F: Fixture>(scene: &Scene<F>, token: &str) -> Option<F::Token> {
    create_query_token_func::<F::Token, _>(scene.pool.clone())(token, None).expect("no error")
}

fn row_09_with_and_without_user_refresh_token_and_scope<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };

    scene.save(&token("1")).expect("is saved");
    let saved = find(&scene, "access-1").expect("is found");
    assert_eq!(saved.client_id(), F::client_id(1));
    assert!(saved.user_id().is_some());
    assert_eq!(saved.token_type().as_deref(), Some("Bearer"));
    assert_eq!(saved.scope(), "profile email");
    assert!(saved.stored_refresh_token().is_some());
    assert_eq!(saved.expires_in(), Some(3600));
    assert!(!saved.is_revoked());

    scene
        .save_for(&TokenResponse::bearer("access-2"), None)
        .expect("is saved");
    let saved = find(&scene, "access-2").expect("is found");
    assert!(saved.user_id().is_none());
    assert!(saved.stored_refresh_token().is_none());
    assert_eq!(saved.scope(), "");
    assert_eq!(saved.expires_in(), None);

    // NULLs are not equal to one another: a second one without a refresh token is no duplicate.
    let mut empty_scope = TokenResponse::bearer("access-3");
    empty_scope.scope = Some(String::new());
    scene.save(&empty_scope).expect("is saved");
    assert_eq!(find(&scene, "access-3").expect("is found").scope(), "");
    assert_eq!(F::count_tokens(&mut scene.conn()), 3);
}

fn row_10_issue_time_is_the_clock_s_and_no_lifetime_is_for_ever<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let saved = find(&scene, "access-1").expect("is found");
    assert_eq!(saved.issued_at(), Some(NOW));
    assert_eq!(saved.expires_at(), Some(NOW + 3600));

    for (name, expires_in) in [("absent", None), ("zero", Some(0))] {
        scene
            .save(&TokenResponse {
                expires_in,
                ..token(name)
            })
            .expect("is saved");
        let saved = find(&scene, &format!("access-{name}")).expect("is found");
        assert_eq!(saved.expires_at(), None, "{name}");
        assert!(!saved.is_expired(i64::MAX), "{name}");
    }
}

fn row_11_extra_columns_are_filled_and_unknown_members_are_never_dropped<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let mut response = token("1");
    response.extra.insert("id_token".into(), "e.y.J".into());
    let result = scene.save(&response);
    let stored = F::stored_texts(&mut scene.conn()).join("\n");
    if F::Token::KEEPS_EXTRA_MEMBERS {
        result.expect("is saved");
        assert!(stored.contains(r#"{"id_token":"e.y.J"}"#), "{stored}");
        assert!(stored.contains("north"), "the tenant: {stored}");
        assert!(stored.contains("by the database"), "the default: {stored}");
    } else {
        assert_eq!(
            result,
            Err(Error::UnknownMember {
                name: "id_token".into()
            })
        );
        assert_eq!(F::count_tokens(&mut scene.conn()), 0);
    }
}

fn row_12_a_duplicate_is_named_without_its_value_and_nothing_is_stored<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let again = TokenResponse {
        refresh_token: None,
        ..token("1")
    };
    let error = scene.save(&again).expect_err("is a duplicate");
    assert!(
        matches!(&error, Error::Duplicate { constraint: Some(name) } if !name.is_empty()),
        "{error:?}"
    );
    assert_says_nothing_secret(&scene, &error);
    assert!(!error.is_retryable());
    assert_eq!(F::count_tokens(&mut scene.conn()), 1);
    assert!(
        find(&scene, "refresh-1").is_some(),
        "the first one is as it was"
    );
}

fn row_12_a_value_too_long_is_named_without_its_value_and_nothing_is_stored<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    // `#[max_length = ...]` in `table!` is known before anything is sent.
    let long = TokenResponse::bearer("a".repeat(256));
    let error = scene.save_plain(&long).expect_err("is too long");
    assert!(
        matches!(
            &error,
            Error::ValueTooLong {
                column: Some(_),
                max: Some(_)
            }
        ),
        "{error:?}"
    );
    assert!(!format!("{error:?} {error}").contains("aaaa"));

    // Without it the database says so; SQLite has no such limit.
    let mut response = token("1");
    response.token_type = "Bearer".repeat(100);
    match scene.save(&response) {
        Ok(()) => assert!(scene.fixture.url().ends_with(".sqlite")),
        Err(error) => {
            assert!(matches!(error, Error::ValueTooLong { .. }), "{error:?}");
            assert!(!format!("{error:?} {error}").contains("BearerBearer"));
            assert_eq!(F::count_tokens(&mut scene.conn()), 0);
        }
    }
}

fn row_12_an_unknown_client_is_named_and_nothing_is_stored<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    // A client that is known to its own database only.
    let Some(elsewhere) = Scene::<F>::set_up() else {
        return;
    };
    let stranger = crate::fixture::register::<F>(&elsewhere.pool, &confidential_client::<F>(7));
    let save_token = create_save_token_func::<F::Token, _>(scene.pool.clone());
    let request = TokenRequest::new(&stranger).extra(F::extra());
    let error = save_token(&token("1"), &request).expect_err("the client is not there");
    assert!(matches!(error, Error::UnknownReference { .. }), "{error:?}");
    assert_says_nothing_secret(&scene, &error);
    assert_eq!(F::count_tokens(&mut scene.conn()), 0);
}

fn row_12_what_no_token_may_be_is_refused<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    for bad in ["", "with\0nul", "with\nnewline", "émoji🦀"] {
        let error = scene
            .save(&TokenResponse::bearer(bad))
            .expect_err("is no token");
        assert!(
            matches!(
                error,
                Error::InvalidValue {
                    column: "access_token",
                    ..
                }
            ),
            "{error:?}"
        );
        let refresh = TokenResponse {
            refresh_token: Some(bad.into()),
            ..token("1")
        };
        let error = scene.save(&refresh).expect_err("is no token");
        assert!(
            matches!(
                error,
                Error::InvalidValue {
                    column: "refresh_token",
                    ..
                }
            ),
            "{error:?}"
        );
    }
    let scope = TokenResponse {
        scope: Some("a\0b".into()),
        ..token("1")
    };
    assert!(matches!(
        scene.save(&scope),
        Err(Error::InvalidValue {
            column: "scope",
            ..
        })
    ));
    let negative = TokenResponse {
        expires_in: Some(-1),
        ..token("1")
    };
    assert!(matches!(
        scene.save(&negative),
        Err(Error::InvalidValue {
            column: "expires_in",
            ..
        })
    ));
    assert_eq!(F::count_tokens(&mut scene.conn()), 0);
}

fn assert_says_nothing_secret<F: Fixture>(scene: &Scene<F>, error: &Error) {
    let said = format!("{error:?} {error} {error:#?}");
    for secret in F::stored_texts(&mut scene.conn()) {
        if secret.len() > 12 && secret != "by the database" {
            assert!(!said.contains(&secret), "{said}");
        }
    }
    assert!(
        !said.contains("access-1") && !said.contains("refresh-1"),
        "{said}"
    );
}
