//! A server made of oxide-auth's flows and this crate's primitives, and the requests that are made of it.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use diesel_oauth2::clock::Clock;
use diesel_oauth2::{OAuth2AuthorizationCode, OAuth2Token};
use diesel_oauth2_oxide_auth::{
    ClientRegistrar, CodeAuthorizer, Columns, Error, NoColumns, OwnerId, TokenIssuer,
    create_authorizer, create_issuer, create_registrar,
};
use oxide_auth::code_grant::accesstoken::TokenResponse;
use oxide_auth::endpoint::{
    AccessTokenFlow, AuthorizationFlow, ClientCredentialsFlow, Endpoint, OAuthError, OwnerConsent,
    RefreshFlow, ResourceFlow, Solicitation,
};
use oxide_auth::frontends::simple::endpoint::{Error as FlowError, FnSolicitor, Generic, Vacant};
use oxide_auth::frontends::simple::extensions::{AddonList, Extended, Pkce};
use oxide_auth::frontends::simple::request::{Request, Response, Status};
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::grant::Grant;
use oxide_auth::primitives::issuer::Issuer;
use oxide_auth::primitives::scope::Scope;
use sha2::{Digest, Sha256};

use crate::fixture::{Fixture, ManualClock, NewClient, Scene, TestPool, confidential_client};

pub const REDIRECT_URI: &str = "https://a.example/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const SECRET: &str = "s3cret";

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The machine's time: oxide-auth asks no other clock.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.expect("it is after 1970").as_secs();
    i64::try_from(seconds).expect("it is before the end of time")
}

/// Fills the columns of the fixture's codes.
pub struct CodeColumns<F>(PhantomData<fn() -> F>);

impl<F: Fixture + 'static> Columns<F::Code> for CodeColumns<F> {
    type Extra = <F::Code as OAuth2AuthorizationCode>::Extra;

    fn fill(&self, grant: &Grant) -> Result<Self::Extra, Error> {
        Columns::<F::Code>::fill(&NoColumns, grant).map(|()| F::extra())
    }

    fn complete(&self, _: &F::Code, _: &mut Grant) -> Result<(), Error> {
        Ok(())
    }
}

/// Fills the columns of the fixture's tokens.
pub struct TokenColumns<F>(PhantomData<fn() -> F>);

impl<F: Fixture + 'static> Columns<F::Token> for TokenColumns<F> {
    type Extra = <F::Token as OAuth2Token>::Extra;

    fn fill(&self, grant: &Grant) -> Result<Self::Extra, Error> {
        Columns::<F::Token>::fill(&NoColumns, grant).map(|()| F::extra())
    }

    fn complete(&self, _: &F::Token, _: &mut Grant) -> Result<(), Error> {
        Ok(())
    }
}

/// What a test sets otherwise than usual.
#[derive(Clone, Copy, Default)]
pub struct Settings {
    pub grace: i64,
    pub idle_lifetime: Option<i64>,
    pub grant_lifetime: Option<i64>,
    pub keeps_refresh_tokens: bool,
}

/// A schema whose users oxide-auth can name.
pub trait OnOxide: Fixture + 'static {
    type Authorizer: Authorizer + Clone + Send + Sync + 'static;
    type Issuer: Issuer + Clone + Send + Sync + 'static;

    fn primitives(
        pool: TestPool<Self>,
        clock: ManualClock,
        failures: &Failures,
        settings: Settings,
    ) -> (Self::Authorizer, Self::Issuer);
}

impl<F> OnOxide for F
where
    F: Fixture + 'static,
    <F::Token as OAuth2Token>::UserId: OwnerId,
{
    type Authorizer = CodeAuthorizer<F::Code, F::Token, TestPool<F>, CodeColumns<F>>;
    type Issuer = TokenIssuer<F::Token, TestPool<F>, TokenColumns<F>>;

    fn primitives(
        pool: TestPool<F>,
        clock: ManualClock,
        failures: &Failures,
        settings: Settings,
    ) -> (Self::Authorizer, Self::Issuer) {
        let mut issuer = create_issuer::<F::Token, _>(pool)
            .columns(TokenColumns(PhantomData))
            .clock(clock.clone())
            .grace(settings.grace)
            .rotation(!settings.keeps_refresh_tokens)
            .on_failure(failures.clone().note());
        if let Some(seconds) = settings.idle_lifetime {
            issuer = issuer.idle_lifetime(seconds);
        }
        let mut authorizer = create_authorizer::<F::Code, _, _, _>(&issuer)
            .columns(CodeColumns(PhantomData))
            .clock(clock)
            .on_failure(failures.clone().note());
        if let Some(seconds) = settings.grant_lifetime {
            authorizer = authorizer.grant_lifetime(seconds);
        }
        (authorizer, issuer)
    }
}

