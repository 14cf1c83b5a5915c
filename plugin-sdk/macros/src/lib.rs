//! The attributes of `torana-plugin-sdk`. Use them through it.

use proc_macro::TokenStream;

mod hooks;
mod plugin;
mod schema_file;
mod settings;

/// Makes a component of a plugin: put it on `impl Plugin for X`.
///
/// It exports `configure`, `schema` and the hooks that the implementation defines. A hook that is
/// not written there is not exported, and the host never calls it. The exports are there for wasm
/// only: natively the plugin is a plain type, to be tested like any other.
///
/// One component has one plugin.
///
/// # The schema as a file
///
/// The component makes the JSON Schema of its settings when it is asked, of their types. The code
/// for that is a third of a small plugin, and is compiled wherever the plugin is started for the
/// first time. With `#[plugin(schema = "schema.json")]` the component has the schema as text, and none of
/// that code. The file is in the folder of Cargo.toml, or below it, and is checked in.
///
/// `BLESS=1 cargo test` writes it, the first time and after each change of the settings: with the
/// argument comes a test, `the_schema_is_that_of_the_settings`, that holds the one against the
/// other.
#[proc_macro_attribute]
pub fn plugin(arguments: TokenStream, item: TokenStream) -> TokenStream {
    plugin::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes settings of a struct or an enum: it can be read from the TOML, has a JSON Schema (the doc
/// comments become descriptions), and refuses keys that it does not know.
///
/// `#[serde(...)]` and `#[schemars(...)]` work on it and on its fields. It is no more than
/// `#[derive(Deserialize, JsonSchema)]` and `#[serde(deny_unknown_fields)]`, without a need for
/// these two crates; where that does not fit, derive by hand.
#[proc_macro_attribute]
pub fn settings(arguments: TokenStream, item: TokenStream) -> TokenStream {
    settings::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
