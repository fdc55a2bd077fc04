//! What the server is told when something goes wrong, and what nobody is.

use diesel_oauth2::EndpointResponse;
use diesel_oauth2::lifecycle::{CodeRefusal, RefreshRefusal};
use diesel_oauth2_oxide_auth::{Error, create_authorizer, create_issuer, create_registrar};
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::grant::{Extensions, Grant, Value};
use oxide_auth::primitives::issuer::Issuer;
use oxide_auth::primitives::registrar::{Registrar, RegistrarError};

use crate::fixture::{Bundled, Fixture};
use crate::parts::{Failures, OnOxide, REDIRECT_URI, Settings, VERIFIER, basic, challenge, set_up};
use crate::support::{TestDatabase, on_every_database};

on_every_database!(
    a_database_without_its_tables_is_a_failure_and_no_refusal,
    an_extension_without_a_place_is_refused_and_nothing_is_stored,
    no_failure_and_no_debug_shows_a_secret,
);

fn grant() -> Grant {
    Grant {
        owner_id: "1".into(),
        client_id: "Client-1".into(),
        scope: "profile".parse().expect("is a scope"),
        redirect_uri: REDIRECT_URI.parse().expect("is a URL"),
        until: chrono::Utc::now(),
        extensions: Extensions::new(),
    }
}

fn a_database_without_its_tables_is_a_failure_and_no_refusal<D>()
where
    D: TestDatabase,
    Bundled<D>: OnOxide<Conn = D::Conn>,
{
    let Some(database) = D::create() else {
        return;
    };
    let fixture = Bundled(database);
    let pool = fixture.pool();
    let failures = Failures::default();
    let registrar = create_registrar::<<Bundled<D> as Fixture>::Client, _>(pool.clone())
        .on_failure(failures.clone().note());
    let (mut authorizer, mut issuer) =
        Bundled::<D>::primitives(pool, Default::default(), &failures, Settings::default());

    assert!(matches!(
        registrar.check("app", None),
        Err(RegistrarError::PrimitiveError)
    ));
    assert!(authorizer.authorize(grant()).is_err());
    assert!(authorizer.extract("code").is_err());
    assert!(issuer.issue(grant()).is_err());
    assert!(issuer.refresh("token", grant()).is_err());
    assert!(issuer.recover_token("token").is_err());
    assert!(issuer.recover_refresh("token").is_err());
    let told = failures.take();
    assert_eq!(told.len(), 7);
    for failure in told {
        assert!(
            matches!(
                failure,
                Error::Storage(diesel_oauth2::Error::SchemaMismatch { .. })
            ),
            "{failure:?}"
        );
        assert_eq!(EndpointResponse::from(&failure).status, 500);
    }
}

fn an_extension_without_a_place_is_refused_and_nothing_is_stored<D>()
where
    D: TestDatabase,
    Bundled<D>: OnOxide<Conn = D::Conn>,
{
    let Some((scene, mut parts)) = set_up::<Bundled<D>>(Settings::default()) else {
        return;
    };
    let mut grant = grant();
    grant
        .extensions
        .set_raw("device".into(), Value::private(None));
    assert!(parts.authorizer.authorize(grant.clone()).is_err());
    assert!(parts.issuer.issue(grant).is_err());
    let expected = Error::UnkeptExtension {
        identifier: "device".into(),
    };
    assert_eq!(parts.failures.take(), [expected.clone(), expected]);
    let conn = &mut scene.conn();
    for table in ["oauth2_code", "oauth2_token"] {
        assert_eq!(D::number(conn, &format!("SELECT count(*) FROM {table}")), 0);
    }
}

fn no_failure_and_no_debug_shows_a_secret<D>()
where
    D: TestDatabase,
    Bundled<D>: OnOxide<Conn = D::Conn>,
{
    let Some((scene, mut parts)) = set_up::<Bundled<D>>(Settings::default()) else {
        return;
    };
    let client_id = Bundled::<D>::client_id(1);
    let auth = basic(&client_id);
    let code = parts.code(&client_id);
    let answer = parts.redeem(Some(&auth), &code).expect("is answered");
    let (access, refresh) = crate::parts::both(&answer);
    let exchanged = parts.exchange(&refresh).expect("is answered");
    let (access_2, refresh_2) = crate::parts::both(&exchanged);
    for token in [&refresh, &refresh_2] {
        parts.exchange(token).expect("is answered");
    }
    parts.redeem(Some(&auth), &code).expect("is answered");
    D::execute(&mut scene.conn(), "DROP TABLE oauth2_token");
    D::execute(&mut scene.conn(), "DROP TABLE oauth2_code");
    for token in [&access, &access_2, &refresh, &refresh_2] {
        parts.issuer.recover_token(token).expect_err("is broken");
        parts.issuer.recover_refresh(token).expect_err("is broken");
        let refreshed = parts.issuer.refresh(token, grant());
        refreshed.expect_err("is broken");
    }
    parts.authorizer.extract(&code).expect_err("is broken");

    let told = parts.failures.take();
    assert!(told.contains(&Error::RefreshRefused(RefreshRefusal::Reused)));
    assert!(told.contains(&Error::CodeRefused(CodeRefusal::Replayed)));
    assert!(told.len() > 13, "{told:?}");
    let issuer = create_issuer::<<Bundled<D> as Fixture>::Token, _>(scene.pool.clone());
    let authorizer = create_authorizer::<<Bundled<D> as Fixture>::Code, _, _, _>(&issuer);
    let mut shown = format!("{:?}{issuer:?}{authorizer:?}", parts.registrar);
    for failure in told {
        let response = EndpointResponse::from(&failure);
        shown += &format!("{failure}{failure:?}{}", response.body);
    }
    for secret in [
        &code,
        &access,
        &refresh,
        &access_2,
        &refresh_2,
        &challenge(),
        VERIFIER,
        "s3cret",
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
