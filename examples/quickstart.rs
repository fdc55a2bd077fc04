//! The five helpers on a file of embedded SQLite: migrate, register a client, issue, query, validate and revoke a token.
//!
//! `cargo run --example quickstart`

use std::error::Error;

use diesel::SqliteConnection;
use diesel::prelude::*;
use diesel_oauth2::models::{Client, Token};
use diesel_oauth2::pool::PoolBuilder;
use diesel_oauth2::schema::oauth2_client;
use diesel_oauth2::secret::hash_client_secret;
use diesel_oauth2::types::{GrantType, TokenTypeHint};
use diesel_oauth2::{
    BearerTokenGenerator, ClientMetadata, EndpointRequest, GenerateRequest, OAuth2Client,
    OAuth2Token, TokenRequest, create_bearer_token_validator, create_client_authenticator,
    create_query_client_func, create_query_token_func, create_revocation_endpoint,
    create_save_token_func, migrations,
};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("quickstart.sqlite");
    let pool = PoolBuilder::<SqliteConnection>::new(file.display().to_string()).build()?;

    step("Run the bundled migrations");
    let applied = migrations::run(&mut *pool.get()?)?;
    println!("   applied: {}", applied.join(", "));

    step("Register a client");
    let metadata = ClientMetadata {
        client_name: Some("Demo".into()),
        grant_types: vec!["authorization_code".into(), "refresh_token".into()],
        scope: Some("profile email".into()),
        ..Default::default()
    };
    diesel::insert_into(oauth2_client::table)
        .values((
            oauth2_client::client_id.eq("demo"),
            oauth2_client::client_secret.eq(hash_client_secret("demo-secret")?),
            oauth2_client::client_metadata.eq(metadata),
        ))
        .execute(&mut *pool.get()?)?;

    // The factories: each takes the pool, and what it gives can be cloned into any handler.
    let query_client = create_query_client_func::<Client, _>(pool.clone());
    let save_token = create_save_token_func::<Token, _>(pool.clone());
    let query_token = create_query_token_func::<Token, _>(pool.clone());
    let authenticator = create_client_authenticator::<Client, _>(pool.clone());
    let revocation = create_revocation_endpoint::<Token, _>(pool.clone());
    let validator = create_bearer_token_validator::<Token, _>(pool.clone()).realm("demo");

    let client = query_client("demo")?.ok_or("the client was just registered")?;
    println!("   found: {}", client.client_id());

    step("Generate a token and save it for user 7");
    let generator = BearerTokenGenerator::new().with_refresh_tokens();
    let request = GenerateRequest::new(GrantType::AuthorizationCode, &client)
        .user(&7)
        .scope("profile admin");
    let issued = generator.generate(&request)?;
    save_token(&issued, &TokenRequest::new(&client).user(7))?;
    println!(
        "   {} token, scope {:?} (admin was not for this client), expires in {:?} s",
        issued.token_type,
        issued.scope.as_deref().unwrap_or_default(),
        issued.expires_in
    );
    let refresh_token = issued
        .refresh_token
        .clone()
        .ok_or("refresh tokens are on")?;

    step("Query it: with the right hint, the wrong one, and none");
    for hint in [
        Some(TokenTypeHint::AccessToken),
        Some(TokenTypeHint::RefreshToken),
        None,
    ] {
        let token = query_token(&issued.access_token, hint)?.ok_or("the token was just saved")?;
        println!("   {hint:?}: issued to {}", token.client_id());
    }

    step("Validate it as a resource server would");
    let header = format!("Bearer {}", issued.access_token);
    let token = validator.acquire_token(Some(&header), &["profile"])?;
    println!("   profile: granted, user {:?}", token.user_id());
    if let Err(refused) = validator.acquire_token(Some(&header), &["admin"]) {
        println!("   admin: {refused}");
    }

    step("Revoke the refresh token, which takes the access token along");
    let body = format!("token={refresh_token}&client_id=demo&client_secret=demo-secret");
    let revoke = EndpointRequest::new(None, body.as_bytes());
    let response = revocation.create_endpoint_response(&revoke, &authenticator)?;
    println!("   status {}", response.status);

    step("See the access token refused");
    match validator.acquire_token(Some(&header), &["profile"]) {
        Ok(_) => return Err("a revoked token was accepted".into()),
        Err(refused) => println!("   {refused}"),
    }
    Ok(())
}

fn step(what: &str) {
    println!("-- {what}");
}
