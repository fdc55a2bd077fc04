//! The statements that the derives share.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use crate::connection::Target;
use crate::model::{Field, Fill, Model, at};

/// Runs a lookup and gives each row. No LIMIT: SQLite plans a statement anew whenever a bound LIMIT is set, and a secret
/// is unique anyway.
pub(crate) fn lookup(model: &Model, target: &Target, filter: TokenStream) -> TokenStream {
    let (table, backend) = (&model.table, target.backend());
    let query = quote! {
        #table::table.filter(#filter).select(<Self as SelectableHelper<#backend>>::as_select())
    };
    target.load(&query, &quote!(Self), &quote!(Some(row)))
}

/// A lookup of each secret column by the one or two candidates of a presented secret.
pub(crate) fn lookup_by_secret(model: &Model, target: &Target, columns: &[&Field]) -> TokenStream {
    let columns: Vec<_> = columns.iter().map(|field| &field.column).collect();
    let (first, rest) = (columns[0], &columns[1..]);
    let one = lookup(
        model,
        target,
        quote!(#first.eq(first) #(.or(#rest.eq(first)))*),
    );
    let two = lookup(
        model,
        target,
        quote!(#first.eq(first).or(#first.eq(second)) #(.or(#rest.eq(first)).or(#rest.eq(second)))*),
    );
    quote! {
        match secret.as_strs() {
            (first, None) => #one,
            (first, Some(second)) => #two,
        }
    }
}

/// What a role's column is filled with.
pub(crate) enum Value {
    /// A text: `Option<&str>`.
    Text(TokenStream),
    /// Anything else: an expression that fits the column. Texts among it are not checked for length.
    Other(TokenStream),
}

/// The INSERT of one row. `values` gives what fills a role.
pub(crate) fn insert(
    model: &Model,
    target: &Target,
    values: impl Fn(&Field, &str) -> Value,
) -> TokenStream {
    let krate = model.krate();
    let table = &model.table;
    let row = new_row(model, values);
    let (checks, (names, values)) = (&row.checks, row.lists(&krate));
    let insert = target.execute(&quote! {
        #krate::statement::Insert::new(#table::table, #names, #values)
    });
    quote! {
        #checks
        #insert;
        Ok(())
    }
}

/// What an INSERT is made of.
pub(crate) struct NewRow {
    /// Refuses what does not fit.
    pub(crate) checks: TokenStream,
    pub(crate) columns: Vec<TokenStream>,
    pub(crate) values: Vec<TokenStream>,
}

/// The columns and values of a new row. `values` gives what fills a role.
pub(crate) fn new_row(model: &Model, values: impl Fn(&Field, &str) -> Value) -> NewRow {
    let krate = model.krate();
    let mut row = NewRow {
        checks: TokenStream::new(),
        columns: Vec::new(),
        values: Vec::new(),
    };
    for field in &model.fields {
        let Field {
            column, ident, ty, ..
        } = field;
        let value = match &field.fill {
            Fill::Database => continue,
            Fill::Given => quote_spanned!(at(ident)=> row.id),
            Fill::Extra => quote_spanned!(at(ident)=> &row.extra.#ident),
            Fill::Default(function) => quote_spanned!(at(function)=> #function()),
            Fill::Role(role) => match values(field, role) {
                Value::Text(text) => {
                    row.checks.extend(check_length(&krate, field, text.clone()));
                    quote_spanned!(at(ty)=> <#ty as #krate::column::TextColumn>::bind(#text))
                }
                Value::Other(value) => value,
            },
        };
        row.columns.push(quote_spanned!(at(ty)=> #column));
        row.values.push(value);
    }
    row
}

impl NewRow {
    /// The names and values as lists that SQL by hand is made of.
    pub(crate) fn lists(&self, krate: &TokenStream) -> (TokenStream, TokenStream) {
        let comma = quote!(#krate::statement::Comma);
        let names: Vec<_> = self
            .columns
            .iter()
            .map(|column| quote!(#krate::statement::Named::new(#column)))
            .collect();
        let values: Vec<_> = self
            .columns
            .iter()
            .zip(&self.values)
            .map(|(column, value)| quote!(#krate::__private::bind_for(#column, #value)))
            .collect();
        (list(&comma, &names), list(&comma, &values))
    }
}

/// Refuses a text (`Option<&str>`) that does not fit the field's column.
pub(crate) fn check_length(krate: &TokenStream, field: &Field, text: TokenStream) -> TokenStream {
    let (name, column) = (&field.name, &field.column);
    quote! {
        #krate::__private::check_length(
            #name,
            #text,
            (&#krate::__private::Probe::<#column>::new()).max_length(),
        )?;
    }
}

/// Refuses a row with a value (a pattern of `row`'s member) that the model has no column for, and would lose.
pub(crate) fn refuse_lost(model: &Model, role: &str, lost: TokenStream) -> Option<TokenStream> {
    if model.role(role).is_some() {
        return None;
    }
    let (krate, member) = (model.krate(), format_ident!("{role}"));
    let reason = format!(
        "the model has no column for it, and would lose it: add a field, or name one: \
         #[oauth2({role} = your_field)]"
    );
    Some(quote! {
        match row.#member {
            #lost => {
                return Err(#krate::Error::InvalidValue { column: #role, reason: #reason });
            }
            _ => {}
        }
    })
}

/// `column = value`, behind SET.
pub(crate) fn set(krate: &TokenStream, field: &Field, value: TokenStream) -> TokenStream {
    let column = &field.column;
    quote!(#krate::statement::Set::new(#column, #value))
}

/// Sets a mark where there is none, behind SET. `now` is in scope.
pub(crate) fn mark_if_unset(krate: &TokenStream, field: &Field) -> TokenStream {
    let (column, (mark, unset)) = (&field.column, marks(krate, field));
    quote!(#krate::statement::SetIfUnset::new(#column, #mark, #unset))
}

/// Sets a mark, behind SET. `now` is in scope.
pub(crate) fn mark(krate: &TokenStream, field: &Field) -> TokenStream {
    set(krate, field, marks(krate, field).0)
}

/// `column = value`, behind WHERE.
pub(crate) fn is(krate: &TokenStream, field: &Field, value: TokenStream) -> TokenStream {
    let column = &field.column;
    quote!(#krate::statement::Is::new(#column, #value))
}

/// That a column has no mark, behind WHERE.
pub(crate) fn is_unmarked(krate: &TokenStream, field: &Field) -> TokenStream {
    let (column, (_, unset)) = (&field.column, marks(krate, field));
    quote!(#krate::statement::IsUnset::new(#column, #unset))
}

/// The cached UPDATE of `table`, not executed yet.
pub(crate) fn update(model: &Model, sets: &[TokenStream], filters: &[TokenStream]) -> TokenStream {
    let (krate, table) = (model.krate(), &model.table);
    let sets = list(&quote!(#krate::statement::Comma), sets);
    let filters = list(&quote!(#krate::statement::And), filters);
    quote!(#krate::statement::Update::new(#table::table, #sets, #filters))
}

/// `a`, `Between(a, b)`, `Between(a, Between(b, c))`, …
pub(crate) fn list(between: &TokenStream, parts: &[TokenStream]) -> TokenStream {
    match parts {
        [] => TokenStream::new(),
        [last] => last.clone(),
        [first, rest @ ..] => {
            let rest = list(between, rest);
            quote!(#between(#first, #rest))
        }
    }
}

/// A revocation column's value for now, and the one for "not".
pub(crate) fn marks(krate: &TokenStream, field: &Field) -> (TokenStream, TokenStream) {
    let (ty, name) = (&field.ty, &field.name);
    (
        quote!(<#ty as #krate::column::RevocationColumn>::mark(#name, Some(now))?),
        quote!(<#ty as #krate::column::RevocationColumn>::unset()),
    )
}

/// The rows of a client, given its id as text; nothing where the text is no id of the column's form.
pub(crate) fn parsed_client_id(krate: &TokenStream, field: &Field) -> TokenStream {
    let ty = &field.ty;
    quote! {
        let Some(client_id) =
            <<#ty as #krate::column::ClientIdColumn>::Id as #krate::column::Identifier>::parse(client_id)
        else {
            return Ok(0);
        };
    }
}

/// The `client_id` column's value in an INSERT.
pub(crate) fn client_id_value(krate: &TokenStream, field: &Field) -> Value {
    let (ty, name) = (&field.ty, &field.name);
    Value::Other(quote_spanned! {at(ty)=>
        <<#ty as #krate::column::ClientIdColumn>::Id as #krate::column::Identifier>::parse(row.client_id)
            .ok_or(#krate::Error::InvalidValue {
                column: #name,
                reason: "the client's id is not of the column's form",
            })?
    })
}

/// The `user_id` column's value in an INSERT.
pub(crate) fn user_id_value(krate: &TokenStream, field: &Field, user_id: TokenStream) -> Value {
    let (ty, name) = (&field.ty, &field.name);
    Value::Other(quote_spanned! {at(ty)=>
        <#ty as #krate::column::UserIdColumn>::bind(#name, #user_id)?
    })
}

/// What the bodies of statements need in scope.
pub(crate) fn imports(krate: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unused_imports)]
        use #krate::__private::{Limited as _, Unlimited as _};
        #[allow(unused_imports)]
        use #krate::__private::diesel::prelude::*;
    }
}

/// An accessor of a text role: `Option<Cow<str>>`.
pub(crate) fn text_accessor(model: &Model, role: &str) -> TokenStream {
    match model.role(role) {
        Some(Field { ident, ty, .. }) => {
            let krate = model.krate();
            quote_spanned!(at(ty)=> <#ty as #krate::column::TextColumn>::text(&self.#ident))
        }
        None => quote!(None),
    }
}

/// An accessor of a time role: `Option<i64>`.
pub(crate) fn time_accessor(model: &Model, role: &str) -> TokenStream {
    match model.role(role) {
        Some(Field { ident, ty, .. }) => {
            let krate = model.krate();
            quote_spanned!(at(ty)=> <#ty as #krate::column::TimeColumn>::to_unix(&self.#ident))
        }
        None => quote!(None),
    }
}

/// The statements that walk a table by age and delete rows, where there are a time and a key for it.
pub(crate) fn aged(model: &Model, target: &Target, time_role: &str) -> Option<TokenStream> {
    let krate = model.krate();
    let ident = &model.ident;
    let (key, time) = (model.key()?, model.role(time_role)?);
    let imports = imports(&krate);
    let table = &model.table;
    let (key_ident, key_type, key_column) = (&key.ident, &key.ty, &key.column);
    let (time_ident, time_type, time_column, time_name) =
        (&time.ident, &time.ty, &time.column, &time.name);
    let (conn_type, backend, function) = (&target.conn, target.backend(), target.function());
    let (trait_name, this) = (target.table("AgedTable"), quote!(Self));
    let (each, loaded) = (target.each_of_all(&this), target.loaded(&this));
    let load = |filter: TokenStream| {
        let query = quote! {
            #table::table
                #filter
                .filter(#time_column.lt(before))
                .order((#time_column.asc(), #key_column.asc()))
                .limit(limit)
                .select(<Self as SelectableHelper<#backend>>::as_select())
        };
        target.load_all(&query, &this, &quote!(Some(row)))
    };
    let first = load(quote!());
    // The first condition is for the index, which the second alone would not use.
    let next = load(quote! {
        .filter(#time_column.ge(time))
        .filter(#time_column.gt(time).or(#key_column.gt(key)))
    });
    let delete = target.execute(&quote! {
        #krate::__private::diesel::delete(
            #table::table.filter(#key_column.eq_any(keys)).filter(#time_column.lt(before))
        )
    });
    let before = quote! {
        let before = <#time_type as #krate::column::TimeColumn>::from_unix(#time_name, Some(before))?;
    };
    Some(quote! {
        impl #trait_name<#conn_type> for #ident {
            type Key = #key_type;
            type Cursor = (#time_type, #key_type);

            fn key(&self) -> Self::Key {
                self.#key_ident.clone()
            }

            fn cursor(&self) -> Self::Cursor {
                (self.#time_ident.clone(), self.#key_ident.clone())
            }

            #function load_aged(
                conn: &mut #conn_type,
                after: Option<&Self::Cursor>,
                before: i64,
                limit: i64,
                #each
            ) -> Result<#loaded, #krate::Error> {
                #imports
                #before
                match after {
                    None => #first,
                    Some((time, key)) => #next,
                }
            }

            #function delete(
                conn: &mut #conn_type,
                keys: &[Self::Key],
                before: i64,
            ) -> Result<usize, #krate::Error> {
                #imports
                #before
                Ok(#delete)
            }
        }
    })
}
