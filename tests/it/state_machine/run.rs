//! The calls on the stores and on the model beside them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::ops::ControlFlow;
use std::time::Duration;

use diesel_oauth2::lifecycle::{
    CodeRefusal, CodeRequest, CodeStore, Redemption, RefreshRefusal, RefreshStore, Refreshing,
    create_authorization_code_store, create_grant_revocation, create_pruner,
    create_refresh_token_store,
};
use diesel_oauth2::{
    EndpointRequest, Failure, OAuth2AuthorizationCode, OAuth2Grant, OAuth2Token, TokenRequest,
    TokenResponse, create_bearer_token_validator, create_introspection_endpoint,
    create_query_token_func, create_revocation_endpoint, create_save_token_func_with_clock,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::calls::{Call, Pick};
use super::model::{self, Content, Model, Owner, Pruned, Settings};
use super::rows::empty;
use crate::fixture::{Fixture, ManualClock, NOW, Scene, TestPool};

const REDIRECT_URI: &str = "https://a.example/cb";
const SCOPES: [&str; 3] = ["email", "profile email", "profile email address"];

pub type Seen = RefCell<BTreeMap<String, usize>>;

pub type GrantId<F> = <<F as Fixture>::Grant as OAuth2Grant>::Id;
type UserId<F> = <<F as Fixture>::Token as OAuth2Token>::UserId;
type Extra<F> = <<F as Fixture>::Token as OAuth2Token>::Extra;

/// A model and the stores beside it.
pub struct Run<'a, F: Fixture> {
    pub scene: &'a Scene<F>,
    clients: &'a [F::Client; 2],
    seen: &'a Seen,
    serial: u32,
    pub model: Model,
    clock: ManualClock,
    codes: CodeStore<F::Code, F::Token, TestPool<F>>,
    store: RefreshStore<F::Token, TestPool<F>>,
    code_count: usize,
    /// The tokens that were stored, some of which may be pruned.
    pub tokens: Vec<usize>,
    pub grants: Vec<(Owner, GrantId<F>)>,
    /// Of each token, for whom it is, whether or not it was stored.
    owners: Vec<Owner>,
    refreshing: Vec<(Refreshing<F::Token>, model::Refreshing)>,
}

