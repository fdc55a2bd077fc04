//! `#[derive(OAuth2Token)]`

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Result};

use crate::connection;
use crate::model::{Field, Model, Trait, at};
use crate::statement::{
    Value, aged, client_id_value, imports, insert, lookup_by_secret, text_accessor, time_accessor,
    user_id_value,
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
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Model::parse(input, &TRAIT)?;
    check_times(&model)?;
    let accessors = accessors(&model)?;
    let access_token = model.required(&TRAIT, "access_token")?;
    let refresh_token = model.role("refresh_token");

    let tables = connection::for_each(&model, |conn_type| {
        let table = table(&model, conn_type, access_token, refresh_token);
        let revocable = revocable(&model, conn_type);
        let family = family(&model, conn_type);
        let aged = aged(&model, conn_type, "issued_at");
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
    conn_type: &TokenStream,
    access_token: &Field,
    refresh_token: Option<&Field>,
) -> TokenStream {
    let krate = model.krate();
    let ident = &model.ident;
    let imports = imports(&krate);
    let by_access_token = lookup_by_secret(model, conn_type, &[access_token]);
    let either: Vec<&Field> = [access_token].into_iter().chain(refresh_token).collect();
    let by_token = lookup_by_secret(model, conn_type, &either);
    let insert = insert(model, |field, role| value(&krate, field, role));
    quote! {
        impl #krate::table::TokenTable<#conn_type> for #ident {
            fn load_by_access_token(
                conn: &mut #conn_type,
                secret: &#krate::secret::Candidates<'_>,
                mut each: impl FnMut(Self),
            ) -> Result<(), #krate::Error> {
                #imports
                #by_access_token
            }

            fn load_by_token(
                conn: &mut #conn_type,
                secret: &#krate::secret::Candidates<'_>,
                mut each: impl FnMut(Self),
            ) -> Result<(), #krate::Error> {
                #imports
                #by_token
            }

            fn insert(
                conn: &mut #conn_type,
                row: &#krate::table::NewToken<'_, Self>,
            ) -> Result<(), #krate::Error> {
                #imports
                #insert
            }
        }
    }
}

