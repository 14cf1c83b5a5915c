use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Item, Result};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    no_arguments(&arguments)?;
    match syn::parse2(item)? {
        Item::Struct(item) => Ok(derive(&quote!(#item))),
        Item::Enum(item) => Ok(derive(&quote!(#item))),
        other => Err(Error::new_spanned(other, "settings are a struct or an enum")),
    }
}

fn no_arguments(arguments: &TokenStream) -> Result<()> {
    if arguments.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(arguments, "this attribute takes no arguments"))
}

fn derive(item: &TokenStream) -> TokenStream {
    quote! {
        #[derive(
            ::torana_plugin_sdk::serde::Deserialize,
            ::torana_plugin_sdk::schemars::JsonSchema,
        )]
        #[serde(crate = "::torana_plugin_sdk::serde", deny_unknown_fields)]
        #[schemars(crate = "::torana_plugin_sdk::schemars")]
        #item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_can_be_settings() {
        let error = expand(
            quote!(),
            quote!(
                fn settings() {}
            ),
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "settings are a struct or an enum");
    }
}
