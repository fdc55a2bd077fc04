use diesel::prelude::*;

use crate::schema::oauth_as_pushed_request;

/// A row of `oauth_as_pushed_request`. Nothing but its client and its end is readable without the request URI.
#[derive(Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_as_pushed_request, primary_key(request_uri))]
pub struct PushedRequest {
    pub(crate) request_uri: String,
    pub(crate) client_id: String,
    pub(crate) expires_at: i64,
    sealed: String,
}

#[cfg(feature = "par")]
mod record {
    use diesel_oauth2::Error;
    use oauth_as::par::PushedAuthorizationRequest;

    use super::PushedRequest;
    use crate::row::check_client_id;
    use crate::secrets::{Sealed, digest, is_digest_of};
    use crate::time::nanos;

    impl PushedRequest {
        pub(crate) fn of(request: &PushedAuthorizationRequest) -> Result<Self, Error> {
            check_client_id(request.client_id.as_str())?;
            Ok(Self {
                request_uri: digest(&request.request_uri),
                client_id: request.client_id.as_str().to_owned(),
                expires_at: nanos(request.expires_at),
                sealed: Sealed::PushedRequest.seal(&request.request_uri, request)?,
            })
        }

        /// The record, for who presents its URI; `None` where it is another's.
        pub(crate) fn open(
            self,
            request_uri: &str,
        ) -> Result<Option<PushedAuthorizationRequest>, Error> {
            if !is_digest_of(&self.request_uri, request_uri) {
                return Ok(None);
            }
            Sealed::PushedRequest
                .open(request_uri, &self.sealed)
                .map(Some)
        }
    }
}
