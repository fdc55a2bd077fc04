//! The client credentials grant.

use diesel_oauth2::types::GrantType;
use diesel_oauth2_oxide_auth::{Error, NO_REDIRECT_URI};
use oxide_auth::endpoint::OAuthError;
use oxide_auth::frontends::simple::request::Status;

use crate::fixture::{on_every_schema, register};
use crate::parts::{
    OnOxide, Settings, basic, basic_with, client_as_owner, client_of_all_grants, error, json,
    owner, set_up,
};

on_every_schema!(
    a_client_gets_a_token_of_its_own,
    a_client_may_get_a_user_s_token_where_the_server_says_so,
    a_client_needs_no_redirect_uri_but_the_grant_type,
);

const FORM: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "profile")];

fn a_client_gets_a_token_of_its_own<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let client_id = F::client_id(1);
    parts.owner = client_id.clone();
    let auth = basic(&client_id);
    let response = parts.client_credentials(Some(&auth), &FORM);
    let answer = json(&response.expect("is answered"));
    assert_eq!(answer.refresh_token, None);
    assert_eq!(answer.scope.as_deref(), Some("profile"));
    let access = answer.access_token.expect("an access token");
    let grant = parts.resource(&access, "profile").expect("is let in");
    assert_eq!(grant.owner_id, client_as_owner::<F>(&client_id));
    assert_eq!(grant.client_id, client_id);
    let token =
        diesel_oauth2::create_query_token_func::<F::Token, _>(scene.pool.clone())(&access, None);
    let token = token.expect("works").expect("is stored");
    let user = diesel_oauth2::OAuth2Token::user_id(&token);
    assert!(user.is_none(), "it is nobody's but the client's");
    assert!(diesel_oauth2::OAuth2Token::grant_id(&token).is_none());

    // A client is told from a user also where it is named as nobody.
    parts.owner = String::new();
    let response = parts.client_credentials(Some(&auth), &FORM);
    let access = json(&response.expect("is answered")).access_token;
    let grant = parts.resource(&access.expect("an access token"), "profile");
    let owner_id = grant.expect("is let in").owner_id;
    assert_eq!(owner_id, client_as_owner::<F>(&client_id));

    let wrong = basic_with(&client_id, "other");
    assert_eq!(
        error(parts.client_credentials(Some(&wrong), &FORM)),
        (Status::Unauthorized, "invalid_client".into())
    );
    let all_too_much = [("grant_type", "client_credentials"), ("scope", "admin")];
    let answer = parts.client_credentials(Some(&auth), &all_too_much);
    assert_eq!(answer.err(), Some(OAuthError::DenySilently));
}

fn a_client_may_get_a_user_s_token_where_the_server_says_so<F: OnOxide>() {
    let Some((_scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    parts.owner = owner::<F>(3);
    let auth = basic(&F::client_id(1));
    let response = parts.client_credentials(Some(&auth), &FORM);
    let access = json(&response.expect("is answered")).access_token;
    let grant = parts.resource(&access.expect("an access token"), "profile");
    assert_eq!(grant.expect("is let in").owner_id, owner::<F>(3));

    parts.owner = "nobody".into();
    let answer = parts.client_credentials(Some(&auth), &FORM);
    assert_eq!(answer.err(), Some(OAuthError::PrimitiveError));
    assert_eq!(parts.failures.take(), [Error::UnknownOwner]);
}

fn a_client_needs_no_redirect_uri_but_the_grant_type<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let mut machine = client_of_all_grants::<F>(6);
    machine.metadata.redirect_uris.clear();
    register::<F>(&scene.pool, &machine);
    parts.owner = machine.id.clone();
    let auth = basic(&machine.id);
    // A registrar for every flow cannot tell this one from an authorization without a place to go to.
    let answer = parts.client_credentials(Some(&auth), &FORM);
    assert_eq!(answer.err(), Some(OAuthError::DenySilently));

    parts.registrar = parts.registrar.grant_type(GrantType::ClientCredentials);
    let response = parts.client_credentials(Some(&auth), &FORM);
    let access = json(&response.expect("is answered")).access_token;
    let grant = parts.resource(&access.expect("an access token"), "profile");
    assert_eq!(
        grant.expect("is let in").redirect_uri.as_str(),
        NO_REDIRECT_URI
    );

    // And the client that is not registered for it gets nothing.
    let other = F::client_id(1);
    parts.owner = other.clone();
    assert_eq!(
        error(parts.client_credentials(Some(&basic(&other)), &FORM)),
        (Status::Unauthorized, "invalid_client".into())
    );
}
