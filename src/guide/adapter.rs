//! Writing an adapter for another server crate.
//!
//! A server crate that leaves storage to you has a trait for it. An adapter implements that trait once, over any model
//! and any pool, out of this crate's stores. This is how one is written, with a small complete one at the end. Real
//! ones are `adapters/diesel_oauth2_oxide_auth` and `adapters/diesel_oauth2_oauth_as`.
//!
//! # 1. Read the trait as a protocol
//!
//! Find out of each call: when the server makes it, what it has checked by then, what it checks afterwards, what each
//! return value makes it answer. Four questions decide most of the adapter:
//!
//! * *Who spends a code, and when?* If the call that spends it is told the client, the redirect URI and the verifier,
//!   hand them to [`Redemption::new`] and its methods: then a stranger cannot spend it. If the server checks them after
//!   it has the code's row, there is [`Redemption::unchecked`], and the documentation of the adapter says that a failed
//!   attempt spends the code.
//! * *Where does the grant's id travel?* A redeemed code has one ([`grant_id`]), and its tokens are issued from it
//!   ([`RefreshStore::issue`]): that is how a replayed code ends its tokens. If the server's own record has no field
//!   for it, the adapter has to carry it from one call to the other.
//! * *Does a refresh take one call or two?* Look-up and exchange are [`RefreshStore::authenticate`] and
//!   [`RefreshStore::rotate`]. Whatever the server does in between, the second one decides, and refuses whoever lost
//!   the race.
//! * *What can an error say?* A refusal ([`Failure::Refused`]) is the client's fault and usually a value of the
//!   trait's; trouble with the database ([`Failure::Storage`]) never is one. An unavailable database that looks like
//!   "no such token" logs everybody out.
//!
//! # 2. Map the calls
//!
//! | the server wants to | call |
//! | --- | --- |
//! | find a client, to decide by it | [`find_current_client`] |
//! | authenticate one, given an id and a secret | [`check_endpoint_auth_method`], [`check_client_secret`] |
//! | store a code | [`CodeStore::save`] |
//! | spend a code | [`CodeStore::redeem`] |
//! | store tokens of a grant | [`RefreshStore::issue`] |
//! | begin a grant without a code | [`RefreshStore::start`] |
//! | store tokens of no grant, such as a client's own | [`save_token`](crate::factory::save_token) |
//! | find a token, whatever its state | [`find_access_token`]; to decide by it, [`find_current_token`] |
//! | know whether it is valid | [`OAuth2Token::is_revoked`], [`OAuth2Token::is_expired`] |
//! | exchange a refresh token | [`RefreshStore::authenticate`], then [`RefreshStore::rotate`] |
//! | revoke | [`RevocationEndpoint::query_token`] and [`RevocationEndpoint::revoke_token`], [`create_grant_revocation`] |
//!
//! # 3. Keep to these rules
//!
//! * **Bounds, not models.** Ask for `C: ClientTable<P::Connection>`, [`RedeemableCodeTable`], [`FamilyTokenTable`] and
//!   `P: ConnectionPool`. Then the bundled models work and a user's own, on every database, and no SQL is written.
//! * **Never read first and write later.** The stores decide by a conditional write. An adapter that looks whether a
//!   code is spent, and then spends it, has given that away.
//! * **Ids are texts outside and [`Identifier`]s inside.** `7` and `007` are one number but not one user: compare
//!   [`to_text`](crate::column::Identifier::to_text) with what came in.
//! * **Drop nothing in silence.** What the server wants kept and the model has no column for is an error. Columns of
//!   the user's own are filled from the models' `Extra`: take a function or a trait for it, or ask for `Extra = ()`.
//! * **Everything blocks.** Behind an async trait, run a whole call on a blocking thread; never hold a connection
//!   across an `await`.
//! * **No secret is shown**: not in `Debug`, not in an error, not in a log.
//!
//! # 4. Prove it
//!
//! Drive the *server's* flows in the tests, not your methods: on each database, with the bundled models and with a
//! schema that differs. Let 32 threads redeem one code and exchange one refresh token: one wins, every time. Replay a
//! code, reuse a refresh token, revoke from elsewhere, and see the tokens die. Take the tables away and see an error
//! that is no refusal. Then break the adapter on purpose and see the tests fail.
//!
//! # A small complete one
//!
//! The server crate is imaginary, and small enough to be read first. It spends a code itself with all that the request
//! has, and its grants carry a text of the storage's own.
//!
//! ```
//! mod tiny_server {
//!     //! A server crate of somebody else's.
//!
//!     #[derive(Debug, Clone, Default, PartialEq)]
//!     pub struct Grant {
//!         pub client_id: String,
//!         pub user: Option<String>,
//!         pub scope: String,
//!         /// The storage's own, handed back as it was.
//!         pub storage_tag: String,
//!     }
//!
//!     #[derive(Clone)]
//!     pub struct Tokens {
//!         pub access: String,
//!         pub refresh: String,
//!         pub lives_for: i64,
//!     }
//!
//!     #[derive(Debug, PartialEq)]
//!     pub enum StorageError {
//!         /// The request cannot be granted: 400.
//!         Refused,
//!         /// Try again: 503.
//!         Unavailable,
//!         /// Somebody has to look at it: 500.
//!         Broken,
//!     }
//!
//!     pub type Result<T> = std::result::Result<T, StorageError>;
//!
//!     pub struct CodeRequest<'a> {
//!         pub code: &'a str,
//!         pub client_id: &'a str,
//!         pub redirect_uri: &'a str,
//!         pub code_verifier: &'a str,
//!     }
//!
//!     pub trait Storage {
//!         /// Whether this is the client's secret.
//!         fn is_authentic(&self, client_id: &str, secret: &str) -> Result<bool>;
//!         fn put_code(&self, code: &str, grant: &Grant, redirect_uri: &str, s256: &str) -> Result<()>;
//!         /// Spends the code, once, if the request is its client's.
//!         fn take_code(&self, request: &CodeRequest<'_>) -> Result<Grant>;
//!         fn put_tokens(&self, tokens: &Tokens, grant: &Grant) -> Result<()>;
//!         /// Exchanges the refresh token, once, if it is this client's.
//!         fn exchange(&self, refresh: &str, client_id: &str, next: &Tokens) -> Result<Grant>;
//!         /// The grant of a valid access token.
//!         fn read(&self, access: &str) -> Result<Option<Grant>>;
//!         /// Ends the token, if it is this client's.
//!         fn revoke(&self, token: &str, client_id: &str) -> Result<()>;
//!     }
//!
//!     fn new_tokens(name: &str) -> Tokens {
//!         Tokens { access: format!("access-{name}"), refresh: format!("refresh-{name}"), lives_for: 3_600 }
//!     }
//!
//!     /// The server's token endpoint, as far as it goes.
//!     pub fn redeem(storage: &dyn Storage, secret: &str, request: &CodeRequest<'_>) -> Result<Tokens> {
//!         if !storage.is_authentic(request.client_id, secret)? {
//!             return Err(StorageError::Refused);
//!         }
//!         let grant = storage.take_code(request)?;
//!         let tokens = new_tokens(request.code);
//!         storage.put_tokens(&tokens, &grant)?;
//!         Ok(tokens)
//!     }
//!
//!     pub fn refresh(storage: &dyn Storage, secret: &str, client_id: &str, refresh: &str) -> Result<Tokens> {
//!         if !storage.is_authentic(client_id, secret)? {
//!             return Err(StorageError::Refused);
//!         }
//!         let next = new_tokens(refresh);
//!         storage.exchange(refresh, client_id, &next)?;
//!         Ok(next)
//!     }
//! }
//!
//! use std::marker::PhantomData;
//!
//! use diesel_oauth2::clock::{Clock, SystemClock};
//! use diesel_oauth2::column::Identifier;
//! use diesel_oauth2::lifecycle::{
//!     CodeRequest, CodeStore, Redemption, RefreshStore, create_authorization_code_store, create_refresh_token_store,
//! };
//! use diesel_oauth2::lookup::{find_access_token, find_current_client};
//! use diesel_oauth2::pool::ConnectionPool;
//! use diesel_oauth2::table::{ClientTable, FamilyTokenTable, RedeemableCodeTable};
//! use diesel_oauth2::types::{AuthMethod, Endpoint};
//! use diesel_oauth2::{Error, Failure, OAuth2Token, RevocationEndpoint, TokenRequest, TokenResponse, create_revocation_endpoint};
//! use tiny_server::{Grant, Result, StorageError, Tokens};
//!
//! /// The adapter: clients `C`, codes `A` and tokens `T` of the user's, from a pool.
//! pub struct DieselStorage<C, A, T, P> {
//!     pool: P,
//!     codes: CodeStore<A, T, P>,
//!     tokens: RefreshStore<T, P>,
//!     revocation: RevocationEndpoint<T, P>,
//!     client: PhantomData<fn() -> C>,
//! }
//!
//! impl<C, A, T, P> DieselStorage<C, A, T, P>
//! where
//!     P: ConnectionPool,
//!     C: ClientTable<P::Connection>,
//!     A: RedeemableCodeTable<P::Connection>,
//!     T: FamilyTokenTable<P::Connection, GrantId = A::GrantId, UserId = A::UserId>,
//! {
//!     pub fn new(pool: P) -> Self {
//!         Self {
//!             codes: create_authorization_code_store(pool.clone()),
//!             tokens: create_refresh_token_store(pool.clone()).grace(10),
//!             revocation: create_revocation_endpoint(pool.clone()),
//!             pool,
//!             client: PhantomData,
//!         }
//!     }
//!
//!     fn client(&self, client_id: &str) -> Result<C> {
//!         find_current_client::<C, P>(&self.pool, client_id).map_err(trouble)?.ok_or(StorageError::Refused)
//!     }
//! }
//!
//! /// The database's trouble, never taken for a refusal.
//! fn trouble(error: Error) -> StorageError {
//!     if error.is_retryable() { StorageError::Unavailable } else { StorageError::Broken }
//! }
//!
//! fn failed<R>(failure: Failure<R>) -> StorageError {
//!     match failure {
//!         Failure::Refused(_) => StorageError::Refused,
//!         Failure::Storage(error) => trouble(error),
//!     }
//! }
//!
//! /// An id of the model's type, by exactly this text.
//! fn id<I: Identifier + for<'a> From<I::Bound<'a>>>(text: &str) -> Result<I> {
//!     let id = I::parse(text).map(I::from);
//!     id.filter(|id| id.to_text() == text).ok_or(StorageError::Broken)
//! }
//!
//! fn response(tokens: &Tokens, scope: &str) -> TokenResponse {
//!     TokenResponse {
//!         refresh_token: Some(tokens.refresh.clone()),
//!         expires_in: Some(tokens.lives_for),
//!         scope: Some(scope.to_owned()),
//!         ..TokenResponse::bearer(tokens.access.clone())
//!     }
//! }
//!
//! fn grant<T: OAuth2Token>(token: &T) -> Grant {
//!     Grant {
//!         client_id: token.client_id().into_owned(),
//!         user: token.user_id().map(|user| user.to_text().into_owned()),
//!         scope: token.scope().into_owned(),
//!         storage_tag: token.grant_id().map(|id| id.to_text().into_owned()).unwrap_or_default(),
//!     }
//! }
//!
//! impl<C, A, T, P> tiny_server::Storage for DieselStorage<C, A, T, P>
//! where
//!     P: ConnectionPool,
//!     C: ClientTable<P::Connection>,
//!     A: RedeemableCodeTable<P::Connection, Extra = ()>,
//!     T: FamilyTokenTable<P::Connection, GrantId = A::GrantId, UserId = A::UserId, Extra = ()>,
//!     A::UserId: for<'a> From<<A::UserId as Identifier>::Bound<'a>>,
//!     A::GrantId: for<'a> From<<A::GrantId as Identifier>::Bound<'a>>,
//! {
//!     fn is_authentic(&self, client_id: &str, secret: &str) -> Result<bool> {
//!         let client = find_current_client::<C, P>(&self.pool, client_id).map_err(trouble)?;
//!         Ok(client.is_some_and(|client| {
//!             client.check_endpoint_auth_method(&AuthMethod::ClientSecretBasic, Endpoint::Token)
//!                 && client.check_client_secret(secret, SystemClock.now())
//!         }))
//!     }
//!
//!     fn put_code(&self, code: &str, grant: &Grant, redirect_uri: &str, s256: &str) -> Result<()> {
//!         let client = self.client(&grant.client_id)?;
//!         let mut request = CodeRequest::new(&client)
//!             .redirect_uri(redirect_uri)
//!             .scope(&grant.scope)
//!             .code_challenge(s256, "S256");
//!         if let Some(user) = &grant.user {
//!             request = request.user(id(user)?);
//!         }
//!         self.codes.save(code, &request).map_err(trouble)
//!     }
//!
//!     fn take_code(&self, request: &tiny_server::CodeRequest<'_>) -> Result<Grant> {
//!         let client = self.client(request.client_id)?;
//!         // All that is checked is checked before the code is spent.
//!         let redemption = Redemption::new(request.code, &client)
//!             .redirect_uri(request.redirect_uri)
//!             .code_verifier(request.code_verifier);
//!         let code = self.codes.redeem(&redemption).map_err(failed)?;
//!         Ok(Grant {
//!             client_id: code.client_id().into_owned(),
//!             user: code.user_id().map(|user| user.to_text().into_owned()),
//!             scope: code.scope().into_owned(),
//!             // The family: whoever replays the code ends what is issued from it.
//!             storage_tag: code.grant_id().map(|id| id.to_text().into_owned()).unwrap_or_default(),
//!         })
//!     }
//!
//!     fn put_tokens(&self, tokens: &Tokens, grant: &Grant) -> Result<()> {
//!         let client = self.client(&grant.client_id)?;
//!         let mut request = TokenRequest::new(&client);
//!         if let Some(user) = &grant.user {
//!             request = request.user(id(user)?);
//!         }
//!         let grant_id = id(&grant.storage_tag)?;
//!         self.tokens.issue(&response(tokens, &grant.scope), &request, &grant_id).map_err(failed)
//!     }
//!
//!     fn exchange(&self, refresh: &str, client_id: &str, next: &Tokens) -> Result<Grant> {
//!         let client = self.client(client_id)?;
//!         // A token that was exchanged before ends its family here.
//!         let refreshing = self.tokens.authenticate(refresh, &client).map_err(failed)?;
//!         let token = &refreshing.token;
//!         let mut request = TokenRequest::new(&client);
//!         if let Some(user) = token.user_id() {
//!             request = request.user(user.clone());
//!         }
//!         // Of all that have come so far with the same token, one passes.
//!         self.tokens.rotate(&refreshing, &response(next, &token.scope()), &request).map_err(failed)?;
//!         Ok(grant(token))
//!     }
//!
//!     fn read(&self, access: &str) -> Result<Option<Grant>> {
//!         let token = find_access_token::<T, P>(&self.pool, access).map_err(trouble)?;
//!         let valid = token.filter(|token| !token.is_revoked() && !token.is_expired(SystemClock.now()));
//!         Ok(valid.map(|token| grant(&token)))
//!     }
//!
//!     fn revoke(&self, token: &str, client_id: &str) -> Result<()> {
//!         let Some((row, kind)) = self.revocation.query_token(token, None).map_err(trouble)? else {
//!             return Ok(());
//!         };
//!         if row.client_id() != client_id {
//!             return Err(StorageError::Refused);
//!         }
//!         self.revocation.revoke_token(&row, kind).map(drop).map_err(trouble)
//!     }
//! }
//!
//! # #[cfg(feature = "sqlite")] {
//! # use diesel::prelude::*;
//! // The imaginary server, on real tables.
//! use diesel_oauth2::models::{AuthorizationCode, Client, Token};
//! use tiny_server::Storage;
//!
//! # let mut connection = SqliteConnection::establish(":memory:").unwrap();
//! # diesel_oauth2::migrations::run(&mut connection).unwrap();
//! # use diesel_oauth2::schema::oauth2_client::dsl::*;
//! # for app in ["app", "other"] {
//! #     diesel::insert_into(oauth2_client)
//! #         .values((client_id.eq(app), client_secret.eq("s3cret"))).execute(&mut connection).unwrap();
//! # }
//! # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
//! let storage = DieselStorage::<Client, AuthorizationCode, Token, _>::new(pool);
//! let asked = Grant { client_id: "app".into(), user: Some("7".into()), scope: "profile".into(), ..Grant::default() };
//! storage.put_code("code", &asked, "https://app.example/cb", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
//!
//! let request = tiny_server::CodeRequest {
//!     code: "code",
//!     client_id: "app",
//!     redirect_uri: "https://app.example/cb",
//!     code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
//! };
//! # let by_other = tiny_server::CodeRequest { client_id: "other", ..request };
//! # assert_eq!(tiny_server::redeem(&storage, "s3cret", &by_other).err(), Some(StorageError::Refused));
//! # let request = tiny_server::CodeRequest { client_id: "app", ..by_other };
//! # assert_eq!(tiny_server::redeem(&storage, "wrong", &request).err(), Some(StorageError::Refused));
//! let first = tiny_server::redeem(&storage, "s3cret", &request).unwrap();
//! assert_eq!(storage.read(&first.access).unwrap().unwrap().user.as_deref(), Some("7"));
//!
//! let second = tiny_server::refresh(&storage, "s3cret", "app", &first.refresh).unwrap();
//! assert!(storage.read(&first.access).unwrap().is_none());
//! assert!(storage.read(&second.access).unwrap().is_some());
//! # assert_eq!(storage.revoke(&second.access, "other"), Err(StorageError::Refused));
//! # assert!(storage.read(&second.access).unwrap().is_some());
//!
//! // The code again: refused, and its tokens are gone.
//! assert_eq!(tiny_server::redeem(&storage, "s3cret", &request).err(), Some(StorageError::Refused));
//! assert!(storage.read(&second.access).unwrap().is_none());
//! # assert_eq!(tiny_server::refresh(&storage, "s3cret", "app", &second.refresh).err(), Some(StorageError::Refused));
//! # storage.put_code("next", &asked, "https://app.example/cb", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
//! # let request = tiny_server::CodeRequest { code: "next", ..request };
//! # let third = tiny_server::redeem(&storage, "s3cret", &request).unwrap();
//! # storage.revoke(&third.refresh, "app").unwrap();
//! # assert!(storage.read(&third.access).unwrap().is_none());
//! # let nobody = Grant { user: Some("007".into()), ..asked };
//! # assert_eq!(storage.put_code("x", &nobody, "https://app.example/cb", "x").err(), Some(StorageError::Broken));
//! # }
//! ```
//!
//! [`Redemption::new`]: crate::lifecycle::Redemption::new
//! [`Redemption::unchecked`]: crate::lifecycle::Redemption::unchecked
//! [`grant_id`]: crate::OAuth2AuthorizationCode::grant_id
//! [`RefreshStore::issue`]: crate::lifecycle::RefreshStore::issue
//! [`RefreshStore::start`]: crate::lifecycle::RefreshStore::start
//! [`RefreshStore::authenticate`]: crate::lifecycle::RefreshStore::authenticate
//! [`RefreshStore::rotate`]: crate::lifecycle::RefreshStore::rotate
//! [`CodeStore::save`]: crate::lifecycle::CodeStore::save
//! [`CodeStore::redeem`]: crate::lifecycle::CodeStore::redeem
//! [`Failure::Refused`]: crate::Failure::Refused
//! [`Failure::Storage`]: crate::Failure::Storage
//! [`find_current_client`]: crate::lookup::find_current_client
//! [`find_current_token`]: crate::lookup::find_current_token
//! [`find_access_token`]: crate::lookup::find_access_token
//! [`check_endpoint_auth_method`]: crate::OAuth2Client::check_endpoint_auth_method
//! [`check_client_secret`]: crate::OAuth2Client::check_client_secret
//! [`OAuth2Token::is_revoked`]: crate::OAuth2Token::is_revoked
//! [`OAuth2Token::is_expired`]: crate::OAuth2Token::is_expired
//! [`RevocationEndpoint::query_token`]: crate::RevocationEndpoint::query_token
//! [`RevocationEndpoint::revoke_token`]: crate::RevocationEndpoint::revoke_token
//! [`create_grant_revocation`]: crate::lifecycle::create_grant_revocation
//! [`RedeemableCodeTable`]: crate::table::RedeemableCodeTable
//! [`FamilyTokenTable`]: crate::table::FamilyTokenTable
//! [`Identifier`]: crate::column::Identifier
