//! `[secrets.NAME]`.

use std::{collections::BTreeMap, sync::Arc};

use toml::de::DeValue;

use super::{
    Diagnostic,
    keys::{Kind, Shape, key},
    table::Table,
    value::Value,
};

/// Names of secrets and their values. Printing one never shows a value.
#[derive(Clone, Default)]
pub struct Secrets(pub BTreeMap<String, Arc<[u8]>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The table's keys.
pub(super) static SECRET: Shape = Shape {
    id: "secret",
    place: "[secrets.NAME]",
    about: "A secret, which stands outside this file: `{ env = \"...\" }` or `{ file = \"...\" }`.",
    keys: &[
        key("env", Kind::Text("IDP_CLIENT_SECRET"), "The environment variable that holds it."),
        key(
            "file",
            Kind::Text("/run/secrets/idp"),
            "The file that holds it; a newline at its end is not part of it.",
        ),
    ],
};

static REFERENCE: Shape = Shape {
    id: "secret_reference",
    place: "a reference to a secret",
    about: "A secret by its name under [secrets].",
    keys: &[key("secret", Kind::Text("NAME"), "Name of an entry of [secrets].").required()],
};

/// `{ secret = "NAME" }`
pub(super) const SECRET_REFERENCE: Kind = Kind::Table(&REFERENCE);

/// Reads `[secrets]`.
pub(super) fn read(root: &Table<'_>) -> Secrets {
    let mut secrets = Secrets::default();
    for (name, value) in root.named_values("secrets", true) {
        if let Some(bytes) = one(&value) {
            secrets.0.insert(name.text.to_owned(), bytes.into());
        }
    }
    secrets
}

fn one(value: &Value<'_>) -> Option<Vec<u8>> {
    let Some(outside) = value.outside() else {
        refuse(value);
        return None;
    };
    let bytes = outside.bytes(value.cx)?;
    if bytes.is_empty() {
        // An empty key would be a key that everybody knows.
        let message = format!("{} is empty", outside.name());
        value.cx.report(Diagnostic::error(value.span, message).label("an empty secret"));
        return None;
    }
    Some(bytes)
}

fn refuse(value: &Value<'_>) {
    let help = "write `{ env = \"VARIABLE\" }` or `{ file = \"/run/secrets/...\" }`";
    let literal = match value.raw() {
        DeValue::Table(table) => table.contains_key("value"),
        _ => true,
    };
    let message = if literal {
        "a secret cannot stand in this file, which is read, copied and committed"
    } else {
        "a secret has one place: `env` or `file`"
    };
    value.cx.report(Diagnostic::error(value.span, message).help(help.to_owned()));
}

/// Reads a reference to a secret and gives its name.
pub(super) fn reference(value: &Value<'_>) -> Option<String> {
    let DeValue::Table(_) = value.raw() else {
        let message = "a secret is referred to by its name under [secrets]";
        let help = "write { secret = \"NAME\" }, and [secrets] NAME = { env = \"VARIABLE\" }";
        value.cx.report(Diagnostic::error(value.span, message).help(help.to_owned()));
        return None;
    };
    let name = value.table()?.text("secret")?;
    let secrets = &value.cx.names.secrets;
    secrets.mark(&name.text);
    if !secrets.has(&name.text) {
        value.cx.report(secrets.unknown_text(&name));
        return None;
    }
    Some(name.text.into_owned())
}
