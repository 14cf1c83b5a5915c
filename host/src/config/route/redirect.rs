//! `redirect`: clients are sent elsewhere.

use http::StatusCode;

use super::super::{
    Diagnostic,
    fault::{Fault, join, quote},
    host,
    keys::{Kind, Shape, key},
    path::{catch_all, placeholders},
    table::Table,
};

/// Where clients are sent, and how.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// What becomes `Location`.
    pub to: Location,
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
    /// The request's query goes along.
    pub keep_query: bool,
}

/// A template of a URI reference (RFC 9110, 10.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// As it is written.
    pub text: String,
    /// Up to the query.
    pub place: Vec<Piece>,
    /// The query, if it has one of its own.
    pub query: Option<Vec<Piece>>,
}

/// A piece of a [`Location`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Literal(String),
    /// `{scheme}`: `http` or `https`, as the client used it.
    Scheme,
    /// `{host}`: the host that the client named, without the port.
    Host,
    /// `{path}`: the whole path, with its slash.
    Path,
    /// `{id}`: a parameter of the path.
    Param {
        /// Its name.
        name: String,
        /// It is all that follows, slashes included.
        catch_all: bool,
    },
}

/// The table's keys.
pub(super) static REDIRECT: Shape = Shape {
    id: "redirect",
    place: "`redirect` of [[routes]]",
    about: "Where clients are sent.",
    keys: &[
        key(
            "to",
            Kind::Text("https://{host}{path}"),
            "A path on this host, or a whole URI; with parameters of `match.path` and with \
             `{scheme}`, `{host}` (without the port) and `{path}` of the request.",
        )
        .required(),
        key(
            "status",
            Kind::Integer(301, 308),
            "301 and 308 are kept by browsers for good, 302 and 307 are for now; 307 and 308 keep \
             method and body, 303 makes it a GET.",
        )
        .or("307"),
        key(
            "query",
            Kind::Choice(&["keep", "drop"]),
            "Whether the query of the request goes along.",
        )
        .or("keep"),
    ],
};

const STATUSES: [u64; 5] = [301, 302, 303, 307, 308];

/// What a template can say of the request itself.
const OF_REQUEST: [(&str, Piece); 3] =
    [("scheme", Piece::Scheme), ("host", Piece::Host), ("path", Piece::Path)];

/// Reads it, for a route that matches `path`.
pub(super) fn read(
    table: &Table<'_>,
    path: &str,
    parameters: Option<&[String]>,
) -> Option<Redirect> {
    let status = table.integer("status");
    if !STATUSES.contains(&status) {
        let problem = Diagnostic::error(table.span_of("status"), "this status is no redirect");
        table.cx.report(problem.help("write 301, 302, 303, 307 or 308".to_owned()));
    }
    let keep_query = table.choice("query") == "keep";
    // Without a path there is nothing to hold the template against.
    let known = Known { parameters: parameters?, catch_all: catch_all(path) };
    let to = table.parse("to", |text| location(text, &known))?;
    Some(Redirect { to, status: StatusCode::from_u16(status as u16).ok()?, keep_query })
}

/// What placeholders may name.
struct Known<'a> {
    parameters: &'a [String],
    catch_all: Option<&'a str>,
}

fn location(text: &str, known: &Known<'_>) -> Result<Location, Fault> {
    let fault = |what: &str| Fault::new(format!("is no place to send clients to: {what}"));
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "it has a blank, a control character, or one that is not ASCII";
        return Err(fault(what).help("write it percent-encoded"));
    }
    if text.contains(['#', '\\']) {
        return Err(fault("`#` and `\\` have no place in it").help("write it percent-encoded"));
    }
    let (place, query) = match text.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (text, None),
    };
    check_place(place)?;
    let query = query.map(|query| pieces(query, known)).transpose()?;
    Ok(Location { text: text.to_owned(), place: pieces(place, known)?, query })
}

