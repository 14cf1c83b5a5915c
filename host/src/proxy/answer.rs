//! Routes that answer by themselves: redirects and static replies. The plugins of their chain see
//! them as they see what a handler says.

use bytes::Bytes;
use http::{HeaderValue, header};

use super::{admit::has_no_body, forward::encode_into, target::host_of};
use crate::{
    config::{Location, Piece, Redirect, Route, StaticReply},
    fields::Fields,
    message::{Exchange, Reply},
    rescue::Trouble,
};

/// What a route says, made ready.
pub enum Answer {
    /// Go elsewhere.
    Redirect(Redirect),
    /// Always the same.
    Reply(Reply),
}

impl Answer {
    /// That of a route, if it answers by itself.
    pub fn of(route: &Route) -> Option<Self> {
        let redirect = route.redirect.clone().map(Self::Redirect);
        redirect.or_else(|| Some(Self::Reply(whole(route.reply.as_ref()?))))
    }

    /// The answer to one request.
    pub(super) fn reply(&self, exchange: &Exchange) -> Result<Reply, Trouble> {
        match self {
            Self::Redirect(redirect) => redirected(redirect, exchange),
            Self::Reply(reply) => Ok(reply.clone()),
        }
    }
}

/// Says the length itself: an answer to HEAD has it too (RFC 9110, 8.6).
fn whole(reply: &StaticReply) -> Reply {
    let StaticReply { status, mut headers, body } = reply.clone();
    if !has_no_body(status) {
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    Reply { status, headers, body }
}

fn redirected(redirect: &Redirect, exchange: &Exchange) -> Result<Reply, Trouble> {
    let mut to = filled(&redirect.to, exchange).ok_or(Trouble::BadRequest("it has no Host"))?;
    if let Some(query) = exchange.query().filter(|_| redirect.keep_query) {
        to.push(if redirect.to.query.is_some() { '&' } else { '?' });
        to.push_str(query);
    }
    let location = HeaderValue::from_str(&to);
    let location = location.map_err(|_| Trouble::BadRequest("its target is malformed"))?;
    let headers = Fields::from_iter([
        (header::LOCATION, location),
        (header::CONTENT_LENGTH, HeaderValue::from_static("0")),
    ]);
    Ok(Reply { status: redirect.status, headers, body: Bytes::new() })
}

/// None where the template needs a host and the request has none (HTTP/1.0).
fn filled(to: &Location, exchange: &Exchange) -> Option<String> {
    let mut out = String::with_capacity(128);
    for piece in &to.place {
        match piece {
            Piece::Param { name, catch_all } => {
                encode_into(&mut out, param(exchange, name), *catch_all);
            }
            Piece::Host => match host_of(&exchange.authority) {
                "" => return None,
                host => out.push_str(host),
            },
            plain => out.push_str(said(plain, exchange)),
        }
    }
    if out.starts_with(['/', '\\']) {
        // Two slashes would begin a host, and to browsers a backslash is one.
        let path = out.trim_start_matches(['/', '\\']).len();
        out.replace_range(..out.len() - path, "/");
    }
    for (index, piece) in to.query.iter().flatten().enumerate() {
        out.push_str(if index == 0 { "?" } else { "" });
        match piece {
            Piece::Literal(text) => out.push_str(text),
            piece => escape_into(&mut out, said(piece, exchange)),
        }
    }
    Some(out)
}

/// The text of a piece, as it came.
fn said<'a>(piece: &'a Piece, exchange: &'a Exchange) -> &'a str {
    match piece {
        Piece::Literal(text) => text,
        Piece::Scheme if exchange.client.https => "https",
        Piece::Scheme => "http",
        Piece::Host => host_of(&exchange.authority),
        Piece::Path => exchange.path(),
        Piece::Param { name, .. } => param(exchange, name),
    }
}

fn param<'a>(exchange: &'a Exchange, name: &str) -> &'a str {
    exchange.params.iter().find(|(known, _)| **known == *name).map_or("", |(_, value)| value)
}

/// A value inside a query: `&`, `=` and `+` mean something there.
fn escape_into(out: &mut String, value: &str) {
    out.extend(form_urlencoded::byte_serialize(value.as_bytes()));
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn literal(text: &str) -> Piece {
        Piece::Literal(text.to_owned())
    }

    /// Where a request for `target` at `host` is sent.
    fn sent(
        place: &[Piece],
        query: Option<Vec<Piece>>,
        host: &str,
        target: &str,
    ) -> Option<String> {
        let to = Location { text: String::new(), place: place.to_vec(), query };
        let redirect = Redirect { to, status: StatusCode::FOUND, keep_query: true };
        let mut exchange = Exchange::vacant();
        exchange.authority = host.to_owned();
        exchange.request.uri = target.parse().unwrap();
        exchange.params =
            vec![("id".into(), "a/b?c=1&d\r\ne é".into()), ("rest".into(), "/x/y".into())];
        let reply = redirected(&redirect, &exchange).ok()?;
        Some(reply.headers[header::LOCATION].to_str().unwrap().to_owned())
    }

    #[test]
    fn the_same_elsewhere() {
        let place = [literal("https://"), Piece::Host, literal(":8443"), Piece::Path];
        let sent = |host, target| sent(&place, None, host, target);
        let location = sent("shop.example:8080", "/a%20b//c?d=%26").unwrap();
        assert_eq!(location, "https://shop.example:8443/a%20b//c?d=%26");
        assert_eq!(sent("[::1]:80", "/").unwrap(), "https://[::1]:8443/");
        assert_eq!(sent("", "/"), None, "a request of HTTP/1.0 need not have one");
    }

    #[test]
    fn a_parameter_stays_a_parameter() {
        let id = Piece::Param { name: "id".into(), catch_all: false };
        let query = Some(vec![literal("q="), id.clone()]);
        let location = sent(&[literal("/v2/"), id], query, "a", "/x?y").unwrap();
        let encoded = "a%2Fb%3Fc=1&d%0D%0Ae%20%C3%A9";
        assert_eq!(location, format!("/v2/{encoded}?q=a%2Fb%3Fc%3D1%26d%0D%0Ae+%C3%A9&y"));
    }

    #[test]
    fn a_path_never_becomes_a_host() {
        let rest = Piece::Param { name: "rest".into(), catch_all: true };
        assert_eq!(sent(&[literal("/"), rest], None, "a", "/").unwrap(), "/x/y");
        for target in ["//evil.example/a", "///evil.example/a"] {
            assert_eq!(sent(&[Piece::Path], None, "a", target).unwrap(), "/evil.example/a");
        }
    }
}
