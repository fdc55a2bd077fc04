//! `#[derive(OAuth2DeviceCode)]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, Error, Result, Type};

use crate::connection::{self, Target};
use crate::model::{Field, Model, Trait, at};
use crate::statement::{
    Value, aged, client_id_value, imports, insert, is, is_unmarked, lookup_by_secret, mark,
    refuse_lost, set, text_accessor, time_accessor, update, user_id_value,
};
use crate::token::{grant_id, revoked_at, user_id};

const TRAIT: Trait = Trait {
    name: "OAuth2DeviceCode",
    roles: &[
        "device_code",
        "user_code",
        "client_id",
        "scope",
        "issued_at",
        "expires_at",
        "interval",
        "last_polled_at",
        "user_id",
        "grant_id",
        "approved_at",
        "denied_at",
        "redeemed_at",
    ],
    inserts: true,
    makes_keys: false,
    names_grants: false,
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Model::parse(input, &TRAIT)?;
    let ident = &model.ident;
    for role in TRAIT.roles {
        if !["scope", "issued_at"].contains(role) {
            model.required(&TRAIT, role)?;
        }
    }
    let Some(key) = model.key() else {
        return Err(Error::new(
            ident.span(),
            format!(
                "`{ident}` needs a single-column primary key to find a row again: a field `id`, or \
                 #[diesel(primary_key(your_field))]"
            ),
        ));
    };
    check_user_id(&model)?;
    let accessors = accessors(&model);
    let tables = connection::for_each(&model, |target| {
        let table = table(&model, target, key);
        let aged = aged(&model, target, "issued_at");
        quote!(#table #aged)
    })?;
    Ok(quote! {
        const _: () = {
            use ::std::borrow::Cow;

            #accessors
            #tables
        };
    })
}

/// Nobody has decided yet when the row is saved.
fn check_user_id(model: &Model) -> Result<()> {
    let Some(Field { ident, ty, .. }) = model.role("user_id") else {
        return Ok(());
    };
    let is_option = matches!(ty, Type::Path(path)
        if path.path.segments.last().is_some_and(|last| last.ident == "Option"));
    if is_option {
        return Ok(());
    }
    Err(Error::new_spanned(
        ty,
        format!("field `{ident}` is NULL until the user decides; make it an Option"),
    ))
}

fn accessors(model: &Model) -> TokenStream {
    let krate = model.krate();
    let ident = &model.ident;
    let storage = model.storage_type();
    let extra = model.extra_type();
    let field = |role: &str| model.role(role).expect("was required");
    let secret = |role: &str| {
        let Field { ident, ty, .. } = field(role);
        quote_spanned! {at(ty)=>
            <#ty as #krate::column::SecretColumn>::secret(&self.#ident).unwrap_or_default()
        }
    };
    let (device_code, user_code) = (secret("device_code"), secret("user_code"));
    let client_id = &field("client_id").ident;
    let (user_id_type, user_id) = user_id(model);
    let (grant_id_type, grant_id) = grant_id(model);
    let scope = text_accessor(model, "scope");
    let issued_at = time_accessor(model, "issued_at");
    let expires_at = time_accessor(model, "expires_at");
    let last_polled_at = time_accessor(model, "last_polled_at");
    let interval = {
        let Field { ident, ty, .. } = field("interval");
        quote_spanned!(at(ty)=> <#ty as #krate::column::LifetimeColumn>::seconds(&self.#ident))
    };
    let marks = ["approved_at", "denied_at", "redeemed_at"].map(|role| {
        let (method, revoked_at) = (format_ident!("{role}"), revoked_at(model, role));
        quote! {
            fn #method(&self) -> Option<i64> {
                #revoked_at
            }
        }
    });
    quote! {
        impl #krate::OAuth2DeviceCode for #ident {
            type Storage = #storage;
            type UserId = #user_id_type;
            type GrantId = #grant_id_type;
            type Extra = #extra;

            fn stored_device_code(&self) -> &str {
                #device_code
            }

            fn stored_user_code(&self) -> &str {
                #user_code
            }

            fn client_id(&self) -> Cow<'_, str> {
                #krate::__private::client_id_text(&self.#client_id)
            }

            fn scope(&self) -> Cow<'_, str> {
                #scope.unwrap_or_default()
            }

            fn issued_at(&self) -> Option<i64> {
                #issued_at
            }

            fn expires_at(&self) -> i64 {
                #expires_at.unwrap_or(0)
            }

            fn interval(&self) -> i64 {
                #interval.unwrap_or(0)
            }

            fn last_polled_at(&self) -> Option<i64> {
                #last_polled_at
            }

            fn user_id(&self) -> Option<&Self::UserId> {
                #user_id
            }

            fn grant_id(&self) -> Option<&Self::GrantId> {
                #grant_id
            }

            #(#marks)*
        }
    }
}

