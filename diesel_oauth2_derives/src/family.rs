//! The statements of `#[derive(OAuth2Token)]` that revoke tokens and rotate them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::connection::Target;
use crate::model::{Field, Model};
use crate::statement::{
    imports, is, is_unmarked, mark, mark_if_unset, new_row, parsed_client_id, set, update,
};
use crate::token::value;

/// The statements that revoke, where there are columns for it and a key to find the row by.
pub(crate) fn revocable(model: &Model, target: &Target) -> Option<TokenStream> {
    let krate = model.krate();
    let ident = &model.ident;
    let key = model.key()?;
    let access = model.role("access_token_revoked_at")?;
    let imports = imports(&krate);
    let key_ident = &key.ident;
    let this_row = is(&krate, key, quote!(&self.#key_ident));
    let revoke_access = update(
        model,
        &[mark(&krate, access)],
        &[this_row.clone(), is_unmarked(&krate, access)],
    );
    let revoke_refresh = match model.role("refresh_token_revoked_at") {
        None => revoke_access.clone(),
        Some(refresh) => revoke_both(model, this_row, access, refresh),
    };
    let with_grant = with_grant(model, target);
    let (revoke_access, revoke_refresh) = (
        target.execute(&revoke_access),
        target.execute(&revoke_refresh),
    );
    let (conn_type, function) = (&target.conn, target.function());
    let trait_name = target.table("RevocableTokenTable");
    Some(quote! {
        impl #trait_name<#conn_type> for #ident {
            #function revoke_access_token(
                &self,
                conn: &mut #conn_type,
                now: i64,
            ) -> Result<bool, #krate::Error> {
                #imports
                Ok(#revoke_access > 0)
            }

            #function revoke_refresh_token(
                &self,
                conn: &mut #conn_type,
                now: i64,
            ) -> Result<bool, #krate::Error> {
                #imports
                Ok(#revoke_refresh > 0)
            }

            #with_grant
        }
    })
}

/// Marks both tokens of rows revoked, each unless it is already; none where the refresh token is.
fn revoke_both(model: &Model, filter: TokenStream, access: &Field, refresh: &Field) -> TokenStream {
    let krate = model.krate();
    update(
        model,
        &[mark(&krate, refresh), mark_if_unset(&krate, access)],
        &[filter, is_unmarked(&krate, refresh)],
    )
}

/// The statements that revoke a row's grant and all that came of it.
fn with_grant(model: &Model, target: &Target) -> Option<TokenStream> {
    let krate = model.krate();
    let grant_model = model.grant.as_ref()?;
    let grant = model.role("grant_id")?;
    let (access, refresh) = (
        model.role("access_token_revoked_at")?,
        model.role("refresh_token_revoked_at")?,
    );
    let imports = imports(&krate);
    let by_grant = revoke_both(model, is(&krate, grant, quote!(grant_id)), access, refresh);
    let by_grant = target.execute(&by_grant);
    let (conn_type, function, awaited) = (&target.conn, target.function(), target.awaited());
    let grant_table = target.table("GrantTable");
    Some(quote! {
        #function revoke_grant(&self, conn: &mut #conn_type, now: i64) -> Result<bool, #krate::Error> {
            match #krate::OAuth2Token::grant_id(self) {
                Some(grant_id) => {
                    <#grant_model as #grant_table<#conn_type>>::revoke(conn, grant_id, now) #awaited
                }
                None => Ok(false),
            }
        }

        #function revoke_family(&self, conn: &mut #conn_type, now: i64) -> Result<usize, #krate::Error> {
            #imports
            match #krate::OAuth2Token::grant_id(self) {
                Some(grant_id) => Ok(#by_grant),
                None => self.revoke_refresh_token(conn, now) #awaited .map(usize::from),
            }
        }
    })
}

