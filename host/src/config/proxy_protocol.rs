//! `proxy_protocol` of `[listen.NAME]`.

use super::{
    Diagnostic, Network, host,
    keys::{Kind, Shape, key},
    table::Table,
};

/// The table's keys.
pub(super) static PROXY_PROTOCOL: Shape = Shape {
    id: "proxy_protocol",
    place: "`proxy_protocol` of [listen.NAME]",
    about: "Balancers that say whose connection it is, before its first byte.",
    keys: &[key(
        "from",
        Kind::List(&Kind::Text("10.0.0.0/8")),
        "Peers whose connections begin with a PROXY header, version 1 or 2; those of others do not.",
    )
    .required()],
};

/// The peers that send a header. There is no guessing: whoever could leave it out, or send one
/// that nobody expects, would choose his own address.
pub(super) fn read(listener: &Table<'_>) -> Vec<Network> {
    let Some(table) = listener.get("proxy_protocol").and_then(|value| value.table()) else {
        return Vec::new();
    };
    let Some(from) = table.get("from") else { return Vec::new() };
    if from.is_empty_list() {
        let message = "without a peer nobody may send a PROXY header";
        let problem = Diagnostic::error(from.span, message).label("empty");
        let help = "add the balancers' networks, or take `proxy_protocol` out";
        table.cx.report(problem.help(help.to_owned()));
    }
    from.parsed_list(host::network)
}
