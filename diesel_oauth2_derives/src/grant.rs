//! `#[derive(OAuth2Grant)]`

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Result};

use crate::connection::{self, Target};
use crate::model::{Field, Model, Trait, at};
use crate::statement::{
    Value, aged, client_id_value, imports, insert, is, is_unmarked, lookup, mark, new_row,
    parsed_client_id, set, time_accessor, update, user_id_value,
};
use crate::token::{revoked_at, user_id};

const TRAIT: Trait = Trait {
    name: "OAuth2Grant",
    roles: &[
        "client_id",
        "user_id",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    ],
    inserts: true,
    makes_keys: true,
    names_grants: false,
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Model::parse(input, &TRAIT)?;
    let krate = model.krate();
    let ident = &model.ident;
    let Some(key) = model.key() else {
        return Err(Error::new(
            ident.span(),
            format!(
                "`{ident}` needs a single-column primary key, which identifies the grant: a field `id`, or \
                 #[diesel(primary_key(your_field))]"
            ),
        ));
    };
    let (key_ident, key_type) = (&key.ident, &key.ty);
    let client_id = model.required(&TRAIT, "client_id")?;
    let client_id_ident = &client_id.ident;
    for role in ["created_at", "last_used_at", "expires_at", "revoked_at"] {
        model.required(&TRAIT, role)?;
    }
    let (user_id_type, user_id) = user_id(&model);
    let created_at = time_accessor(&model, "created_at");
    let last_used_at = time_accessor(&model, "last_used_at");
    let expires_at = time_accessor(&model, "expires_at");
    let revoked = revoked_at(&model, "revoked_at");

    let tables = connection::for_each(&model, |target| {
        let table = table(&model, target, key);
        let aged = aged(&model, target, "created_at");
        quote!(#table #aged)
    })?;
    Ok(quote! {
        const _: () = {
            use ::std::borrow::Cow;

            impl #krate::OAuth2Grant for #ident {
                type Id = #key_type;
                type UserId = #user_id_type;

                fn id(&self) -> &Self::Id {
                    &self.#key_ident
                }

                fn client_id(&self) -> Cow<'_, str> {
                    #krate::__private::client_id_text(&self.#client_id_ident)
                }

                fn user_id(&self) -> Option<&Self::UserId> {
                    #user_id
                }

                fn created_at(&self) -> Option<i64> {
                    #created_at
                }

                fn last_used_at(&self) -> Option<i64> {
                    #last_used_at
                }

                fn expires_at(&self) -> Option<i64> {
                    #expires_at
                }

                fn revoked_at(&self) -> Option<i64> {
                    #revoked
                }
            }

            #tables
        };
    })
}

