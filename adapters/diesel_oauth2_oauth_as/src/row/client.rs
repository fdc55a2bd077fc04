use std::str::FromStr;

use diesel::prelude::*;
use diesel_oauth2::models::Client as Stored;
use diesel_oauth2::schema::oauth2_client;
use diesel_oauth2::{ClientMetadata, Error};
use oauth_as::client::{ClientAuth, DynamicRegistration, SecretHash};
use oauth_as::{Client, ClientId, GrantType, ScopeSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check_length;
use crate::verifier::{ARGON2, argon2_hash, with_previous};

/// The member of the metadata that holds what RFC 7591 has no name for.
const MEMBER: &str = "oauth_as";
const NONE: &str = "none";

/// What is written of a row of `oauth2_client`.
///
/// RFC 7591's metadata and the secret stand where every reader of the table expects them, so a client registered through
/// either crate works with both.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = oauth2_client)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ClientRow {
    pub(crate) client_id: String,
    client_secret: Option<String>,
    client_id_issued_at: i64,
    client_secret_expires_at: i64,
    /// Who replaces a secret ends the one before it, too.
    previous_client_secret: Option<String>,
    previous_client_secret_expires_at: i64,
    client_metadata: Option<ClientMetadata>,
}

/// What `oauth-as` knows of a client beyond RFC 7591.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Member {
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    default_scopes: ScopeSet,
    /// Where `client_secret` cannot say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<ClientAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<Box<DynamicRegistration>>,
}

impl ClientRow {
    /// The row of a client that is provisioned at `now` (epoch seconds).
    pub(crate) fn of(client: &Client, now: i64) -> Result<Self, Error> {
        Self::build(client, ClientMetadata::default(), now)
    }

    /// The row of a client that takes the place of `stored`, which is `expected`: its metadata beyond `oauth-as` stay, and
    /// as long as its secret does, when that and the one before it end.
    pub(crate) fn update(
        client: &Client,
        expected: &Client,
        stored: Stored,
    ) -> Result<Self, Error> {
        let issued_at = stored.client_id_issued_at;
        let metadata = stored.client_metadata.unwrap_or_default();
        let mut row = Self::build(client, metadata, issued_at)?;
        if client.auth == expected.auth {
            row.previous_client_secret = stored.previous_client_secret;
            row.previous_client_secret_expires_at = stored.previous_client_secret_expires_at;
            if client.registration.is_none() {
                row.client_secret_expires_at = stored.client_secret_expires_at;
            }
        }
        Ok(row)
    }

    fn build(client: &Client, mut metadata: ClientMetadata, issued_at: i64) -> Result<Self, Error> {
        check_length("client_id", client.client_id.as_str(), 48)?;
        let registration = client.registration.as_deref();

        metadata.redirect_uris.clone_from(&client.redirect_uris);
        let foreign = metadata.grant_types.into_iter();
        let foreign = foreign.filter(|name| GrantType::from_str(name).is_err());
        let known = client.grant_types.iter().map(|it| it.as_str().to_owned());
        metadata.grant_types = known.chain(foreign).collect();
        let has_code = client.allows_grant(GrantType::AuthorizationCode);
        if has_code && metadata.response_types.is_empty() {
            metadata.response_types.push("code".to_owned());
        }
        metadata.scope =
            (!client.allowed_scopes.is_empty()).then(|| client.allowed_scopes.to_string());
        metadata.client_name.clone_from(&client.name);
        metadata.token_endpoint_auth_method = match (registration, &client.auth) {
            (Some(registration), _) => Some(registration.token_endpoint_auth_method.clone()),
            (None, ClientAuth::Public) => Some(NONE.to_owned()),
            (None, _) => {
                let method = metadata.token_endpoint_auth_method;
                method.filter(|method| method != NONE)
            }
        };

        let client_auth = without_previous(&client.auth);
        let mut client_secret = secret_column(&client_auth);
        let mut member = Member {
            default_scopes: client.default_scopes.clone(),
            auth: None,
            registration: client.registration.clone(),
        };
        if auth(client_secret.as_deref(), &metadata, None) != client_auth {
            client_secret = None;
            member.auth = Some(client_auth);
        }
        let member = serde_json::to_value(&member).map_err(|_| Error::InvalidValue {
            column: "client_metadata",
            reason: "the client has no form in JSON",
        })?;
        match member {
            Value::Object(members) if members.is_empty() => metadata.extra.remove(MEMBER),
            member => metadata.extra.insert(MEMBER.to_owned(), member),
        };

        let seconds = |at: Option<u64>| at.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
        Ok(Self {
            client_id: client.client_id.as_str().to_owned(),
            client_secret,
            client_id_issued_at: seconds(registration.and_then(|it| it.client_id_issued_at))
                .unwrap_or(issued_at),
            client_secret_expires_at: seconds(
                registration.and_then(|it| it.client_secret_expires_at),
            )
            .unwrap_or(0),
            previous_client_secret: None,
            previous_client_secret_expires_at: 0,
            client_metadata: Some(metadata),
        })
    }
}