/// The statements on families, where there are columns for them.
pub(crate) fn family(model: &Model, target: &Target) -> Option<TokenStream> {
    let krate = model.krate();
    let (ident, table) = (&model.ident, &model.table);
    let key = model.key()?;
    let grant_model = model.grant.as_ref()?;
    let access = model.role("access_token_revoked_at")?;
    let refresh = model.role("refresh_token_revoked_at")?;
    let rotated = model.role("refresh_token_rotated_at")?;
    let grant = model.role("grant_id")?;
    model.role("refresh_token")?;
    let imports = imports(&krate);
    let revoke_by = |field: &Field, value: TokenStream| {
        revoke_both(model, is(&krate, field, value), access, refresh)
    };
    let (grant_column, grant_type) = (&grant.column, &grant.ty);
    let key_ident = &key.ident;
    let mark_rotated = update(
        model,
        &[mark(&krate, refresh), mark_if_unset(&krate, rotated)],
        &[
            is(&krate, key, quote!(&self.#key_ident)),
            is_unmarked(&krate, refresh),
        ],
    );
    let rotate = rotate(model, target, &mark_rotated);
    let join_grant = update(
        model,
        &[set(&krate, grant, quote!(grant_id))],
        &[
            is(&krate, key, quote!(&self.#key_ident)),
            quote!(#krate::statement::IsNull::new(#grant_column)),
            is_unmarked(&krate, refresh),
        ],
    );
    let by_grant = target.execute(&revoke_by(grant, quote!(grant_id)));
    let by_user = match model.role("user_id") {
        Some(user) => {
            let by_user = revoke_by(user, quote!(user_id));
            let by_user = target.execute(&by_user);
            quote!(Ok(#by_user))
        }
        None => quote!(match *user_id {}),
    };
    let client = model.role("client_id")?;
    let parsed_client_id = parsed_client_id(&krate, client);
    let by_client = target.execute(&revoke_by(client, quote!(&client_id)));
    let (mark_rotated, join_grant) = (target.execute(&mark_rotated), target.execute(&join_grant));
    let (conn_type, function) = (&target.conn, target.function());
    let (trait_name, id) = (target.table("FamilyTokenTable"), quote!(Self::GrantId));
    let (each, loaded) = (target.each_of_all(&id), target.loaded(&id));
    let in_use = target.load_all(
        &quote!(#table::table.filter(#grant_column.eq_any(grant_ids)).select(#grant_column)),
        &quote!(#grant_type),
        &quote!(<#grant_type as #krate::column::GrantIdColumn>::id(&row).cloned()),
    );
    Some(quote! {
        impl #trait_name<#conn_type> for #ident {
            type Grant = #grant_model;

            #function mark_rotated(&self, conn: &mut #conn_type, now: i64) -> Result<bool, #krate::Error> {
                #imports
                Ok(#mark_rotated > 0)
            }

            #rotate

            #function join_grant(
                &self,
                conn: &mut #conn_type,
                grant_id: &Self::GrantId,
            ) -> Result<bool, #krate::Error> {
                #imports
                Ok(#join_grant > 0)
            }

            #function load_grants_in_use(
                conn: &mut #conn_type,
                grant_ids: &[Self::GrantId],
                #each
            ) -> Result<#loaded, #krate::Error> {
                #imports
                #in_use
            }

            #function revoke_by_grant(
                conn: &mut #conn_type,
                grant_id: &Self::GrantId,
                now: i64,
            ) -> Result<usize, #krate::Error> {
                #imports
                Ok(#by_grant)
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
    })
}

/// The rotation as one statement, which only PostgreSQL has.
fn rotate(model: &Model, target: &Target, mark_rotated: &TokenStream) -> Option<TokenStream> {
    if !target.is_postgres() {
        return None;
    }
    let krate = model.krate();
    let grant_model = model.grant.as_ref()?;
    let imports = imports(&krate);
    let row = new_row(model, |field, role| value(&krate, field, role));
    let (checks, (names, values)) = (&row.checks, row.lists(&krate));
    let (conn_type, function) = (&target.conn, target.function());
    let rotated = target.execute(&quote!(rotate));
    Some(quote! {
        #function rotate(
            &self,
            conn: &mut #conn_type,
            row: &#krate::table::NewToken<'_, Self>,
            now: i64,
        ) -> Result<Option<bool>, #krate::Error> {
            #imports
            #[allow(unused_imports)]
            use #krate::statement::{Lends as _, LendsNot as _};

            #checks
            let Some(grant_id) = row.grant_id else {
                return Ok(None);
            };
            let probe = #krate::__private::Probe::<#grant_model>::new();
            let Some(touch) = (&probe).touch_statement(grant_id, now)? else {
                return Ok(None);
            };
            let rotate = #krate::statement::Rotate::new(touch, #mark_rotated, #names, #values);
            Ok(Some(#rotated > 0))
        }
    })
}
