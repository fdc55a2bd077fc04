//! A model as the derives see it: its table, its fields, and which field has which role.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Ident, Path, Result, Token, Type};

/// What a derive knows of its trait.
pub(crate) struct Trait {
    /// The trait's and the derive's name.
    pub(crate) name: &'static str,
    /// Every role that a field can have.
    pub(crate) roles: &'static [&'static str],
    /// Whether rows are inserted, so that every field must say how it is filled.
    pub(crate) inserts: bool,
    /// Whether `diesel_oauth2` makes the primary keys.
    pub(crate) makes_keys: bool,
    /// Whether the struct names the model of its grants.
    pub(crate) names_grants: bool,
}

/// The struct that a derive is on.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) table: Path,
    pub(crate) fields: Vec<Field>,
    pub(crate) primary_key: Vec<Ident>,
    pub(crate) storage: Option<Path>,
    pub(crate) extra: Option<Type>,
    /// `#[oauth2(grant = ...)]`
    pub(crate) grant: Option<Path>,
    /// `#[oauth2(connection = ...)]`
    pub(crate) connections: Vec<Path>,
    /// `#[diesel(check_for_backend(...))]`
    pub(crate) backends: Vec<Path>,
    krate: Option<Path>,
}

/// One field of it.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// `table::column`
    pub(crate) column: TokenStream,
    /// The column's name as a string.
    pub(crate) name: String,
    pub(crate) fill: Fill,
}

