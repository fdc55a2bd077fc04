//! Extensions of a grant in a column of the user's own, and users whose ids are texts.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::pool::PoolBuilder;
use diesel_oauth2::table::{ClientTable, FamilyTokenTable, RedeemableCodeTable};
use diesel_oauth2::{OAuth2AuthorizationCode, OAuth2Client, OAuth2Grant, OAuth2Token};
use diesel_oauth2_oxide_auth::{
    CodeAuthorizer, Columns, Error, TokenIssuer, create_authorizer, create_issuer,
    create_registrar, extensions_from_json, extensions_to_json,
};
use oxide_auth::endpoint::{AccessTokenFlow, AuthorizationFlow, OwnerConsent, Solicitation};
use oxide_auth::frontends::simple::endpoint::{FnSolicitor, Generic, Vacant, refresh_flow};
use oxide_auth::frontends::simple::extensions::{
    AccessTokenAddon, AccessTokenRequest, AddonList, AddonResult, AuthorizationAddon,
    AuthorizationRequest, Extended, Pkce,
};
use oxide_auth::frontends::simple::request::{Request, Response, Status};
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::grant::{Grant, GrantExtension, Value};
use oxide_auth::primitives::issuer::Issuer;

use crate::parts::{REDIRECT_URI, VERIFIER, basic, both, challenge, post, redirected};
use crate::support::{TestDatabase, on_every_database};

on_every_database!(extensions_go_from_the_code_to_its_tokens_and_on_with_each_rotation);

diesel::table! {
    kept_clients (name) {
        name -> Text,
        secret -> Text,
        callback -> Text,
        scope -> Text,
    }
}

diesel::table! {
    kept_codes (id) {
        id -> Text,
        code -> Text,
        client_id -> Text,
        user_id -> Text,
        redirect_uri -> Text,
        scope -> Text,
        auth_time -> BigInt,
        code_challenge -> Nullable<Text>,
        code_challenge_method -> Nullable<Text>,
        grant_id -> Nullable<Text>,
        redeemed_at -> Nullable<BigInt>,
        extensions -> Nullable<Text>,
    }
}

diesel::table! {
    kept_tokens (id) {
        id -> Text,
        client_id -> Text,
        user_id -> Nullable<Text>,
        access_token -> Text,
        refresh_token -> Nullable<Text>,
        scope -> Text,
        issued_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        access_token_revoked_at -> Nullable<BigInt>,
        refresh_token_revoked_at -> Nullable<BigInt>,
        refresh_token_rotated_at -> Nullable<BigInt>,
        grant_id -> Nullable<Text>,
        extensions -> Nullable<Text>,
    }
}

diesel::table! {
    kept_grants (id) {
        id -> Text,
        client_id -> Text,
        user_id -> Nullable<Text>,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

const TABLES: [&str; 4] = [
    "CREATE TABLE kept_clients (name VARCHAR(64) NOT NULL PRIMARY KEY, secret VARCHAR(255) NOT NULL,
         callback TEXT NOT NULL, scope TEXT NOT NULL)",
    "CREATE TABLE kept_codes (id VARCHAR(64) NOT NULL PRIMARY KEY, code VARCHAR(64) NOT NULL UNIQUE,
         client_id VARCHAR(64) NOT NULL, user_id VARCHAR(64) NOT NULL, redirect_uri TEXT NOT NULL,
         scope TEXT NOT NULL, auth_time BIGINT NOT NULL, code_challenge TEXT, code_challenge_method TEXT,
         grant_id VARCHAR(64), redeemed_at BIGINT, extensions TEXT)",
    "CREATE TABLE kept_tokens (id VARCHAR(64) NOT NULL PRIMARY KEY, client_id VARCHAR(64) NOT NULL,
         user_id VARCHAR(64), access_token VARCHAR(64) NOT NULL UNIQUE, refresh_token VARCHAR(64),
         scope TEXT NOT NULL, issued_at BIGINT NOT NULL, expires_at BIGINT, access_token_revoked_at BIGINT,
         refresh_token_revoked_at BIGINT, refresh_token_rotated_at BIGINT, grant_id VARCHAR(64),
         extensions TEXT)",
    "CREATE TABLE kept_grants (id VARCHAR(64) NOT NULL PRIMARY KEY, client_id VARCHAR(64) NOT NULL,
         user_id VARCHAR(64), created_at BIGINT NOT NULL, last_used_at BIGINT NOT NULL, expires_at BIGINT,
         revoked_at BIGINT)",
];

