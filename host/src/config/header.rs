//! Header fields that stand in the file.

use http::{HeaderName, HeaderValue};

use super::fault::Fault;

/// A name, unless the gateway says that field by itself in this place.
pub(super) fn name(text: &str, own: &[&str]) -> Result<HeaderName, Fault> {
    let name: HeaderName = text.parse().map_err(|_| Fault::new("is not a header name"))?;
    if own.contains(&name.as_str()) {
        return Err(Fault::new("is said by the gateway itself").help("leave it out"));
    }
    Ok(name)
}

/// A value.
pub(super) fn value(text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text)
        .map_err(|_| Fault::new("cannot stand in a header").help("it is one line of text"))
}
