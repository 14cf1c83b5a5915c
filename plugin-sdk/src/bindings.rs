//! What wit-bindgen makes of the contract. Nothing here is written by hand but the list of hooks.
#![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]

/// Every capability, and the types. What a plugin does not call is no import of its component.
pub mod capabilities {
    wit_bindgen::generate!({
        world: "capabilities",
        path: "wit",
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
    });
    pub use torana::plugin::*;
}

// A component must export all of a world that it claims to have, so each hook is a world of its
// own: a plugin claims those it has. wit-component merges them.
macro_rules! hook {
    ($module:ident = $world:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                inline: $world,
                path: "wit",
                generate_all,
                pub_export_macro: true,
            });
            pub use exports::torana::plugin::$module::*;
        }
    };
    ($module:ident with types = $world:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                inline: $world,
                path: "wit",
                generate_all,
                pub_export_macro: true,
                with: {
                    "torana:plugin/types@0.1.3": crate::bindings::capabilities::types,
                },
            });
            pub use exports::torana::plugin::$module::*;
        }
    };
}

hook!(configure = "package torana:sdk; world configure { export torana:plugin/configure@0.1.3; }");
hook!(schema = "package torana:sdk; world schema { export torana:plugin/schema@0.1.3; }");
hook!(
    on_request_head with types =
        "package torana:sdk;
        world on-request-head { export torana:plugin/on-request-head@0.1.3; }"
);
hook!(
    on_request_body with types =
        "package torana:sdk;
        world on-request-body { export torana:plugin/on-request-body@0.1.3; }"
);
hook!(
    on_request_stream with types =
        "package torana:sdk;
        world on-request-stream { export torana:plugin/on-request-stream@0.1.3; }"
);
hook!(
    on_response_head with types =
        "package torana:sdk;
        world on-response-head { export torana:plugin/on-response-head@0.1.3; }"
);
hook!(
    on_response_body with types =
        "package torana:sdk;
        world on-response-body { export torana:plugin/on-response-body@0.1.3; }"
);
hook!(
    on_response_stream with types =
        "package torana:sdk;
        world on-response-stream { export torana:plugin/on-response-stream@0.1.3; }"
);
hook!(
    handler with types =
        "package torana:sdk; world handler { export torana:plugin/handler@0.1.3; }"
);
hook!(
    on_tick with types =
        "package torana:sdk; world on-tick { export torana:plugin/on-tick@0.1.3; }"
);
