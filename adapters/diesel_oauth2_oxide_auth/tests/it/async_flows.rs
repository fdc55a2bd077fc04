//! The same through oxide-auth-async, on tokio.

use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use diesel_oauth2_oxide_auth::SpawnBlocking;
use oxide_auth::endpoint::{
    OAuthError, OwnerConsent, OwnerSolicitor as SyncSolicitor, Scopes, Solicitation, Template,
};
use oxide_auth::frontends::simple::extensions::{AddonList, Extended, Pkce};
use oxide_auth::frontends::simple::request::{NoError, Request, Response, Status};
use oxide_auth::primitives::grant::Grant;
use oxide_auth::primitives::registrar::{
    BoundClient, ClientUrl, PreGrant, Registrar as SyncRegistrar, RegistrarError,
};
use oxide_auth::primitives::scope::Scope;
use oxide_auth_async::endpoint::access_token::AccessTokenFlow;
use oxide_auth_async::endpoint::authorization::AuthorizationFlow;
use oxide_auth_async::endpoint::client_credentials::ClientCredentialsFlow;
use oxide_auth_async::endpoint::refresh::RefreshFlow;
use oxide_auth_async::endpoint::resource::ResourceFlow;
use oxide_auth_async::endpoint::{Endpoint, OwnerSolicitor};
use oxide_auth_async::primitives::{Authorizer, Issuer, Registrar};

use crate::fixture::{TestPool, on_every_schema, rounds};
use crate::parts::{
    OnOxide, Parts, REDIRECT_URI, Settings, VERIFIER, bad_request, basic, both, challenge,
    client_as_owner, error, json, owner, post, redirected, set_up,
};

on_every_schema!(
    a_code_is_exchanged_and_its_tokens_rotate,
    a_second_use_revokes_what_the_first_one_got,
    a_client_gets_a_token_of_its_own,
    of_32_tasks_that_extract_one_code_exactly_one_gets_it,
    of_32_tasks_that_exchange_one_refresh_token_exactly_one_wins,
);

/// A server like the one of [`Parts`], with everything off the async threads.
struct Server<F: OnOxide> {
    registrar: SpawnBlocking<diesel_oauth2_oxide_auth::ClientRegistrar<F::Client, TestPool<F>>>,
    authorizer: SpawnBlocking<F::Authorizer>,
    issuer: SpawnBlocking<F::Issuer>,
    solicitor: Consents,
    scopes: Vec<Scope>,
}

impl<F: OnOxide> Clone for Server<F> {
    fn clone(&self) -> Self {
        Self {
            registrar: self.registrar.clone(),
            authorizer: self.authorizer.clone(),
            issuer: self.issuer.clone(),
            solicitor: self.solicitor.clone(),
            scopes: self.scopes.clone(),
        }
    }
}

/// The user with this id consents to whatever is asked.
#[derive(Clone)]
struct Consents(String);

impl SyncSolicitor<Request> for Consents {
    fn check_consent(&mut self, _: &mut Request, _: Solicitation<'_>) -> OwnerConsent<Response> {
        OwnerConsent::Authorized(self.0.clone())
    }
}

impl<F: OnOxide> Endpoint<Request> for Server<F> {
    type Error = OAuthError;

    fn registrar(&self) -> Option<&(dyn Registrar + Sync)> {
        Some(&self.registrar)
    }

    fn authorizer_mut(&mut self) -> Option<&mut (dyn Authorizer + Send)> {
        Some(&mut self.authorizer)
    }

    fn issuer_mut(&mut self) -> Option<&mut (dyn Issuer + Send)> {
        Some(&mut self.issuer)
    }

    fn owner_solicitor(&mut self) -> Option<&mut (dyn OwnerSolicitor<Request> + Send)> {
        Some(&mut self.solicitor)
    }

    fn scopes(&mut self) -> Option<&mut dyn Scopes<Request>> {
        Some(&mut self.scopes)
    }

