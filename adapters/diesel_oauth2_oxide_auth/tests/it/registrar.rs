//! Which clients there are, where they may be sent, what they may have.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel_oauth2::observer::on_client_authenticated;
use diesel_oauth2::secret::hash_client_secret;
use diesel_oauth2::types::GrantType;
use oxide_auth::primitives::registrar::{
    BoundClient, ClientUrl, ExactUrl, RegisteredUrl, Registrar, RegistrarError,
};

use crate::fixture::{NewClient, confidential_client, on_every_schema, public_client, register};
use crate::parts::{OnOxide, Settings, forward, set_up};

on_every_schema!(
    a_redirect_uri_is_one_of_the_client_s_character_for_character,
    the_scope_is_what_is_asked_for_and_may_be_had,
    secrets_are_checked_by_what_the_client_is_registered_for,
    a_registrar_for_one_grant_type_knows_its_clients_only,
);

fn bind<R: Registrar>(
    registrar: &R,
    client_id: &str,
    redirect_uri: Option<&str>,
) -> Result<String, RegistrarError> {
    let url = |text: &str| Cow::Owned(ExactUrl::new(text.to_owned()).expect("is a URL"));
    let bound = registrar.bound_redirect(ClientUrl {
        client_id: Cow::Borrowed(client_id),
        redirect_uri: redirect_uri.map(url),
    })?;
    assert_eq!(bound.client_id, client_id);
    Ok(bound.redirect_uri.as_str().to_owned())
}

fn negotiate<R: Registrar>(
    registrar: &R,
    client_id: &str,
    scope: Option<&str>,
) -> Result<String, RegistrarError> {
    let url = ExactUrl::new("https://a.example/cb".to_owned()).expect("is a URL");
    let bound = BoundClient {
        client_id: Cow::Borrowed(client_id),
        redirect_uri: Cow::Owned(RegisteredUrl::Exact(url)),
    };
    let scope = scope.map(|scope| scope.parse().expect("is a scope"));
    let pre_grant = registrar.negotiate(bound, scope)?;
    let mut scopes: Vec<&str> = pre_grant.scope.iter().collect();
    scopes.sort_unstable();
    Ok(scopes.join(" "))
}

/// The error there is for whatever the client did wrong.
fn refused<T: std::fmt::Debug>(result: Result<T, RegistrarError>) {
    assert!(
        matches!(result, Err(RegistrarError::Unspecified)),
        "{result:?}"
    );
}

fn a_redirect_uri_is_one_of_the_client_s_character_for_character<F: OnOxide>() {
    let Some((scene, parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let client_id = F::client_id(1);
    let bind_mine = |uri| bind(&parts.registrar, &client_id, uri);
    for registered in ["https://a.example/cb", "https://b.example/cb"] {
        assert_eq!(bind_mine(Some(registered)).expect("is known"), registered);
    }
    assert_eq!(bind_mine(None).expect("the first"), "https://a.example/cb");
    for other in [
        "https://a.example/cb/",
        "https://a.example:443/cb",
        "https://A.example/cb",
        "https://a.example/cb?x=1",
        "https://a.example/",
        "http://a.example/cb",
    ] {
        refused(bind_mine(Some(other)));
    }
    for unknown in [F::client_id(9), client_id.to_uppercase(), String::new()] {
        if unknown != client_id {
            refused(bind(&parts.registrar, &unknown, None));
        }
    }
    let mut nowhere = confidential_client::<F>(4);
    nowhere.metadata.redirect_uris.clear();
    register::<F>(&scene.pool, &nowhere);
    refused(bind(&parts.registrar, &nowhere.id, None));
}

fn the_scope_is_what_is_asked_for_and_may_be_had<F: OnOxide>() {
    let Some((_scene, parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let client_id = F::client_id(1);
    let ask = |scope| negotiate(&parts.registrar, &client_id, scope);
    assert_eq!(ask(Some("email profile")).expect("is had"), "email profile");
    assert_eq!(ask(Some("admin profile")).expect("is had"), "profile");
    refused(ask(Some("admin")));
    assert_eq!(ask(Some("")).expect("is nothing"), "");
    assert_eq!(ask(None).expect("is nothing"), "");
    let registrar = parts.registrar.clone().default_scope("profile admin");
    assert_eq!(
        negotiate(&registrar, &client_id, None).expect("is had"),
        "profile"
    );
    refused(negotiate(&registrar, &F::client_id(9), None));
}

fn secrets_are_checked_by_what_the_client_is_registered_for<F: OnOxide>() {
    let Some((scene, parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let registrar = parts
        .registrar
        .clone()
        .observer(on_client_authenticated(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        }));
    let check = |id: &str, secret: Option<&str>| registrar.check(id, secret.map(str::as_bytes));

    let client_id = F::client_id(1);
    check(&client_id, Some("s3cret")).expect("is right");
    for wrong in [
        None,
        Some(""),
        Some("s3cre"),
        Some("S3cret"),
        Some("s3cret "),
    ] {
        refused(check(&client_id, wrong));
    }
    refused(registrar.check(&client_id, Some(b"\xff")));
    refused(check(&F::client_id(9), Some("s3cret")));

    let with_secret = |number, secret: &str, method: Option<&str>| {
        let mut client = confidential_client::<F>(number);
        client.secret = Some(secret.to_owned());
        client.metadata.token_endpoint_auth_method = method.map(str::to_owned);
        register::<F>(&scene.pool, &client);
        client.id
    };
    let hashed = hash_client_secret("l0ng&str%ong").expect("is hashed");
    let hashed = with_secret(2, &hashed, Some("client_secret_post"));
    check(&hashed, Some("l0ng&str%ong")).expect("is right");
    check(&hashed, Some("l0ng%26str%25ong")).expect("is right, as RFC 6749 encodes it");
    refused(check(&hashed, Some("l0ng%2526str%2525ong")));
    let other = with_secret(3, "s3cret", Some("private_key_jwt"));
    refused(check(&other, Some("s3cret")));

    let public: NewClient = public_client::<F>(5);
    register::<F>(&scene.pool, &public);
    check(&public.id, None).expect("names itself");
    refused(check(&public.id, Some("")));
    assert_eq!(told.load(Ordering::SeqCst), 4);

    let mut expiring = confidential_client::<F>(7);
    expiring.secret_expires_at = crate::parts::until(&scene, 10);
    register::<F>(&scene.pool, &expiring);
    check(&expiring.id, Some("s3cret")).expect("is right");
    forward(&scene.clock, 10);
    refused(check(&expiring.id, Some("s3cret")));
}

fn a_registrar_for_one_grant_type_knows_its_clients_only<F: OnOxide>() {
    let Some((_scene, parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let client_id = F::client_id(1);
    for (grant_type, knows) in [
        (GrantType::AuthorizationCode, true),
        (GrantType::RefreshToken, true),
        (GrantType::ClientCredentials, false),
        (GrantType::DeviceCode, false),
    ] {
        let registrar = parts.registrar.clone().grant_type(grant_type);
        let results = [
            bind(&registrar, &client_id, None).is_ok(),
            negotiate(&registrar, &client_id, None).is_ok(),
            registrar.check(&client_id, Some(b"s3cret")).is_ok(),
        ];
        assert_eq!(results, [knows; 3]);
    }
}