/// Whoever could choose the host by a parameter could send clients anywhere.
fn check_place(place: &str) -> Result<(), Fault> {
    let fault = |what: &str| Fault::new(format!("is no place to send clients to: {what}"));
    if place.starts_with("//") {
        return Err(fault("`//` begins a host").help(format!("write \"https:{place}\"")));
    }
    if place.starts_with('/') || place.starts_with("{path}") {
        return Ok(());
    }
    let Some((scheme, rest)) = place.split_once("://") else {
        return Err(fault("it begins neither with `/` nor with a scheme")
            .help(format!("write \"/{place}\", or \"https://{{host}}/{place}\"")));
    };
    if !["http", "https", "{scheme}"].contains(&scheme) {
        return Err(fault("its scheme is neither http nor https"));
    }
    let authority = rest.split_once("{path}").map_or(rest, |(before, _)| before);
    let authority = authority.split_once('/').map_or(authority, |(before, _)| before);
    let sample = authority.replace("{host}", "host");
    if sample.contains('{') {
        return Err(fault("its host has a parameter")
            .help("a host is written out, or `{host}`, the one that was asked for"));
    }
    let host = match host::split_port(&sample) {
        Some((host, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => host,
        Some(_) => return Err(fault("its port is none")),
        None => &sample,
    };
    host::host(host).map(drop)
}

fn pieces(template: &str, known: &Known<'_>) -> Result<Vec<Piece>, Fault> {
    let names = placeholders(template)?;
    let mut pieces = Vec::new();
    let mut rest = template;
    for name in names {
        let Some((before, after)) = rest.split_once('{') else { break };
        if !before.is_empty() {
            pieces.push(Piece::Literal(before.to_owned()));
        }
        pieces.push(piece(name, known)?);
        rest = after.split_once('}').map_or("", |(_, behind)| behind);
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    Ok(pieces)
}

fn piece(name: &str, known: &Known<'_>) -> Result<Piece, Fault> {
    if let Some(plain) = name.strip_prefix('*') {
        let fault = Fault::new("has a `*`, which is for `match.path`");
        return Err(fault.help(format!("write {{{plain}}}")));
    }
    let of_request = OF_REQUEST.iter().find(|(known, _)| *known == name);
    let is_parameter = known.parameters.iter().any(|parameter| parameter == name);
    match (of_request, is_parameter) {
        (Some((_, piece)), false) => Ok(piece.clone()),
        (None, true) => {
            Ok(Piece::Param { name: name.to_owned(), catch_all: known.catch_all == Some(name) })
        }
        (Some(_), true) => {
            let what = format!("uses {}, which is a parameter too", quote(&format!("{{{name}}}")));
            Err(Fault::new(what).help("give the parameter of `match.path` another name"))
        }
        (None, false) => {
            let of_request = OF_REQUEST.iter().map(|(name, _)| *name);
            let all = known.parameters.iter().map(String::as_str).chain(of_request);
            let all: Vec<_> = all.map(|name| format!("`{{{name}}}`")).collect();
            let what = format!("uses {}, which there is not", quote(&format!("{{{name}}}")));
            Err(Fault::new(what).help(format!("there are {}", join(&all, "and"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Location, Fault> {
        let parameters = ["id".to_owned(), "rest".to_owned()];
        location(text, &Known { parameters: &parameters, catch_all: Some("rest") })
    }

    #[test]
    fn templates_are_taken_apart() {
        let literal = |text: &str| Piece::Literal(text.to_owned());
        let param = |name: &str, catch_all| Piece::Param { name: name.to_owned(), catch_all };
        let read = |text: &str| read(text).map(|to| (to.place, to.query)).unwrap();
        assert_eq!(
            read("https://{host}:8443{path}"),
            (vec![literal("https://"), Piece::Host, literal(":8443"), Piece::Path], None)
        );
        assert_eq!(
            read("/v2/{id}/{rest}?from={scheme}"),
            (
                vec![literal("/v2/"), param("id", false), literal("/"), param("rest", true)],
                Some(vec![literal("from="), Piece::Scheme])
            )
        );
        assert_eq!(read("{path}/"), (vec![Piece::Path, literal("/")], None));
        assert_eq!(read("{scheme}://www.{host}").0.len(), 3);
    }

    #[test]
    fn a_parameter_never_chooses_the_host() {
        for wrong in [
            "https://{id}/",
            "https://{id}.example/",
            "https://{host}{rest}",
            "https://{host}:{id}/",
            "https://user@shop.example/",
            "https:///a",
            "https://shop.example:0/",
            "//{host}/",
            "//shop.example/",
            "{id}",
            "{host}/",
            "javascript://x/{id}",
            "",
            "a",
            "/a b",
            "/ä",
            "/a#b",
            "/\\{rest}",
            "/{other}",
            "/{id",
            "/id}",
            "/{*rest}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