/// The client as `oauth-as` has it, at `now` (epoch seconds).
pub(crate) fn open(stored: &Stored, now: i64) -> Result<Client, Error> {
    let metadata = stored.client_metadata.clone().unwrap_or_default();
    let mut member: Member = match metadata.extra.get(MEMBER) {
        Some(member) => Member::deserialize(member).map_err(|_| Error::InvalidData {
            column: Some("client_metadata".to_owned()),
            reason: "its member oauth_as is not of this build of oauth-as",
        })?,
        None => Member::default(),
    };
    let expires_at = stored.client_secret_expires_at;
    // Of what it registered itself, `oauth-as` checks the end.
    let is_expired = member.registration.is_none() && expires_at != 0 && expires_at <= now;
    if let Some(registration) = &mut member.registration {
        // The column's, which the core writes too when it replaces the secret.
        if expires_at != 0 || registration.client_secret_expires_at.is_some() {
            registration.client_secret_expires_at = Some(u64::try_from(expires_at).unwrap_or(1));
        }
    }
    let mut auth = auth(stored.client_secret.as_deref(), &metadata, member.auth);
    if is_expired && auth.is_confidential() {
        auth = without_secret();
    } else if let (Some(previous), ClientAuth::ConfidentialSecretHash { hash }) =
        (previous_secret(stored, now), &mut auth)
    {
        if let Some(current) = argon2_hash(hash) {
            *hash = with_previous(current, previous);
        }
    }
    let known = metadata.grant_types.iter();
    Ok(Client {
        client_id: ClientId::new(&*stored.client_id),
        auth,
        // Others are other servers' business.
        grant_types: known
            .filter_map(|it| GrantType::from_str(it).ok())
            .collect(),
        allowed_scopes: scopes(metadata.scope.as_deref().unwrap_or_default()),
        redirect_uris: metadata.redirect_uris,
        default_scopes: member.default_scopes,
        name: metadata.client_name,
        registration: member.registration,
    })
}

/// The secret before the present one, where it is valid still.
fn previous_secret(stored: &Stored, now: i64) -> Option<&str> {
    let previous = stored.previous_client_secret.as_deref();
    previous.filter(|it| !it.is_empty() && stored.previous_client_secret_expires_at > now)
}

/// The same with the present secret alone.
fn without_previous(auth: &ClientAuth) -> ClientAuth {
    match auth {
        ClientAuth::ConfidentialSecretHash { hash } => ClientAuth::ConfidentialSecretHash {
            hash: argon2_hash(hash).map_or_else(
                || hash.clone(),
                |current| SecretHash::custom(ARGON2, current),
            ),
        },
        auth => auth.clone(),
    }
}

/// What stands in `client_secret` for this way to authenticate, where anything does.
fn secret_column(auth: &ClientAuth) -> Option<String> {
    let secret = match auth {
        ClientAuth::ConfidentialSecret { secret } => secret,
        ClientAuth::ConfidentialSecretHash { hash } if hash.scheme() == ARGON2 => hash.encoded(),
        _ => return None,
    };
    // Longer than the column, it goes into the metadata.
    (secret.chars().count() <= 255).then(|| secret.to_owned())
}

fn auth(
    client_secret: Option<&str>,
    metadata: &ClientMetadata,
    member: Option<ClientAuth>,
) -> ClientAuth {
    match client_secret.filter(|secret| !secret.is_empty()) {
        None if member.is_some() => member.unwrap_or_else(without_secret),
        _ if metadata.token_endpoint_auth_method.as_deref() == Some(NONE) => ClientAuth::Public,
        Some(hash) if hash.starts_with("$argon2") => ClientAuth::ConfidentialSecretHash {
            hash: SecretHash::custom(ARGON2, hash),
        },
        Some(secret) => ClientAuth::ConfidentialSecret {
            secret: secret.to_owned(),
        },
        None => without_secret(),
    }
}

/// Confidential, and nothing authenticates it: no verifier knows the scheme.
fn without_secret() -> ClientAuth {
    ClientAuth::ConfidentialSecretHash {
        hash: SecretHash::custom("none", ""),
    }
}

/// The scopes; what cannot be one (RFC 6749 section 3.3) is left out.
fn scopes(text: &str) -> ScopeSet {
    let is_scope = |token: &&str| ScopeSet::from_tokens([*token]).is_ok();
    ScopeSet::from_tokens(text.split_ascii_whitespace().filter(is_scope)).unwrap_or_default()
}
