use oxide_auth::primitives::grant::Grant;

use crate::Error;
use crate::extensions::any_identifier;

/// What the columns that a model has of its own have to do with a grant: its tenant, and the extensions that addons
/// gave it.
///
/// Without one ([`NoColumns`]) a model keeps of a code's extensions the PKCE challenge, in `code_challenge` and
/// `code_challenge_method`, and of a token's none; any other is refused, so that nothing is dropped silently.
///
/// ```
/// use diesel_oauth2_oxide_auth::{Columns, Error, extensions_from_json, extensions_to_json};
/// use oxide_auth::primitives::grant::Grant;
///
/// # struct Session { extensions: Option<String> }
/// /// What the model's `#[oauth2(extra = Kept)]` columns are filled from.
/// struct Kept {
///     extensions: Option<String>,
/// }
///
/// /// Keeps all extensions in one column of text.
/// struct AsJson;
///
/// impl Columns<Session> for AsJson {
///     type Extra = Kept;
///
///     fn fill(&self, grant: &Grant) -> Result<Kept, Error> {
///         Ok(Kept { extensions: extensions_to_json(&grant.extensions) })
///     }
///
///     fn complete(&self, row: &Session, grant: &mut Grant) -> Result<(), Error> {
///         grant.extensions = extensions_from_json(row.extensions.as_deref())?;
///         Ok(())
///     }
/// }
/// ```
pub trait Columns<M>: Send + Sync + 'static {
    /// What the model's `#[oauth2(extra)]` columns are filled from; `()` where there are none.
    type Extra;

    /// Fills the columns of a new row. A code's PKCE challenge is not among the extensions: it has columns already.
    ///
    /// # Errors
    /// Any; nothing is stored then. [`Error::UnkeptExtension`] for an extension that is not kept.
    fn fill(&self, grant: &Grant) -> Result<Self::Extra, Error>;

    /// Completes a grant that is read from this row, which so far has no extensions, and where the row is a token's, no
    /// redirect URI.
    ///
    /// # Errors
    /// Any; the grant is not given out then.
    fn complete(&self, row: &M, grant: &mut Grant) -> Result<(), Error>;
}

/// The model has no columns of its own to fill: an extension has no place.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoColumns;

impl<M> Columns<M> for NoColumns {
    type Extra = ();

    fn fill(&self, grant: &Grant) -> Result<(), Error> {
        match any_identifier(&grant.extensions) {
            None => Ok(()),
            Some(identifier) => Err(Error::UnkeptExtension {
                identifier: identifier.to_owned(),
            }),
        }
    }

    fn complete(&self, _: &M, _: &mut Grant) -> Result<(), Error> {
        Ok(())
    }
}
