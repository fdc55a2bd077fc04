//! authlib's `AuthorizationServer` and `ResourceProtector`, method by method.
//!
//! authlib is a server with its storage; this crate is the storage. So what authlib does in one method is here a call
//! or a few from the handler of a route, in whatever web framework. There is no registry of grants or endpoints: a
//! grant is a branch of the token endpoint, an endpoint is a value that a handler holds.
//!
//! | authlib | here |
//! | --- | --- |
//! | `AuthorizationServer(app, query_client, save_token)` | [`create_query_client_func`], [`create_save_token_func`], [`create_client_authenticator`] |
//! | `create_bearer_token_generator(config)` | [`BearerTokenGenerator::new`], [`with_refresh_tokens`], [`expires_in_for`] |
//! | `register_grant(AuthorizationCodeGrant, [CodeChallenge()])` | a branch for [`GrantType::AuthorizationCode`] with the store of [`create_authorization_code_store`], which verifies PKCE |
//! | `register_grant(RefreshTokenGrant)` | a branch for [`GrantType::RefreshToken`] with the store of [`create_refresh_token_store`] |
//! | `register_grant(ClientCredentialsGrant)` | a branch for [`GrantType::ClientCredentials`] with [`create_save_token_func`] |
//! | `register_grant(DeviceCodeGrant)` | a branch for [`GrantType::DeviceCode`] with the store of [`create_device_code_store`] |
//! | `validate_consent_request()`, by `get_consent_grant(request, end_user)` | [`check_redirect_uri`], [`check_response_type`], [`get_allowed_scope`] of the queried client |
//! | `create_authorization_response(request, grant_user)` | [`CodeStore::save`] for a user who agreed; [`OAuth2Error::AccessDenied`] for one who did not |
//! | `create_token_response(request)` | [`ClientAuthenticator::authenticate`] and [`check_grant_type`]; then [`CodeStore::redeem`] and [`RefreshStore::issue`], or [`RefreshStore::authenticate`] and [`RefreshStore::rotate`], or [`DeviceStore::redeem`], with [`BearerTokenGenerator::generate`] |
//! | `register_endpoint(RevocationEndpoint)` | [`create_revocation_endpoint`] |
//! | `create_endpoint_response("revocation")` | [`RevocationEndpoint::create_endpoint_response`] |
//! | `register_endpoint(IntrospectionEndpoint)` | [`create_introspection_endpoint`] |
//! | `create_endpoint_response("introspection")` | [`IntrospectionEndpoint::create_endpoint_response`] |
//! | `create_endpoint_response("device_authorization")` | [`DeviceStore::start`] |
//! | `create_endpoint_response("client_registration")` | [`create_client_registry`] |
//! | `ResourceProtector.register_token_validator(BearerTokenValidator())` | [`create_bearer_token_validator`] |
//! | `ResourceProtector.acquire_token(scopes)` | [`BearerTokenValidator::acquire_token`] |
//! | `with require_oauth.acquire(scopes) as token` | the same, with `?`: the challenge in its error becomes the response |
//! | `current_token` | what [`acquire_token`](crate::BearerTokenValidator::acquire_token) returned: pass it on, or take the extractor of `adapters/diesel_oauth2_axum` |
//! | `client_authenticated.connect(f)` | [`Observer::client_authenticated`], given to [`ClientAuthenticator::observer`] |
//! | `token_revoked.connect(f)` | [`Observer::token_revoked`], given to [`RevocationEndpoint::observer`] |
//! | `token_authenticated.connect(f)` | [`Observer::token_authenticated`], given to [`BearerTokenValidator::observer`] |
//!
//! `examples/server` is a whole server over HTTP on axum; `adapters/diesel_oauth2_oxide_auth` and
//! `adapters/diesel_oauth2_oauth_as` are for servers that bring the grants along.
//!
//! # The same, as code
//!
//! The methods by authlib's names, on plain Rust values: what they take and give is what any web framework has.
//!
//! ```
//! # #[cfg(feature = "sqlite")] {
//! # use diesel::prelude::*;
//! use diesel_oauth2::bearer::generate_token;
//! use diesel_oauth2::lifecycle::*;
//! use diesel_oauth2::models::{AuthorizationCode, Client, Token};
//! use diesel_oauth2::pool::SharedConnection;
//! use diesel_oauth2::types::{Endpoint, GrantType};
//! use diesel_oauth2::*;
//!
//! type Pool = SharedConnection<diesel::SqliteConnection>;
//! type Refused = Failure<OAuth2Error>;
//!
//! struct AuthorizationServer {
//!     pool: Pool,
//!     authenticator: ClientAuthenticator<Client, Pool>,
//!     generator: BearerTokenGenerator,
//!     codes: CodeStore<AuthorizationCode, Token, Pool>,
//!     tokens: RefreshStore<Token, Pool>,
//!     revocation: RevocationEndpoint<Token, Pool>,
//!     introspection: IntrospectionEndpoint<Token, Pool>,
//! }
//!
//! /// The query of the authorization request.
//! struct Authorization<'a> {
//!     response_type: &'a str,
//!     client_id: &'a str,
//!     redirect_uri: &'a str,
//!     scope: &'a str,
//!     state: &'a str,
//!     code_challenge: &'a str,
//! }
//!
//! impl AuthorizationServer {
//!     fn new(pool: Pool) -> Self {
//!         Self {
//!             authenticator: create_client_authenticator(pool.clone()),
//!             // create_bearer_token_generator
//!             generator: BearerTokenGenerator::new()
//!                 .with_refresh_tokens()
//!                 .expires_in_for(GrantType::AuthorizationCode, 3_600),
//!             // register_grant
//!             codes: create_authorization_code_store(pool.clone()),
//!             tokens: create_refresh_token_store(pool.clone()).grace(10),
//!             // register_endpoint
//!             revocation: create_revocation_endpoint(pool.clone()),
//!             introspection: create_introspection_endpoint(pool.clone()),
//!             pool,
//!         }
//!     }
//!
//!     /// Before the page is shown. Nobody is sent anywhere before this has agreed (RFC 6749 section 4.1.2.1).
//!     fn validate_consent_request(&self, query: &Authorization<'_>) -> Result<Client, Refused> {
//!         let invalid = |description| OAuth2Error::InvalidRequest { description };
//!         let query_client = create_query_client_func::<Client, _>(self.pool.clone());
//!         let client = query_client(query.client_id)?.ok_or(invalid("The client is unknown."))?;
//!         if !client.check_redirect_uri(query.redirect_uri) {
//!             return Err(invalid("The redirect URI is not registered.").into());
//!         }
//!         if !client.check_response_type(query.response_type) {
//!             return Err(OAuth2Error::UnauthorizedClient.into()); // sent to the client, as its redirect URI is known now
//!         }
//!         Ok(client)
//!     }
//!
//!     /// After the page: where the user's browser is sent. No user has said no.
//!     fn create_authorization_response(
//!         &self,
//!         query: &Authorization<'_>,
//!         client: &Client,
//!         grant_user: Option<i64>,
//!     ) -> Result<String, Error> {
//!         let Some(user) = grant_user else {
//!             let error = OAuth2Error::AccessDenied.code();
//!             return Ok(format!("{}?error={error}&state={}", query.redirect_uri, query.state));
//!         };
//!         let code = generate_token(48)?;
//!         let scope = client.get_allowed_scope(query.scope);
//!         let request = CodeRequest::new(client)
//!             .user(user)
//!             .redirect_uri(query.redirect_uri)
//!             .scope(&scope)
//!             .code_challenge(query.code_challenge, "S256");
//!         self.codes.save(&code, &request)?;
//!         Ok(format!("{}?code={code}&state={}", query.redirect_uri, query.state))
//!     }
//!
//!     fn create_token_response(&self, request: &EndpointRequest<'_>) -> Result<TokenResponse, Refused> {
//!         let client = self.authenticator.authenticate(request, Endpoint::Token)?.client;
//!         let grant_type = GrantType::parse(request.parameter("grant_type")?.unwrap_or_default());
//!         if !client.check_grant_type(&grant_type) {
//!             return Err(OAuth2Error::UnauthorizedClient.into());
//!         }
//!         let generate = GenerateRequest::new(grant_type.clone(), &client);
//!         match grant_type {
//!             GrantType::AuthorizationCode => {
//!                 let mut redemption = Redemption::new(request.parameter("code")?.unwrap_or_default(), &client);
//!                 if let Some(redirect_uri) = request.parameter("redirect_uri")? {
//!                     redemption = redemption.redirect_uri(redirect_uri);
//!                 }
//!                 if let Some(code_verifier) = request.parameter("code_verifier")? {
//!                     redemption = redemption.code_verifier(code_verifier);
//!                 }
//!                 let code = self.codes.redeem(&redemption).map_err(refused)?;
//!                 let (Some(user), Some(grant_id)) = (code.user_id, code.grant_id) else {
//!                     return Err(OAuth2Error::from(CodeRefusal::Unknown).into()); // not of this server
//!                 };
//!                 let response = self.generator.generate(&generate.user(&user).scope(&code.scope()))?;
//!                 let request = TokenRequest::new(&client).user(user);
//!                 self.tokens.issue(&response, &request, &grant_id).map_err(refused)?;
//!                 Ok(response)
//!             }
//!             GrantType::RefreshToken => {
//!                 let presented = request.parameter("refresh_token")?.unwrap_or_default();
//!                 let refreshing = self.tokens.authenticate(presented, &client).map_err(refused)?;
//!                 let scope = self.tokens.narrow_scope(&refreshing, request.parameter("scope")?);
//!                 let scope = scope.map_err(OAuth2Error::from)?;
//!                 let response = self.generator.generate(&generate.scope(&scope))?;
//!                 let mut request = TokenRequest::new(&client);
//!                 if let Some(user) = refreshing.token.user_id {
//!                     request = request.user(user);
//!                 }
//!                 self.tokens.rotate(&refreshing, &response, &request).map_err(refused)?;
//!                 Ok(response)
//!             }
//!             GrantType::ClientCredentials => {
//!                 let scope = request.parameter("scope")?.unwrap_or_default();
//!                 let response = self.generator.generate(&generate.scope(scope))?;
//!                 let save_token = create_save_token_func::<Token, _>(self.pool.clone());
//!                 save_token(&response, &TokenRequest::new(&client))?;
//!                 Ok(response)
//!             }
//!             _ => Err(OAuth2Error::UnsupportedGrantType.into()),
//!         }
//!     }
//!
//!     fn create_endpoint_response(&self, name: &str, request: &EndpointRequest<'_>) -> Result<EndpointResponse, Error> {
//!         match name {
//!             "revocation" => self.revocation.create_endpoint_response(request, &self.authenticator),
//!             "introspection" => self.introspection.create_endpoint_response(request, &self.authenticator),
//!             _ => Ok(EndpointResponse::empty(404)),
//!         }
//!     }
//! }
//!
//! /// A store's refusal as the client is told it.
//! fn refused<R: Into<OAuth2Error>>(failure: Failure<R>) -> Refused {
//!     match failure {
//!         Failure::Refused(refusal) => Failure::Refused(refusal.into()),
//!         Failure::Storage(error) => Failure::Storage(error),
//!     }
//! }
//!
//! # fn run() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut connection = SqliteConnection::establish(":memory:")?;
//! # diesel_oauth2::migrations::run(&mut connection)?;
//! # use diesel_oauth2::schema::oauth2_client::dsl::*;
//! # let metadata = ClientMetadata {
//! #     redirect_uris: vec!["https://app.example/cb".into()],
//! #     grant_types: vec!["authorization_code".into(), "refresh_token".into(), "client_credentials".into()],
//! #     response_types: vec!["code".into()],
//! #     scope: Some("profile email".into()),
//! #     token_endpoint_auth_method: Some("client_secret_post".into()),
//! #     ..Default::default()
//! # };
//! # diesel::insert_into(oauth2_client)
//! #     .values((client_id.eq("app"), client_secret.eq("s3cret"), client_metadata.eq(metadata)))
//! #     .execute(&mut connection)?;
//! # let pool = SharedConnection::new(connection);
//! let server = AuthorizationServer::new(pool.clone());
//! let query = Authorization {
//!     response_type: "code",
//!     client_id: "app",
//!     redirect_uri: "https://app.example/cb",
//!     scope: "profile admin",
//!     state: "xyz",
//!     code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
//! };
//! let client = server.validate_consent_request(&query)?;
//! let location = server.create_authorization_response(&query, &client, Some(7))?;
//! # let code = location.split(['=', '&']).nth(1).unwrap();
//!
//! let post = |form: &str| format!("client_id=app&client_secret=s3cret&{form}");
//! let form = post(&format!(
//!     "grant_type=authorization_code&code={code}&redirect_uri=https://app.example/cb\
//!      &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
//! ));
//! let issued = server.create_token_response(&EndpointRequest::new(None, form.as_bytes()))?;
//! assert_eq!(issued.scope.as_deref(), Some("profile"));
//! # assert!(server.create_token_response(&EndpointRequest::new(None, post("grant_type=password").as_bytes())).is_err());
//! # let own = server.create_token_response(
//! #     &EndpointRequest::new(None, post("grant_type=client_credentials&scope=email").as_bytes()))?;
//! # assert_eq!((own.scope.as_deref(), own.refresh_token), (Some("email"), None));
//! # let denied = server.create_authorization_response(&query, &client, None)?;
//! # assert_eq!(denied, "https://app.example/cb?error=access_denied&state=xyz");
//!
//! // ResourceProtector.acquire_token, and current_token
//! let require_oauth = create_bearer_token_validator::<Token, _>(pool);
//! let current_token = require_oauth.acquire_token(Some(&format!("Bearer {}", issued.access_token)), &["profile"])?;
//! assert_eq!(current_token.user_id, Some(7));
//!
//! let refresh_token = issued.refresh_token.unwrap();
//! let form = post(&format!("grant_type=refresh_token&refresh_token={refresh_token}"));
//! let renewed = server.create_token_response(&EndpointRequest::new(None, form.as_bytes()))?;
//!
//! let form = post(&format!("token={}", renewed.refresh_token.unwrap()));
//! let revoke = EndpointRequest::new(None, form.as_bytes());
//! assert_eq!(server.create_endpoint_response("revocation", &revoke)?.status, 200);
//! let header = format!("Bearer {}", renewed.access_token);
//! assert!(require_oauth.acquire_token(Some(&header), &[]).is_err());
//! # let introspect = post(&format!("token={}", renewed.access_token));
//! # let response = server.create_endpoint_response("introspection", &EndpointRequest::new(None, introspect.as_bytes()))?;
//! # assert_eq!(response.body, r#"{"active":false}"#);
//! # Ok(())
//! # }
//! # run().unwrap();
//! # }
//! ```
//!
//! # Otherwise than in authlib
//!
//! * `create_token_response` of authlib reads the code or the refresh token, and writes later: two requests can both
//!   win. Here [`CodeStore::redeem`] and [`RefreshStore::rotate`] are what decides, in the database, and a second use
//!   ends the whole family of tokens.
//! * Signals are sent after the commit, on the request's thread, and there are more of them: see [`Observer`].
//! * A scope that the client may not have is dropped where tokens are generated, as in authlib. `scopes_supported`, and
//!   the refusal of a scope outside it, is the server's.
//!
//! [`create_query_client_func`]: crate::create_query_client_func
//! [`create_save_token_func`]: crate::create_save_token_func
//! [`create_client_authenticator`]: crate::create_client_authenticator
//! [`BearerTokenGenerator::new`]: crate::BearerTokenGenerator::new
//! [`BearerTokenGenerator::generate`]: crate::BearerTokenGenerator::generate
//! [`with_refresh_tokens`]: crate::BearerTokenGenerator::with_refresh_tokens
//! [`expires_in_for`]: crate::BearerTokenGenerator::expires_in_for
//! [`GrantType::AuthorizationCode`]: crate::types::GrantType::AuthorizationCode
//! [`GrantType::RefreshToken`]: crate::types::GrantType::RefreshToken
//! [`GrantType::ClientCredentials`]: crate::types::GrantType::ClientCredentials
//! [`GrantType::DeviceCode`]: crate::types::GrantType::DeviceCode
//! [`create_authorization_code_store`]: crate::lifecycle::create_authorization_code_store
//! [`create_refresh_token_store`]: crate::lifecycle::create_refresh_token_store
//! [`create_device_code_store`]: crate::lifecycle::create_device_code_store
//! [`create_client_registry`]: crate::registration::create_client_registry
//! [`check_redirect_uri`]: crate::OAuth2Client::check_redirect_uri
//! [`check_response_type`]: crate::OAuth2Client::check_response_type
//! [`check_grant_type`]: crate::OAuth2Client::check_grant_type
//! [`get_allowed_scope`]: crate::OAuth2Client::get_allowed_scope
//! [`CodeStore::save`]: crate::lifecycle::CodeStore::save
//! [`CodeStore::redeem`]: crate::lifecycle::CodeStore::redeem
//! [`RefreshStore::issue`]: crate::lifecycle::RefreshStore::issue
//! [`RefreshStore::authenticate`]: crate::lifecycle::RefreshStore::authenticate
//! [`RefreshStore::rotate`]: crate::lifecycle::RefreshStore::rotate
//! [`DeviceStore::start`]: crate::lifecycle::DeviceStore::start
//! [`DeviceStore::redeem`]: crate::lifecycle::DeviceStore::redeem
//! [`OAuth2Error::AccessDenied`]: crate::OAuth2Error::AccessDenied
//! [`ClientAuthenticator::authenticate`]: crate::ClientAuthenticator::authenticate
//! [`ClientAuthenticator::observer`]: crate::ClientAuthenticator::observer
//! [`create_revocation_endpoint`]: crate::create_revocation_endpoint
//! [`RevocationEndpoint::create_endpoint_response`]: crate::RevocationEndpoint::create_endpoint_response
//! [`RevocationEndpoint::observer`]: crate::RevocationEndpoint::observer
//! [`create_introspection_endpoint`]: crate::create_introspection_endpoint
//! [`IntrospectionEndpoint::create_endpoint_response`]: crate::IntrospectionEndpoint::create_endpoint_response
//! [`create_bearer_token_validator`]: crate::create_bearer_token_validator
//! [`BearerTokenValidator::acquire_token`]: crate::BearerTokenValidator::acquire_token
//! [`BearerTokenValidator::observer`]: crate::BearerTokenValidator::observer
//! [`Observer`]: crate::observer::Observer
//! [`Observer::client_authenticated`]: crate::observer::Observer::client_authenticated
//! [`Observer::token_revoked`]: crate::observer::Observer::token_revoked
//! [`Observer::token_authenticated`]: crate::observer::Observer::token_authenticated
