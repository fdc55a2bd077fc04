use crate::endpoint::{EndpointRequest, OAuth2Error};
use crate::types::TokenTypeHint;

/// `token` and `token_type_hint` (RFC 7009 section 2.1).
pub(crate) fn token_parameters<'r>(
    request: &'r EndpointRequest<'_>,
) -> Result<(&'r str, Option<TokenTypeHint>), OAuth2Error> {
    let token = request
        .parameter("token")?
        .ok_or(OAuth2Error::InvalidRequest {
            description: "The parameter 'token' is missing.",
        })?;
    let hint = match request.parameter("token_type_hint")? {
        None => None,
        Some(name) => Some(TokenTypeHint::parse(name).ok_or(OAuth2Error::UnsupportedTokenType)?),
    };
    Ok((token, hint))
}
