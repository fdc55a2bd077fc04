//! `#[derive(OAuth2AuthorizationCode)]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, Result};

use crate::connection::{self, Target};
use crate::model::{Model, Trait, at};
use crate::statement::{
    Value, aged, client_id_value, imports, insert, is, is_unmarked, lookup_by_secret, mark,
    refuse_lost, text_accessor, time_accessor, update, user_id_value,
};
use crate::token::{grant_id, revoked_at, user_id};

const TRAIT: Trait = Trait {
    name: "OAuth2AuthorizationCode",
    roles: &[
        "code",
        "client_id",
        "user_id",
        "redirect_uri",
        "response_type",
        "scope",
        "nonce",
        "auth_time",
        "acr",
        "amr",
        "code_challenge",
        "code_challenge_method",
        "grant_id",
        "redeemed_at",
    ],
    inserts: true,
    makes_keys: false,
    names_grants: false,
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Model::parse(input, &TRAIT)?;
    let krate = model.krate();
    let ident = &model.ident;
    let storage = model.storage_type();
    let extra = model.extra_type();
    let code = model.required(&TRAIT, "code")?;
    let (code_field, code_type) = (&code.ident, &code.ty);
    let client_id = &model.required(&TRAIT, "client_id")?.ident;
    // Without it a code could be bound to no redirect URI and would never expire.
    model.required(&TRAIT, "redirect_uri")?;
    model.required(&TRAIT, "auth_time")?;
    let (user_id_type, user_id) = user_id(&model);
    let (grant_id_type, grant_id) = grant_id(&model);
    let redeemed_at = revoked_at(&model, "redeemed_at");
    let scope = text_accessor(&model, "scope");
    let auth_time = time_accessor(&model, "auth_time");
    let texts = [
        "redirect_uri",
        "response_type",
        "nonce",
        "acr",
        "amr",
        "code_challenge",
        "code_challenge_method",
    ]
    .map(|role| {
        let (method, text) = (format_ident!("{role}"), text_accessor(&model, role));
        quote! {
            fn #method(&self) -> Option<Cow<'_, str>> {
                #text
            }
        }
    });

    // Dropped in silence, a challenge would protect nothing, and a nonce would not come back to who sent it. That the
    // response type is `code` goes without saying.
    let refused = [
        ("scope", quote!(Some(value) if !value.is_empty())),
        ("response_type", quote!(Some(value) if value != "code")),
        ("nonce", quote!(Some(_))),
        ("acr", quote!(Some(_))),
        ("amr", quote!(Some(_))),
        ("code_challenge", quote!(Some(_))),
        ("code_challenge_method", quote!(Some(_))),
    ]
    .map(|(role, lost)| refuse_lost(&model, role, lost));
    let refused = quote!(#(#refused)*);

    let tables = connection::for_each(&model, |target| {
        let imports = imports(&krate);
        let (conn_type, function) = (&target.conn, target.function());
        let (trait_name, this) = (target.table("CodeTable"), quote!(Self));
        let (each, loaded) = (target.each(&this), target.loaded(&this));
        let by_code = lookup_by_secret(&model, target, &[code]);
        let insert = insert(&model, target, |field, role| {
            let (ty, name, row_field) = (&field.ty, &field.name, format_ident!("{role}"));
            match role {
                "code" => Value::Text(quote!(Some(row.code))),
                "client_id" => client_id_value(&krate, field),
                "user_id" => user_id_value(&krate, field, quote!(row.user_id)),
                "grant_id" => Value::Other(quote_spanned!(at(ty)=> row.grant_id)),
                "redeemed_at" => Value::Other(quote_spanned! {at(ty)=>
                    <#ty as #krate::column::RevocationColumn>::mark(#name, None)?
                }),
                "auth_time" => Value::Other(quote_spanned! {at(ty)=>
                    <#ty as #krate::column::TimeColumn>::from_unix(#name, Some(row.auth_time))?
                }),
                _ => Value::Text(quote!(row.#row_field)),
            }
        });
        let redeemable = redeemable(&model, target);
        let aged = aged(&model, target, "auth_time");
        quote! {
            #redeemable
            #aged

            impl #trait_name<#conn_type> for #ident {
                #function load_by_code(
                    conn: &mut #conn_type,
                    secret: &#krate::secret::Candidates<'_>,
                    #each
                ) -> Result<#loaded, #krate::Error> {
                    #imports
                    #by_code
                }

                #function insert(
                    conn: &mut #conn_type,
                    row: &#krate::table::NewCode<'_, Self>,
                ) -> Result<(), #krate::Error> {
                    #imports
                    #refused
                    #insert
                }
            }
        }
    })?;

    Ok(quote! {
        const _: () = {
            use ::std::borrow::Cow;

            impl #krate::OAuth2AuthorizationCode for #ident {
                type Storage = #storage;
                type UserId = #user_id_type;
                type GrantId = #grant_id_type;
                type Extra = #extra;

                fn stored_code(&self) -> &str {
                    <#code_type as #krate::column::SecretColumn>::secret(&self.#code_field).unwrap_or_default()
                }

                fn client_id(&self) -> Cow<'_, str> {
                    #krate::__private::client_id_text(&self.#client_id)
                }

                fn user_id(&self) -> Option<&Self::UserId> {
                    #user_id
                }

                fn scope(&self) -> Cow<'_, str> {
                    #scope.unwrap_or_default()
                }

                fn grant_id(&self) -> Option<&Self::GrantId> {
                    #grant_id
                }

                fn redeemed_at(&self) -> Option<i64> {
                    #redeemed_at
                }

                fn auth_time(&self) -> i64 {
                    #auth_time.unwrap_or(0)
                }

                #(#texts)*
            }

            #tables
        };
    })
}

