//! `sticky`: how a client stays with its target.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    super::{
        Diagnostic, Secrets,
        fault::Fault,
        keys::{DAY, Kind, Shape, key},
        secrets::{SECRET_REFERENCE, reference},
        table::Table,
    },
    balance::token,
};

/// `sticky = { cookie = "NAME", key = { secret = "NAME" } }`
#[derive(Clone, PartialEq, Eq)]
pub struct Sticky {
    /// The cookie's name.
    pub cookie: String,
    /// What a target's name is hidden with. Its secret's value.
    pub key: Arc<[u8]>,
    /// Below which path clients send it.
    pub path: String,
    /// For how long they keep it; none for a session's length.
    pub max_age: Option<Duration>,
    /// Whether they send it over TLS only; none where that is so if they came over TLS.
    pub secure: Option<bool>,
    /// Whether scripts cannot see it.
    pub http_only: bool,
    /// `Lax`, `Strict` or `None`.
    pub same_site: &'static str,
}

impl fmt::Debug for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sticky").field("cookie", &self.cookie).finish_non_exhaustive()
    }
}

pub(super) static STICKY: Shape = Shape {
    id: "sticky",
    place: "`sticky` of [upstreams.NAME]",
    about: "Keeps a client at the target that answered it first. The gateway sets a cookie that \
            names the target without telling its address, and takes it off the requests that the \
            service gets; a plugin's response hooks find it behind the cookies that the service has \
            set. While the target is fit it gets the client's requests whatever `balance` \
            says; otherwise another one is chosen, and the cookie is set anew.",
    keys: &[
        key("cookie", Kind::Text("torana_target"), "The cookie's name. It is the gateway's alone.")
            .required(),
        key(
            "key",
            SECRET_REFERENCE,
            "A secret of at least 32 bytes with which a target's name is hidden (HMAC-SHA-256). \
             Gateways with the same one understand each other's cookies.",
        )
        .required(),
        key("path", Kind::Text("/"), "Below which path clients send it.").or("/"),
        key(
            "max_age",
            Kind::Duration(1000, 400 * DAY),
            "For how long clients keep it; for their session if not given.",
        ),
        key(
            "secure",
            Kind::Bool,
            "Whether clients send it over TLS only. If not given: where they came over TLS.",
        ),
        key("http_only", Kind::Bool, "Whether scripts cannot see it.").or("true"),
        key(
            "same_site",
            Kind::Choice(&["lax", "strict", "none"]),
            "Whether requests that other sites cause carry it. `none` is with `secure` always.",
        )
        .or("lax"),
    ],
};

/// RFC 2104, 3: a shorter key than the digest weakens it.
const SHORTEST_KEY: usize = 32;

/// Reads `sticky`.
pub(super) fn read(table: &Table<'_>, secrets: &Secrets) -> Option<Sticky> {
    let (cookie, key) = (table.parse("cookie", token), secret(table, secrets));
    let path = if table.has("path") { table.parse("path", path) } else { Some("/".to_owned()) };
    let same_site = match table.choice("same_site") {
        "none" => "None",
        "strict" => "Strict",
        _ => "Lax",
    };
    let secure = match (table.has("secure"), same_site) {
        (true, _) => Some(table.bool("secure")),
        (false, "None") => Some(true),
        (false, _) => None,
    };
    let sticky = Sticky {
        cookie: cookie?,
        key: key?,
        path: path?,
        max_age: table.has("max_age").then(|| table.duration("max_age")),
        secure,
        http_only: table.bool("http_only"),
        same_site,
    };
    report_dropped(table, &sticky);
    Some(sticky)
}

/// What browsers would not keep (RFC 6265bis, 5.7): a cookie whose attributes break a promise.
fn report_dropped(table: &Table<'_>, sticky: &Sticky) {
    let report = |key, message: &str, help: &str| {
        let problem = Diagnostic::error(table.span_of(key), message);
        table.cx.report(problem.label("browsers drop it").help(help.to_owned()));
    };
    let is_host = sticky.cookie.starts_with("__Host-");
    if sticky.same_site == "None" && sticky.secure == Some(false) {
        report("secure", "`same_site = \"none\"` needs `secure`", "leave `secure` out");
    }
    if (is_host || sticky.cookie.starts_with("__Secure-")) && sticky.secure != Some(true) {
        report("cookie", "a cookie of this name needs `secure`", "add `secure = true`");
    }
    if is_host && sticky.path != "/" {
        report("path", "a `__Host-` cookie is for the whole host", "leave `path` out");
    }
}

fn secret(table: &Table<'_>, secrets: &Secrets) -> Option<Arc<[u8]>> {
    let value = table.get("key")?;
    // A secret that could not be read has been reported where it stands.
    let bytes = secrets.0.get(&reference(&value)?)?;
    if bytes.len() < SHORTEST_KEY {
        let message = format!("this secret is too short for a key: {} bytes", bytes.len());
        let help = format!("it has at least {SHORTEST_KEY}: openssl rand -base64 32");
        table.cx.report(Diagnostic::error(value.span, message).help(help));
        return None;
    }
    Some(bytes.clone())
}

/// RFC 6265, 4.1.1: no control characters and no semicolon.
fn path(text: &str) -> Result<String, Fault> {
    let fault = Fault::new("is not a path for a cookie");
    if !text.starts_with('/') {
        return Err(fault.help(format!("write \"/{text}\"")));
    }
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
    if fits { Ok(text.to_owned()) } else { Err(fault.help("write it percent-encoded")) }
}
