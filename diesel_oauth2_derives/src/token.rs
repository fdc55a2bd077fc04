//! `#[derive(OAuth2Token)]`

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Result};

use crate::connection::{self, Target};
use crate::family::{family, revocable};
use crate::model::{Field, Model, Trait, at};
use crate::statement::{
    Value, aged, check_length, client_id_value, imports, insert, is, lookup_by_secret, set,
    text_accessor, time_accessor, update, user_id_value,
};

const TRAIT: Trait = Trait {
    name: "OAuth2Token",
    roles: &[
        "client_id",
        "user_id",
        "token_type",
        "access_token",
        "refresh_token",
        "scope",
        "issued_at",
        "expires_in",
        "expires_at",
        "access_token_revoked_at",
        "refresh_token_revoked_at",
        "extra_members",
        "grant_id",
        "refresh_token_rotated_at",
    ],
    inserts: true,
    makes_keys: false,
    names_grants: true,
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Model::parse(input, &TRAIT)?;
    check_times(&model)?;
    check_grant(&model)?;
    let accessors = accessors(&model)?;
    let access_token = model.required(&TRAIT, "access_token")?;
    let refresh_token = model.role("refresh_token");

    let tables = connection::for_each(&model, |target| {
        let table = table(&model, target, access_token, refresh_token);
        let revocable = revocable(&model, target);
        let family = family(&model, target);
        let aged = aged(&model, target, "issued_at");
        quote!(#table #revocable #family #aged)
    })?;

    Ok(quote! {
        const _: () = {
            use ::std::borrow::Cow;

            #accessors
            #tables
        };
    })
}

/// A lifetime without a time of issue says nothing, and no expiry at all is more likely forgotten than meant.
fn check_times(model: &Model) -> Result<()> {
    if model.role("expires_in").is_some() && model.role("issued_at").is_none() {
        return Err(Error::new(
            model.ident.span(),
            format!(
                "`{}` has `expires_in` but no field `issued_at` to count from; add it, or name it: \
                 #[oauth2(issued_at = your_field)]",
                model.ident
            ),
        ));
    }
    if model.role("expires_in").is_none() && model.role("expires_at").is_none() {
        return Err(Error::new(
            model.ident.span(),
            format!(
                "`{}` has neither a field `expires_in` (seconds) nor `expires_at` (a time), so its tokens would never \
                 expire; add one, or name it: #[oauth2(expires_at = your_field)]",
                model.ident
            ),
        ));
    }
    Ok(())
}

/// A token that comes of a grant must be revoked with it, so the grants must be known.
fn check_grant(model: &Model) -> Result<()> {
    let missing = match (model.role("grant_id"), &model.grant) {
        (Some(_), None) => {
            "has a field `grant_id` and does not say which model the grants have; name it: \
             #[oauth2(grant = YourGrant)], a struct with #[derive(OAuth2Grant)]"
        }
        (None, Some(_)) => {
            "names the model of its grants and has no field `grant_id`; add it, or name it: \
             #[oauth2(grant_id = your_field)]"
        }
        _ => return Ok(()),
    };
    let ident = &model.ident;
    Err(Error::new(ident.span(), format!("`{ident}` {missing}")))
}

fn accessors(model: &Model) -> Result<TokenStream> {
    let krate = model.krate();
    let ident = &model.ident;
    let storage = model.storage_type();
    let extra = model.extra_type();
    let client_id = &model.required(&TRAIT, "client_id")?.ident;
    let access_token = secret_accessor(model, Some(model.required(&TRAIT, "access_token")?));
    let refresh_token = secret_accessor(model, model.role("refresh_token"));
    let (user_id_type, user_id) = user_id(model);
    let (grant_id_type, grant_id) = grant_id(model);
    let rotated_at = revoked_at(model, "refresh_token_rotated_at");
    let token_type = text_accessor(model, "token_type");
    let scope = text_accessor(model, "scope");
    let issued_at = time_accessor(model, "issued_at");
    let expires_at = match (model.role("expires_at"), model.role("expires_in")) {
        (None, Some(Field { ident, ty, .. })) => quote_spanned! {at(ty)=> {
            let expires_in = <#ty as #krate::column::LifetimeColumn>::seconds(&self.#ident)?;
            Some(self.issued_at().unwrap_or(0).saturating_add(expires_in))
        }},
        _ => time_accessor(model, "expires_at"),
    };
    let access_token_revoked_at = revoked_at(model, "access_token_revoked_at");
    let refresh_token_revoked_at = revoked_at(model, "refresh_token_revoked_at");
    let has = |role: &str| model.role(role).is_some();
    let (has_refresh_token, has_extra_members) = (has("refresh_token"), has("extra_members"));
    let (has_scope, has_token_type) = (has("scope"), has("token_type"));

    Ok(quote! {
        impl #krate::OAuth2Token for #ident {
            type Storage = #storage;
            type UserId = #user_id_type;
            type GrantId = #grant_id_type;
            type Extra = #extra;

            const HAS_REFRESH_TOKEN: bool = #has_refresh_token;
            const HAS_SCOPE: bool = #has_scope;
            const HAS_TOKEN_TYPE: bool = #has_token_type;
            const KEEPS_EXTRA_MEMBERS: bool = #has_extra_members;

            fn client_id(&self) -> Cow<'_, str> {
                #krate::__private::client_id_text(&self.#client_id)
            }

            fn user_id(&self) -> Option<&Self::UserId> {
                #user_id
            }

            fn stored_access_token(&self) -> &str {
                #access_token.unwrap_or_default()
            }

            fn stored_refresh_token(&self) -> Option<&str> {
                #refresh_token
            }

            fn token_type(&self) -> Option<Cow<'_, str>> {
                #token_type
            }

            fn scope(&self) -> Cow<'_, str> {
                #scope.unwrap_or_default()
            }

            fn issued_at(&self) -> Option<i64> {
                #issued_at
            }

            fn expires_at(&self) -> Option<i64> {
                #expires_at
            }

            fn access_token_revoked_at(&self) -> Option<i64> {
                #access_token_revoked_at
            }

            fn refresh_token_revoked_at(&self) -> Option<i64> {
                #refresh_token_revoked_at
            }

            fn grant_id(&self) -> Option<&Self::GrantId> {
                #grant_id
            }

            fn refresh_token_rotated_at(&self) -> Option<i64> {
                #rotated_at
            }
        }
    })
}