/// The failures that were told of since the last look.
#[derive(Clone, Default)]
pub struct Failures(Arc<Mutex<Vec<Error>>>);

impl Failures {
    pub fn note(self) -> impl Fn(&Error) + Send + Sync + 'static {
        move |error| self.0.lock().expect("not poisoned").push(error.clone())
    }

    pub fn take(&self) -> Vec<Error> {
        std::mem::take(&mut *self.0.lock().expect("not poisoned"))
    }
}

type Answer = Result<Response, OAuthError>;

/// The parts of a server.
pub struct Parts<F: OnOxide> {
    pub registrar: ClientRegistrar<F::Client, TestPool<F>>,
    pub authorizer: F::Authorizer,
    pub issuer: F::Issuer,
    pub failures: Failures,
    /// Whether the addon list has `Pkce`, and requires it.
    pub pkce: Option<bool>,
    /// Who consents, to whatever is asked.
    pub owner: String,
}

impl<F: OnOxide> Clone for Parts<F> {
    fn clone(&self) -> Self {
        Self {
            registrar: self.registrar.clone(),
            authorizer: self.authorizer.clone(),
            issuer: self.issuer.clone(),
            failures: self.failures.clone(),
            pkce: self.pkce,
            owner: self.owner.clone(),
        }
    }
}

/// A scene with a server in it. Its clock shows the machine's time.
pub fn set_up<F: OnOxide>(settings: Settings) -> Option<(Scene<F>, Parts<F>)> {
    let scene = Scene::<F>::set_up()?;
    scene.clock.set(now());
    let parts = Parts::new(&scene, scene.pool.clone(), settings);
    Some((scene, parts))
}

impl<F: OnOxide> Parts<F> {
    pub fn new(scene: &Scene<F>, pool: TestPool<F>, settings: Settings) -> Self {
        let failures = Failures::default();
        let (authorizer, issuer) =
            F::primitives(pool.clone(), scene.clock.clone(), &failures, settings);
        Self {
            registrar: create_registrar::<F::Client, _>(pool)
                .clock(scene.clock.clone())
                .on_failure(failures.clone().note()),
            authorizer,
            issuer,
            failures,
            pkce: Some(false),
            owner: owner::<F>(1),
        }
    }

    fn endpoint(
        &mut self,
        scopes: Vec<Scope>,
    ) -> impl Endpoint<Request, Error = FlowError<Request>> + '_ {
        let mut addons = AddonList::new();
        match self.pkce {
            Some(true) => addons.push_code(Pkce::required()),
            Some(false) => addons.push_code(Pkce::optional()),
            None => {}
        }
        let owner = self.owner.clone();
        let endpoint = Generic {
            registrar: &self.registrar,
            authorizer: &mut self.authorizer,
            issuer: &mut self.issuer,
            solicitor: FnSolicitor(move |_: &mut Request, _: Solicitation<'_>| {
                OwnerConsent::Authorized(owner.clone())
            }),
            scopes,
            response: Vacant,
        };
        Extended::extend_with(endpoint, addons)
    }

    /// The authorization endpoint, with the user's consent.
    pub fn authorize(&mut self, query: &[(&str, &str)]) -> Answer {
        let request = Request {
            query: pairs(query),
            ..Request::default()
        };
        let mut flow = AuthorizationFlow::prepare(self.endpoint(Vec::new())).map_err(oauth)?;
        flow.execute(request).map_err(oauth)
    }

    /// The token endpoint, for a code.
    pub fn token(&mut self, auth: Option<&str>, form: &[(&str, &str)]) -> Answer {
        let mut flow = AccessTokenFlow::prepare(self.endpoint(Vec::new())).map_err(oauth)?;
        flow.execute(post(auth, form)).map_err(oauth)
    }

    /// The token endpoint, for a refresh token.
    pub fn refresh(&mut self, auth: Option<&str>, form: &[(&str, &str)]) -> Answer {
        let mut flow = RefreshFlow::prepare(self.endpoint(Vec::new())).map_err(oauth)?;
        flow.execute(post(auth, form)).map_err(oauth)
    }

    /// The token endpoint, for a client's own token.
    pub fn client_credentials(&mut self, auth: Option<&str>, form: &[(&str, &str)]) -> Answer {
        let mut flow = ClientCredentialsFlow::prepare(self.endpoint(Vec::new())).map_err(oauth)?;
        flow.execute(post(auth, form)).map_err(oauth)
    }

    /// A protected resource: the grant, or the status and challenge.
    pub fn resource(&mut self, token: &str, scope: &str) -> Result<Grant, (Status, String)> {
        let scope = scope.parse().expect("is a scope");
        let mut flow = match ResourceFlow::prepare(self.endpoint(vec![scope])) {
            Ok(flow) => flow,
            Err(error) => panic!("{error:?}"),
        };
        let request = Request {
            auth: Some(format!("Bearer {token}")),
            ..Request::default()
        };
        match flow.execute(request) {
            Ok(grant) => Ok(grant),
            Err(Ok(response)) => Err((
                response.status,
                response.www_authenticate.unwrap_or_default(),
            )),
            Err(Err(error)) => panic!("{error:?}"),
        }
    }

    pub fn is_valid(&mut self, token: &str) -> bool {
        self.resource(token, "").is_ok()
    }

    /// A code for the client, after the user's consent.
    pub fn code(&mut self, client_id: &str) -> String {
        let challenge = challenge();
        let query = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "profile email"),
            ("state", "xyz"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let query = if self.pkce.is_some() {
            &query[..]
        } else {
            &query[..5]
        };
        let response = self.authorize(query).expect("is answered");
        redirected(&response, "code")
    }

    /// Redeems the code as its client would.
    pub fn redeem(&mut self, auth: Option<&str>, code: &str) -> Answer {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
        ];
        if self.pkce.is_some() {
            form.push(("code_verifier", VERIFIER));
        }
        self.token(auth, &form)
    }

    /// Both tokens of a new code.
    pub fn tokens(&mut self) -> (String, String) {
        let auth = basic(&F::client_id(1));
        let code = self.code(&F::client_id(1));
        both(&self.redeem(Some(&auth), &code).expect("is answered"))
    }

    /// Exchanges the refresh token as its client would.
    pub fn exchange(&mut self, refresh_token: &str) -> Answer {
        let auth = basic(&F::client_id(1));
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.refresh(Some(&auth), &form)
    }
}

