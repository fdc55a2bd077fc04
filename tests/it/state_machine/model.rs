//! What the stores should answer, in memory and by the rules alone: RFC 6749, 7009 and 9700 for one request at a time.

use std::collections::BTreeMap;

use diesel_oauth2::lifecycle::{CodeRefusal, RefreshRefusal};

/// Codes, grants and tokens are known by the order in which they were made. What was pruned is gone from the maps.
#[derive(Debug)]
pub struct Model {
    pub now: i64,
    pub settings: Settings,
    pub codes: BTreeMap<usize, Code>,
    pub grants: BTreeMap<usize, Grant>,
    pub tokens: BTreeMap<usize, Token>,
    next_grant: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub code_lifetime: i64,
    pub rotates: bool,
    pub grace: i64,
    pub idle: Option<i64>,
    pub absolute: Option<i64>,
}

/// Whom something is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Owner {
    pub client: usize,
    pub user: u32,
}

#[derive(Debug)]
pub struct Code {
    pub owner: Owner,
    pub saved_at: i64,
    pub redeemed_at: Option<i64>,
    pub grant: Option<usize>,
}

#[derive(Debug)]
pub struct Grant {
    pub owner: Owner,
    pub begun_at: i64,
    pub used_at: i64,
    pub last_second: Option<i64>,
    pub revoked_at: Option<i64>,
}

#[derive(Debug)]
pub struct Token {
    pub owner: Owner,
    pub grant: Option<usize>,
    pub issued_at: i64,
    pub access_revoked_at: Option<i64>,
    /// When the whole row was revoked, or its refresh token rotated.
    pub ended_at: Option<i64>,
    pub rotated_at: Option<i64>,
    pub content: Content,
}

/// What is in a token. The scopes are nested: the higher, the more.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    pub has_refresh_token: bool,
    pub lifetime: Option<i64>,
    pub scope: usize,
}

/// A refresh token as it was when it was authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Refreshing {
    pub token: usize,
    pub owner: Owner,
    pub is_retry: bool,
    scope: usize,
    grant: Option<usize>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Pruned {
    pub codes: usize,
    pub tokens: usize,
    pub grants: usize,
}

impl Model {
    pub fn new(now: i64, settings: Settings) -> Self {
        Self {
            now,
            settings,
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            tokens: BTreeMap::new(),
            next_grant: 0,
        }
    }

    pub fn save_code(&mut self, code: usize, owner: Owner) {
        let code_row = Code {
            owner,
            saved_at: self.now,
            redeemed_at: None,
            grant: None,
        };
        self.codes.insert(code, code_row);
    }

    pub fn redeem(
        &mut self,
        code: usize,
        client: usize,
        is_right_uri: bool,
    ) -> Result<usize, CodeRefusal> {
        let row = self.codes.get(&code).ok_or(CodeRefusal::Unknown)?;
        let owner = row.owner;
        if owner.client != client {
            return Err(CodeRefusal::WrongClient);
        }
        if !is_right_uri {
            return Err(CodeRefusal::WrongRedirectUri);
        }
        if let Some(grant) = row.grant {
            self.revoke_grant(grant);
            return Err(CodeRefusal::Replayed);
        }
        if self.now > row.saved_at + self.settings.code_lifetime {
            return Err(CodeRefusal::Expired);
        }
        let grant = self.start(owner);
        let row = self.codes.get_mut(&code).expect("was found");
        (row.grant, row.redeemed_at) = (Some(grant), Some(self.now));
        Ok(grant)
    }

    pub fn start(&mut self, owner: Owner) -> usize {
        let number = self.next_grant;
        self.next_grant += 1;
        let grant = Grant {
            owner,
            begun_at: self.now,
            used_at: self.now,
            last_second: self.settings.absolute.map(|seconds| self.now + seconds),
            revoked_at: None,
        };
        self.grants.insert(number, grant);
        number
    }

    /// A token that no grant stands for, as authlib writes them.
    pub fn save_token(&mut self, token: usize, owner: Owner, content: Content) {
        self.insert_token(token, owner, None, content);
    }

