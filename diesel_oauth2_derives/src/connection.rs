//! For which connection types the statements are emitted.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Path, Result};

use crate::model::Model;

/// A connection type that statements are emitted for, blocking or asynchronous. Both come of the same templates, which
/// leave to this what differs: how a function is declared, and how a statement is sent.
pub(crate) struct Target {
    /// The connection's type.
    pub(crate) conn: TokenStream,
    krate: TokenStream,
    is_async: bool,
}

impl Target {
    /// The table trait of this name.
    pub(crate) fn table(&self, name: &str) -> TokenStream {
        let krate = &self.krate;
        if self.is_async {
            let name = format_ident!("Async{name}");
            quote!(#krate::table::asynchronous::#name)
        } else {
            let name = format_ident!("{name}");
            quote!(#krate::table::#name)
        }
    }

    /// The keywords that declare a function.
    pub(crate) fn function(&self) -> TokenStream {
        if self.is_async {
            quote!(async fn)
        } else {
            quote!(fn)
        }
    }

    /// What is asked of a statement that a function is given.
    pub(crate) fn sent(&self) -> TokenStream {
        if self.is_async {
            quote!(+ Send)
        } else {
            TokenStream::new()
        }
    }

    /// Stands behind a call of another function of a table trait.
    pub(crate) fn awaited(&self) -> TokenStream {
        if self.is_async {
            quote!(.await)
        } else {
            TokenStream::new()
        }
    }

    /// Executes a statement on `conn`: the count of its rows, or out of the function with the error.
    pub(crate) fn execute(&self, statement: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        if self.is_async {
            quote!(#krate::__private::diesel_async::RunQueryDsl::execute(#statement, conn).await?)
        } else {
            quote!(#krate::__private::diesel::RunQueryDsl::execute(#statement, conn)?)
        }
    }

    /// The parameter that is given each row of a look-up until it has seen enough, where a look-up does not return them.
    pub(crate) fn each(&self, row: &TokenStream) -> TokenStream {
        if self.is_async {
            TokenStream::new()
        } else {
            quote!(mut each: impl FnMut(#row) -> ::core::ops::ControlFlow<()>,)
        }
    }

    /// The same for a look-up that is never broken off.
    pub(crate) fn each_of_all(&self, row: &TokenStream) -> TokenStream {
        if self.is_async {
            TokenStream::new()
        } else {
            quote!(mut each: impl FnMut(#row),)
        }
    }

    /// What a look-up returns.
    pub(crate) fn loaded(&self, row: &TokenStream) -> TokenStream {
        if self.is_async {
            quote!(Vec<#row>)
        } else {
            quote!(())
        }
    }

    /// Runs a look-up on `conn`. `given` makes of each `row` what [`each`](Self::each) is given, or `None`.
    pub(crate) fn load(
        &self,
        query: &TokenStream,
        row: &TokenStream,
        given: &TokenStream,
    ) -> TokenStream {
        let krate = &self.krate;
        if self.is_async {
            quote! {{
                let rows =
                    #krate::__private::diesel_async::RunQueryDsl::load::<#row>(#query, conn).await?;
                Ok(rows.into_iter().filter_map(|row| #given).collect())
            }}
        } else {
            quote! {{
                let query = #query;
                for row in query.load_iter::<#row, #krate::__private::DefaultLoadingMode>(conn)? {
                    let row = row?;
                    if let Some(given) = #given {
                        if each(given).is_break() {
                            break;
                        }
                    }
                }
                Ok(())
            }}
        }
    }

    /// [`load`](Self::load) for [`each_of_all`](Self::each_of_all).
    pub(crate) fn load_all(
        &self,
        query: &TokenStream,
        row: &TokenStream,
        given: &TokenStream,
    ) -> TokenStream {
        let load = self.load(query, row, given);
        if self.is_async {
            load
        } else {
            quote! {{
                let mut each = |row| {
                    each(row);
                    ::core::ops::ControlFlow::<()>::Continue(())
                };
                #load
            }}
        }
    }

    /// The type of the backend.
    pub(crate) fn backend(&self) -> TokenStream {
        let (krate, conn) = (&self.krate, &self.conn);
        if self.is_async {
            quote!(<#conn as #krate::__private::diesel_async::AsyncConnectionCore>::Backend)
        } else {
            quote!(<#conn as Connection>::Backend)
        }
    }

    /// Whether the connection speaks PostgreSQL's dialect for certain.
    pub(crate) fn is_postgres(&self) -> bool {
        let last = self.conn.clone().into_iter().last();
        last.is_some_and(|last| {
            ["PgConnection", "AsyncPgConnection"].contains(&last.to_string().as_str())
        })
    }

    /// Whether it is that, and blocking: for what is to be emitted once.
    pub(crate) fn is_blocking_postgres(&self) -> bool {
        !self.is_async && self.is_postgres()
    }
}

/// The databases that this crate knows: feature, blocking and asynchronous connection, backend.
const DATABASES: [(&str, &str, &str, &str); 3] = [
    (
        "sqlite",
        "SqliteConnection",
        "AsyncSqliteConnection",
        "Sqlite",
    ),
    ("postgres", "PgConnection", "AsyncPgConnection", "Pg"),
    ("mysql", "MysqlConnection", "AsyncMysqlConnection", "Mysql"),
];

/// Emits `implementation` for each connection that the model is for: those named by `#[oauth2(connection = ...)]`, else
/// those of the model's `check_for_backend(...)`, else those of the databases whose features `diesel_oauth2` has on. For
/// the latter two the asynchronous connections too, where `diesel_oauth2` has the feature for them on.
///
/// Each gets a body of its own, because a body that is generic over connections needs bounds that Diesel keeps private.
pub(crate) fn for_each(
    model: &Model,
    implementation: impl Fn(&Target) -> TokenStream,
) -> Result<TokenStream> {
    let krate = model.krate();
    let target = |conn: TokenStream, is_async: bool| Target {
        conn,
        krate: krate.clone(),
        is_async,
    };
    let blocking = |name: &str| {
        let name = format_ident!("{name}");
        implementation(&target(quote!(#krate::__private::diesel::#name), false))
    };
    // Whether a feature is on is known in diesel_oauth2 and not here.
    let asynchronous = |feature: &str, name: &str| {
        let (if_enabled, name) = (
            format_ident!("__if_async_{feature}"),
            format_ident!("{name}"),
        );
        let body = implementation(&target(quote!(#krate::__private::#name), true));
        quote!(#krate::#if_enabled! { #body })
    };
    if !model.connections.is_empty() {
        return Ok(model
            .connections
            .iter()
            .map(|path| implementation(&target(quote!(#path), false)))
            .collect());
    }
    if !model.backends.is_empty() {
        return model
            .backends
            .iter()
            .map(|backend| {
                let (feature, connection, async_connection) = database_of(backend)?;
                let blocking = blocking(connection);
                let asynchronous = asynchronous(feature, async_connection);
                Ok(quote!(#blocking #asynchronous))
            })
            .collect();
    }
    Ok(DATABASES
        .iter()
        .map(|(feature, connection, async_connection, _)| {
            let if_enabled = format_ident!("__if_{feature}");
            let blocking = blocking(connection);
            let asynchronous = asynchronous(feature, async_connection);
            quote!(#krate::#if_enabled! { #blocking } #asynchronous)
        })
        .collect())
}

fn database_of(backend: &Path) -> Result<(&'static str, &'static str, &'static str)> {
    let last = backend.segments.last();
    DATABASES
        .iter()
        .find(|(.., name)| last.is_some_and(|last| last.ident == name))
        .map(|(feature, connection, async_connection, _)| (*feature, *connection, *async_connection))
        .ok_or_else(|| {
            Error::new_spanned(
                backend,
                "the connection of this backend is not known; name it: #[oauth2(connection = path::to::Connection)]",
            )
        })
}
