//! `[dns]`.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::{
    Diagnostic,
    fault::Fault,
    keys::{Kind, Shape, key},
    table::Table,
};

/// Where DNS servers listen (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// The table's keys.
pub(super) static DNS: Shape = Shape {
    id: "dns",
    place: "[dns]",
    about: "Who is asked for the addresses of names.",
    keys: &[key(
        "servers",
        Kind::List(&Kind::Text("10.0.0.10")),
        "IP addresses of DNS servers, port 53 if none is given. The first is asked first. Search \
         domains and options of /etc/resolv.conf hold all the same.",
    )
    .required()],
};

/// Reads `[dns]`. No servers are those of `/etc/resolv.conf`.
pub(super) fn read(root: &Table<'_>) -> Arc<[SocketAddr]> {
    let Some(table) = root.get("dns").and_then(|value| value.table()) else {
        return Arc::default();
    };
    let Some(servers) = table.get("servers") else { return Arc::default() };
    if servers.is_empty_list() {
        let problem = Diagnostic::error(servers.span, "`servers` is empty: nobody is asked");
        let help = "write an address, or leave out [dns] for the servers of /etc/resolv.conf";
        root.cx.report(problem.help(help.to_owned()));
    }
    servers.parsed_list(server).into()
}

fn server(text: &str) -> Result<SocketAddr, Fault> {
    let bare = |ip: IpAddr| SocketAddr::new(ip, PORT);
    text.parse().or_else(|_| text.parse().map(bare)).map_err(|_| {
        let fault = Fault::new("is not the address of a DNS server");
        match text.split_once("://") {
            Some((_, rest)) => fault.help(format!("write it without scheme: \"{rest}\"")),
            None => fault.help(
                "write an IP address, with a port or without: \"10.0.0.10\", \"[fd00::10]:5353\"",
            ),
        }
    })
}
