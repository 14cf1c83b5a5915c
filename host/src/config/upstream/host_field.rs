//! `host` of an upstream: which `Host` its services get.

use http::uri::Authority;

use super::super::{
    fault::{Fault, nearest},
    host,
    keys::{Kind, Shape, key},
    table::Table,
};

/// Which `Host` a service gets; over HTTP/2 it is `:authority`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostField {
    /// What the client asked for.
    Client,
    /// The target's own name or address, and its port where that is not the scheme's.
    Target,
    /// Always this.
    Name(Authority),
}

/// The words that stand for one.
const WORDS: [&str; 2] = ["client", "target"];

/// What may stand for it in the file.
pub(super) const HOST: Kind = Kind::OneOf(&[Kind::Choice(&WORDS), Kind::Table(&NAME)]);

static NAME: Shape = Shape {
    id: "upstream_host",
    place: "`host` of [upstreams.NAME]",
    about: "A `Host` that is always the same.",
    keys: &[key(
        "name",
        Kind::Text("api.partner.example"),
        "The name or address, and a port if the service wants to see one.",
    )
    .required()],
};

/// Reads the key `host`; none where the file does not have it.
pub(super) fn read(table: &Table<'_>) -> Option<HostField> {
    let value = table.get("host")?;
    if value.is_table() {
        return value.table()?.parse("name", host::authority).map(HostField::Name);
    }
    value.parse(|text| match text {
        "client" => Ok(HostField::Client),
        "target" => Ok(HostField::Target),
        other => Err(no_word(other)),
    })
}

/// Most likely somebody wrote the name where the word belongs.
fn no_word(text: &str) -> Fault {
    let fault = Fault::new("is none of its values");
    match (nearest(text, WORDS), host::authority(text)) {
        (Some(near), _) => fault.help(format!("did you mean \"{near}\"?")),
        (None, Ok(name)) => fault.help(format!("write {{ name = \"{name}\" }}")),
        (None, Err(_)) => fault,
    }
}
