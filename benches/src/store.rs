//! What is measured: the operations on a store of tokens, whatever it is written with.

use std::hint::black_box;

use diesel_oauth2::TokenResponse;
use diesel_oauth2::types::TokenTypeHint;

use crate::compare::Cost;
use crate::input::{CLIENT_ID, access_token, issue, refresh_token};
use crate::operation::{Operation, PRUNED};
use crate::supply::Supply;

/// One way of storing tokens. A method is what a server would call for it, from the pool to the filled struct.
pub trait Store {
    /// What a lookup gives.
    type Row;
    /// What is known of a refresh token before it is exchanged.
    type Refreshing;

    /// Whether there is such a client; its row is loaded.
    fn query_client(&mut self, client_id: &str) -> bool;
    /// Stores a token issued to the user.
    fn save_token(&mut self, token: &TokenResponse);
    /// Looks a token up, whatever its state.
    fn query_token(&mut self, token: &str, hint: Option<TokenTypeHint>) -> Option<Self::Row>;
    /// The valid token in an `Authorization` header, if it is good for what is required.
    fn validate(&mut self, authorization: &str) -> Option<Self::Row>;
    /// Revokes the access token of a row that was found before.
    fn revoke(&mut self, row: &Self::Row);
    /// Redeems a code.
    fn redeem(&mut self, code: &str);
    /// Looks up what is to be exchanged.
    fn authenticate(&mut self, refresh_token: &str) -> Self::Refreshing;
    /// Exchanges a refresh token.
    fn rotate(&mut self, refreshing: &Self::Refreshing, next: &TokenResponse);
    /// Answers the form of an introspection request in JSON.
    fn introspect(&mut self, form: &str) -> String;
    /// Removes what is dead. Tells how many tokens.
    fn prune(&mut self) -> usize;
}

/// A way of storing tokens that can be measured.
pub trait Way {
    /// Makes so many calls and tells their cost, without that of preparing their inputs.
    fn run(&mut self, operation: Operation, supply: &Supply<'_>, calls: usize) -> Cost;

    /// Whether it is Rust, so that its allocations are counted.
    fn is_rust(&self) -> bool {
        true
    }
}

/// Inputs are prepared so many at a time, however many calls are asked for.
const PORTION: usize = 500;

impl<S: Store> Way for S {
    fn run(&mut self, operation: Operation, supply: &Supply<'_>, mut calls: usize) -> Cost {
        let mut cost = Cost::default();
        while calls > 0 {
            let portion = calls.min(if operation.is_long() { 1 } else { PORTION });
            cost += run_portion(self, operation, supply, portion);
            calls -= portion;
        }
        cost
    }
}

fn run_portion<S: Store>(
    store: &mut S,
    operation: Operation,
    supply: &Supply<'_>,
    calls: usize,
) -> Cost {
    match operation {
        Operation::QueryClient => Cost::of(&vec![CLIENT_ID; calls], |id| {
            assert!(black_box(store.query_client(black_box(id))));
        }),
        Operation::SaveToken => {
            let issued: Vec<_> = (0..calls).map(|_| issue()).collect();
            Cost::of(&issued, |token| store.save_token(black_box(token)))
        }
        Operation::QueryTokenUnhinted
        | Operation::QueryTokenAccess
        | Operation::QueryTokenRefresh => Cost::of(&presented(operation, supply, calls), |token| {
            let row = black_box(store.query_token(black_box(token), operation.hint()));
            assert!(row.is_some());
        }),
        Operation::Validate => Cost::of(&presented(operation, supply, calls), |header| {
            assert!(black_box(store.validate(black_box(header))).is_some());
        }),
        Operation::Revoke => {
            let find = |number| {
                store
                    .query_token(&access_token(number), None)
                    .expect("is there")
            };
            let live: Vec<S::Row> = supply.live(calls).into_iter().map(find).collect();
            Cost::of(&live, |row| store.revoke(black_box(row)))
        }
        Operation::Redeem => Cost::of(&supply.codes(calls), |code| store.redeem(black_box(code))),
        Operation::Rotate => {
            let authenticate = |number| (store.authenticate(&refresh_token(number)), issue());
            let live: Vec<_> = supply.live(calls).into_iter().map(authenticate).collect();
            Cost::of(&live, |(refreshing, next)| {
                store.rotate(black_box(refreshing), next)
            })
        }
        Operation::Introspect => Cost::of(&presented(operation, supply, calls), |form| {
            let answer = black_box(store.introspect(black_box(form)));
            assert!(answer.contains(r#""active":true"#));
        }),
        Operation::Prune => {
            supply.dead(PRUNED * calls);
            Cost::of(&[()], |()| assert_eq!(store.prune(), PRUNED * calls))
        }
    }
}

/// What is presented to the operations that look up.
pub fn presented(operation: Operation, supply: &Supply<'_>, calls: usize) -> Vec<String> {
    let present = |at| match operation {
        Operation::QueryTokenRefresh => refresh_token(supply.any()),
        Operation::QueryTokenUnhinted if at % 2 == 1 => refresh_token(supply.any()),
        Operation::Validate => format!("Bearer {}", access_token(supply.any())),
        Operation::Introspect => format!("token={}", access_token(supply.any())),
        _ => access_token(supply.any()),
    };
    (0..calls).map(present).collect()
}

/// A way over a pool, which several threads can share.
pub trait PooledWay: Way + Send {
    /// Another handle on the same pool.
    fn another(&self) -> Box<dyn PooledWay>;
    /// Looks up an access token. Tells whether it is valid.
    fn look_up(&mut self, authorization: &str) -> bool;
    /// Stores a new token.
    fn save(&mut self);
}

impl<S: Store + Clone + Send + 'static> PooledWay for S {
    fn another(&self) -> Box<dyn PooledWay> {
        Box::new(self.clone())
    }

    fn look_up(&mut self, authorization: &str) -> bool {
        black_box(self.validate(authorization)).is_some()
    }

    fn save(&mut self) {
        self.save_token(&issue());
    }
}
