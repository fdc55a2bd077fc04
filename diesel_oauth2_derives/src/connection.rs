//! For which connection types the statements are emitted.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Path, Result};

use crate::model::Model;

/// Emits `implementation(connection type)` for each connection that the model is for: those named by
/// `#[oauth2(connection = ...)]`, else those of the model's `check_for_backend(...)`, else those of the databases whose
/// features `diesel_oauth2` has on.
///
/// Each gets a body of its own, because a body that is generic over connections needs bounds that Diesel keeps private.
pub(crate) fn for_each(
    model: &Model,
    implementation: impl Fn(&TokenStream) -> TokenStream,
) -> Result<TokenStream> {
    let krate = model.krate();
    if !model.connections.is_empty() {
        return Ok(model
            .connections
            .iter()
            .map(|path| implementation(&quote!(#path)))
            .collect());
    }
    if !model.backends.is_empty() {
        return model
            .backends
            .iter()
            .map(|backend| Ok(implementation(&connection_of(&krate, backend)?)))
            .collect();
    }
    Ok(["sqlite", "postgres", "mysql"]
        .iter()
        .zip(["SqliteConnection", "PgConnection", "MysqlConnection"])
        .map(|(feature, connection)| {
            // Whether the feature is on is known in diesel_oauth2 and not here.
            let if_enabled = format_ident!("__if_{feature}");
            let connection = format_ident!("{connection}");
            let body = implementation(&quote!(#krate::__private::diesel::#connection));
            quote!(#krate::#if_enabled! { #body })
        })
        .collect())
}

/// Whether the connection speaks PostgreSQL's dialect for certain.
pub(crate) fn is_postgres(connection: &TokenStream) -> bool {
    let last = connection.clone().into_iter().last();
    last.is_some_and(|last| last.to_string() == "PgConnection")
}

fn connection_of(krate: &TokenStream, backend: &Path) -> Result<TokenStream> {
    let name = backend
        .segments
        .last()
        .map(|segment| segment.ident.to_string());
    let connection = match name.as_deref() {
        Some("Sqlite") => format_ident!("SqliteConnection"),
        Some("Pg") => format_ident!("PgConnection"),
        Some("Mysql") => format_ident!("MysqlConnection"),
        _ => {
            return Err(Error::new_spanned(
                backend,
                "the connection of this backend is not known; name it: #[oauth2(connection = path::to::Connection)]",
            ));
        }
    };
    Ok(quote!(#krate::__private::diesel::#connection))
}
