//! What cannot be changed while the process runs.

use crate::config::{Config, Diagnostic, Diagnostics, Span};

/// Every difference that a reload cannot bring.
pub(super) fn needs_restart(old: &Config, new: &Config) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut restart = |span: Option<Span>, what: &str| {
        problems.push(
            Diagnostic::error(span, format!("{what} cannot change while torana runs")).help(Some(
                "restart torana to use it: SIGUSR2 does so without losing a request".to_owned(),
            )),
        );
    };
    if old.gateway.workers != new.gateway.workers {
        restart(new.gateway.workers_span, "gateway.workers");
    }
    if old.admin.as_ref().map(|a| a.address) != new.admin.as_ref().map(|a| a.address) {
        restart(new.admin.as_ref().map(|a| a.address_span), "admin.address");
    }
    if old.store.redis != new.store.redis {
        restart(Some(new.store.span), "[store]");
    }
    let path = |config: &Config| config.audit_log.as_ref().map(|log| log.path.clone());
    if path(old) != path(new) {
        restart(new.audit_log.as_ref().map(|log| log.span), "audit_log.path");
    }
    for listener in &new.listeners {
        let same = old.listeners.iter().find(|other| other.name == listener.name);
        if same.is_none_or(|other| other.address != listener.address) {
            let what = format!("the address of listener `{}`", listener.name);
            restart(Some(listener.address_span), &what);
        }
    }
    for listener in &old.listeners {
        if !new.listeners.iter().any(|other| other.name == listener.name) {
            restart(None, &format!("that there is a listener `{}`", listener.name));
        }
    }
    match problems.has_errors() {
        true => Err(problems),
        false => Ok(()),
    }
}
