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
use crate::verifier::ARGON2;

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

    /// The row of a client that takes the place of `stored`, whose metadata beyond `oauth-as` stay.
    pub(crate) fn update(client: &Client, stored: Stored) -> Result<Self, Error> {
        let issued_at = stored.client_id_issued_at;
        Self::build(
            client,
            stored.client_metadata.unwrap_or_default(),
            issued_at,
        )
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

        let mut client_secret = secret_column(&client.auth);
        let mut member = Member {
            default_scopes: client.default_scopes.clone(),
            auth: None,
            registration: client.registration.clone(),
        };
        if auth(client_secret.as_deref(), &metadata, None) != client.auth {
            client_secret = None;
            member.auth = Some(client.auth.clone());
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
            client_metadata: Some(metadata),
        })
    }
}

/// The client as `oauth-as` has it, at `now` (epoch seconds).
pub(crate) fn open(stored: &Stored, now: i64) -> Result<Client, Error> {
    let metadata = stored.client_metadata.clone().unwrap_or_default();
    let member: Member = match metadata.extra.get(MEMBER) {
        Some(member) => Member::deserialize(member).map_err(|_| Error::InvalidData {
            column: Some("client_metadata".to_owned()),
            reason: "its member oauth_as is not of this build of oauth-as",
        })?,
        None => Member::default(),
    };
    // Of what it registered itself, `oauth-as` checks the end.
    let expires_at = stored.client_secret_expires_at;
    let is_expired = member.registration.is_none() && expires_at != 0 && expires_at <= now;
    let mut auth = auth(stored.client_secret.as_deref(), &metadata, member.auth);
    if is_expired && auth.is_confidential() {
        auth = without_secret();
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
