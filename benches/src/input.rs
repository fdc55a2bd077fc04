//! What is presented and stored: texts that look random and are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use diesel_oauth2::TokenResponse;
use diesel_oauth2::secret::{SecretStorage, Sha256};

/// The client that asks.
pub const CLIENT_ID: &str = "s6BhdRkqt3";
/// The user for whom it asks.
pub const USER_ID: i64 = 7;
/// What every token is good for.
pub const SCOPE: &str = "profile email";
/// What a resource requires.
pub const REQUIRED: &str = "profile";
/// Where codes are sent.
pub const REDIRECT_URI: &str = "https://client.example.com/cb";
/// No token that is there beforehand was issued after this; those saved by a benchmark are younger.
pub const LOADED_AT: i64 = 1_700_000_000;
/// Whatever is to be pruned died before this, and nothing else is older.
pub const PRUNED_BEFORE: i64 = 1_000_000;
/// So many tokens come of one grant.
pub const TOKENS_PER_GRANT: u64 = 4;

/// Seconds since the epoch.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs() as i64
}

/// A number that nothing loaded has.
pub fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The access token of row `number` as it is presented.
pub fn access_token(number: u64) -> String {
    text(number * 2)
}

/// The refresh token of row `number` as it is presented.
pub fn refresh_token(number: u64) -> String {
    text(number * 2 + 1)
}

/// The id of a client that does nothing but own tokens.
pub fn client_id(number: u64) -> String {
    format!("client-{number}")
}

/// As row `number` stores it: the odd ones as digests.
pub fn stored(number: u64, secret: String) -> String {
    if number % 2 == 1 {
        Sha256::stored(&secret).as_str().to_owned()
    } else {
        secret
    }
}

/// A token response with new tokens.
pub fn issue() -> TokenResponse {
    let number = next_number();
    let mut token = TokenResponse::bearer(access_token(number));
    token.refresh_token = Some(refresh_token(number));
    token.scope = Some(SCOPE.to_owned());
    token.expires_in = Some(3600);
    token
}

/// A client's metadata, as authlib writes it.
pub fn metadata() -> String {
    format!(
        r#"{{"client_name":"A client","redirect_uris":["{REDIRECT_URI}"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"profile email","token_endpoint_auth_method":"client_secret_basic"}}"#
    )
}

/// 42 characters, the length of authlib's tokens.
fn text(seed: u64) -> String {
    let words = [0, 1, 2].map(|word| mix(seed.wrapping_mul(3).wrapping_add(word)));
    format!("{:016x}{:016x}{:010x}", words[0], words[1], words[2] >> 24)
}

/// SplitMix64.
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