    pub fn issue(
        &mut self,
        token: usize,
        owner: Owner,
        grant: usize,
        content: Content,
    ) -> Result<(), RefreshRefusal> {
        if !self.use_grant(grant) {
            return Err(RefreshRefusal::Revoked);
        }
        self.insert_token(token, owner, Some(grant), content);
        Ok(())
    }

    pub fn authenticate(
        &mut self,
        token: usize,
        client: usize,
    ) -> Result<Refreshing, RefreshRefusal> {
        let row = (self.tokens.get(&token))
            .filter(|row| row.content.has_refresh_token)
            .ok_or(RefreshRefusal::Unknown)?;
        let Settings { grace, idle, .. } = self.settings;
        if row.owner.client != client {
            return Err(RefreshRefusal::WrongClient);
        }
        let is_retry = match (row.rotated_at, row.ended_at) {
            (Some(at), _) if grace > 0 && self.now <= at + grace => true,
            (Some(_), _) => {
                if let Some(grant) = row.grant {
                    self.revoke_grant(grant);
                }
                return Err(RefreshRefusal::Reused);
            }
            (None, Some(_)) => return Err(RefreshRefusal::Revoked),
            (None, None) if idle.is_some_and(|idle| self.now > row.issued_at + idle) => {
                return Err(RefreshRefusal::Idle);
            }
            (None, None) => false,
        };
        Ok(Refreshing {
            token,
            owner: row.owner,
            is_retry,
            scope: row.content.scope,
            grant: row.grant,
        })
    }

    pub fn rotate(
        &mut self,
        old: &Refreshing,
        next: usize,
        content: Content,
    ) -> Result<(), RefreshRefusal> {
        if content.scope > old.scope {
            return Err(RefreshRefusal::ScopeExceeded);
        }
        if old.grant.is_some_and(|grant| !self.use_grant(grant)) {
            return Err(RefreshRefusal::Revoked);
        }
        // Without rotation two may exchange it at the same time: where it had no grant, the second takes that of the first.
        let row = self.tokens.get(&old.token);
        let is_first = row.is_some_and(|row| row.ended_at.is_none() && row.grant == old.grant);
        let joined = row
            .and_then(|row| row.grant)
            .filter(|_| !self.settings.rotates && old.grant.is_none());
        let stays = !self.settings.rotates && old.grant.is_some();
        if !is_first && !old.is_retry && !stays && joined.is_none() {
            return Err(RefreshRefusal::LostRace);
        }
        if joined.is_some_and(|grant| !self.use_grant(grant)) {
            return Err(RefreshRefusal::Revoked);
        }
        let grant = match old.grant.or(joined) {
            Some(grant) => grant,
            None => self.start(old.owner),
        };
        if is_first {
            let row = self.tokens.get_mut(&old.token).expect("was found");
            // From now on its family is known, so that reuse revokes it.
            row.grant = Some(grant);
            if self.settings.rotates {
                (row.ended_at, row.rotated_at) = (Some(self.now), Some(self.now));
            }
        }
        self.insert_token(next, old.owner, Some(grant), content);
        Ok(())
    }

    /// Whether the client may revoke the token. An unknown one it may, to no effect.
    pub fn revoke_token(&mut self, token: usize, is_refresh_token: bool, client: usize) -> bool {
        let now = self.now;
        let Some(row) = self.tokens.get_mut(&token) else {
            return true;
        };
        if is_refresh_token && !row.content.has_refresh_token {
            return true;
        }
        if row.owner.client != client {
            return false;
        }
        match row.grant {
            _ if !is_refresh_token => drop(row.access_revoked_at.get_or_insert(now)),
            None => drop(row.end(now)),
            Some(grant) => drop(self.revoke_grant(grant)),
        }
        true
    }

    /// Tells how many tokens it ended, as do the next two.
    pub fn revoke_grant(&mut self, grant: usize) -> usize {
        self.revoke(|number, _| number == Some(grant))
    }

    pub fn revoke_user(&mut self, user: u32) -> usize {
        self.revoke(|_, owner| owner.user == user)
    }

