//! Checklist rows 1 to 8: clients.

use super::api::secret::hash_client_secret;
use super::api::types::{AuthMethod, Endpoint, GrantType};
use super::api::{
    EndpointRequest, OAuth2Client, create_client_authenticator, create_query_client_func,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::fixture::{
    Fixture, NOW, NewClient, Scene, confidential_client, on_every_schema, public_client, register,
};

on_every_schema!(
    row_01_found_by_exact_id_and_anything_else_is_none,
    row_02_an_id_in_other_case_or_padded_is_not_found,
    row_03_default_redirect_uri_is_the_first_and_the_check_is_exact,
    row_04_allowed_scope_keeps_the_requested_order,
    row_05_grant_response_and_auth_method_are_checked_against_the_metadata,
    row_06_unknown_metadata_survives_a_read_and_write,
    row_07_secrets_are_argon2_or_plain_and_expire,
    row_08_clients_authenticate_by_basic_post_or_none,
);

fn row_01_found_by_exact_id_and_anything_else_is_none<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let query_client = create_query_client_func::<F::Client, _>(scene.pool.clone());
    let id = F::client_id(1);
    let found = query_client(&id).expect("no error").expect("is found");
    assert_eq!(found.client_id(), id);
    let strangers = [
        String::new(),
        "unknown".into(),
        F::client_id(99),
        "x".repeat(10_240),
        format!("{id}\0"),
        "\0".into(),
        "🦀".into(),
        format!("{id}🦀"),
        "' OR 1=1 --".into(),
        "\"; DROP TABLE oauth2_client; --".into(),
        "%".into(),
        "_".repeat(id.len()),
        "\\".into(),
    ];
    for stranger in strangers {
        let answer = query_client(&stranger).map(|client| client.is_some());
        assert_eq!(answer, Ok(false), "{stranger:?}");
    }
    assert!(query_client(&id).expect("no error").is_some());
}

fn row_02_an_id_in_other_case_or_padded_is_not_found<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let query_client = create_query_client_func::<F::Client, _>(scene.pool.clone());
    let id = F::client_id(1);
    let swapped: String = id
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    assert_ne!(swapped, id, "the id has letters");
    for other in [
        swapped,
        format!("{id} "),
        format!(" {id}"),
        format!("{id}  "),
        format!("{id}\t"),
    ] {
        let answer = query_client(&other).map(|client| client.is_some());
        assert_eq!(answer, Ok(false), "{other:?}");
    }
}

fn row_03_default_redirect_uri_is_the_first_and_the_check_is_exact<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let client = &scene.client;
    assert_eq!(
        client.default_redirect_uri().as_deref(),
        Some("https://a.example/cb")
    );
    assert!(client.check_redirect_uri("https://a.example/cb"));
    assert!(client.check_redirect_uri("https://b.example/cb"));
    for other in [
        "https://a.example/cb/",
        "https://a.example/CB",
        "https://a.example/cb?x=1",
        "https://a.example/cb#x",
        "https://a.example",
        "https://A.example/cb",
        "",
    ] {
        assert!(!client.check_redirect_uri(other), "{other:?}");
    }
}

fn row_04_allowed_scope_keeps_the_requested_order<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let client = &scene.client;
    assert_eq!(
        client.get_allowed_scope("address profile"),
        "address profile"
    );
    assert_eq!(
        client.get_allowed_scope("email admin profile"),
        "email profile"
    );
    assert_eq!(client.get_allowed_scope("admin"), "");
    assert_eq!(client.get_allowed_scope(""), "");
    assert_eq!(client.get_allowed_scope("Profile"), "");
}

fn row_05_grant_response_and_auth_method_are_checked_against_the_metadata<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let client = &scene.client;
    assert!(client.check_grant_type(&GrantType::AuthorizationCode));
    assert!(!client.check_grant_type(&GrantType::ClientCredentials));
    assert!(client.check_response_type("code"));
    assert!(!client.check_response_type("token"));
    assert_eq!(
        client.token_endpoint_auth_method(),
        AuthMethod::ClientSecretBasic
    );
    assert!(client.check_endpoint_auth_method(&AuthMethod::ClientSecretBasic, Endpoint::Token));
    assert!(!client.check_endpoint_auth_method(&AuthMethod::ClientSecretPost, Endpoint::Token));
    assert!(!client.check_endpoint_auth_method(&AuthMethod::None, Endpoint::Token));
    assert!(client.check_endpoint_auth_method(&AuthMethod::ClientSecretPost, Endpoint::Revocation));
    assert!(!client.check_endpoint_auth_method(&AuthMethod::None, Endpoint::Revocation));

    let public = register::<F>(&scene.pool, &public_client::<F>(2));
    assert!(public.check_endpoint_auth_method(&AuthMethod::None, Endpoint::Token));
    assert!(!public.check_endpoint_auth_method(&AuthMethod::ClientSecretBasic, Endpoint::Token));
}

