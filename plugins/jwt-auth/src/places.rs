//! Where tokens come from, and how they go away again.

use torana_plugin_sdk::{
    host::{HeaderError, Request},
    http::Malformed,
    prelude::*,
};

use crate::credentials::{in_cookies, in_header, without_cookie, without_parameter};

/// The places that are looked at.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) header: Option<HeaderPlace>,
    pub(crate) cookie: Option<String>,
    pub(crate) query: Option<String>,
}

/// A header, and the scheme before the token, if there is one.
#[derive(Debug)]
pub(crate) struct HeaderPlace {
    pub(crate) name: HeaderName,
    pub(crate) scheme: Option<String>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Token(String),
    /// Something that is no token, or more than one: what is wrong, for the client.
    Unclear(&'static str),
}

const TWICE: &str = "There is more than one access token.";
const EMPTY: &str = "The access token is empty.";
const NOT_ONE: &str = "What should be one access token has something else in it.";

impl Places {
    /// Looks for the token. Two of them are one too many, even if they are equal (RFC 6750, 2): who
    /// checks one must not be followed by somebody who reads the other.
    pub(crate) fn find(&self, request: &impl Request) -> Result<Found, Failure> {
        let mut tokens = Vec::new();
        if let Some(place) = &self.header {
            let value = match request.header(&place.name) {
                // One of them may still be no text.
                Err(Refused { why: HeaderError::Repeated, .. }) => {
                    let are_texts = text(request.header_values(&place.name))?.is_some();
                    return Ok(Found::Unclear(if are_texts { TWICE } else { NOT_ONE }));
                }
                Err(Refused { why: HeaderError::NotText, .. }) => {
                    return Ok(Found::Unclear(NOT_ONE));
                }
                value => value?,
            };
            let token =
                value.as_deref().and_then(|value| in_header(value, place.scheme.as_deref()));
            match token.transpose() {
                Ok(token) => tokens.extend(token.map(str::to_owned)),
                Err(Malformed) => return Ok(Found::Unclear(NOT_ONE)),
            }
        }
        if let Some(name) = &self.cookie {
            // HTTP/2 may spread cookies over several lines (RFC 9113, 8.2.3).
            let Some(lines) = text(request.header_values("cookie"))? else {
                return Ok(Found::Unclear(NOT_ONE));
            };
            let values = lines.iter().flat_map(|line| in_cookies(line, name));
            tokens.extend(values.map(str::to_owned));
        }
        if let Some(name) = &self.query {
            tokens.extend(request.query_values(name));
        }
        Ok(judge(tokens))
    }

    /// Takes away what services may take for a token, and nobody has looked at.
    pub(crate) fn remove_twins(&self, host: &impl Host) -> Result<(), Failure> {
        self.header.as_ref().map_or(Ok(()), |place| place.remove_twins(host))
    }

    /// Takes the token out of what the upstream gets. A header goes as a whole, even if it is of
    /// another scheme: it came as a credential for us.
    pub(crate) fn remove(&self, host: &impl Host, forward: bool) -> Result<(), Failure> {
        // URLs are logged everywhere.
        if let Some(name) = &self.query
            && let Some(query) = host.request().query()
        {
            let rest = without_parameter(&query, name);
            if rest.as_ref() != Some(&query) {
                host.request_edit().set_query(rest.as_deref())?;
            }
        }
        if forward {
            return self.remove_twins(host);
        }
        if let Some(place) = &self.header {
            host.request_edit().remove_header(&place.name)?;
        }
        match &self.cookie {
            Some(name) => remove_cookie(host, name),
            None => Ok(()),
        }
    }
}

impl HeaderPlace {
    /// Takes away what many a service takes for the header that was looked at: `x_token` for `x-token`.
    fn remove_twins(&self, host: &impl Host) -> Result<(), Failure> {
        if !self.name.contains('-') {
            return Ok(());
        }
        // The host removes all other spellings with underscores as well, and leaves the one with dashes.
        Ok(host.request_edit().remove_header(&self.name.replace('-', "_"))?)
    }
}

fn judge(mut tokens: Vec<String>) -> Found {
    if tokens.len() > 1 {
        return Found::Unclear(TWICE);
    }
    match tokens.pop() {
        None => Found::Nothing,
        Some(token) if token.is_empty() => Found::Unclear(EMPTY),
        Some(token) => Found::Token(token),
    }
}

/// Whether what stands in the place of a token is one text. The error is for the client.
pub(crate) fn check_one(text: &str) -> Result<(), &'static str> {
    // Proxies join repeated fields with commas.
    if has_separator(text) { Err(NOT_ONE) } else { Ok(()) }
}

/// Whether there is a space, a comma or a tab in it. A token has some 700 bytes: so
/// eight at once are passed over where none is below `-`, the lowest that a token is made of.
fn has_separator(text: &str) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let may_have = |eight: &&[u8; 8]| {
        let eight = u64::from_ne_bytes(**eight);
        // The top bit of the lowest such byte is set by the borrow, and of ASCII it was not before.
        eight.wrapping_sub(EACH * u64::from(b'-')) & !eight & (EACH << 7) != 0
    };
    let (eights, rest) = text.as_bytes().as_chunks();
    let mut doubtful = eights.iter().filter(may_have).flatten().chain(rest);
    doubtful.any(|byte| matches!(byte, b' ' | b',' | b'\t'))
}

/// None where a value is not UTF-8: that is the client's doing. All else is not.
fn text(values: Result<Vec<String>, Refused<HeaderError>>) -> Result<Option<Vec<String>>, Failure> {
    match values {
        Ok(values) => Ok(Some(values)),
        Err(Refused { why: HeaderError::NotText, .. }) => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

fn remove_cookie(host: &impl Host, name: &str) -> Result<(), Failure> {
    let Some(lines) = text(host.request().header_values("cookie"))? else { return Ok(()) };
    if lines.iter().all(|line| in_cookies(line, name).next().is_none()) {
        return Ok(());
    }
    match without_cookie(&lines.join("; "), name) {
        Some(rest) => host.request_edit().set_header("cookie", &rest)?,
        None => host.request_edit().remove_header("cookie")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_is_found_wherever_it_stands() {
        let token = "eyJhbGciOiJSUzI1NiJ9.-_AZaz09~+/=!#.\u{80}\u{ff}\u{10ffff}";
        assert!(!has_separator(token) && !has_separator(""));
        for separator in [' ', ',', '\t'] {
            for (at, _) in token.char_indices() {
                let (before, after) = token.split_at(at);
                assert!(has_separator(&format!("{before}{separator}{after}")), "at {at}");
            }
        }
    }
}
