//! A chain entry's `grants`, which may take away from those of `[plugins.NAME]` and add nothing.

use super::{Grants, KvGrant, kv, read};
use crate::config::{Diagnostic, Span, table::Table, units::show_size};

/// Reads the `grants` of a chain entry, which may take away from those of `[plugins.NAME]`.
pub(in crate::config) fn narrow(base: &Grants, table: &Table<'_>, plugin: &str) -> Grants {
    let wanted = read(table);
    let (headers, secrets) = (table.sub("headers"), table.sub("secrets"));
    let on = |key| Narrowing { table, key, shown: key, plugin };
    let of_headers = |key, shown| Narrowing { table: &headers, key, shown, plugin };
    let of_secrets = |key, shown| Narrowing { table: &secrets, key, shown, plugin };
    Grants {
        span: table.span,
        headers_read: of_headers("read", "headers.read")
            .list(&base.headers_read, wanted.headers_read),
        headers_write: of_headers("write", "headers.write")
            .list(&base.headers_write, wanted.headers_write),
        request_edit: on("request-edit").order(base.request_edit, wanted.request_edit),
        response_edit: on("response-edit").order(base.response_edit, wanted.response_edit),
        request_body: on("request-body").order(base.request_body, wanted.request_body),
        response_body: on("response-body").order(base.response_body, wanted.response_body),
        kv: on("kv").kv(base.kv.as_ref()),
        rate_limit: on("rate-limit").order(base.rate_limit, wanted.rate_limit),
        fetch: on("fetch").list(&base.fetch, wanted.fetch),
        fetch_named: base.fetch_named,
        crypto: on("crypto").order(base.crypto, wanted.crypto),
        secrets_use: of_secrets("use", "secrets.use").list(&base.secrets_use, wanted.secrets_use),
        secrets_reveal: of_secrets("reveal", "secrets.reveal")
            .list(&base.secrets_reveal, wanted.secrets_reveal),
        attributes: on("attributes").list(&base.attributes, wanted.attributes),
        wasi: on("wasi").order(base.wasi, wanted.wasi),
    }
}

/// One key of a chain entry's `grants`. Where it is left out, what the plugin has stays.
struct Narrowing<'t, 'a> {
    table: &'t Table<'a>,
    key: &'static str,
    /// How a message calls the key.
    shown: &'static str,
    plugin: &'t str,
}

impl Narrowing<'_, '_> {
    fn order<T: PartialOrd>(&self, base: T, wanted: T) -> T {
        if !self.table.has(self.key) {
            return base;
        }
        if wanted > base {
            self.refuse(format!("[plugins.{}] grants less", self.plugin));
        }
        wanted
    }

    fn list<T: PartialEq + Clone>(&self, base: &[T], wanted: Vec<T>) -> Vec<T> {
        if !self.table.has(self.key) {
            return base.to_vec();
        }
        let values = self.table.list(self.key);
        for (index, _) in wanted.iter().enumerate().filter(|(_, item)| !base.contains(item)) {
            // They do not go together where one of the values is wrong by itself.
            let value = values.get(index).filter(|_| values.len() == wanted.len());
            let span = value.map_or_else(|| self.table.span_of(self.key), |value| value.span);
            let why = format!("[plugins.{}] does not grant it", self.plugin);
            self.table.cx.report(widened(span, self.shown, self.plugin, &why));
        }
        wanted
    }

    /// What a table leaves out, and all of it for `kv = true`, is as in `[plugins.NAME]`.
    fn kv(&self, base: Option<&KvGrant>) -> Option<KvGrant> {
        if !self.table.has(self.key) {
            return base.cloned();
        }
        let Some(base) = base else {
            let wanted = kv(self.table, &KvGrant::default());
            if wanted.is_some() {
                self.refuse(format!("[plugins.{}] does not grant it", self.plugin));
            }
            return wanted;
        };
        let wanted = kv(self.table, base)?;
        if wanted.max_bytes > base.max_bytes {
            let most = show_size(base.max_bytes);
            self.refuse(format!("`max_bytes` of [plugins.{}] is {most}", self.plugin));
        }
        if wanted.shared != base.shared {
            self.refuse(format!("`shared` is decided by [plugins.{}]", self.plugin));
        }
        Some(wanted)
    }

    fn refuse(&self, why: String) {
        let span = self.table.span_of(self.key);
        self.table.cx.report(widened(span, self.shown, self.plugin, &why));
    }
}

/// Says that a chain entry asks for more than its plugin has.
pub(in crate::config) fn widened(span: Span, key: &str, plugin: &str, why: &str) -> Diagnostic {
    let message = format!("a chain entry cannot widen `{key}`: {why}");
    let help =
        format!("a chain entry only takes away: set in [plugins.{plugin}] what any route needs");
    Diagnostic::error(span, message).label("wider").help(help)
}