fn value(krate: &TokenStream, field: &Field, role: &str) -> Value {
    let (ty, name) = (&field.ty, &field.name);
    match role {
        "client_id" => client_id_value(krate, field),
        "user_id" => user_id_value(krate, field),
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

/// The statements that revoke, where there are columns for it and a key to find the row by.
fn revocable(model: &Model, conn_type: &TokenStream) -> Option<TokenStream> {
    let krate = model.krate();
    let ident = &model.ident;
    let key = model.key()?;
    let access = model.role("access_token_revoked_at")?;
    let imports = imports(&krate);
    let table = &model.table;
    let (key_ident, key_column) = (&key.ident, &key.column);
    let (access_mark, access_unset) = marks(&krate, access);
    let access_column = &access.column;
    let revoke_access = quote! {
        let marked = #krate::statement::MarkRevoked::new(
            #table::table,
            (#key_column, #access_column),
            &self.#key_ident,
            #access_mark,
            #access_unset,
        )
        .execute(conn)?;
        Ok(marked > 0)
    };
    let revoke_refresh = match model.role("refresh_token_revoked_at") {
        None => revoke_access.clone(),
        Some(refresh) => {
            let (refresh_mark, refresh_unset) = marks(&krate, refresh);
            let refresh_column = &refresh.column;
            quote! {
                let marked = #krate::statement::MarkBothRevoked::new(
                    #table::table,
                    (#key_column, #access_column, #refresh_column),
                    &self.#key_ident,
                    (#access_mark, #access_unset),
                    (#refresh_mark, #refresh_unset),
                )
                .execute(conn)?;
                Ok(marked > 0)
            }
        }
    };
    Some(quote! {
        impl #krate::table::RevocableTokenTable<#conn_type> for #ident {
            fn revoke_access_token(
                &self,
                conn: &mut #conn_type,
                now: i64,
            ) -> Result<bool, #krate::Error> {
                #imports
                #revoke_access
            }

            fn revoke_refresh_token(
                &self,
                conn: &mut #conn_type,
                now: i64,
            ) -> Result<bool, #krate::Error> {
                #imports
                #revoke_refresh
            }
        }
    })
}

/// The statements on families, where there are columns for them.
fn family(model: &Model, conn_type: &TokenStream) -> Option<TokenStream> {
    let krate = model.krate();
    let ident = &model.ident;
    let key = model.key()?;
    let access = model.role("access_token_revoked_at")?;
    let refresh = model.role("refresh_token_revoked_at")?;
    let rotated = model.role("refresh_token_rotated_at")?;
    let grant = model.role("grant_id")?;
    model.role("refresh_token")?;
    let imports = imports(&krate);
    let table = &model.table;
    // Both columns of the rows with this key, each unless it is set; none where the second one is set already.
    let mark = |key: &TokenStream, value: TokenStream, first: &Field, second: &Field| {
        let (first_mark, first_unset) = marks(&krate, first);
        let (second_mark, second_unset) = marks(&krate, second);
        let (first, second) = (&first.column, &second.column);
        quote! {
            #krate::statement::MarkBothRevoked::new(
                #table::table,
                (#key, #first, #second),
                #value,
                (#first_mark, #first_unset),
                (#second_mark, #second_unset),
            )
            .execute(conn)?
        }
    };
    let (grant_column, grant_type) = (&grant.column, &grant.ty);
    let key_ident = &key.ident;
    let rotate = mark(&key.column, quote!(&self.#key_ident), rotated, refresh);
    let by_grant = mark(&grant.column, quote!(grant_id), access, refresh);
    let by_user = match model.role("user_id") {
        Some(user) => mark(&user.column, quote!(user_id), access, refresh),
        None => quote!(match *user_id {}),
    };
    let client = model.role("client_id")?;
    let client_type = &client.ty;
    let by_client = mark(&client.column, quote!(&client_id), access, refresh);
    Some(quote! {
        impl #krate::table::FamilyTokenTable<#conn_type> for #ident {
            fn mark_rotated(&self, conn: &mut #conn_type, now: i64) -> Result<bool, #krate::Error> {
                #imports
                Ok(#rotate > 0)
            }

            fn load_grants_in_use(
                conn: &mut #conn_type,
                grant_ids: &[Self::GrantId],
                mut each: impl FnMut(Self::GrantId),
            ) -> Result<(), #krate::Error> {
                #imports
                let query = #table::table
                    .filter(#grant_column.eq_any(grant_ids))
                    .select(#grant_column);
                for id in query.load_iter::<#grant_type, #krate::__private::DefaultLoadingMode>(conn)? {
                    if let Some(id) = <#grant_type as #krate::column::GrantIdColumn>::id(&id?) {
                        each(id.clone());
                    }
                }
                Ok(())
            }

            fn revoke_by_grant(
                conn: &mut #conn_type,
                grant_id: &Self::GrantId,
                now: i64,
            ) -> Result<usize, #krate::Error> {
                #imports
                Ok(#by_grant)
            }

            fn revoke_by_user(
                conn: &mut #conn_type,
                user_id: &Self::UserId,
                now: i64,
            ) -> Result<usize, #krate::Error> {
                #imports
                Ok(#by_user)
            }

            fn revoke_by_client(
                conn: &mut #conn_type,
                client_id: &str,
                now: i64,
            ) -> Result<usize, #krate::Error> {
                #imports
                let Some(client_id) =
                    <<#client_type as #krate::column::ClientIdColumn>::Id as #krate::column::Identifier>::parse(
                        client_id,
                    )
                else {
                    return Ok(0);
                };
                Ok(#by_client)
            }
        }
    })
}

/// A revocation column's value for now, and the one for "not".
pub(crate) fn marks(krate: &TokenStream, field: &Field) -> (TokenStream, TokenStream) {
    let (ty, name) = (&field.ty, &field.name);
    (
        quote!(<#ty as #krate::column::RevocationColumn>::mark(#name, Some(now))?),
        quote!(<#ty as #krate::column::RevocationColumn>::unset()),
    )
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

fn secret_accessor(model: &Model, field: Option<&Field>) -> TokenStream {
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