/// The statement that spends a code, where there are columns for it and a key to find the row by.
fn redeemable(model: &Model, target: &Target) -> Option<TokenStream> {
    let krate = model.krate();
    let ident = &model.ident;
    let (key, redeemed) = (model.key()?, model.role("redeemed_at")?);
    model.role("grant_id")?;
    let imports = imports(&krate);
    let key_ident = &key.ident;
    let mark_redeemed = update(
        model,
        &[mark(&krate, redeemed)],
        &[
            is(&krate, key, quote!(&self.#key_ident)),
            is_unmarked(&krate, redeemed),
        ],
    );
    let redeem = redeem(model, target, &mark_redeemed);
    let mark_redeemed = target.execute(&mark_redeemed);
    let (conn_type, function) = (&target.conn, target.function());
    let trait_name = target.table("RedeemableCodeTable");
    Some(quote! {
        impl #trait_name<#conn_type> for #ident {
            #function mark_redeemed(
                &self,
                conn: &mut #conn_type,
                now: i64,
            ) -> Result<bool, #krate::Error> {
                #imports
                Ok(#mark_redeemed > 0)
            }

            #redeem
        }
    })
}

/// The redemption as one statement, which only PostgreSQL has. The grant's model has the other half of it.
fn redeem(model: &Model, target: &Target, mark_redeemed: &TokenStream) -> Option<TokenStream> {
    if !target.is_postgres() {
        return None;
    }
    let krate = model.krate();
    let imports = imports(&krate);
    let (conn_type, function, awaited) = (&target.conn, target.function(), target.awaited());
    let grant_table = target.table("GrantTable");
    Some(quote! {
        #function redeem<G: #grant_table<#conn_type>>(
            &self,
            conn: &mut #conn_type,
            grant: &#krate::table::NewGrant<'_, G>,
            now: i64,
        ) -> Result<Option<bool>, #krate::Error> {
            #imports
            G::insert_after(conn, #mark_redeemed, grant) #awaited
        }
    })
}
