//! The `url` of [store].

use super::{
    super::{Diagnostic, fault::Fault, host, table::Table},
    RedisAddress,
};

const DEFAULT_PORT: u16 = 6379;

/// A `url` in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) address: RedisAddress,
    pub(super) database: u32,
}

/// Reads it, and says what is wrong with it.
pub(super) fn read(table: &Table<'_>) -> Option<Url> {
    let Some(value) = table.get("url") else {
        let problem = Diagnostic::error(table.span, "[store] needs `url` for kind = \"redis\"");
        let help = "add url = \"redis://redis.internal:6379\"";
        table.cx.report(problem.label("no `url` here").help(help.to_owned()));
        return None;
    };
    let text = value.text()?;
    if has_password(&text.text) {
        // Without the place of the value, whose line would be shown.
        let message = "`url` of [store] has a password in it";
        let help = "take it out, and add password = { secret = \"NAME\" }";
        table.cx.report(Diagnostic::error(table.span, message).help(help.to_owned()));
        return None;
    }
    let url = value.parse(parse)?;
    Some(match url.address {
        RedisAddress::Unix(path) => {
            let path = table.cx.resolve(&path.to_string_lossy());
            Url { address: RedisAddress::Unix(path), ..url }
        }
        RedisAddress::Tcp(..) => url,
    })
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map(|(_, rest)| rest).unwrap_or(url);
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

fn parse(text: &str) -> Result<Url, Fault> {
    let fault = || Fault::new("is not the URL of a Redis");
    let schemes = "it begins with redis://, rediss:// or unix:///";
    let (scheme, rest) = text.split_once("://").ok_or_else(|| fault().help(schemes))?;
    let tls = match scheme {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        "unix" if rest.starts_with('/') => {
            let address = RedisAddress::Unix(rest.into());
            return Ok(Url { tls: false, user: None, address, database: 0 });
        }
        _ => return Err(fault().help(schemes)),
    };
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()).filter(|user| !user.is_empty()), place),
        None => (None, authority),
    };
    let (name, port) = match host::split_port(place) {
        Some((name, port)) => {
            let port = port.parse().ok().filter(|port| *port > 0);
            (name, port.ok_or_else(|| fault().help("the port is a number from 1 to 65535"))?)
        }
        None => (place, DEFAULT_PORT),
    };
    let database = match database {
        "" => 0,
        number => number.parse().map_err(|_| {
            fault().help("behind the host there is only the number of a database: \"/0\"")
        })?,
    };
    Ok(Url { tls, user, address: RedisAddress::Tcp(host::host(name)?, port), database })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let tcp = |host: &str, port| RedisAddress::Tcp(host.into(), port);
        let url = |tls, user: Option<&str>, address, database| {
            Ok(Url { tls, user: user.map(Into::into), address, database })
        };
        assert_eq!(parse("redis://r.internal"), url(false, None, tcp("r.internal", 6379), 0));
        assert_eq!(parse("rediss://u@r:1/2"), url(true, Some("u"), tcp("r", 1), 2));
        assert_eq!(parse("valkey://[::1]:7/"), url(false, None, tcp("::1", 7), 0));
        let unix = RedisAddress::Unix("/run/redis.sock".into());
        assert_eq!(parse("unix:///run/redis.sock"), url(false, None, unix, 0));
        for wrong in
            ["", "r:6379", "http://r", "redis://", "redis://r:0", "redis://r/x", "unix://r.sock"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn passwords_are_seen() {
        assert!(has_password("redis://:pw@r") && has_password("redis://u:p@w@r:1/0"));
        assert!(!has_password("redis://u@r:6379") && !has_password("redis://r:6379/0"));
    }
}