fn new_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

#[derive(Queryable, Selectable, OAuth2Client)]
#[diesel(table_name = kept_clients)]
#[oauth2(client_id = name, client_secret = secret, redirect_uris = callback)]
pub struct KeptClient {
    name: String,
    secret: String,
    callback: String,
    scope: String,
}

#[derive(Queryable, Selectable, OAuth2AuthorizationCode)]
#[diesel(table_name = kept_codes)]
#[oauth2(extra = Kept)]
pub struct KeptCode {
    #[oauth2(default = new_id)]
    id: String,
    code: String,
    client_id: String,
    user_id: String,
    redirect_uri: String,
    scope: String,
    auth_time: i64,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    grant_id: Option<String>,
    redeemed_at: Option<i64>,
    #[oauth2(extra)]
    extensions: Option<String>,
}

#[derive(Queryable, Selectable, OAuth2Token)]
#[diesel(table_name = kept_tokens)]
#[oauth2(extra = Kept, grant = KeptGrant)]
pub struct KeptToken {
    #[oauth2(default = new_id)]
    id: String,
    client_id: String,
    user_id: Option<String>,
    access_token: String,
    refresh_token: Option<String>,
    scope: String,
    issued_at: i64,
    expires_at: Option<i64>,
    access_token_revoked_at: Option<i64>,
    refresh_token_revoked_at: Option<i64>,
    refresh_token_rotated_at: Option<i64>,
    grant_id: Option<String>,
    #[oauth2(extra)]
    extensions: Option<String>,
}

#[derive(Queryable, Selectable, OAuth2Grant)]
#[diesel(table_name = kept_grants)]
pub struct KeptGrant {
    id: String,
    client_id: String,
    user_id: Option<String>,
    created_at: i64,
    last_used_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

pub struct Kept {
    extensions: Option<String>,
}

struct AsJson;

macro_rules! as_json {
    ($($model:ty),*) => {$(
        impl Columns<$model> for AsJson {
            type Extra = Kept;

            fn fill(&self, grant: &Grant) -> Result<Kept, Error> {
                let extensions = extensions_to_json(&grant.extensions);
                Ok(Kept { extensions })
            }

            fn complete(&self, row: &$model, grant: &mut Grant) -> Result<(), Error> {
                grant.extensions = extensions_from_json(row.extensions.as_deref())?;
                Ok(())
            }
        }
    )*};
}

as_json!(KeptCode, KeptToken);

/// Remembers a parameter of the authorization request, all along.
struct Device;

impl GrantExtension for Device {
    fn identifier(&self) -> &'static str {
        "device"
    }
}

impl AuthorizationAddon for Device {
    fn execute(&self, request: &dyn AuthorizationRequest) -> AddonResult {
        let device = request.extension("device").map(|name| name.into_owned());
        AddonResult::Data(Value::private(device))
    }
}

impl AccessTokenAddon for Device {
    fn execute(&self, _: &dyn AccessTokenRequest, data: Option<Value>) -> AddonResult {
        data.map_or(AddonResult::Err, AddonResult::Data)
    }
}

type PoolOf<D> = Pool<ConnectionManager<<D as TestDatabase>::Conn>>;
type Codes<D> = CodeAuthorizer<KeptCode, KeptToken, PoolOf<D>, AsJson>;
type Tokens<D> = TokenIssuer<KeptToken, PoolOf<D>, AsJson>;