fn table(model: &Model, target: &Target, key: &Field) -> TokenStream {
    let krate = model.krate();
    let ident = &model.ident;
    let imports = imports(&krate);
    let value = |field: &Field, role: &str| {
        let (ty, name) = (&field.ty, &field.name);
        let time = |seconds: TokenStream| {
            Value::Other(quote_spanned! {at(ty)=>
                <#ty as #krate::column::TimeColumn>::from_unix(#name, #seconds)?
            })
        };
        match role {
            "client_id" => client_id_value(&krate, field),
            "user_id" => user_id_value(&krate, field, quote!(row.user_id)),
            "expires_at" => time(quote!(row.expires_at)),
            "revoked_at" => Value::Other(quote_spanned! {at(ty)=>
                <#ty as #krate::column::RevocationColumn>::mark(#name, None)?
            }),
            _ => time(quote!(Some(row.created_at))),
        }
    };
    let insert_after = insert_after(model, target, value);
    let insert = insert(model, target, value);
    let field = |role: &str| model.role(role).expect("was required");
    let revoked = field("revoked_at");
    let revoke = |found: &Field, value: TokenStream| {
        update(
            model,
            &[mark(&krate, revoked)],
            &[is(&krate, found, value), is_unmarked(&krate, revoked)],
        )
    };
    let by_id = target.execute(&revoke(key, quote!(id)));
    let by_user = match model.role("user_id") {
        Some(user) => {
            let by_user = target.execute(&revoke(user, quote!(user_id)));
            quote!(Ok(#by_user))
        }
        None => quote!(match *user_id {}),
    };
    let client = field("client_id");
    let parsed_client_id = parsed_client_id(&krate, client);
    let by_client = target.execute(&revoke(client, quote!(&client_id)));
    let key_column = &key.column;
    let load = lookup(model, target, quote!(#key_column.eq(id)));
    let (each, loaded) = (target.each(&quote!(Self)), target.loaded(&quote!(Self)));
    let touch = touch(model, key);
    let lend = target.is_blocking_postgres().then(|| {
        quote! {
            impl #krate::statement::TouchStatement for #ident {
                fn touch_statement(
                    id: &Self::Id,
                    now: i64,
                ) -> Result<
                    impl #krate::__private::diesel::query_builder::QueryFragment<#krate::__private::diesel::pg::Pg>
                        + #krate::__private::diesel::query_builder::QueryId,
                    #krate::Error,
                > {
                    Ok(#touch)
                }
            }
        }
    });
    let touch = target.execute(&touch);
    let (conn_type, function) = (&target.conn, target.function());
    let trait_name = target.table("GrantTable");
    quote! {
        #lend

        impl #trait_name<#conn_type> for #ident {
            #function insert(
                conn: &mut #conn_type,
                row: &#krate::table::NewGrant<'_, Self>,
            ) -> Result<(), #krate::Error> {
                #imports
                #insert
            }

            #insert_after

            #function load(
                conn: &mut #conn_type,
                id: &Self::Id,
                #each
            ) -> Result<#loaded, #krate::Error> {
                #imports
                #load
            }

            #function touch(conn: &mut #conn_type, id: &Self::Id, now: i64) -> Result<bool, #krate::Error> {
                #imports
                Ok(#touch > 0)
            }

            #function revoke(conn: &mut #conn_type, id: &Self::Id, now: i64) -> Result<bool, #krate::Error> {
                #imports
                Ok(#by_id > 0)
            }

            #function revoke_by_user(
                conn: &mut #conn_type,
                user_id: &Self::UserId,
                now: i64,
            ) -> Result<usize, #krate::Error> {
                #imports
                #by_user
            }

            #function revoke_by_client(
                conn: &mut #conn_type,
                client_id: &str,
                now: i64,
            ) -> Result<usize, #krate::Error> {
                #imports
                #parsed_client_id
                Ok(#by_client)
            }
        }
    }
}

/// What is spent and the grant that it becomes as one statement, which only PostgreSQL has.
fn insert_after(
    model: &Model,
    target: &Target,
    value: impl Fn(&Field, &str) -> Value,
) -> Option<TokenStream> {
    if !target.is_postgres() {
        return None;
    }
    let (krate, table) = (model.krate(), &model.table);
    let imports = imports(&krate);
    let row = new_row(model, value);
    let (checks, (names, values)) = (&row.checks, row.lists(&krate));
    let inserted = target.execute(&quote! {
        #krate::statement::Spend::new(spend, #table::table, #names, #values)
    });
    let (conn_type, function, bound) = (&target.conn, target.function(), target.sent());
    Some(quote! {
        #function insert_after<S>(
            conn: &mut #conn_type,
            spend: S,
            row: &#krate::table::NewGrant<'_, Self>,
        ) -> Result<Option<bool>, #krate::Error>
        where
            S: #krate::__private::diesel::query_builder::QueryFragment<#krate::__private::diesel::pg::Pg>
                + #krate::__private::diesel::query_builder::QueryId
                #bound,
        {
            #imports
            #checks
            Ok(Some(#inserted > 0))
        }
    })
}

/// Notes that the grant `id` is used `now`, where it is neither revoked nor expired.
fn touch(model: &Model, key: &Field) -> TokenStream {
    let krate = model.krate();
    let field = |role: &str| model.role(role).expect("was required");
    let (used, expires) = (field("last_used_at"), field("expires_at"));
    let (used_type, used_name) = (&used.ty, &used.name);
    let (expires_type, expires_name, expires_column) =
        (&expires.ty, &expires.name, &expires.column);
    update(
        model,
        &[set(
            &krate,
            used,
            quote!(<#used_type as #krate::column::TimeColumn>::from_unix(#used_name, Some(now))?),
        )],
        &[
            is(&krate, key, quote!(id)),
            is_unmarked(&krate, field("revoked_at")),
            quote! {
                #krate::statement::IsUnsetOrAtLeast::new(
                    #expires_column,
                    <#expires_type as #krate::column::RevocationColumn>::unset(),
                    <#expires_type as #krate::column::TimeColumn>::from_unix(#expires_name, Some(now))?,
                )
            },
        ],
    )
}