/// How a field is filled when a row is saved.
pub(crate) enum Fill {
    /// By its role.
    Role(&'static str),
    /// From the model's `extra` type.
    Extra,
    /// By calling a function.
    Default(Expr),
    /// By the database.
    Database,
    /// From the row to insert: the primary key of what this crate makes the keys of.
    Given,
}

impl Model {
    pub(crate) fn parse(input: &DeriveInput, of: &Trait) -> Result<Self> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new(
                input.ident.span(),
                format!("{} is for structs with named fields", of.name),
            ));
        };
        let Fields::Named(named) = &data.fields else {
            return Err(Error::new(
                input.ident.span(),
                format!("{} is for structs with named fields", of.name),
            ));
        };
        if !input.generics.params.is_empty() {
            return Err(Error::new(
                input.generics.span(),
                format!("{} is for structs without generic parameters", of.name),
            ));
        }

        let diesel = DieselAttributes::parse(&input.attrs)?;
        let oauth2 = StructAttributes::parse(&input.attrs, of)?;
        let Some(table) = diesel.table_name else {
            return Err(Error::new(
                input.ident.span(),
                format!(
                    "{} needs to know the table: add #[diesel(table_name = ...)]",
                    of.name
                ),
            ));
        };
        let primary_key = match diesel.primary_key {
            Some(key) => key,
            None => named
                .named
                .iter()
                .filter_map(|field| field.ident.clone())
                .filter(|ident| ident == "id")
                .collect(),
        };

        for (role, field) in &oauth2.roles {
            if !named
                .named
                .iter()
                .any(|it| it.ident.as_ref() == Some(field))
            {
                return Err(Error::new(
                    field.span(),
                    format!(
                        "`{}` has no field `{field}`, which #[oauth2({role} = {field})] names",
                        input.ident
                    ),
                ));
            }
        }

        let fields = named
            .named
            .iter()
            .map(|field| Field::parse(field, &table, &primary_key, &oauth2, of))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            ident: input.ident.clone(),
            table,
            fields,
            primary_key,
            storage: oauth2.storage,
            extra: oauth2.extra,
            grant: oauth2.grant,
            connections: oauth2.connections,
            backends: diesel.backends,
            krate: oauth2.krate,
        })
    }

    /// The field with this role.
    pub(crate) fn role(&self, role: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| matches!(field.fill, Fill::Role(it) if it == role))
    }

    /// The field with this role, which the trait cannot do without.
    pub(crate) fn required(&self, of: &Trait, role: &str) -> Result<&Field> {
        self.role(role).ok_or_else(|| {
            Error::new(
                self.ident.span(),
                format!(
                    "`{}` has no field `{role}`, which {} needs; add it, or name the field that holds it: \
                     #[oauth2({role} = your_field)]",
                    self.ident, of.name
                ),
            )
        })
    }

    /// The field that identifies a row.
    pub(crate) fn key(&self) -> Option<&Field> {
        let [key] = self.primary_key.as_slice() else {
            return None;
        };
        self.fields.iter().find(|field| field.ident == *key)
    }

    /// `diesel_oauth2`, under whatever name it goes by.
    pub(crate) fn krate(&self) -> TokenStream {
        match &self.krate {
            Some(path) => path.to_token_stream(),
            None => quote!(::diesel_oauth2),
        }
    }

    /// The type of what fills the `extra` fields.
    pub(crate) fn extra_type(&self) -> TokenStream {
        match &self.extra {
            Some(ty) => ty.to_token_stream(),
            None => quote!(()),
        }
    }

    /// How secrets are stored.
    pub(crate) fn storage_type(&self) -> TokenStream {
        let krate = self.krate();
        match &self.storage {
            // The names of this crate's own need no import.
            Some(path) => match path.get_ident().map(ToString::to_string).as_deref() {
                Some("Sha256" | "Plain" | "Sha256OrPlain" | "Sha256RewritingPlain") => {
                    quote!(#krate::secret::#path)
                }
                _ => path.to_token_stream(),
            },
            None => quote!(#krate::secret::Sha256),
        }
    }
}

impl Field {
    fn parse(
        field: &syn::Field,
        table: &Path,
        primary_key: &[Ident],
        model: &StructAttributes,
        of: &Trait,
    ) -> Result<Self> {
        let ident = field.ident.clone().expect("a named field has a name");
        let column = diesel_column(&field.attrs)?.unwrap_or_else(|| ident.clone());
        let own = FieldAttributes::parse(&field.attrs)?;
        let role = of.roles.iter().copied().find(|role| {
            match model.roles.iter().find(|(mapped, _)| mapped == role) {
                Some((_, mapped)) => *mapped == ident,
                None => ident.unraw() == *role && !own.is_given(),
            }
        });
        let fill = match (role, own.fill) {
            (Some(role), Some(_)) => {
                return Err(Error::new(
                    ident.span(),
                    format!(
                        "field `{ident}` has the role `{role}`, so its role fills it; remove its #[oauth2(...)]"
                    ),
                ));
            }
            (Some(role), None) => Fill::Role(role),
            (None, Some(Fill::Extra)) if model.extra.is_none() => {
                return Err(Error::new(
                    ident.span(),
                    format!(
                        "field `{ident}` is filled from the model's extra type, and there is none; \
                         add #[oauth2(extra = YourType)] to the struct, with a field `{ident}` in YourType"
                    ),
                ));
            }
            (None, Some(fill)) => fill,
            (None, None) if of.makes_keys && primary_key.contains(&ident) => Fill::Given,
            (None, None) if !of.inserts || primary_key.contains(&ident) => Fill::Database,
            (None, None) => {
                return Err(Error::new(
                    ident.span(),
                    format!(
                        "field `{ident}` has no role in {}; say how it is filled when a row is saved: #[oauth2(extra)] \
                         from the model's extra type, #[oauth2(default = path::to::function)] by a function, or \
                         #[oauth2(database_default)] by the database",
                        of.name
                    ),
                ));
            }
        };
        Ok(Self {
            column: quote!(#table::#column),
            name: column.unraw().to_string(),
            ty: field.ty.clone(),
            ident,
            fill,
        })
    }
}

/// What is read of `#[diesel(...)]` on the struct.
#[derive(Default)]
struct DieselAttributes {
    table_name: Option<Path>,
    primary_key: Option<Vec<Ident>>,
    backends: Vec<Path>,
}

impl DieselAttributes {
    fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|it| it.path().is_ident("diesel")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("table_name") {
                    found.table_name = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("primary_key") {
                    let content;
                    syn::parenthesized!(content in meta.input);
                    let key = Punctuated::<Ident, Token![,]>::parse_terminated(&content)?;
                    found.primary_key = Some(key.into_iter().collect());
                } else if meta.path.is_ident("check_for_backend") {
                    let content;
                    syn::parenthesized!(content in meta.input);
                    let backends = Punctuated::<Path, Token![,]>::parse_terminated(&content)?;
                    found.backends.extend(backends);
                } else {
                    skip_value(meta.input)?;
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// `#[diesel(column_name = ...)]` on a field.
fn diesel_column(attributes: &[Attribute]) -> Result<Option<Ident>> {
    let mut column = None;
    for attribute in attributes.iter().filter(|it| it.path().is_ident("diesel")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("column_name") {
                let Name(ident) = meta.value()?.parse()?;
                column = Some(ident);
            } else {
                skip_value(meta.input)?;
            }
            Ok(())
        })?;
    }
    Ok(column)
}

/// Steps over an attribute's value that is of no concern here.
fn skip_value(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// `#[oauth2(...)]` on the struct.
struct StructAttributes {
    roles: Vec<(&'static str, Ident)>,
    storage: Option<Path>,
    extra: Option<Type>,
    grant: Option<Path>,
    connections: Vec<Path>,
    krate: Option<Path>,
}

impl StructAttributes {
    fn parse(attributes: &[Attribute], of: &Trait) -> Result<Self> {
        let mut found = Self {
            roles: Vec::new(),
            storage: None,
            extra: None,
            grant: None,
            connections: Vec::new(),
            krate: None,
        };
        for attribute in attributes.iter().filter(|it| it.path().is_ident("oauth2")) {
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.require_ident()?.to_string();
                match key.as_str() {
                    "storage" => found.storage = Some(meta.value()?.parse()?),
                    "extra" => found.extra = Some(meta.value()?.parse()?),
                    "grant" if of.names_grants => found.grant = Some(meta.value()?.parse()?),
                    "connection" => found.connections.push(meta.value()?.parse()?),
                    "crate" => found.krate = Some(meta.value()?.parse()?),
                    key => {
                        let Some(role) = of.roles.iter().copied().find(|role| *role == key) else {
                            return Err(meta.error(format!(
                                "`{key}` is neither a role of {} ({}) nor an option (storage, extra, {}connection, crate)",
                                of.name,
                                of.roles.join(", "),
                                if of.names_grants { "grant, " } else { "" },
                            )));
                        };
                        if found.roles.iter().any(|(known, _)| *known == role) {
                            return Err(meta.error(format!("the role `{role}` is given twice")));
                        }
                        let Name(field) = meta.value()?.parse()?;
                        found.roles.push((role, field));
                    }
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// `#[oauth2(...)]` on a field.
#[derive(Default)]
struct FieldAttributes {
    fill: Option<Fill>,
}

impl FieldAttributes {
    fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|it| it.path().is_ident("oauth2")) {
            attribute.parse_nested_meta(|meta| {
                let fill = if meta.path.is_ident("extra") {
                    Fill::Extra
                } else if meta.path.is_ident("database_default") {
                    Fill::Database
                } else if meta.path.is_ident("default") {
                    Fill::Default(meta.value()?.parse()?)
                } else {
                    return Err(meta.error(
                        "a field takes #[oauth2(extra)], #[oauth2(default = path::to::function)] or \
                         #[oauth2(database_default)]; a role is given on the struct: #[oauth2(role = field)]",
                    ));
                };
                found.fill = Some(fill);
                Ok(())
            })?;
        }
        Ok(found)
    }

    fn is_given(&self) -> bool {
        self.fill.is_some()
    }
}

/// A field's or column's name, as an identifier or in quotes.
struct Name(Ident);

impl Parse for Name {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(syn::LitStr) {
            let text: syn::LitStr = input.parse()?;
            let ident = syn::parse_str::<Ident>(&text.value())
                .map_err(|_| Error::new(text.span(), "not the name of a field"))?;
            return Ok(Self(Ident::new(&ident.to_string(), text.span())));
        }
        Ok(Self(input.call(Ident::parse_any)?))
    }
}

/// The place of a user's token for errors to point at, with names resolved as in the derive's own code: a struct that a
/// macro makes would hide `self` from it otherwise.
pub(crate) fn at(tokens: &impl ToTokens) -> proc_macro2::Span {
    tokens.span().resolved_at(proc_macro2::Span::call_site())
}
