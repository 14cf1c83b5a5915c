//! `[audit_log]`.

use std::path::PathBuf;

use super::{
    Span,
    keys::{Kind, Shape, key},
    table::Table,
};

/// `[audit_log]`: what happened to the gateway, in lines that are chained by their hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    /// Where the path stands.
    pub span: Span,
    /// The file, which is only ever added to.
    pub path: PathBuf,
}

/// The table's keys.
pub(super) static AUDIT_LOG: Shape = Shape {
    id: "audit_log",
    place: "[audit_log]",
    about: "What happened to the gateway itself, in lines that are chained by their hashes. Changes \
            need a restart.",
    keys: &[key(
        "path",
        Kind::Text("audit.log"),
        "The file, which is only added to; `torana audit-log verify` looks whether it is whole. SIGHUP \
         opens it again.",
    )
    .required()],
};

/// Reads `[audit_log]`.
pub(super) fn read(root: &Table<'_>) -> Option<AuditLog> {
    let table = root.get("audit_log")?.table()?;
    Some(AuditLog { span: table.span_of("path"), path: table.output_path("path")? })
}