fn oauth(error: FlowError<Request>) -> OAuthError {
    match error {
        FlowError::OAuth(error) => error,
        FlowError::Web(never) => never.into(),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

pub fn post(auth: Option<&str>, form: &[(&str, &str)]) -> Request {
    Request {
        query: HashMap::new(),
        urlbody: pairs(form),
        auth: auth.map(str::to_owned),
    }
}

/// HTTP Basic of a client with the fixture's secret.
pub fn basic(client_id: &str) -> String {
    basic_with(client_id, SECRET)
}

pub fn basic_with(client_id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}")))
}

/// The owner id of the user with this number.
pub fn owner<F: Fixture>(number: u32) -> String {
    use diesel_oauth2::column::Identifier;
    F::user(number).to_text().into_owned()
}

/// The owner id of what is the client's own: its id, unless a user may have it.
pub fn client_as_owner<F: Fixture>(client_id: &str) -> String {
    use diesel_oauth2::column::Identifier;
    match <F::Token as OAuth2Token>::UserId::parse(client_id) {
        Some(_) => String::new(),
        None => client_id.to_owned(),
    }
}

/// A client that may have its own tokens too.
pub fn client_of_all_grants<F: Fixture>(number: u32) -> NewClient {
    let mut client = confidential_client::<F>(number);
    client
        .metadata
        .grant_types
        .push("client_credentials".to_owned());
    client
}

/// A parameter of the URL that the user's browser is sent to.
pub fn redirected(response: &Response, name: &str) -> String {
    assert_eq!(response.status, Status::Redirect, "{response:?}");
    let url = response.location.as_ref().expect("a redirect has a place");
    assert!(url.as_str().starts_with(REDIRECT_URI), "{url}");
    let mut pairs = url.query_pairs();
    let (_, value) = pairs
        .find(|(key, _)| key == name)
        .unwrap_or_else(|| panic!("no {name} in {url}"));
    value.into_owned()
}

/// The body of a token endpoint's answer.
pub fn json(response: &Response) -> TokenResponse {
    let body = response.body.as_ref().expect("has a body").as_str();
    serde_json::from_str(body).expect("is JSON")
}

pub fn both(response: &Response) -> (String, String) {
    assert_eq!(response.status, Status::Ok, "{response:?}");
    let json = json(response);
    (
        json.access_token.expect("an access token"),
        json.refresh_token.expect("a refresh token"),
    )
}

/// The status and the code of an error.
pub fn error(answer: Answer) -> (Status, String) {
    let response = answer.expect("is answered");
    let error = json(&response).error.expect("is an error");
    (response.status, error)
}

pub fn bad_request(code: &str) -> (Status, String) {
    (Status::BadRequest, code.to_owned())
}

/// Turns the clock on.
pub fn forward(clock: &ManualClock, seconds: i64) {
    clock.set(clock.now() + seconds);
}

/// So many seconds after the scene's time.
pub fn until<F: Fixture>(scene: &Scene<F>, seconds: i64) -> i64 {
    scene.clock.now() + seconds
}
