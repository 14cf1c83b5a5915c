//! What of the gateway's life goes into the audit log.

use std::{io, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::writable;
use crate::{
    audit_log::{self, AuditLog},
    config::{self, Config, Diagnostic, Rejected},
    plugin::Plugin,
    telemetry::Telemetry,
};

/// The audit log, if there is one.
pub(super) struct Auditor(Option<AuditLog>);

impl Auditor {
    /// Opens the file that a configuration names. A file that cannot be opened refuses it.
    pub(super) fn open(config: &Config, telemetry: &Arc<Telemetry>) -> Result<Self, Diagnostic> {
        let Some(settings) = &config.audit_log else { return Ok(Self(None)) };
        let log = AuditLog::open(&settings.path, telemetry.clone());
        log.map(|log| Self(Some(log))).map_err(|error| problem(settings, &error))
    }

    /// Looks whether the file can be written, and is an audit log or none yet; without making one.
    pub(super) fn check(config: &Config) -> Option<Diagnostic> {
        let settings = config.audit_log.as_ref()?;
        let looked = writable::look(&settings.path).and_then(|()| audit_log::look(&settings.path));
        looked.err().map(|error| problem(settings, &error))
    }

    /// What is written from now on goes to the file that has the path now.
    pub(super) fn reopen(&self) {
        self.0.iter().for_each(AuditLog::reopen);
    }

    pub(super) fn started(&self) {
        self.write("start", || json!({ "version": env!("CARGO_PKG_VERSION") }));
    }

    /// A configuration is in service from now on.
    pub(super) fn taken(&self, config: &Config, plugins: &[Arc<Plugin>]) {
        self.write("configuration", || {
            let digest_of = |plugin: &Arc<Plugin>| {
                (plugin.name().to_string(), hex::encode(plugin.sha256()).into())
            };
            let plugins: std::collections::BTreeMap<String, Value> =
                plugins.iter().map(digest_of).collect();
            json!({
                "file": config.source.path.to_string_lossy(),
                "sha256": hex::encode(digest(&SHA256, config.source.text.as_bytes())),
                "plugins": plugins,
            })
        });
    }

    /// A configuration was refused.
    pub(super) fn refused(&self, rejected: &Rejected) {
        self.write("reload-refused", || {
            // What a plugin says of its settings may have a secret in it: as `/config` shows it.
            let shown = rejected.diagnostics.show(&rejected.source, &rejected.reads);
            let first = shown.as_array().into_iter().flatten().find(|p| p["severity"] == "error");
            json!({
                "file": rejected.source.path.to_string_lossy(),
                "problems": rejected.diagnostics.len(),
                "first": first.map(|problem| problem["message"].clone()),
            })
        });
    }

    /// The last line. Waits for the disk, but not for ever.
    pub(super) fn stopped(self) {
        self.write(audit_log::STOP, || json!({}));
    }

    fn write(&self, event: &'static str, more: impl FnOnce() -> Value) {
        if let Some(log) = &self.0 {
            let members: Map<String, Value> = more().as_object().cloned().unwrap_or_default();
            log.write(event, members);
        }
    }
}

fn problem(settings: &config::AuditLog, why: &io::Error) -> Diagnostic {
    Diagnostic::error(settings.span, format!("the audit log cannot be opened: {why}"))
}
