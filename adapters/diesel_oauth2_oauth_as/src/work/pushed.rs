use oauth_as::par::PushedAuthorizationRequest;

use crate::scope::Write;

/// What a pushed request belongs to: no family, and no subject yet.
pub(crate) fn write_of(request: &PushedAuthorizationRequest) -> Write {
    Write::new(request.client_id.as_str(), None, None, request.pushed_at)
}
