//! Random sequences of calls give the same answers as a model in memory, and leave the same rows.

mod model;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use diesel_oauth2::lifecycle::{
    CodeRefusal, CodeRequest, CodeStore, Redemption, RefreshRefusal, RefreshStore, Refreshing,
    create_authorization_code_store, create_grant_revocation, create_pruner,
    create_refresh_token_store,
};
use diesel_oauth2::secret::SecretStorage;
use diesel_oauth2::table::AgedTable;
use diesel_oauth2::{
    EndpointRequest, Failure, OAuth2AuthorizationCode, OAuth2Grant, OAuth2Token, TokenRequest,
    TokenResponse, create_bearer_token_validator, create_introspection_endpoint,
    create_query_token_func, create_revocation_endpoint, create_save_token_func_with_clock,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::model::{Content, Model, Owner, Pruned, Settings};
use crate::fixture::{Fixture, ManualClock, NOW, Scene, TestPool, on_every_schema};

on_every_schema!(any_sequence_of_calls_is_answered_as_by_the_model);

const REDIRECT_URI: &str = "https://a.example/cb";
const SCOPES: [&str; 3] = ["email", "profile email", "profile email address"];
const USERS: [u32; 2] = [1, 2];

/// One call. What it is about is picked from the newest that there are, so that calls meet.
#[derive(Clone, Debug)]
enum Call {
    SaveCode(Owner),
    Redeem {
        code: Pick,
        by_stranger: bool,
        is_right_uri: bool,
    },
    Start(Owner),
    Issue {
        grant: Pick,
        content: Content,
    },
    SaveToken(Owner, Content),
    Authenticate {
        token: Pick,
        by_stranger: bool,
    },
    /// With a refresh token that was authenticated some calls ago.
    Rotate {
        refreshing: Pick,
        content: Content,
    },
    /// Both at once.
    Refresh {
        token: Pick,
        content: Content,
    },
    RevokeToken {
        token: Pick,
        is_refresh_token: bool,
        hint: &'static str,
        by_stranger: bool,
    },
    RevokeGrant(Pick),
    RevokeUser(u32),
    RevokeClient(usize),
    Wait(i64),
    Prune {
        retention: i64,
        refresh_token_lifetime: Option<i64>,
    },
    Validate(Pick),
    Introspect {
        token: Pick,
        is_refresh_token: bool,
        by_stranger: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Pick(usize);

impl Pick {
    /// One of the last few of `count`, if there are any.
    fn of(self, count: usize) -> Option<usize> {
        (count > 0).then(|| count - 1 - self.0 % count)
    }
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let pick = || prop_oneof![4 => 0..3_usize, 1 => 0..20_usize].prop_map(Pick);
    let owner = || {
        (0..2_usize, prop::sample::select(&USERS[..]))
            .prop_map(|(client, user)| Owner { client, user })
    };
    let content = || {
        let lifetime = prop::sample::select(&[None, Some(30), Some(3600)][..]);
        (prop::bool::weighted(0.9), lifetime, 0..3_usize).prop_map(
            |(has_refresh_token, lifetime, scope)| Content {
                has_refresh_token,
                lifetime,
                scope,
            },
        )
    };
    let rarely = || prop::bool::weighted(0.1);
    let hint = prop::sample::select(&["", "access_token", "refresh_token"][..]);
    let call = prop_oneof![
        2 => owner().prop_map(Call::SaveCode),
        3 => (pick(), rarely(), prop::bool::weighted(0.9)).prop_map(
            |(code, by_stranger, is_right_uri)| Call::Redeem { code, by_stranger, is_right_uri }
        ),
        1 => owner().prop_map(Call::Start),
        4 => (pick(), content()).prop_map(|(grant, content)| Call::Issue { grant, content }),
        1 => (owner(), content()).prop_map(|(owner, content)| Call::SaveToken(owner, content)),
        2 => (pick(), rarely())
            .prop_map(|(token, by_stranger)| Call::Authenticate { token, by_stranger }),
        3 => (pick(), content())
            .prop_map(|(refreshing, content)| Call::Rotate { refreshing, content }),
        6 => (pick(), content()).prop_map(|(token, content)| Call::Refresh { token, content }),
        2 => (pick(), any::<bool>(), hint, rarely()).prop_map(
            |(token, is_refresh_token, hint, by_stranger)| Call::RevokeToken {
                token, is_refresh_token, hint, by_stranger
            }
        ),
        1 => pick().prop_map(Call::RevokeGrant),
        1 => prop::sample::select(&USERS[..]).prop_map(Call::RevokeUser),
        1 => (0..2_usize).prop_map(Call::RevokeClient),
        5 => prop::sample::select(&[1, 9, 10, 11, 50, 100, 300, 4000][..]).prop_map(Call::Wait),
        1 => (
            prop::sample::select(&[0, 100, 1000][..]),
            prop::sample::select(&[None, Some(200)][..]),
        )
            .prop_map(|(retention, refresh_token_lifetime)| Call::Prune {
                retention, refresh_token_lifetime
            }),
        3 => pick().prop_map(Call::Validate),
        3 => (pick(), any::<bool>(), rarely()).prop_map(
            |(token, is_refresh_token, by_stranger)| Call::Introspect {
                token, is_refresh_token, by_stranger
            }
        ),
    ];
    prop::collection::vec(call, 1..60)
}

fn settings() -> impl Strategy<Value = Settings> {
    let seconds = |choices: &'static [Option<i64>]| prop::sample::select(choices);
    (
        prop::sample::select(&[60, 300][..]),
        prop::sample::select(&[0, 10, 60][..]),
        seconds(&[None, Some(50), Some(200)]),
        seconds(&[None, Some(100), Some(500)]),
    )
        .prop_map(|(code_lifetime, grace, idle, absolute)| Settings {
            code_lifetime,
            grace,
            idle,
            absolute,
        })
}

/// How many sequences are tried on each schema: a few, or as many as `DIESEL_OAUTH2_TEST_CASES` says.
fn cases() -> u32 {
    let cases = std::env::var("DIESEL_OAUTH2_TEST_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

fn any_sequence_of_calls_is_answered_as_by_the_model<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let clients = [scene.client.clone(), scene.another_client(2)];
    // So that no token of one sequence is one of another.
    let serial = Cell::new(0);
    let config = Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(settings(), calls()), |(settings, calls)| {
        serial.set(serial.get() + 1);
        let mut run = Run::new(&scene, &clients, serial.get(), settings);
        for call in &calls {
            run.call(call)?;
        }
        run.compare_rows()
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

type GrantId<F> = <<F as Fixture>::Grant as OAuth2Grant>::Id;
type UserId<F> = <<F as Fixture>::Token as OAuth2Token>::UserId;
type Extra<F> = <<F as Fixture>::Token as OAuth2Token>::Extra;

/// A model and the stores beside it.
struct Run<'a, F: Fixture> {
    scene: &'a Scene<F>,
    clients: &'a [F::Client; 2],
    serial: u32,
    model: Model,
    clock: ManualClock,
    codes: CodeStore<F::Code, F::Token, TestPool<F>>,
    store: RefreshStore<F::Token, TestPool<F>>,
    code_count: usize,
    token_count: usize,
    grants: Vec<(Owner, GrantId<F>)>,
    /// Of each token, for whom it is, whether or not it was stored.
    owners: Vec<Owner>,
    refreshing: Vec<(Refreshing<F::Token>, model::Refreshing)>,
}

impl<'a, F: Fixture> Run<'a, F> {
    /// Empties the tables.
    fn new(
        scene: &'a Scene<F>,
        clients: &'a [F::Client; 2],
        serial: u32,
        settings: Settings,
    ) -> Self {
        let conn = &mut *scene.conn();
        for code in rows::<F::Code, _>(conn) {
            F::Code::delete(conn, &[code.key()]).expect("is deleted");
        }
        for token in rows::<F::Token, _>(conn) {
            F::Token::delete(conn, &[token.key()]).expect("is deleted");
        }
        for grant in rows::<F::Grant, _>(conn) {
            F::Grant::delete(conn, &[grant.key()]).expect("is deleted");
        }
        let clock = ManualClock::default();
        let pool = || scene.pool.clone();
        let mut codes = create_authorization_code_store(pool())
            .clock(clock.clone())
            .lifetime(settings.code_lifetime);
        let mut store = create_refresh_token_store(pool())
            .clock(clock.clone())
            .grace(settings.grace);
        if let Some(seconds) = settings.absolute {
            codes = codes.grant_lifetime(seconds);
            store = store.grant_lifetime(seconds);
        }
        if let Some(seconds) = settings.idle {
            store = store.idle_lifetime(seconds);
        }
        Self {
            scene,
            clients,
            serial,
            model: Model::new(NOW, settings),
            clock,
            codes,
            store,
            code_count: 0,
            token_count: 0,
            grants: Vec::new(),
            owners: Vec::new(),
            refreshing: Vec::new(),
        }
    }

    fn call(&mut self, call: &Call) -> Result<(), TestCaseError> {
        match *call {
            Call::SaveCode(owner) => self.save_code(owner)?,
            Call::Redeem {
                code,
                by_stranger,
                is_right_uri,
            } => {
                let Some(code) = code.of(self.code_count) else {
                    return Ok(());
                };
                self.redeem(code, by_stranger, is_right_uri)?;
            }
            Call::Start(owner) => {
                let client = &self.clients[owner.client];
                let id = self.store.start(client, Some(&F::user(owner.user)));
                self.model.start(owner);
                self.grants.push((owner, stored(id)?));
            }
            Call::Issue { grant, content } => {
                let Some(grant) = grant.of(self.grants.len()) else {
                    return Ok(());
                };
                let (owner, id) = self.grants[grant].clone();
                let token = self.next_token(owner);
                let response = self.response(token, content);
                let answer = self.store.issue(&response, &self.request(owner), &id);
                let expected = self.model.issue(token, owner, grant, content);
                prop_assert_eq!(refusal(answer)?, expected);
            }
            Call::SaveToken(owner, content) => {
                let token = self.next_token(owner);
                let save_token = create_save_token_func_with_clock::<F::Token, _, _>(
                    self.scene.pool.clone(),
                    self.clock.clone(),
                );
                stored(save_token(
                    &self.response(token, content),
                    &self.request(owner),
                ))?;
                self.model.save_token(token, owner, content);
            }
            Call::Authenticate { token, by_stranger } => {
                if let Some(token) = token.of(self.token_count) {
                    self.authenticate(token, by_stranger)?;
                }
            }
            Call::Rotate {
                refreshing,
                content,
            } => {
                if let Some(index) = refreshing.of(self.refreshing.len()) {
                    self.rotate(index, content)?;
                }
            }
            Call::Refresh { token, content } => {
                if let Some(token) = token.of(self.token_count) {
                    if self.authenticate(token, false)? {
                        self.rotate(self.refreshing.len() - 1, content)?;
                    }
                }
            }
            Call::RevokeToken {
                token,
                is_refresh_token,
                hint,
                by_stranger,
            } => {
                if let Some(token) = token.of(self.token_count) {
                    self.revoke_token(token, is_refresh_token, hint, by_stranger)?;
                }
            }
            Call::RevokeGrant(grant) => {
                if let Some(grant) = grant.of(self.grants.len()) {
                    let answer = self.revocation().revoke_by_grant(&self.grants[grant].1);
                    prop_assert_eq!(stored(answer)?, self.model.revoke_grant(grant));
                }
            }
            Call::RevokeUser(user) => {
                let answer = self.revocation().revoke_by_user(&F::user(user));
                prop_assert_eq!(stored(answer)?, self.model.revoke_user(user));
            }
            Call::RevokeClient(client) => {
                let answer = self.revocation().revoke_by_client(&self.clients[client]);
                prop_assert_eq!(stored(answer)?, self.model.revoke_client(client));
            }
            Call::Wait(seconds) => {
                self.model.now += seconds;
                self.clock.set(self.model.now);
            }
            Call::Prune {
                retention,
                refresh_token_lifetime,
            } => self.prune(retention, refresh_token_lifetime)?,
            Call::Validate(token) => {
                if let Some(token) = token.of(self.token_count) {
                    let header = format!("Bearer {}", self.access_token(token));
                    let validator =
                        create_bearer_token_validator::<F::Token, _>(self.scene.pool.clone());
                    let validator = validator.clock(self.clock.clone());
                    let is_valid = match validator.acquire_token(Some(&header), &[]) {
                        Ok(_) => true,
                        Err(Failure::Refused(_)) => false,
                        Err(Failure::Storage(error)) => return Err(fail(&error)),
                    };
                    prop_assert_eq!(is_valid, self.model.is_valid_access_token(token));
                }
            }
            Call::Introspect {
                token,
                is_refresh_token,
                by_stranger,
            } => {
                if let Some(token) = token.of(self.token_count) {
                    self.introspect(token, is_refresh_token, by_stranger)?;
                }
            }
        }
        Ok(())
    }

    fn save_code(&mut self, owner: Owner) -> Result<(), TestCaseError> {
        let code = self.code_count;
        self.code_count += 1;
        let request = CodeRequest::new(&self.clients[owner.client])
            .user(F::user(owner.user))
            .redirect_uri(REDIRECT_URI)
            .scope("profile email")
            .extra(F::extra());
        stored(self.codes.save(&self.code(code), &request))?;
        self.model.save_code(code, owner);
        Ok(())
    }

    fn redeem(
        &mut self,
        code: usize,
        by_stranger: bool,
        is_right_uri: bool,
    ) -> Result<(), TestCaseError> {
        let client = match self.model.codes.get(&code) {
            Some(row) if by_stranger => 1 - row.owner.client,
            Some(row) => row.owner.client,
            None => 0,
        };
        let name = self.code(code);
        let mut redemption = Redemption::new(&name, &self.clients[client]);
        if is_right_uri {
            redemption = redemption.redirect_uri(REDIRECT_URI);
        }
        let answer = match self.codes.redeem(&redemption) {
            Ok(row) => Ok(row.grant_id().expect("a code has a grant").clone()),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(Failure::Storage(error)) => return Err(fail(&error)),
        };
        let expected = self.model.redeem(code, client, is_right_uri);
        let refused: Option<CodeRefusal> = expected.err();
        prop_assert_eq!(answer.as_ref().err().copied(), refused);
        if let (Ok(id), Ok(grant)) = (answer, expected) {
            prop_assert_eq!(grant, self.grants.len());
            self.grants.push((self.model.codes[&code].owner, id));
        }
        Ok(())
    }

    /// Whether the token may be exchanged, and then the last of `refreshing` is it.
    fn authenticate(&mut self, token: usize, by_stranger: bool) -> Result<bool, TestCaseError> {
        let client = self.client(token, by_stranger);
        let name = self.refresh_token(token);
        let answer = self.store.authenticate(&name, &self.clients[client]);
        let expected = self.model.authenticate(token, client);
        let answer = refusal(answer)?;
        let is_retry = answer.as_ref().map(|refreshing| refreshing.is_retry);
        prop_assert_eq!(
            is_retry.map_err(|refusal| *refusal),
            expected.map(|refreshing| refreshing.is_retry)
        );
        let (Ok(answer), Ok(expected)) = (answer, expected) else {
            return Ok(false);
        };
        self.refreshing.push((answer, expected));
        Ok(true)
    }

    fn rotate(&mut self, index: usize, content: Content) -> Result<(), TestCaseError> {
        let expected = self.refreshing[index].1;
        let token = self.next_token(expected.owner);
        let response = self.response(token, content);
        let request = self.request(expected.owner);
        let answer = self
            .store
            .rotate(&self.refreshing[index].0, &response, &request);
        let expected = self.model.rotate(&expected, token, content);
        prop_assert_eq!(refusal(answer)?, expected);
        // A token that had no grant has got one.
        let row = self.model.tokens.get(&token);
        if let Some(grant) = row.and_then(|row| row.grant) {
            if grant == self.grants.len() {
                let query_token = create_query_token_func::<F::Token, _>(self.scene.pool.clone());
                let found = stored(query_token(&response.access_token, None))?;
                let id = found.as_ref().and_then(OAuth2Token::grant_id).cloned();
                self.grants
                    .push((self.owners[token], id.expect("it has a grant")));
            }
        }
        Ok(())
    }

    fn revoke_token(
        &mut self,
        token: usize,
        is_refresh_token: bool,
        hint: &str,
        by_stranger: bool,
    ) -> Result<(), TestCaseError> {
        let client = self.client(token, by_stranger);
        let form = format!(
            "token={}&token_type_hint={hint}",
            self.token(token, is_refresh_token)
        );
        let endpoint = create_revocation_endpoint::<F::Token, _>(self.scene.pool.clone())
            .clock(self.clock.clone());
        let request = EndpointRequest::new(None, form.as_bytes());
        let answer = endpoint.create_endpoint_response_for(&request, &self.clients[client]);
        let is_allowed = self.model.revoke_token(token, is_refresh_token, client);
        prop_assert_eq!(stored(answer)?.status, if is_allowed { 200 } else { 400 });
        Ok(())
    }

    fn introspect(
        &mut self,
        token: usize,
        is_refresh_token: bool,
        by_stranger: bool,
    ) -> Result<(), TestCaseError> {
        let client = self.client(token, by_stranger);
        let form = format!("token={}", self.token(token, is_refresh_token));
        let endpoint = create_introspection_endpoint::<F::Token, _>(self.scene.pool.clone())
            .clock(self.clock.clone());
        let request = EndpointRequest::new(None, form.as_bytes());
        let answer = endpoint.create_endpoint_response_for(&request, &self.clients[client]);
        let body: serde_json::Value =
            serde_json::from_str(&stored(answer)?.body).expect("a JSON body");
        let is_active = client == self.owners[token].client
            && match is_refresh_token {
                true => self.model.is_valid_refresh_token(token),
                false => self.model.is_valid_access_token(token),
            };
        if !is_active {
            prop_assert_eq!(body, serde_json::json!({"active": false}));
            return Ok(());
        }
        prop_assert_eq!(&body["active"], true);
        let scope = self.model.tokens[&token].content.scope;
        prop_assert_eq!(&body["scope"], SCOPES[scope]);
        Ok(())
    }

    fn prune(
        &mut self,
        retention: i64,
        refresh_token_lifetime: Option<i64>,
    ) -> Result<(), TestCaseError> {
        let mut pruner = create_pruner::<F::Code, F::Token, _>(self.scene.pool.clone())
            .clock(self.clock.clone())
            .code_lifetime(self.model.settings.code_lifetime)
            .retention(retention)
            .batch(3)
            .pause(Duration::ZERO);
        if let Some(seconds) = refresh_token_lifetime {
            pruner = pruner.refresh_token_lifetime(seconds);
        }
        let answer = stored(pruner.prune(|_| ControlFlow::Continue(())))?;
        let answer = Pruned {
            codes: answer.codes,
            tokens: answer.tokens,
            grants: answer.grants,
        };
        prop_assert_eq!(answer, self.model.prune(retention, refresh_token_lifetime));
        Ok(())
    }

    /// What is left in the tables is what is left in the model.
    fn compare_rows(&self) -> Result<(), TestCaseError> {
        type Storage<M> = <M as OAuth2Token>::Storage;
        let conn = &mut *self.scene.conn();
        let grant_number = |id: Option<&GrantId<F>>| {
            let text =
                |id: &GrantId<F>| diesel_oauth2::column::Identifier::to_text(id).into_owned();
            let id = text(id?);
            let position = self.grants.iter().position(|(_, known)| text(known) == id);
            Some(position.expect("a grant that was made here"))
        };

        let digest = |name: &str| Storage::<F::Token>::stored(name).as_str().to_owned();
        let numbers: BTreeMap<String, usize> = (0..self.token_count)
            .map(|token| (digest(&self.access_token(token)), token))
            .collect();
        let found: BTreeMap<usize, _> = rows::<F::Token, _>(conn)
            .iter()
            .map(|row| {
                let marks = (
                    row.issued_at(),
                    row.access_token_revoked_at(),
                    row.refresh_token_revoked_at(),
                    row.refresh_token_rotated_at(),
                    grant_number(row.grant_id()),
                );
                (numbers[row.stored_access_token()], marks)
            })
            .collect();
        let expected = self.model.tokens.iter().map(|(number, row)| {
            let revoked_at = (row.access_revoked_at, row.ended_at);
            let at = Some(row.issued_at);
            let marks = (at, revoked_at.0, revoked_at.1, row.rotated_at, row.grant);
            (*number, marks)
        });
        prop_assert_eq!(found, expected.collect());

        let found: BTreeMap<_, _> = rows::<F::Grant, _>(conn)
            .iter()
            .map(|row| {
                let marks = (row.created_at(), row.last_used_at(), row.revoked_at());
                (grant_number(Some(OAuth2Grant::id(row))), marks)
            })
            .collect();
        let expected = self.model.grants.iter().map(|(number, row)| {
            let marks = (Some(row.begun_at), Some(row.used_at), row.revoked_at);
            (Some(*number), marks)
        });
        prop_assert_eq!(found, expected.collect());

        let mut found: Vec<_> = rows::<F::Code, _>(conn)
            .iter()
            .map(|row| (row.auth_time(), row.redeemed_at()))
            .collect();
        let codes = self.model.codes.values();
        let mut expected: Vec<_> = codes.map(|row| (row.saved_at, row.redeemed_at)).collect();
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
        Ok(())
    }

    fn next_token(&mut self, owner: Owner) -> usize {
        self.owners.push(owner);
        self.token_count += 1;
        self.token_count - 1
    }

    fn client(&self, token: usize, is_stranger: bool) -> usize {
        let client = self.owners[token].client;
        if is_stranger { 1 - client } else { client }
    }

    fn code(&self, code: usize) -> String {
        format!("code-{}-{code}", self.serial)
    }

    fn access_token(&self, token: usize) -> String {
        format!("access-{}-{token}", self.serial)
    }

    fn refresh_token(&self, token: usize) -> String {
        format!("refresh-{}-{token}", self.serial)
    }

    fn token(&self, token: usize, is_refresh_token: bool) -> String {
        match is_refresh_token {
            true => self.refresh_token(token),
            false => self.access_token(token),
        }
    }

    fn response(&self, token: usize, content: Content) -> TokenResponse {
        TokenResponse {
            refresh_token: (content.has_refresh_token).then(|| self.refresh_token(token)),
            expires_in: content.lifetime,
            scope: Some(SCOPES[content.scope].to_owned()),
            ..TokenResponse::bearer(self.access_token(token))
        }
    }

    fn request(&self, owner: Owner) -> TokenRequest<'a, UserId<F>, Extra<F>> {
        TokenRequest::new(&self.clients[owner.client])
            .user(F::user(owner.user))
            .extra(F::extra())
    }

    fn revocation(&self) -> diesel_oauth2::lifecycle::GrantRevocation<F::Token, TestPool<F>> {
        create_grant_revocation(self.scene.pool.clone()).clock(self.clock.clone())
    }
}

/// Every row of a table.
fn rows<M: AgedTable<Conn>, Conn>(conn: &mut Conn) -> Vec<M> {
    let mut rows = Vec::new();
    let far = NOW + 100 * 365 * 24 * 3600;
    M::load_aged(conn, None, far, i64::from(i32::MAX), |row| rows.push(row)).expect("loads");
    rows
}

fn refusal<T>(
    answer: Result<T, Failure<RefreshRefusal>>,
) -> Result<Result<T, RefreshRefusal>, TestCaseError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(Failure::Storage(error)) => Err(fail(&error)),
    }
}

fn stored<T>(answer: Result<T, diesel_oauth2::Error>) -> Result<T, TestCaseError> {
    answer.map_err(|error| fail(&error))
}

fn fail(error: &diesel_oauth2::Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}