    pub fn revoke_client(&mut self, client: usize) -> usize {
        self.revoke(|_, owner| owner.client == client)
    }

    pub fn prune(&mut self, retention: i64, refresh_token_lifetime: Option<i64>) -> Pruned {
        let cutoff = self.now - retention;
        let before = (self.codes.len(), self.tokens.len(), self.grants.len());
        let code_lifetime = self.settings.code_lifetime;
        self.codes
            .retain(|_, code| code.saved_at + code_lifetime >= cutoff);
        self.tokens
            .retain(|_, token| !token.died_before(cutoff, refresh_token_lifetime));
        let in_use: Vec<_> = self.tokens.values().filter_map(|row| row.grant).collect();
        self.grants
            .retain(|number, grant| grant.used_at >= cutoff || in_use.contains(number));
        Pruned {
            codes: before.0 - self.codes.len(),
            tokens: before.1 - self.tokens.len(),
            grants: before.2 - self.grants.len(),
        }
    }

    pub fn is_valid_access_token(&self, token: usize) -> bool {
        self.tokens.get(&token).is_some_and(|row| {
            let is_expired = row.last_second().is_some_and(|last| self.now > last);
            row.ended_at.is_none() && row.access_revoked_at.is_none() && !is_expired
        })
    }

    pub fn is_valid_refresh_token(&self, token: usize) -> bool {
        let idle = self.settings.idle;
        self.tokens.get(&token).is_some_and(|row| {
            let is_idle = idle.is_some_and(|idle| self.now > row.issued_at + idle);
            let is_over = row.grant.is_some_and(|grant| !self.is_alive(grant));
            row.ended_at.is_none() && row.content.has_refresh_token && !is_idle && !is_over
        })
    }

    fn insert_token(&mut self, token: usize, owner: Owner, grant: Option<usize>, content: Content) {
        let row = Token {
            owner,
            grant,
            issued_at: self.now,
            access_revoked_at: None,
            ended_at: None,
            rotated_at: None,
            content,
        };
        self.tokens.insert(token, row);
    }

    fn is_alive(&self, grant: usize) -> bool {
        self.grants.get(&grant).is_some_and(|row| {
            row.revoked_at.is_none() && row.last_second.is_none_or(|last| self.now <= last)
        })
    }

    fn use_grant(&mut self, grant: usize) -> bool {
        let is_alive = self.is_alive(grant);
        if let Some(row) = self.grants.get_mut(&grant).filter(|_| is_alive) {
            row.used_at = self.now;
        }
        is_alive
    }

    fn revoke(&mut self, is_meant: impl Fn(Option<usize>, Owner) -> bool) -> usize {
        for (number, grant) in &mut self.grants {
            if is_meant(Some(*number), grant.owner) {
                grant.revoked_at.get_or_insert(self.now);
            }
        }
        let meant = self.tokens.values_mut();
        meant
            .filter(|row| is_meant(row.grant, row.owner))
            .filter_map(|row| row.end(self.now).then_some(()))
            .count()
    }
}

impl Token {
    /// The last second of the access token.
    pub fn last_second(&self) -> Option<i64> {
        self.content.lifetime.map(|life| self.issued_at + life)
    }

    /// Revokes both tokens, unless the row has ended already.
    fn end(&mut self, now: i64) -> bool {
        let is_alive = self.ended_at.is_none();
        if is_alive {
            self.ended_at = Some(now);
            self.access_revoked_at.get_or_insert(now);
        }
        is_alive
    }

    fn died_before(&self, cutoff: i64, refresh_token_lifetime: Option<i64>) -> bool {
        let is_past = |at: Option<i64>| at.is_some_and(|at| at < cutoff);
        let idle_at = refresh_token_lifetime.map(|life| self.issued_at + life);
        let is_access_dead = is_past(self.access_revoked_at) || is_past(self.last_second());
        let is_refresh_dead = !self.content.has_refresh_token || is_past(idle_at);
        is_past(self.ended_at) || (is_access_dead && is_refresh_dead)
    }
}
