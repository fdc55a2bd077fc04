//! `#[derive(OAuth2Client)]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, Error, Result};

use crate::connection::{self, Target};
use crate::model::{Field, Model, Trait, at};
use crate::statement::{
    Value, check_length, client_id_value, imports, insert, is, lookup, set, text_accessor,
    time_accessor, update, user_id_value,
};
use crate::token::{secret_accessor, user_id};

const TRAIT: Trait = Trait {
    name: "OAuth2Client",
    roles: &[
        "client_id",
        "client_secret",
        "client_id_issued_at",
        "client_secret_expires_at",
        "previous_client_secret",
        "previous_client_secret_expires_at",
        "user_id",
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

    let secret = secret_accessor(&model, model.role("client_secret"));
    let previous_secret = secret_accessor(&model, model.role("previous_client_secret"));
    let previous_expires_at = time_accessor(&model, "previous_client_secret_expires_at");
    let expires_at = time_accessor(&model, "client_secret_expires_at");
    let issued_at = time_accessor(&model, "client_id_issued_at");
    let metadata = metadata(&model)?;

    let tables = connection::for_each(&model, |target| {
        let imports = imports(&krate);
        let lookup = lookup(&model, target, quote!(#id_column.eq(client_id)));
        let registrable = registrable(&model, target);
        let rotatable = rotatable(&model, target, client_id);
        let (conn_type, function) = (&target.conn, target.function());
        let (trait_name, this) = (target.table("ClientTable"), quote!(Self));
        let (each, loaded) = (target.each(&this), target.loaded(&this));
        quote! {
            #registrable
            #rotatable

            impl #trait_name<#conn_type> for #ident {
                #function load_by_client_id(
                    conn: &mut #conn_type,
                    client_id: &str,
                    #each
                ) -> Result<#loaded, #krate::Error> {
                    #imports
                    let Some(client_id) =
                        <<#id_type as #krate::column::ClientIdColumn>::Id as #krate::column::Identifier>::parse(
                            client_id,
                        )
                    else {
                        return Ok(Default::default());
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

                fn previous_client_secret(&self) -> Option<&str> {
                    #previous_secret
                }

                fn previous_client_secret_expires_at(&self) -> Option<i64> {
                    #previous_expires_at
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

/// The statement that registers a client.
fn registrable(model: &Model, target: &Target) -> TokenStream {
    let krate = model.krate();
    let ident = &model.ident;
    let imports = imports(&krate);
    let extra = model.extra_type();
    let (user_id_type, _) = user_id(model);
    let keeps_metadata = model.role("client_metadata").is_some();
    let columns = LISTS.iter().chain(&TEXTS);
    let columns = columns.filter(|role| model.role(role).is_some());
    let client_id_type = model.role("client_id").map(|field| &field.ty);
    let (conn_type, function) = (&target.conn, target.function());
    let trait_name = target.table("RegistrableClientTable");
    let insert = insert(model, target, |field, role| {
        let (ty, name, target) = (&field.ty, &field.name, format_ident!("{role}"));
        let time = |seconds: TokenStream| {
            Value::Other(quote_spanned! {at(ty)=>
                <#ty as #krate::column::TimeColumn>::from_unix(#name, #seconds)?
            })
        };
        match role {
            "client_id" => client_id_value(&krate, field),
            "client_secret" => Value::Text(quote!(row.client_secret)),
            "previous_client_secret" => Value::Text(quote!(None)),
            "client_id_issued_at" => time(quote!(Some(row.client_id_issued_at))),
            "client_secret_expires_at" => time(quote!(row.client_secret_expires_at)),
            "previous_client_secret_expires_at" => time(quote!(None)),
            "user_id" => user_id_value(&krate, field, quote!(row.user_id)),
            "client_metadata" => Value::Other(quote_spanned! {at(ty)=>
                <#ty as #krate::column::MetadataColumn>::bind(row.metadata)?
            }),
            role if LISTS.contains(&role) => Value::Other(quote_spanned! {at(ty)=>
                <#ty as #krate::column::ListColumn>::from_list(&row.metadata.#target)
            }),
            _ => Value::Text(quote!(row.metadata.#target.as_deref())),
        }
    });
    quote! {
        impl #trait_name<#conn_type> for #ident {
            type UserId = #user_id_type;
            type Extra = #extra;

            const KEEPS_METADATA: bool = #keeps_metadata;
            const METADATA_COLUMNS: &'static [&'static str] = &[#(#columns),*];

            fn generate_client_id() -> Result<String, #krate::Error> {
                #[allow(unused_imports)]
                use #krate::__private::{Generates as _, GeneratesNot as _};

                type Id = <#client_id_type as #krate::column::ClientIdColumn>::Id;
                (&#krate::__private::Probe::<Id>::new()).generate_id()
            }

            #function insert(
                conn: &mut #conn_type,
                row: &#krate::table::NewClient<'_, Self::UserId, Self::Extra>,
            ) -> Result<(), #krate::Error> {
                #imports
                #insert
            }
        }
    }
}

/// The statement that replaces a client's secret, where there are columns for it.
fn rotatable(model: &Model, target: &Target, client_id: &Field) -> Option<TokenStream> {
    let krate = model.krate();
    let ident = &model.ident;
    let imports = imports(&krate);
    let (secret, expires_at) = (
        model.role("client_secret")?,
        model.role("client_secret_expires_at")?,
    );
    let (previous, previous_expires_at) = (
        model.role("previous_client_secret")?,
        model.role("previous_client_secret_expires_at")?,
    );
    let text = |field: &Field, text: TokenStream| {
        let ty = &field.ty;
        quote!(<#ty as #krate::column::TextColumn>::bind(Some(#text)))
    };
    let time = |field: &Field, seconds: TokenStream| {
        let (ty, name) = (&field.ty, &field.name);
        quote!(<#ty as #krate::column::TimeColumn>::from_unix(#name, #seconds)?)
    };
    let client_id_ident = &client_id.ident;
    let check = check_length(&krate, secret, quote!(Some(secret.client_secret)));
    let (conn_type, function) = (&target.conn, target.function());
    let trait_name = target.table("RotatableClientTable");
    let replace = update(
        model,
        &[
            set(&krate, secret, text(secret, quote!(secret.client_secret))),
            set(
                &krate,
                expires_at,
                time(expires_at, quote!(secret.client_secret_expires_at)),
            ),
            set(
                &krate,
                previous,
                text(previous, quote!(secret.previous_client_secret)),
            ),
            set(
                &krate,
                previous_expires_at,
                time(
                    previous_expires_at,
                    quote!(Some(secret.previous_client_secret_expires_at)),
                ),
            ),
        ],
        &[
            is(&krate, client_id, quote!(&self.#client_id_ident)),
            is(
                &krate,
                secret,
                text(secret, quote!(secret.previous_client_secret)),
            ),
        ],
    );
    let replace = target.execute(&replace);
    Some(quote! {
        impl #trait_name<#conn_type> for #ident {
            #function replace_secret(
                &self,
                conn: &mut #conn_type,
                secret: &#krate::table::NewClientSecret<'_>,
            ) -> Result<bool, #krate::Error> {
                #imports
                #check
                Ok(#replace > 0)
            }
        }
    })
}