impl<'a, F: Fixture> Run<'a, F> {
    /// Empties the tables.
    pub fn new(
        scene: &'a Scene<F>,
        clients: &'a [F::Client; 2],
        seen: &'a Seen,
        serial: u32,
        settings: Settings,
    ) -> Self {
        let conn = &mut *scene.conn();
        empty::<F::Code, _>(conn);
        empty::<F::Token, _>(conn);
        empty::<F::Grant, _>(conn);
        let clock = ManualClock::default();
        let pool = || scene.pool.clone();
        let mut codes = create_authorization_code_store(pool())
            .clock(clock.clone())
            .lifetime(settings.code_lifetime);
        let mut store = create_refresh_token_store(pool())
            .clock(clock.clone())
            .grace(settings.grace)
            .rotation(settings.rotates);
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
            seen,
            serial,
            model: Model::new(NOW, settings),
            clock,
            codes,
            store,
            code_count: 0,
            tokens: Vec::new(),
            grants: Vec::new(),
            owners: Vec::new(),
            refreshing: Vec::new(),
        }
    }

    pub fn call(&mut self, call: &Call) -> Result<(), TestCaseError> {
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
                self.saw("issue", &expected);
                self.tokens.extend(expected.is_ok().then_some(token));
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
                self.tokens.push(token);
            }
            Call::Authenticate { token, by_stranger } => {
                if let Some(token) = self.pick(token) {
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
                if let Some(token) = self.pick(token) {
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
                if let Some(token) = self.pick(token) {
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
                if let Some(token) = self.pick(token) {
                    let header = format!("Bearer {}", self.access_token(token));
                    let validator =
                        create_bearer_token_validator::<F::Token, _>(self.scene.pool.clone());
                    let validator = validator.clock(self.clock.clone());
                    let is_valid = match validator.acquire_token(Some(&header), &[]) {
                        Ok(_) => true,
                        Err(Failure::Refused(_)) => false,
                        Err(Failure::Storage(error)) => return Err(fail(&error)),
                    };
                    self.saw_that("valid", is_valid);
                    prop_assert_eq!(is_valid, self.model.is_valid_access_token(token));
                }
            }
            Call::Introspect {
                token,
                is_refresh_token,
                by_stranger,
            } => {
                if let Some(token) = self.pick(token) {
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
        self.saw("redeem", &expected);
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
        match &answer {
            Ok(refreshing) if refreshing.is_retry => self.saw_that("authenticate", "Ok, a retry"),
            _ => self.saw("authenticate", &answer),
        }
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

    fn rotate(&mut self, index: usize, mut content: Content) -> Result<(), TestCaseError> {
        // Without rotation the old refresh token stays, and there is no other.
        content.has_refresh_token &= self.model.settings.rotates;
        let expected = self.refreshing[index].1;
        let token = self.next_token(expected.owner);
        let response = self.response(token, content);
        let request = self.request(expected.owner);
        let answer = self
            .store
            .rotate(&self.refreshing[index].0, &response, &request);
        let is_retry = expected.is_retry;
        let expected = self.model.rotate(&expected, token, content);
        match expected {
            Ok(()) if is_retry => self.saw_that("rotate", "Ok, a retry"),
            _ => self.saw("rotate", &expected),
        }
        self.tokens.extend(expected.is_ok().then_some(token));
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
        self.saw_that("revoke", is_allowed);
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
        let mut endpoint = create_introspection_endpoint::<F::Token, _>(self.scene.pool.clone())
            .clock(self.clock.clone());
        if let Some(seconds) = self.model.settings.idle {
            endpoint = endpoint.idle_lifetime(seconds);
        }
        let request = EndpointRequest::new(None, form.as_bytes());
        let answer = endpoint.create_endpoint_response_for(&request, &self.clients[client]);
        let body: serde_json::Value =
            serde_json::from_str(&stored(answer)?.body).expect("a JSON body");
        let is_active = client == self.owners[token].client
            && match is_refresh_token {
                true => self.model.is_valid_refresh_token(token),
                false => self.model.is_valid_access_token(token),
            };
        self.saw_that("active", is_active);
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
        let (codes, tokens, grants) = (answer.codes, answer.tokens, answer.grants);
        for (name, count) in [("codes", codes), ("tokens", tokens), ("grants", grants)] {
            if count > 0 {
                self.saw_that("pruned", name);
            }
        }
        prop_assert_eq!(answer, self.model.prune(retention, refresh_token_lifetime));
        // A request is over long before its token is pruned; SQLite gives the key of the last row out again.
        let tokens = &self.model.tokens;
        (self.refreshing).retain(|(_, refreshing)| tokens.contains_key(&refreshing.token));
        Ok(())
    }

    fn saw<T, R: Debug>(&self, call: &str, outcome: &Result<T, R>) {
        match outcome {
            Ok(_) => self.saw_that(call, "Ok"),
            Err(refusal) => self.saw_that(call, format!("{refusal:?}")),
        }
    }

    fn saw_that(&self, call: &str, outcome: impl Display) {
        let mut seen = self.seen.borrow_mut();
        *seen.entry(format!("{call}: {outcome}")).or_default() += 1;
    }

    fn next_token(&mut self, owner: Owner) -> usize {
        self.owners.push(owner);
        self.owners.len() - 1
    }

    fn pick(&self, pick: Pick) -> Option<usize> {
        pick.of(self.tokens.len()).map(|index| self.tokens[index])
    }

    fn client(&self, token: usize, is_stranger: bool) -> usize {
        let client = self.owners[token].client;
        if is_stranger { 1 - client } else { client }
    }

    fn code(&self, code: usize) -> String {
        format!("code-{}-{code}", self.serial)
    }

    pub fn access_token(&self, token: usize) -> String {
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
