//! `[admin]`.

use std::{net::SocketAddr, sync::Arc};

use super::{
    Diagnostic, Listener, Secrets, Span,
    fault::quote,
    host,
    keys::{Kind, Shape, key},
    listen::overlap,
    secrets::{SECRET_REFERENCE, reference},
    table::Table,
};

/// `[admin]`: metrics and health, read-only.
#[derive(Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where `address` stands.
    pub address_span: Span,
    /// The address to bind.
    pub address: SocketAddr,
    /// Bearer token; required unless the address is loopback. Its secret's value.
    pub token: Option<Arc<str>>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "...");
        f.debug_struct("Admin").field("address", &self.address).field("token", &token).finish()
    }
}

/// The table's keys.
pub(super) static ADMIN: Shape = Shape {
    id: "admin",
    place: "[admin]",
    about: "Metrics, health and the loaded configuration, read-only, on an address of their own.",
    keys: &[
        key("address", Kind::Text("127.0.0.1:9090"), "The IP address and port to listen on.")
            .required(),
        key(
            "token",
            SECRET_REFERENCE,
            "Bearer token that clients must show; required unless the address is loopback.",
        ),
    ],
};

/// Reads `[admin]`.
pub(super) fn read(root: &Table<'_>, secrets: &Secrets, listeners: &[Listener]) -> Option<Admin> {
    let table = root.get("admin")?.table()?;
    let address = table.parse("address", host::socket_address);
    let token = token(&table, secrets);
    let admin = Admin { address_span: table.span_of("address"), address: address?, token };
    if !admin.address.ip().is_loopback() && !table.has("token") {
        let message = "an [admin] that other machines can reach needs a token";
        let help = "write token = { secret = \"NAME\" }, or bind to 127.0.0.1";
        let problem = Diagnostic::error(admin.address_span, message).label("not loopback");
        root.cx.report(problem.help(help.to_owned()));
    }
    if let Some(taken) = listeners.iter().find(|other| overlap(other.address, admin.address)) {
        let message = format!("listener {} has this address already", quote(&taken.name));
        let problem = Diagnostic::error(admin.address_span, message);
        root.cx.report(problem.label(format!("{} is taken", taken.address)));
    }
    Some(admin)
}

fn token(table: &Table<'_>, secrets: &Secrets) -> Option<Arc<str>> {
    let value = table.get("token")?;
    // A secret that could not be read has been reported where it stands.
    let bytes = secrets.0.get(&reference(&value)?)?;
    let sendable = |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let text = std::str::from_utf8(bytes).ok().filter(sendable);
    if text.is_none() {
        let message = "this secret cannot be a token: it has bytes that no header can carry";
        let help = "use letters, digits and signs, without blanks: openssl rand -base64 32";
        table.cx.report(Diagnostic::error(value.span, message).help(help.to_owned()));
    }
    text.map(Arc::from)
}
