//! `[signatures]`.

use std::path::PathBuf;

use super::{
    Diagnostic, Span,
    fault::Fault,
    keys::{Kind, Shape, key},
    table::Table,
};

/// A public key whose signatures are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Where it stands.
    pub span: Span,
    /// PEM file: an Ed25519 key as SubjectPublicKeyInfo.
    pub path: PathBuf,
}

/// The table's keys.
pub(super) static SIGNATURES: Shape = Shape {
    id: "signatures",
    place: "[signatures]",
    about: "Who may sign components. With it, a component without a good signature is refused.",
    keys: &[key(
        "trusted_keys",
        Kind::List(&Kind::Text("keys/security.pub.pem")),
        "PEM files of Ed25519 public keys (`openssl pkey -pubout`). A signature by one of them is \
         enough; `torana plugin sign` makes it.",
    )
    .required()],
};

/// Reads `[signatures]`. Without it nothing needs a signature.
pub(super) fn read(root: &Table<'_>) -> Vec<TrustedKey> {
    let Some(table) = root.get("signatures").and_then(|value| value.table()) else {
        return Vec::new();
    };
    let values = table.list("trusted_keys");
    if values.is_empty() && table.has("trusted_keys") {
        let message = "no key is trusted, so no component could be loaded";
        let problem = Diagnostic::error(table.span_of("trusted_keys"), message);
        let help = "name a key, or remove [signatures]: then none is needed";
        table.cx.report(problem.help(help.to_owned()));
    }
    let keys = values.iter().filter_map(|value| {
        let path = value.parse(|text| match text {
            "" => Err(Fault::new("is not a path")),
            path => Ok(table.cx.resolve(path)),
        })?;
        table.cx.will_read(&path);
        Some(TrustedKey { span: value.span, path })
    });
    keys.collect()
}
