//! `#[derive(OAuth2Client)]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, Error, Result};

use crate::connection;
use crate::model::{Model, Trait, at};
use crate::statement::{imports, lookup, text_accessor, time_accessor};

const TRAIT: Trait = Trait {
    name: "OAuth2Client",
    roles: &[
        "client_id",
        "client_secret",
        "client_id_issued_at",
        "client_secret_expires_at",
        "client_metadata",
        "redirect_uris",
        "grant_types",
        "response_types",
        "scope",
        "token_endpoint_auth_method",
        "client_name",
    ],
    inserts: false,
    makes_keys: false,
    names_grants: false,
};

/// Metadata that may stand in a column of its own.
const LISTS: [&str; 3] = ["redirect_uris", "grant_types", "response_types"];
const TEXTS: [&str; 3] = ["scope", "token_endpoint_auth_method", "client_name"];

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Model::parse(input, &TRAIT)?;
    let krate = model.krate();
    let ident = &model.ident;
    let client_id = model.required(&TRAIT, "client_id")?;
    let (id_field, id_type, id_column) = (&client_id.ident, &client_id.ty, &client_id.column);

    let secret = match model.role("client_secret") {
        Some(field) => {
            let (field, ty) = (&field.ident, &field.ty);
            quote_spanned!(at(ty)=> <#ty as #krate::column::SecretColumn>::secret(&self.#field))
        }
        None => quote!(None),
    };
    let expires_at = time_accessor(&model, "client_secret_expires_at");
    let issued_at = time_accessor(&model, "client_id_issued_at");
    let metadata = metadata(&model)?;

    let tables = connection::for_each(&model, |conn_type| {
        let imports = imports(&krate);
        let lookup = lookup(&model, conn_type, quote!(#id_column.eq(client_id)));
        quote! {
            impl #krate::table::ClientTable<#conn_type> for #ident {
                fn load_by_client_id(
                    conn: &mut #conn_type,
                    client_id: &str,
                    mut each: impl FnMut(Self),
                ) -> Result<(), #krate::Error> {
                    #imports
                    let Some(client_id) =
                        <<#id_type as #krate::column::ClientIdColumn>::Id as #krate::column::Identifier>::parse(
                            client_id,
                        )
                    else {
                        return Ok(());
                    };
                    #lookup
                }
            }
        }
    })?;

    Ok(quote! {
        const _: () = {
            use ::std::borrow::Cow;

            impl #krate::OAuth2Client for #ident {
                fn client_id(&self) -> Cow<'_, str> {
                    #krate::__private::client_id_text(&self.#id_field)
                }

                fn client_secret(&self) -> Option<&str> {
                    #secret
                }

                fn client_secret_expires_at(&self) -> Option<i64> {
                    #expires_at
                }

                fn client_id_issued_at(&self) -> Option<i64> {
                    #issued_at
                }

                fn client_metadata(&self) -> Cow<'_, #krate::ClientMetadata> {
                    #metadata
                }
            }

            #tables
        };
    })
}

/// The metadata column, with what stands in columns of its own laid over it.
fn metadata(model: &Model) -> Result<TokenStream> {
    let krate = model.krate();
    let base = match model.role("client_metadata") {
        Some(field) => {
            let (field, ty) = (&field.ident, &field.ty);
            quote_spanned!(at(ty)=> <#ty as #krate::column::MetadataColumn>::metadata(&self.#field))
        }
        None if model.role("redirect_uris").is_none() => {
            return Err(Error::new(
                model.ident.span(),
                format!(
                    "`{}` has neither a field `client_metadata` (a diesel_oauth2::ClientMetadata, for a JSON column) nor \
                     a field `redirect_uris`; add one, or name it: #[oauth2(client_metadata = your_field)]",
                    model.ident
                ),
            ));
        }
        None => quote!(Cow::<#krate::ClientMetadata>::Owned(Default::default())),
    };
    let lists = LISTS.iter().filter_map(|role| {
        let field = model.role(role)?;
        let (target, field, ty) = (format_ident!("{role}"), &field.ident, &field.ty);
        Some(quote_spanned! {at(ty)=>
            metadata.#target = <#ty as #krate::column::ListColumn>::list(&self.#field);
        })
    });
    let texts = TEXTS.iter().filter_map(|role| {
        model.role(role)?;
        let (target, text) = (format_ident!("{role}"), text_accessor(model, role));
        Some(quote!(metadata.#target = #text.map(Cow::into_owned);))
    });
    let overlays: Vec<_> = lists.chain(texts).collect();
    if overlays.is_empty() {
        return Ok(base);
    }
    Ok(quote! {{
        let mut metadata = #base.into_owned();
        #(#overlays)*
        Cow::Owned(metadata)
    }})
}
