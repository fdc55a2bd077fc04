//! Every call of this crate that talks to the database, the statements it sends, and how each would be run.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use diesel_oauth2::endpoint::EndpointRequest;
use diesel_oauth2::lifecycle::{
    CodeRequest, create_authorization_code_store, create_grant_revocation,
    create_refresh_token_store,
};
use diesel_oauth2::models::Client;
use diesel_oauth2::pool::ConnectionPool;
use diesel_oauth2::table::{ClientTable, FamilyTokenTable, RedeemableCodeTable};
use diesel_oauth2::{
    OAuth2AuthorizationCode, OAuth2Token, TokenRequest, create_query_client_func,
    create_revocation_endpoint,
};

use crate::databases::{Db, DieselPool, our_pool};
use crate::explain::{Log, Sent};
use crate::input::{CLIENT_ID, access_token, issue, next_number};
use crate::operation::Operation;
use crate::results::Planned;
use crate::supply::Supply;

/// Makes every call once, with models that store digests, and explains what was sent.
pub fn of_every_call<D: Db>(
    url: &str,
    supply: &Supply<'_>,
    driver: &RefCell<D::Driver>,
) -> Vec<Planned> {
    let pool: DieselPool<D> = our_pool(url, 1);
    let log = Log::listen(&mut *pool.get().expect("connection"));
    let mut ours = D::ours(pool.clone(), true);
    let mut plans = Vec::new();
    let mut seen = HashSet::new();
    let mut explain = |call: &str, sent: Vec<Sent>| {
        for sent in sent.into_iter().filter(Sent::is_about_rows) {
            // A list of another length is the same statement.
            let sql = shortened(&sent.sql);
            if seen.insert(sql.clone()) {
                let plan = D::explain(&mut driver.borrow_mut(), &sent);
                plans.push(Planned {
                    call: call.to_owned(),
                    sql,
                    plan,
                });
            }
        }
    };
    log.take();
    for operation in Operation::ALL {
        // Two calls of `query_token, no hint` present both kinds.
        ours.run(operation, supply, if operation.is_long() { 1 } else { 2 });
        explain(operation.name(), log.take());
    }
    for (call, make) in D::rare_calls(pool) {
        make();
        explain(call, log.take());
    }
    supply.forget();
    plans
}

/// Without the repetitions of a list's placeholders.
fn shortened(sql: &str) -> String {
    let mut sql = sql.to_owned();
    for repeated in [", ?, ?, ?", ",?,?,?"] {
        while let Some(at) = sql.find(&repeated.repeat(4)) {
            sql.replace_range(at..at + repeated.len(), "");
        }
    }
    sql
}

/// A call with its name.
pub type RareCall = (&'static str, Box<dyn FnOnce()>);

/// The calls that are not [operations](Operation), on rows of their own.
pub fn rare_calls<T, C, P>(pool: P) -> Vec<RareCall>
where
    P: ConnectionPool,
    Client: ClientTable<P::Connection>,
    T: FamilyTokenTable<P::Connection> + OAuth2Token<UserId = i64, GrantId = i64, Extra = ()>,
    C: RedeemableCodeTable<P::Connection>
        + OAuth2AuthorizationCode<UserId = i64, GrantId = i64, Extra = ()>,
{
    const NOBODY: i64 = -1;
    let find = create_query_client_func::<Client, _>(pool.clone());
    let client = Rc::new(find(CLIENT_ID).expect("query").expect("client"));
    let codes = create_authorization_code_store::<C, T, _>(pool.clone());
    let refreshing = create_refresh_token_store::<T, _>(pool.clone());
    let revocation = create_grant_revocation::<T, _>(pool.clone());
    let endpoint = create_revocation_endpoint::<T, _>(pool);
    let (by_user, by_client) = (revocation.clone(), revocation.clone());
    let (saver, issuer, revoker) = (Rc::clone(&client), Rc::clone(&client), Rc::clone(&client));
    vec![
        (
            "save a code",
            Box::new(move || {
                let request = CodeRequest::new(&*saver).user(NOBODY);
                codes
                    .save(&access_token(next_number()), &request)
                    .expect("saves");
            }),
        ),
        (
            "start a grant, issue from it, revoke it at the endpoint",
            Box::new(move || {
                let token = issue();
                let grant = refreshing.start(&*issuer, Some(&NOBODY)).expect("starts");
                let request = TokenRequest::new(&*issuer).user(NOBODY);
                refreshing.issue(&token, &request, &grant).expect("issues");
                let form = format!(
                    "token={}",
                    token.refresh_token.as_deref().unwrap_or_default()
                );
                let request = EndpointRequest::new(None, form.as_bytes());
                let answer = endpoint.create_endpoint_response_for(&request, &*issuer);
                assert_eq!(answer.expect("revokes").status, 200);
            }),
        ),
        (
            "revoke_by_grant",
            Box::new(move || assert!(revocation.revoke_by_grant(&NOBODY).is_ok())),
        ),
        (
            "revoke_by_user",
            Box::new(move || assert!(by_user.revoke_by_user(&NOBODY).is_ok())),
        ),
        (
            "revoke_by_client",
            Box::new(move || assert!(by_client.revoke_by_client(&*revoker).is_ok())),
        ),
    ]
}