fn table(
    model: &Model,
    target: &Target,
    access_token: &Field,
    refresh_token: Option<&Field>,
) -> TokenStream {
    let krate = model.krate();
    let ident = &model.ident;
    let imports = imports(&krate);
    let by_access_token = lookup_by_secret(model, target, &[access_token]);
    let either: Vec<&Field> = [access_token].into_iter().chain(refresh_token).collect();
    let by_token = lookup_by_secret(model, target, &either);
    let insert = insert(model, target, |field, role| value(&krate, field, role));
    let rewrite = rewrite(model, target, access_token, refresh_token);
    let grant_life = grant_life(model, target);
    let (conn_type, function) = (&target.conn, target.function());
    let (trait_name, this) = (target.table("TokenTable"), quote!(Self));
    let (each, loaded) = (target.each(&this), target.loaded(&this));
    quote! {
        impl #trait_name<#conn_type> for #ident {
            #function load_by_access_token(
                conn: &mut #conn_type,
                secret: &#krate::secret::Candidates<'_>,
                #each
            ) -> Result<#loaded, #krate::Error> {
                #imports
                #by_access_token
            }

            #function load_by_token(
                conn: &mut #conn_type,
                secret: &#krate::secret::Candidates<'_>,
                #each
            ) -> Result<#loaded, #krate::Error> {
                #imports
                #by_token
            }

            #function insert(
                conn: &mut #conn_type,
                row: &#krate::table::NewToken<'_, Self>,
            ) -> Result<(), #krate::Error> {
                #imports
                #insert
            }

            #rewrite

            #grant_life
        }
    }
}

/// The statement that asks the row's grant how long it lives, where there are grants.
fn grant_life(model: &Model, target: &Target) -> Option<TokenStream> {
    let krate = model.krate();
    let grant_model = model.grant.as_ref()?;
    let (conn_type, function) = (&target.conn, target.function());
    let trait_name = target.table("GrantTable");
    let grant_table = quote!(<#grant_model as #trait_name<#conn_type>>);
    let awaited = target.awaited();
    let load = match awaited.is_empty() {
        false => quote!(let grant = #grant_table::load(conn, grant_id) #awaited?.pop();),
        true => quote! {
            let mut grant = None;
            #grant_table::load(conn, grant_id, |row| {
                grant = Some(row);
                ::core::ops::ControlFlow::Break(())
            })?;
        },
    };
    Some(quote! {
        #function load_grant_life(
            &self,
            conn: &mut #conn_type,
        ) -> Result<#krate::model::GrantLife, #krate::Error> {
            let Some(grant_id) = #krate::OAuth2Token::grant_id(self) else {
                return Ok(#krate::model::GrantLife::Unlimited);
            };
            #load
            Ok(#krate::model::GrantLife::of(grant.as_ref()))
        }
    })
}