    fn response(&mut self, _: &mut Request, _: Template<'_>) -> Result<Response, OAuthError> {
        Ok(Response::default())
    }

    fn error(&mut self, error: OAuthError) -> OAuthError {
        error
    }

    fn web_error(&mut self, error: NoError) -> OAuthError {
        error.into()
    }
}

type Answer = Result<Response, OAuthError>;

impl<F: OnOxide> Server<F> {
    fn new(parts: &Parts<F>) -> Self {
        Self {
            registrar: SpawnBlocking::new(parts.registrar.clone()),
            authorizer: SpawnBlocking::new(parts.authorizer.clone()),
            issuer: SpawnBlocking::new(parts.issuer.clone()),
            solicitor: Consents(parts.owner.clone()),
            scopes: Vec::new(),
        }
    }

    fn endpoint(&self) -> Extended<Self, AddonList> {
        let mut addons = AddonList::new();
        addons.push_code(Pkce::required());
        Extended::extend_with(self.clone(), addons)
    }

    async fn code(&self, client_id: &str) -> String {
        let query = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "profile email"),
            ("code_challenge", &challenge()),
            ("code_challenge_method", "S256"),
        ];
        let request = Request {
            query: post(None, &query).urlbody,
            ..Request::default()
        };
        let mut flow = AuthorizationFlow::prepare(self.endpoint()).expect("has all it needs");
        redirected(&flow.execute(request).await.expect("is answered"), "code")
    }

    async fn redeem(&self, client_id: &str, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let mut flow = AccessTokenFlow::prepare(self.endpoint()).expect("has all it needs");
        flow.execute(post(Some(&basic(client_id)), &form)).await
    }

    async fn exchange(&self, client_id: &str, refresh_token: &str) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        let mut flow = RefreshFlow::prepare(self.endpoint()).expect("has all it needs");
        flow.execute(post(Some(&basic(client_id)), &form)).await
    }

    async fn resource(&self, token: &str) -> Option<Grant> {
        let mut server = self.clone();
        server.scopes = vec!["profile".parse().expect("is a scope")];
        let request = Request {
            auth: Some(format!("Bearer {token}")),
            ..Request::default()
        };
        let mut flow = ResourceFlow::prepare(server).expect("has all it needs");
        match flow.execute(request).await {
            Ok(grant) => Some(grant),
            Err(Ok(_)) => None,
            Err(Err(error)) => panic!("{error}"),
        }
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn a_code_is_exchanged_and_its_tokens_rotate<F: OnOxide>() {
    let Some((_scene, parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let server = Server::new(&parts);
    let client_id = F::client_id(1);
    run(async {
        let code = server.code(&client_id).await;
        let answer = server.redeem(&client_id, &code).await;
        let (access, refresh) = both(&answer.expect("is answered"));
        let grant = server.resource(&access).await.expect("is let in");
        assert_eq!(grant.owner_id, owner::<F>(1));

        let answer = server.exchange(&client_id, &refresh).await;
        let (next, next_refresh) = both(&answer.expect("is answered"));
        assert!(server.resource(&access).await.is_none());
        assert!(server.resource(&next).await.is_some());
        let reused = server.exchange(&client_id, &refresh).await;
        assert_eq!(error(reused), bad_request("invalid_grant"));
        assert!(server.resource(&next).await.is_none());
        let revoked = server.exchange(&client_id, &next_refresh).await;
        assert_eq!(error(revoked), bad_request("invalid_grant"));
    });
}

fn a_second_use_revokes_what_the_first_one_got<F: OnOxide>() {
    let Some((_scene, parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let server = Server::new(&parts);
    let client_id = F::client_id(1);
    run(async {
        let code = server.code(&client_id).await;
        let answer = server.redeem(&client_id, &code).await;
        let (access, _) = both(&answer.expect("is answered"));
        assert!(server.resource(&access).await.is_some());
        let replayed = server.redeem(&client_id, &code).await;
        assert_eq!(error(replayed), bad_request("invalid_request"));
        assert!(server.resource(&access).await.is_none());
    });
}

fn a_client_gets_a_token_of_its_own<F: OnOxide>() {
    let Some((_scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let client_id = F::client_id(1);
    parts.owner = client_id.clone();
    let server = Server::new(&parts);
    run(async {
        let form = [("grant_type", "client_credentials"), ("scope", "profile")];
        let mut flow = ClientCredentialsFlow::prepare(server.endpoint()).expect("has all");
        let answer = flow.execute(post(Some(&basic(&client_id)), &form)).await;
        let answer = json(&answer.expect("is answered"));
        assert_eq!(answer.refresh_token, None);
        let access = answer.access_token.expect("an access token");
        let grant = server.resource(&access).await.expect("is let in");
        assert_eq!(grant.owner_id, client_as_owner::<F>(&client_id));
    });
}

/// What each of 32 tasks made of it.
async fn race<T, Fut>(task: impl Fn() -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..32).map(|_| tokio::spawn(task())).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.expect("no panic"));
    }
    outcomes
}

fn of_32_tasks_that_extract_one_code_exactly_one_gets_it<F: OnOxide>() {
    let Some((scene, _)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let server = Server::new(&Parts::<F>::new(&scene, pool, Settings::default()));
    run(async {
        for round in 0..rounds() {
            let code = server.code(&F::client_id(1)).await;
            let grants = race(|| {
                let (mut authorizer, code) = (server.authorizer.clone(), code.clone());
                async move { authorizer.extract(&code).await.expect("works") }
            });
            let got = grants.await.iter().flatten().count();
            assert_eq!(got, 1, "round {round}");
        }
    });
}

fn of_32_tasks_that_exchange_one_refresh_token_exactly_one_wins<F: OnOxide>() {
    let Some((scene, _)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let server = Server::new(&Parts::<F>::new(&scene, pool, Settings::default()));
    let client_id = F::client_id(1);
    run(async {
        for round in 0..rounds() {
            let code = server.code(&client_id).await;
            let answer = server.redeem(&client_id, &code).await;
            let (_, refresh) = both(&answer.expect("is answered"));
            let answers = race(|| {
                let (server, client_id) = (server.clone(), client_id.clone());
                let refresh = refresh.clone();
                async move { server.exchange(&client_id, &refresh).await }
            });
            let answers = answers.await;
            let won = answers
                .iter()
                .flatten()
                .filter(|it| it.status == Status::Ok);
            assert_eq!(won.count(), 1, "round {round}");
        }
    });
}

/// Notes on which threads it is called.
#[derive(Clone, Default)]
struct Tracked(Arc<Mutex<Vec<ThreadId>>>);

impl SyncRegistrar for Tracked {
    fn bound_redirect<'a>(&self, _: ClientUrl<'a>) -> Result<BoundClient<'a>, RegistrarError> {
        panic!("on purpose")
    }

    fn negotiate(&self, _: BoundClient<'_>, _: Option<Scope>) -> Result<PreGrant, RegistrarError> {
        Err(RegistrarError::Unspecified)
    }

    fn check(&self, _: &str, _: Option<&[u8]>) -> Result<(), RegistrarError> {
        let mut threads = self.0.lock().expect("not poisoned");
        threads.push(std::thread::current().id());
        Ok(())
    }
}

#[test]
fn calls_run_off_the_async_threads_and_their_panics_go_on() {
    let tracked = Tracked::default();
    let registrar = SpawnBlocking::new(tracked.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime
        .block_on(Registrar::check(&registrar, "app", None))
        .expect("is called");
    let threads = tracked.0.lock().expect("not poisoned");
    assert_eq!(threads.len(), 1);
    assert_ne!(threads[0], std::thread::current().id());
    drop(threads);

    let bound = ClientUrl {
        client_id: "app".into(),
        redirect_uri: None,
    };
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(Registrar::bound_redirect(&registrar, bound))
    }));
    assert!(panicked.is_err());
}
