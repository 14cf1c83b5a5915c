use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, Error, ImplItem, ImplItemFn, ItemImpl, Result, Type};

use crate::{
    hooks::{HOOKS, Hook},
    schema_file::SchemaFile,
};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let schema = SchemaFile::of(arguments)?;
    let item: ItemImpl = syn::parse2(item)?;
    is_a_plugin(&item)?;
    let exports: Vec<_> = methods(&item).filter_map(Export::of).collect();
    has_something_to_do(&item, &exports)?;
    let plugin = &*item.self_ty;
    let component = component(plugin, &exports, schema.as_ref());
    let (hooks, test) = (hooks(plugin, &exports), schema.map(|schema| schema.test(plugin)));
    Ok(quote!(#item #hooks #component #test))
}

/// A hook that the implementation defines.
struct Export {
    hook: &'static Hook,
    /// Its `#[cfg(...)]`: what is not compiled must not be exported.
    cfg: Vec<Attribute>,
}

impl Export {
    fn of(method: &ImplItemFn) -> Option<Self> {
        let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
        let cfg = method.attrs.iter().filter(is_cfg).cloned().collect();
        Hook::of(&method.sig.ident).map(|hook| Self { hook, cfg })
    }
}

fn methods(item: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method),
        _ => None,
    })
}

fn is_a_plugin(item: &ItemImpl) -> Result<()> {
    let last = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
    if last.is_none_or(|segment| segment.ident != "Plugin") {
        let text = "put #[plugin] on `impl Plugin for ...`";
        return Err(Error::new_spanned(&item.self_ty, text));
    }
    if !item.generics.params.is_empty() {
        let text = "a component has one plugin: name its type without parameters";
        return Err(Error::new_spanned(&item.generics, text));
    }
    Ok(())
}

fn has_something_to_do(item: &ItemImpl, exports: &[Export]) -> Result<()> {
    if exports.is_empty() {
        let known: Vec<_> = HOOKS.iter().map(|hook| hook.method).collect();
        let text = format!("this plugin is never called: write one of {}", known.join(", "));
        return Err(Error::new_spanned(&item.self_ty, text));
    }
    let ticks = exports.iter().any(|export| export.hook.method == "on_tick");
    let says_when = methods(item).any(|method| method.sig.ident == "tick_every");
    if ticks != says_when {
        let text = "`on_tick` and `tick_every` need each other: what to do, and how often";
        return Err(Error::new_spanned(&item.self_ty, text));
    }
    Ok(())
}

/// What the plugin can do, for native runners of cases.
fn hooks(plugin: &Type, exports: &[Export]) -> TokenStream {
    let variants = exports.iter().map(|Export { hook, cfg }| {
        let variant = ident(hook.variant);
        quote!(#(#cfg)* ::torana_plugin_sdk::Hook::#variant)
    });
    quote! {
        impl ::torana_plugin_sdk::Hooks for #plugin {
            const HOOKS: &'static [::torana_plugin_sdk::Hook] = &[#(#variants),*];
        }

        // Nobody calls a plugin natively; this keeps the compiler from calling it dead code.
        #[cfg(not(target_family = "wasm"))]
        const _: () = ::torana_plugin_sdk::export::is_used::<#plugin>();
    }
}

/// The component's exports. They are for wasm only: natively their names ("...#handle") do not
/// link.
fn component(plugin: &Type, exports: &[Export], schema: Option<&SchemaFile>) -> TokenStream {
    let schema = schema.map(SchemaFile::method);
    let exports = exports.iter().map(|Export { hook, cfg }| {
        let module = ident(hook.module);
        quote!(#(#cfg)* export::#module::export!(Component with_types_in export::#module);)
    });
    quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use ::torana_plugin_sdk::export;

            ::std::thread_local! {
                static SLOT: export::Slot<#plugin> = const { export::Slot::new() };
            }

            impl export::Instance for #plugin {
                fn with<R>(f: impl FnOnce(&export::Slot<Self>) -> R) -> R {
                    SLOT.with(f)
                }

                #schema
            }

            type Component = export::Component<#plugin>;
            export::configure::export!(Component with_types_in export::configure);
            export::schema::export!(Component with_types_in export::schema);
            #(#exports)*
        };
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(item: TokenStream) -> String {
        expand(quote!(), item).unwrap_err().to_string()
    }

    #[test]
    fn exactly_the_hooks_that_are_written_are_exported() {
        let item = quote! {
            impl Plugin for Both {
                fn new() {}
                fn on_request_head(&self) {}
                #[cfg(feature = "x")]
                fn handle(&self) {}
            }
        };
        let code = expand(quote!(), item).unwrap().to_string();
        for module in ["configure", "schema", "on_request_head", "handler"] {
            assert!(code.contains(&format!("export :: {module} :: export !")), "{module}: {code}");
        }
        assert_eq!(code.matches(":: export !").count(), 4, "{code}");
        assert_eq!(code.matches("# [cfg (feature = \"x\")]").count(), 3, "method, list, export");
    }

    #[test]
    fn it_belongs_on_a_plugin() {
        assert_eq!(error(quote!(impl X {})), "put #[plugin] on `impl Plugin for ...`");
        assert_eq!(error(quote!(impl Clone for X {})), "put #[plugin] on `impl Plugin for ...`");
    }

    #[test]
    fn a_plugin_that_is_never_called_is_a_mistake() {
        let text = error(quote!(impl Plugin for X { fn new() {} }));
        assert!(text.starts_with("this plugin is never called: write one of on_request_head,"));
    }

    #[test]
    fn a_tick_needs_an_interval() {
        let text = error(quote!(impl Plugin for X { fn on_tick(&self) {} }));
        assert!(text.starts_with("`on_tick` and `tick_every` need each other"));
    }
}