/// The statement that writes a row's tokens in another form, where there is a key to find the row by.
fn rewrite(
    model: &Model,
    target: &Target,
    access_token: &Field,
    refresh_token: Option<&Field>,
) -> Option<TokenStream> {
    let krate = model.krate();
    let key = model.key()?;
    let imports = imports(&krate);
    let key_ident = &key.ident;
    let text = |field: &Field, text: TokenStream| {
        let ty = &field.ty;
        quote!(<#ty as #krate::column::TextColumn>::bind(#text))
    };
    let mut checks = check_length(&krate, access_token, quote!(Some(access_token)));
    let mut sets = vec![set(
        &krate,
        access_token,
        text(access_token, quote!(Some(access_token))),
    )];
    if let Some(field) = refresh_token {
        checks.extend(check_length(&krate, field, quote!(refresh_token)));
        sets.push(set(&krate, field, text(field, quote!(refresh_token))));
    }
    let as_read = quote!(Some(#krate::OAuth2Token::stored_access_token(self)));
    let rewrite = update(
        model,
        &sets,
        &[
            is(&krate, key, quote!(&self.#key_ident)),
            is(&krate, access_token, text(access_token, as_read)),
        ],
    );
    let rewrite = target.execute(&rewrite);
    let (conn_type, function) = (&target.conn, target.function());
    Some(quote! {
        #function rewrite_tokens(
            &self,
            conn: &mut #conn_type,
            access_token: &str,
            refresh_token: Option<&str>,
        ) -> Result<bool, #krate::Error> {
            #imports
            #checks
            Ok(#rewrite > 0)
        }
    })
}

pub(crate) fn value(krate: &TokenStream, field: &Field, role: &str) -> Value {
    let (ty, name) = (&field.ty, &field.name);
    match role {
        "client_id" => client_id_value(krate, field),
        "user_id" => user_id_value(krate, field, quote!(row.user_id)),
        "grant_id" => Value::Other(quote_spanned!(at(ty)=> row.grant_id)),
        "token_type" => Value::Text(quote!(Some(row.token_type))),
        "access_token" => Value::Text(quote!(Some(row.access_token))),
        "refresh_token" => Value::Text(quote!(row.refresh_token)),
        "scope" => Value::Text(quote!(row.scope)),
        "issued_at" => Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::TimeColumn>::from_unix(#name, Some(row.issued_at))?
        }),
        "expires_in" => Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::LifetimeColumn>::from_seconds(#name, row.expires_in)?
        }),
        "expires_at" => Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::TimeColumn>::from_unix(#name, row.expires_at())?
        }),
        "extra_members" => Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::MembersColumn>::from_members(row.extra_members)
        }),
        _ => Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::RevocationColumn>::mark(#name, None)?
        }),
    }
}

/// The type of the grant's id and its accessor. Without a column there can be no grant.
pub(crate) fn grant_id(model: &Model) -> (TokenStream, TokenStream) {
    let krate = model.krate();
    match model.role("grant_id") {
        Some(Field { ident, ty, .. }) => (
            quote_spanned!(at(ty)=> <#ty as #krate::column::GrantIdColumn>::Id),
            quote_spanned!(at(ty)=> <#ty as #krate::column::GrantIdColumn>::id(&self.#ident)),
        ),
        None => (quote!(#krate::column::NoGrantColumn), quote!(None)),
    }
}

pub(crate) fn secret_accessor(model: &Model, field: Option<&Field>) -> TokenStream {
    match field {
        Some(Field { ident, ty, .. }) => {
            let krate = model.krate();
            quote_spanned!(at(ty)=> <#ty as #krate::column::SecretColumn>::secret(&self.#ident))
        }
        None => quote!(None),
    }
}

pub(crate) fn revoked_at(model: &Model, role: &str) -> TokenStream {
    match model.role(role) {
        Some(Field { ident, ty, .. }) => {
            let krate = model.krate();
            quote_spanned! {at(ty)=>
                <#ty as #krate::column::RevocationColumn>::revoked_at(&self.#ident)
            }
        }
        None => quote!(None),
    }
}

/// The type of the user's id and its accessor. Without a column there can be no user.
pub(crate) fn user_id(model: &Model) -> (TokenStream, TokenStream) {
    let krate = model.krate();
    match model.role("user_id") {
        Some(Field { ident, ty, .. }) => (
            quote_spanned!(at(ty)=> <#ty as #krate::column::UserIdColumn>::Id),
            quote_spanned!(at(ty)=> <#ty as #krate::column::UserIdColumn>::id(&self.#ident)),
        ),
        None => (quote!(#krate::column::NoUserColumn), quote!(None)),
    }
}