fn table(model: &Model, target: &Target, key: &Field) -> TokenStream {
    let krate = model.krate();
    let ident = &model.ident;
    let imports = imports(&krate);
    let field = |role: &str| model.role(role).expect("was required");
    let by_device_code = lookup_by_secret(model, target, &[field("device_code")]);
    let by_user_code = lookup_by_secret(model, target, &[field("user_code")]);
    let insert = insert(model, target, |field, role| value(&krate, field, role));

    let key_ident = &key.ident;
    let this_row = is(&krate, key, quote!(&self.#key_ident));
    let (approved, denied, redeemed) = (
        field("approved_at"),
        field("denied_at"),
        field("redeemed_at"),
    );
    let undecided = [
        this_row.clone(),
        is_unmarked(&krate, approved),
        is_unmarked(&krate, denied),
    ];
    let user = field("user_id");
    let approve = update(
        model,
        &[set(&krate, user, quote!(user_id)), mark(&krate, approved)],
        &undecided,
    );
    let deny = update(model, &[mark(&krate, denied)], &undecided);
    let redeem = update(
        model,
        &[mark(&krate, redeemed)],
        &[this_row.clone(), is_unmarked(&krate, redeemed)],
    );
    let (polled, interval) = (field("last_polled_at"), field("interval"));
    let (polled_type, polled_name) = (&polled.ty, &polled.name);
    let (interval_type, interval_name) = (&interval.ty, &interval.name);
    let note_poll = update(
        model,
        &[
            set(
                &krate,
                polled,
                quote!(<#polled_type as #krate::column::TimeColumn>::from_unix(#polled_name, Some(now))?),
            ),
            set(
                &krate,
                interval,
                quote! {
                    <#interval_type as #krate::column::LifetimeColumn>::from_seconds(#interval_name, Some(interval))?
                },
            ),
        ],
        &[this_row],
    );
    let [approve, deny, redeem, note_poll] =
        [approve, deny, redeem, note_poll].map(|statement| target.execute(&statement));
    let (conn_type, function) = (&target.conn, target.function());
    let (trait_name, this) = (target.table("DeviceCodeTable"), quote!(Self));
    let refused_scope = refuse_lost(model, "scope", quote!(Some(value) if !value.is_empty()));
    let (each, loaded) = (target.each(&this), target.loaded(&this));
    quote! {
        impl #trait_name<#conn_type> for #ident {
            #function load_by_device_code(
                conn: &mut #conn_type,
                secret: &#krate::secret::Candidates<'_>,
                #each
            ) -> Result<#loaded, #krate::Error> {
                #imports
                #by_device_code
            }

            #function load_by_user_code(
                conn: &mut #conn_type,
                secret: &#krate::secret::Candidates<'_>,
                #each
            ) -> Result<#loaded, #krate::Error> {
                #imports
                #by_user_code
            }

            #function insert(
                conn: &mut #conn_type,
                row: &#krate::table::NewDeviceCode<'_, Self>,
            ) -> Result<(), #krate::Error> {
                #imports
                #refused_scope
                #insert
            }

            #function note_poll(
                &self,
                conn: &mut #conn_type,
                now: i64,
                interval: i64,
            ) -> Result<(), #krate::Error> {
                #imports
                #note_poll;
                Ok(())
            }

            #function approve(
                &self,
                conn: &mut #conn_type,
                user_id: &Self::UserId,
                now: i64,
            ) -> Result<bool, #krate::Error> {
                #imports
                Ok(#approve > 0)
            }

            #function deny(&self, conn: &mut #conn_type, now: i64) -> Result<bool, #krate::Error> {
                #imports
                Ok(#deny > 0)
            }

            #function mark_redeemed(&self, conn: &mut #conn_type, now: i64) -> Result<bool, #krate::Error> {
                #imports
                Ok(#redeem > 0)
            }
        }
    }
}

fn value(krate: &TokenStream, field: &Field, role: &str) -> Value {
    let (ty, name) = (&field.ty, &field.name);
    let time = |seconds: TokenStream| {
        Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::TimeColumn>::from_unix(#name, #seconds)?
        })
    };
    match role {
        "device_code" => Value::Text(quote!(Some(row.device_code))),
        "user_code" => Value::Text(quote!(Some(row.user_code))),
        "client_id" => client_id_value(krate, field),
        "scope" => Value::Text(quote!(row.scope)),
        "issued_at" => time(quote!(Some(row.issued_at))),
        "expires_at" => time(quote!(Some(row.expires_at))),
        "last_polled_at" => time(quote!(None)),
        "interval" => Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::LifetimeColumn>::from_seconds(#name, Some(row.interval))?
        }),
        "user_id" => user_id_value(krate, field, quote!(None)),
        "grant_id" => Value::Other(quote_spanned!(at(ty)=> row.grant_id)),
        _ => Value::Other(quote_spanned! {at(ty)=>
            <#ty as #krate::column::RevocationColumn>::mark(#name, None)?
        }),
    }
}
