//! `#[plugin(schema = "schema.json")]`: the component has its schema as text.

use std::{
    env,
    path::{Component, Path},
};

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, LitStr, Result, Type, meta, parse::Parser};

const ONE_ARGUMENT: &str = "there is one argument, which may be left out: \
                            `schema = \"schema.json\"`, a file in the folder of Cargo.toml or below";

/// The file, by its path from the folder of Cargo.toml.
pub(crate) struct SchemaFile(LitStr);

impl SchemaFile {
    /// What the attribute's arguments name.
    pub(crate) fn of(arguments: TokenStream) -> Result<Option<Self>> {
        let mut file = None;
        let parser = meta::parser(|argument| {
            if !argument.path.is_ident("schema") || file.is_some() {
                return Err(argument.error(ONE_ARGUMENT));
            }
            file = Some(argument.value()?.parse()?);
            Ok(())
        });
        parser.parse2(arguments).map_err(|error| Error::new(error.span(), ONE_ARGUMENT))?;
        file.map(Self::inside).transpose()
    }

    fn inside(file: LitStr) -> Result<Self> {
        let path = file.value();
        let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.is_empty() || !Path::new(&path).components().all(is_inside) {
            return Err(Error::new_spanned(file, ONE_ARGUMENT));
        }
        Ok(Self(file))
    }

    /// `Instance::schema`.
    pub(crate) fn method(&self) -> TokenStream {
        let Self(file) = self;
        if !self.is_there() {
            // The compiler would say no more than that it could not be read.
            let text =
                format!("`{}` is not there yet: `BLESS=1 cargo test` writes it", file.value());
            return quote_spanned!(file.span()=> ::core::compile_error!(#text););
        }
        quote! {
            fn schema() -> ::std::string::String {
                let text = ::core::include_str!(
                    ::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #file)
                );
                ::std::borrow::ToOwned::to_owned(text)
            }
        }
    }

    /// A test that nobody has to think of: the file says what the settings say.
    pub(crate) fn test(&self, plugin: &Type) -> TokenStream {
        let Self(file) = self;
        quote! {
            #[cfg(test)]
            #[test]
            fn the_schema_is_that_of_the_settings() {
                let folder = ::core::env!("CARGO_MANIFEST_DIR");
                ::torana_plugin_sdk::export::check_schema::<#plugin>(folder, #file);
            }
        }
    }

    fn is_there(&self) -> bool {
        env::var_os("CARGO_MANIFEST_DIR")
            .is_none_or(|folder| Path::new(&folder).join(self.0.value()).is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(arguments: TokenStream) -> String {
        SchemaFile::of(arguments).unwrap().unwrap().method().to_string()
    }

    #[test]
    fn the_argument_may_be_left_out() {
        assert!(SchemaFile::of(quote!()).unwrap().is_none());
    }

    #[test]
    fn a_file_is_included_and_tested() {
        // It is any file of this crate.
        let file = SchemaFile::of(quote!(schema = "src/lib.rs",)).unwrap().unwrap();
        assert!(file.method().to_string().contains("include_str"));
        let plugin: Type = syn::parse_quote!(inner::Plugin);
        let test = file.test(&plugin).to_string();
        assert!(test.contains("< inner :: Plugin > (folder , \"src/lib.rs\")"), "{test}");
    }

    #[test]
    fn a_file_that_is_missing_says_how_it_comes_to_be() {
        let code = method(quote!(schema = "none.json"));
        assert!(code.contains("`none.json` is not there yet: `BLESS=1 cargo test`"), "{code}");
    }

    #[test]
    fn anything_else_is_told_what_there_is() {
        for wrong in [
            quote!("schema.json"),
            quote!(schema),
            quote!(schema = 1),
            quote!(schema("schema.json")),
            quote!(scheme = "schema.json"),
            quote!(schema = "a.json", schema = "b.json"),
            quote!(schema = ""),
            quote!(schema = "/schema.json"),
            quote!(schema = "../schema.json"),
        ] {
            let text = wrong.to_string();
            let error = SchemaFile::of(wrong).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(ONE_ARGUMENT), "{text}");
        }
    }
}