fn row_06_unknown_metadata_survives_a_read_and_write<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let mut new = confidential_client::<F>(2);
    new.metadata.client_name = Some("Größe 🦀".into());
    new.metadata
        .extra
        .insert("x_tier".into(), serde_json::json!({"gold": [1, null, "é"]}));
    let read = register::<F>(&scene.pool, &new);
    assert_eq!(*read.client_metadata(), new.metadata);
    let again = NewClient {
        id: F::client_id(3),
        metadata: read.client_metadata().into_owned(),
        ..new.clone()
    };
    let read_again = register::<F>(&scene.pool, &again);
    assert_eq!(*read_again.client_metadata(), new.metadata);
}

fn row_07_secrets_are_argon2_or_plain_and_expire<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    assert!(scene.client.check_client_secret("s3cret", NOW));
    for wrong in ["S3cret", "s3cret ", "s3cre", "", "s3cret\0"] {
        assert!(!scene.client.check_client_secret(wrong, NOW), "{wrong:?}");
    }

    let mut hashed = confidential_client::<F>(2);
    let phc = hash_client_secret("hidden").expect("hashes");
    hashed.secret = Some(phc.clone());
    hashed.secret_expires_at = NOW + 10;
    let hashed = register::<F>(&scene.pool, &hashed);
    assert!(hashed.check_client_secret("hidden", NOW));
    assert!(!hashed.check_client_secret("other", NOW));
    assert!(
        !hashed.check_client_secret(&phc, NOW),
        "the hash is not the secret"
    );
    assert!(hashed.check_client_secret("hidden", NOW + 9));
    assert!(!hashed.check_client_secret("hidden", NOW + 10), "expired");

    let public = register::<F>(&scene.pool, &public_client::<F>(3));
    assert!(!public.check_client_secret("", NOW));
    assert!(!public.check_client_secret("s3cret", NOW));

    let mut empty = confidential_client::<F>(4);
    empty.secret = Some(String::new());
    let empty = register::<F>(&scene.pool, &empty);
    assert!(!empty.check_client_secret("", NOW));
}

fn row_08_clients_authenticate_by_basic_post_or_none<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let mut odd = confidential_client::<F>(2);
    odd.secret = Some("p:ss %+é".into());
    register::<F>(&scene.pool, &odd);
    register::<F>(&scene.pool, &public_client::<F>(3));
    let authenticator =
        create_client_authenticator::<F::Client, _>(scene.pool.clone()).clock(scene.clock.clone());
    let authenticate = |authorization: Option<&str>, form: String, endpoint: Endpoint| {
        authenticator
            .authenticate(
                &EndpointRequest::new(authorization, form.as_bytes()),
                endpoint,
            )
            .map(|authenticated| authenticated.client.client_id().into_owned())
            .map_err(|refused| refused.to_string())
    };
    let basic =
        |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (one, two, three) = (F::client_id(1), F::client_id(2), F::client_id(3));
    let none = String::new;

    // client_secret_basic
    let header = basic(&one, "s3cret");
    assert_eq!(
        authenticate(Some(&header), none(), Endpoint::Token),
        Ok(one.clone())
    );
    let lower = header.replace("Basic", "bAsIc");
    assert_eq!(
        authenticate(Some(&lower), none(), Endpoint::Token),
        Ok(one.clone())
    );
    let encoded = basic(&encode(&two), &encode("p:ss %+é"));
    assert_eq!(
        authenticate(Some(&encoded), none(), Endpoint::Token),
        Ok(two.clone())
    );
    for wrong in [
        basic(&one, "wrong"),
        basic(&one, ""),
        basic("", "s3cret"),
        basic(&F::client_id(99), "s3cret"),
        basic(&three, ""),
        format!("Basic {}", STANDARD.encode(&one)),
        "Basic !!!".into(),
        "Basic".into(),
        format!("Bearer {}", STANDARD.encode(format!("{one}:s3cret"))),
    ] {
        assert!(
            authenticate(Some(&wrong), none(), Endpoint::Token).is_err(),
            "{wrong:?}"
        );
    }

    // client_secret_post: not registered for the token endpoint, accepted at others, as in authlib
    let form = format!("client_id={one}&client_secret=s3cret");
    assert!(authenticate(None, form.clone(), Endpoint::Token).is_err());
    assert_eq!(
        authenticate(None, form.clone(), Endpoint::Revocation),
        Ok(one.clone())
    );

    // none
    let form_of_three = format!("client_id={three}");
    assert_eq!(
        authenticate(None, form_of_three, Endpoint::Token),
        Ok(three)
    );
    assert!(authenticate(None, format!("client_id={one}"), Endpoint::Token).is_err());
    assert!(authenticate(None, none(), Endpoint::Token).is_err());

    // two methods at once
    assert!(authenticate(Some(&header), form, Endpoint::Revocation).is_err());
    let other = format!("client_id={two}");
    assert!(authenticate(Some(&header), other, Endpoint::Token).is_err());
    let same = format!("client_id={one}");
    assert_eq!(authenticate(Some(&header), same, Endpoint::Token), Ok(one));
}
