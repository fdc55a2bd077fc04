//! Registering clients and replacing their secrets.

use std::sync::Barrier;

use super::api::registration::{
    ClientInformation, ClientRegistry, ClientSecretStorage, Registration, RegistrationRefusal,
    create_client_registry,
};
use super::api::types::Endpoint;
use super::api::{
    ClientMetadata, EndpointRequest, Error, Failure, OAuth2Client, create_client_authenticator,
    create_query_client_func,
};

use crate::fixture::{Fixture, NOW, Scene, TestPool, on_every_schema};

on_every_schema!(
    a_registered_client_authenticates_and_its_metadata_comes_back,
    a_public_client_gets_no_secret,
    what_cannot_be_registered_is_refused_and_not_stored,
    a_replaced_secret_is_valid_for_its_overlap_only,
    of_two_replacements_at_once_one_counts,
    secrets_are_hashed_unless_plain_is_asked_for,
    a_caller_may_choose_the_secret,
);

type Registry<F> = ClientRegistry<<F as Fixture>::Client, TestPool<F>>;

fn registry<F: Fixture>(scene: &Scene<F>) -> Registry<F> {
    create_client_registry(scene.pool.clone()).clock(scene.clock.clone())
}

fn metadata() -> ClientMetadata {
    ClientMetadata {
        redirect_uris: vec!["https://app.example/cb".into()],
        scope: Some("profile".into()),
        extra: [("x_tier".to_owned(), "gold".into())].into_iter().collect(),
        ..ClientMetadata::default()
    }
}

fn find<F: Fixture>(scene: &Scene<F>, client_id: &str) -> Option<F::Client> {
    create_query_client_func::<F::Client, _>(scene.pool.clone())(client_id).expect("no error")
}

/// Whether the client may use this secret at the revocation endpoint.
fn authenticates<F: Fixture>(scene: &Scene<F>, client_id: &str, secret: &str) -> bool {
    let form = format!("client_id={client_id}&client_secret={secret}");
    create_client_authenticator::<F::Client, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .authenticate(
            &EndpointRequest::new(None, form.as_bytes()),
            Endpoint::Revocation,
        )
        .is_ok()
}

fn secret(information: &ClientInformation) -> &str {
    information.client_secret.as_deref().expect("has a secret")
}

fn a_registered_client_authenticates_and_its_metadata_comes_back<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let registered = registry(&scene)
        .secret_lifetime(100)
        .register(&Registration::new(metadata()))
        .expect("is registered");
    assert_eq!(registered.client_id_issued_at, Some(NOW));
    assert_eq!(registered.client_secret_expires_at, Some(NOW + 100));
    let json = serde_json::to_value(&registered).expect("is JSON");
    assert_eq!(json["x_tier"], "gold");
    assert_eq!(json["grant_types"][0], "authorization_code");

    let client = find(&scene, &registered.client_id).expect("is there");
    assert_eq!(*client.client_metadata(), registered.metadata);
    assert_eq!(client.client_id_issued_at(), Some(NOW));
    assert!(client.check_redirect_uri("https://app.example/cb"));
    assert!(authenticates(
        &scene,
        &registered.client_id,
        secret(&registered)
    ));
    assert!(!authenticates(&scene, &registered.client_id, "other"));
    scene.clock.set(NOW + 100);
    assert!(!authenticates(
        &scene,
        &registered.client_id,
        secret(&registered)
    ));
}

fn a_public_client_gets_no_secret<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let registry = registry(&scene).secret_lifetime(100);
    let public = ClientMetadata {
        token_endpoint_auth_method: Some("none".into()),
        ..metadata()
    };
    let registration = Registration::new(public).client_id(F::client_id(7));
    let registered = registry.register(&registration).expect("is registered");
    assert_eq!(registered.client_id, F::client_id(7));
    assert_eq!(registered.client_secret, None);
    assert_eq!(registered.client_secret_expires_at, None);
    let client = find(&scene, &registered.client_id).expect("is there");
    assert_eq!(client.client_secret(), None);
    let refused = registry.rotate_secret(&client, 0).expect_err("has none");
    assert_eq!(refused, Failure::Refused(RegistrationRefusal::NoSecret));
    let again = registry.register(&registration);
    assert!(matches!(
        again,
        Err(Failure::Storage(Error::Duplicate { .. }))
    ));
}

fn what_cannot_be_registered_is_refused_and_not_stored<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let registry = registry(&scene);
    let id = F::client_id(8);
    let register = |metadata| registry.register(&Registration::new(metadata).client_id(&*id));
    let without_uri = ClientMetadata {
        redirect_uris: vec![],
        ..metadata()
    };
    let refused = register(without_uri);
    assert!(
        matches!(
            refused,
            Err(Failure::Refused(
                RegistrationRefusal::InvalidRedirectUri { .. }
            ))
        ),
        "{refused:?}"
    );
    let contradictory = ClientMetadata {
        response_types: vec!["token".into()],
        ..metadata()
    };
    let refused = register(contradictory);
    assert!(
        matches!(
            refused,
            Err(Failure::Refused(
                RegistrationRefusal::InvalidClientMetadata { .. }
            ))
        ),
        "{refused:?}"
    );
    for odd in ["", "caf\u{e9}", "\0"] {
        let refused = registry.register(&Registration::new(metadata()).client_id(odd));
        assert!(
            matches!(refused, Err(Failure::Storage(Error::InvalidValue { .. }))),
            "{refused:?}"
        );
    }
    assert!(find(&scene, &id).is_none());
}

