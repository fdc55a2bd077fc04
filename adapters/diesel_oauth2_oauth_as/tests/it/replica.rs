//! What decides is read on the primary, and an access token wherever it is.

use std::time::Duration;

use diesel_oauth2::pool::ReaderWriterPool;
use diesel_oauth2_oauth_as::DieselStorage;
use oauth_as::store::WriteOutcome;
use oauth_as::{ClientId, DeviceGrant, DeviceGrantState, IssuedToken, RefreshTokenRecord, Storage};

use crate::support::{TestDatabase, at, block_on, on_every_database, public_client, scopes};

on_every_database!(what_decides_is_read_on_the_primary);

fn what_decides_is_read_on_the_primary<D: TestDatabase>() {
    // A replica that has caught up with nothing, and that has still what the primary has no more.
    let (Some(primary), Some(replica)) = (D::create_migrated(), D::create_migrated()) else {
        return;
    };
    let pool = ReaderWriterPool::new(primary.pool(1)).reader(replica.pool(1));
    let storage = DieselStorage::new(pool);
    block_on(async {
        fill(&primary.storage(), "new").await;
        fill(&replica.storage(), "old").await;
        let found = look_up(&storage, "new").await;
        assert!(found.iter().all(|&(_, found)| found), "{found:?}");
        let found = look_up(&storage, "old").await;
        let found: Vec<&str> = found
            .iter()
            .filter_map(|&(what, found)| found.then_some(what))
            .collect();
        // As everywhere else, a replica's answer counts until it has caught up.
        assert_eq!(found, ["access token"]);
    });
}

/// Everything that can be looked up, under keys that start with `name`.
async fn fill<S: Storage>(storage: &S, name: &str) {
    let client_id = || ClientId::new(name);
    let subject = || format!("{name} user");
    storage
        .put_client(public_client(name))
        .await
        .expect("saved");
    let grant = DeviceGrant {
        device_code: format!("{name} device"),
        user_code: format!("{}USER", name.to_uppercase()),
        client_id: client_id(),
        scope: scopes("profile"),
        state: DeviceGrantState::Pending,
        created_at: at(0),
        expires_at: at(600),
        interval: Duration::from_secs(5),
        last_poll_at: None,
    };
    storage.put_device_grant(grant).await.expect("saved");
    let token = IssuedToken::new(
        format!("{name} access"),
        client_id(),
        Some(subject()),
        scopes("profile"),
        at(0),
        at(3600),
    );
    let applied = storage.put_token(token).await;
    assert_eq!(applied, Ok(WriteOutcome::Applied));
    let token = RefreshTokenRecord::new(
        format!("{name} refresh"),
        client_id(),
        Some(subject()),
        scopes("profile"),
        "family",
    );
    let applied = storage.put_refresh_token(token).await;
    assert_eq!(applied, Ok(WriteOutcome::Applied));
    #[cfg(feature = "consent")]
    {
        let consent = oauth_as::ConsentRecord {
            consent_id: format!("{name} consent").into(),
            client_id: client_id(),
            subject: subject().into(),
            scope: scopes("profile"),
            resource: Vec::new(),
            granted_at: at(0),
            authentication: None,
        };
        storage.put_consent(consent).await.expect("saved");
    }
}

/// What of it is found.
async fn look_up<S: Storage>(storage: &S, name: &str) -> Vec<(&'static str, bool)> {
    let device_code = format!("{name} device");
    let user_code = format!("{}USER", name.to_uppercase());
    let access_token = format!("{name} access");
    let refresh_token = format!("{name} refresh");
    let client_id = ClientId::new(name);
    let client = storage.get_client(&client_id).await;
    let device = storage.get_device_grant(&device_code).await;
    let user = storage.find_device_grant_by_user_code(&user_code).await;
    let access = storage.get_token(&access_token).await;
    let refresh = storage.get_refresh_token(&refresh_token).await;
    let mut found = vec![
        ("client", client.expect("no error").is_some()),
        ("device code", device.expect("no error").is_some()),
        ("user code", user.expect("no error").is_some()),
        ("access token", access.expect("no error").is_some()),
        ("refresh token", refresh.expect("no error").is_some()),
    ];
    #[cfg(feature = "consent")]
    {
        let subject = format!("{name} user");
        let by_id = storage.get_consent(&format!("{name} consent")).await;
        let of_both = storage.find_consent(&client_id, &subject).await;
        let of_subject = storage.consents_for_subject(&subject).await;
        found.extend([
            ("consent", by_id.expect("no error").is_some()),
            ("consent of both", of_both.expect("no error").is_some()),
            ("consents", !of_subject.expect("no error").is_empty()),
        ]);
    }
    found
}
