use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use oxide_auth::primitives::grant::Grant;

/// How long an issuer has to come for what an authorizer left. oxide-auth gives a whole code no longer.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// What an authorizer leaves for the issuer: of which family the tokens of a redeemed code are, so that whoever
/// presents the code again ends them.
///
/// oxide-auth's `Grant` has no room for it. But the one that `extract` gives comes to `issue` unchanged except in its
/// extensions, so it is known by the rest, and `until` is made unique by its nanoseconds.
pub(crate) struct Handover<G, U>(Arc<Mutex<Shelf<G, U>>>);

struct Shelf<G, U> {
    next_nanosecond: u32,
    left: HashMap<Label, Left<G, U>>,
}

/// What a grant is known by.
#[derive(PartialEq, Eq, Hash)]
struct Label {
    until: DateTime<Utc>,
    client_id: String,
    owner_id: String,
}

struct Left<G, U> {
    origin: Origin<G, U>,
    since: Instant,
}

/// Where a grant came from.
pub(crate) struct Origin<G, U> {
    /// The family, unless the code's row has none.
    pub(crate) grant_id: Option<G>,
    /// The user who authorized the client.
    pub(crate) user_id: Option<U>,
}

impl<G, U> Handover<G, U> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Shelf {
            next_nanosecond: 0,
            left: HashMap::new(),
        })))
    }

    /// Leaves something with this grant, whose `until` it makes unique.
    pub(crate) fn leave(&self, grant: &mut Grant, origin: Origin<G, U>) {
        self.leave_at(Instant::now(), grant, origin);
    }

    fn leave_at(&self, now: Instant, grant: &mut Grant, origin: Origin<G, U>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A request that was refused after `extract` never comes for its own.
        shelf
            .left
            .retain(|_, left| now.duration_since(left.since) < KEPT_FOR);
        let nanosecond = shelf.next_nanosecond;
        shelf.next_nanosecond = (nanosecond + 1) % 1_000_000_000;
        grant.until =
            DateTime::from_timestamp(grant.until.timestamp(), nanosecond).unwrap_or(grant.until);
        let left = Left { origin, since: now };
        shelf.left.insert(Label::of(grant), left);
    }

    /// Takes what was left with this grant.
    pub(crate) fn take(&self, grant: &Grant) -> Option<Origin<G, U>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.left.remove(&Label::of(grant)).map(|left| left.origin)
    }
}

impl Label {
    fn of(grant: &Grant) -> Self {
        Self {
            until: grant.until,
            client_id: grant.client_id.clone(),
            owner_id: grant.owner_id.clone(),
        }
    }
}

impl<G, U> Clone for Handover<G, U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<G, U> fmt::Debug for Handover<G, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handover(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxide_auth::primitives::grant::{Extensions, Value};

    fn grant() -> Grant {
        Grant {
            owner_id: "7".into(),
            client_id: "app".into(),
            scope: "profile".parse().expect("is a scope"),
            redirect_uri: "https://app.example/cb".parse().expect("is a URL"),
            until: DateTime::from_timestamp(1_790_000_000, 0).expect("is a time"),
            extensions: Extensions::new(),
        }
    }

    fn origin(grant_id: i64) -> Origin<i64, i64> {
        Origin {
            grant_id: Some(grant_id),
            user_id: Some(7),
        }
    }

    #[test]
    fn grants_that_differ_in_nothing_else_get_their_own_family_once() {
        let handover = Handover::new();
        let mut grants = [grant(), grant(), grant()];
        for (index, grant) in (0..).zip(&mut grants) {
            handover.leave(grant, origin(index));
        }
        for (index, grant) in (0_i64..).zip(&mut grants) {
            grant.extensions.set_raw("new".into(), Value::public(None));
            assert_eq!(grant.until.timestamp(), 1_790_000_000);
            let taken = handover.take(grant).expect("was left");
            assert_eq!(taken.grant_id, Some(index));
            assert!(handover.take(grant).is_none());
        }
        assert!(handover.take(&grant()).is_none());
    }

    #[test]
    fn another_client_or_owner_gets_nothing() {
        let handover = Handover::new();
        let mut mine = grant();
        handover.leave(&mut mine, origin(1));
        for other in [
            Grant {
                client_id: "other".into(),
                ..mine.clone()
            },
            Grant {
                owner_id: "8".into(),
                ..mine.clone()
            },
        ] {
            assert!(handover.take(&other).is_none());
        }
        assert!(handover.take(&mine).is_some());
    }

    #[test]
    fn what_nobody_came_for_is_removed() {
        let handover = Handover::new();
        let (mut first, mut second) = (grant(), grant());
        let now = Instant::now();
        handover.leave_at(now, &mut first, origin(1));
        handover.leave_at(now + KEPT_FOR, &mut second, origin(2));
        assert!(handover.take(&first).is_none());
        assert!(handover.take(&second).is_some());
    }
}