fn extensions_go_from_the_code_to_its_tokens_and_on_with_each_rotation<D>()
where
    D: TestDatabase,
    KeptClient: ClientTable<D::Conn>,
    KeptCode: RedeemableCodeTable<D::Conn>,
    KeptToken: FamilyTokenTable<D::Conn>,
    Codes<D>: Authorizer,
    Tokens<D>: Issuer,
{
    let Some(database) = D::create() else {
        return;
    };
    let mut conn = database.connect();
    for table in TABLES {
        D::execute(&mut conn, table);
    }
    D::execute(
        &mut conn,
        &format!("INSERT INTO kept_clients VALUES ('app', 's3cret', '{REDIRECT_URI}', 'profile')"),
    );
    let pool = PoolBuilder::<D::Conn>::new(database.url())
        .build()
        .expect("the test database answers");
    let registrar = create_registrar::<KeptClient, _>(pool.clone());
    let mut issuer: Tokens<D> = create_issuer::<KeptToken, _>(pool).columns(AsJson);
    let mut authorizer: Codes<D> = create_authorizer::<KeptCode, _, _, _>(&issuer).columns(AsJson);

    let mut addons = AddonList::new();
    addons.push_code(Pkce::required());
    addons.push_code(Device);
    let mut endpoint = Extended::extend_with(
        Generic {
            registrar: &registrar,
            authorizer: &mut authorizer,
            issuer: &mut issuer,
            solicitor: FnSolicitor(|_: &mut Request, _: Solicitation<'_>| {
                OwnerConsent::Authorized("anna".to_owned())
            }),
            scopes: Vacant,
            response: Vacant,
        },
        addons,
    );
    let challenge = challenge();
    let asked = post(
        None,
        &[
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "profile"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("device", "phone \"1\""),
        ],
    );
    let asked = Request {
        query: asked.urlbody,
        ..Request::default()
    };
    let response =
        ok(AuthorizationFlow::prepare(&mut endpoint).map(|mut flow| flow.execute(asked)));
    let code = redirected(&response, "code");
    let redeemed = post(
        Some(&basic("app")),
        &[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ],
    );
    let response =
        ok(AccessTokenFlow::prepare(&mut endpoint).map(|mut flow| flow.execute(redeemed)));
    drop(endpoint);
    let (access, refresh) = both(&response);

    let stored = D::strings(&mut conn, "SELECT extensions AS value FROM kept_codes");
    let json = r#"{"private":{"device":"phone \"1\""}}"#;
    assert_eq!(stored, [json], "the challenge has columns of its own");
    let stored = D::strings(&mut conn, "SELECT code_challenge AS value FROM kept_codes");
    assert_eq!(stored, [challenge]);
    let assert_kept = |grant: Option<Grant>| {
        let grant = grant.expect("is valid");
        assert_eq!(grant.owner_id, "anna");
        let mut private = grant.extensions.private();
        assert_eq!(private.next(), Some(("device", Some("phone \"1\""))));
        assert_eq!(
            (private.next(), grant.extensions.public().next()),
            (None, None)
        );
    };
    assert_kept(issuer.recover_token(&access).expect("works"));

    let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    let request = post(Some(&basic("app")), &form);
    let response = refresh_flow::<Request>(&registrar, &mut issuer).execute(request);
    let (access, refresh) = both(&response.expect("is answered"));
    assert_kept(issuer.recover_token(&access).expect("works"));
    assert_kept(issuer.recover_refresh(&refresh).expect("works"));

    // What somebody else wrote there is not taken for nothing.
    D::execute(&mut conn, "UPDATE kept_tokens SET extensions = 'x'");
    assert_eq!(issuer.recover_token(&access), Err(()));
}

fn ok<E: std::fmt::Debug>(response: Result<Result<Response, E>, E>) -> Response {
    let response = response.expect("is prepared").expect("is answered");
    assert!(matches!(response.status, Status::Ok | Status::Redirect));
    response
}