fn a_replaced_secret_is_valid_for_its_overlap_only<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let registry = registry(&scene);
    let first = registry
        .register(&Registration::new(metadata()))
        .expect("is registered");
    let id = &first.client_id;
    let rotate = |overlap| {
        let client = find(&scene, id).expect("is there");
        registry
            .rotate_secret(&client, overlap)
            .expect("is replaced")
    };
    let valid = |information: &ClientInformation| authenticates(&scene, id, secret(information));
    let second = rotate(60);
    assert_eq!(second.metadata, first.metadata);
    assert_eq!(
        (second.client_id.as_str(), second.client_secret_expires_at),
        (id.as_str(), Some(0))
    );
    assert!(valid(&first) && valid(&second));
    scene.clock.set(NOW + 59);
    assert!(valid(&first) && valid(&second));
    scene.clock.set(NOW + 60);
    assert!(!valid(&first) && valid(&second));
    // One that leaked is replaced without an overlap, and so is the one before.
    let third = rotate(3_600);
    let fourth = rotate(0);
    assert!(!valid(&second) && !valid(&third) && valid(&fourth));
}

fn of_two_replacements_at_once_one_counts<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let registry = registry(&scene);
    let registered = registry
        .register(&Registration::new(metadata()))
        .expect("is registered");
    let client = find(&scene, &registered.client_id).expect("is there");
    let barrier = Barrier::new(2);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (registry, client, barrier) = (&registry, &client, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    registry.rotate_secret(client, 60)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|it| it.join().expect("no panic"))
            .collect()
    });
    let changed = Failure::Refused(RegistrationRefusal::SecretChanged);
    let lost = outcomes
        .iter()
        .filter(|it| it.as_ref().err() == Some(&changed));
    assert_eq!(lost.count(), 1, "{outcomes:?}");
    for won in outcomes.iter().flatten() {
        assert!(authenticates(&scene, &registered.client_id, secret(won)));
    }
}

fn secrets_are_hashed_unless_plain_is_asked_for<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let stored = |registry: Registry<F>| {
        let registered = registry
            .register(&Registration::new(metadata()))
            .expect("is registered");
        assert!(!format!("{registered:?}").contains(secret(&registered)));
        let client = find(&scene, &registered.client_id).expect("is there");
        let stored = client.client_secret().expect("has a secret").to_owned();
        (stored, secret(&registered).to_owned())
    };
    let (hashed, secret) = stored(registry(&scene));
    assert!(hashed.starts_with("$argon2id$") && !hashed.contains(&secret));
    let plain = registry(&scene).secret_storage(ClientSecretStorage::Plain);
    let (plain, secret) = stored(plain);
    assert_eq!(plain, secret);
}

fn a_caller_may_choose_the_secret<F: Fixture>() {
    const CHOSEN: &str = "brought-over-from-another-system";
    const NEXT: &str = "and-the-one-that-follows-it";
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let registry = registry(&scene);
    let registration = |number: u32| Registration::new(metadata()).client_id(F::client_id(number));
    let chosen = registration(7).client_secret(CHOSEN);
    let shown = format!(
        "{:?}",
        Registration::<i64>::new(metadata()).client_secret(CHOSEN)
    );
    assert!(
        shown.contains("x_tier") && !shown.contains(CHOSEN),
        "{shown}"
    );
    let information = registry.register(&chosen).expect("is registered");
    assert_eq!(secret(&information), CHOSEN);
    let client_id = &information.client_id;
    let client = find(&scene, client_id).expect("is stored");
    let stored = client.client_secret().expect("has a secret");
    assert!(stored.starts_with("$argon2id$"), "is hashed as any other");
    assert!(authenticates(&scene, client_id, CHOSEN));

    let replaced = registry.rotate_secret_to(&client, NEXT, 60);
    assert_eq!(secret(&replaced.expect("is replaced")), NEXT);
    assert!(authenticates(&scene, client_id, NEXT) && authenticates(&scene, client_id, CHOSEN));
    scene.clock.set(NOW + 60);
    assert!(authenticates(&scene, client_id, NEXT) && !authenticates(&scene, client_id, CHOSEN));

    let client = find(&scene, client_id).expect("is stored");
    for wrong in [
        "",
        "too-short-by-one-char",
        "with a letter that is not ASCII: \u{e9}",
        stored,
    ] {
        let registered = registry.register(&registration(8).client_secret(wrong));
        let replaced = registry.rotate_secret_to(&client, wrong, 0);
        for outcome in [registered, replaced] {
            let Err(Failure::Storage(error)) = &outcome else {
                panic!("{outcome:?}");
            };
            let is_told = matches!(
                error,
                Error::InvalidValue {
                    column: "client_secret",
                    ..
                }
            );
            assert!(is_told, "{error:?}");
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
    }
    assert!(find(&scene, &F::client_id(8)).is_none());
    let mut public = metadata();
    public.token_endpoint_auth_method = Some("none".into());
    let public = Registration::new(public).client_secret(CHOSEN);
    assert!(matches!(
        registry.register(&public),
        Err(Failure::Storage(Error::InvalidValue { .. }))
    ));
}
