//! What the upstream and later plugins learn of a verified token.

use std::borrow::Cow;

use template::{Fault, Name, Template};
use torana_plugin_sdk::{host::AttributeError, http, prelude::*};

use crate::{
    claims::{self, Claims},
    validity::Window,
    wanted::Requirements,
};

/// What is told of a token.
#[derive(Debug)]
pub(crate) struct Disclosure {
    /// The claim that is `consumer.id`.
    pub(crate) consumer: Vec<String>,
    /// The claim that is `consumer.tier`.
    pub(crate) tier: Option<Vec<String>>,
    pub(crate) headers: Vec<(EditableName, Template)>,
}

/// A verified token, as it is told to others: everything that can be made of it once.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) window: Window,
    /// As `attributes` takes them.
    attributes: [(String, Option<String>); 4],
    /// In the order of the settings; those that are of the exchange too are made for each.
    headers: Vec<HeaderValue>,
    claims: Claims,
}

#[derive(Debug)]
enum HeaderValue {
    Fixed(Option<String>),
    OfExchange,
}

impl Disclosure {
    /// What is to be told of a token, whose claims were read from `text`. The error is for the log: a claim cannot be
    /// told as it is.
    pub(crate) fn identity(
        &self,
        claims: Claims,
        text: Vec<u8>,
        window: Window,
        requirements: &Requirements,
    ) -> Result<Identity, String> {
        let scopes = requirements.scopes(&claims).join(" ");
        let named = |path: &[String]| {
            claims::find(&claims, path)
                .map_or(Ok(None), claims::text)
                .map_err(|why| unfit(path, why))
        };
        let attributes = [
            ("consumer.id", named(&self.consumer)?),
            ("consumer.tier", self.tier.as_deref().map_or(Ok(None), named)?),
            ("auth.scopes", Some(scopes).filter(|scopes| !scopes.is_empty())),
            ("auth.claims", Some(on_one_line(text, &claims)?)),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        let headers = self.headers.iter().map(|(_, template)| {
            if is_of_exchange(template) {
                return Ok(HeaderValue::OfExchange);
            }
            let value = template.render(|name| match name {
                Name::Claim(path) => named(path),
                _ => Ok(None),
            })?;
            Ok(HeaderValue::Fixed(value))
        });
        let headers = headers.collect::<Result<_, String>>()?;
        Ok(Identity { window, attributes, headers, claims })
    }

    /// Tells the upstream and later plugins who it is, or that it is nobody. Whichever it is, what a
    /// client may have sent in the place of our headers goes. `warn` is called where a grant is
    /// missing, and it `lacks_grants` from then on.
    pub(crate) fn tell(
        &self,
        host: &impl Host,
        identity: Option<&Identity>,
        lacks_grants: bool,
        warn: impl Fn(&str),
    ) -> Result<(), Fault> {
        // First, for a header's template may ask for them.
        if let Some(identity) = identity {
            set_attributes(host, &identity.attributes, lacks_grants, warn)?;
        }
        self.remove_aliases(host)?;
        for (index, (name, template)) in self.headers.iter().enumerate() {
            let value = match identity {
                Some(identity) => identity.header(host, index, template)?,
                None => None,
            };
            match value.filter(|value| !value.is_empty()) {
                Some(value) => host.request_edit().set_header(name, &value),
                None => host.request_edit().remove_header(name),
            }
            .map_err(Failure::from)?;
        }
        Ok(())
    }

    /// Many a service reads `x_user_id` and `x-user-id` as one (CGI, RFC 3875, 4.1.18).
    fn remove_aliases(&self, host: &impl Host) -> Result<(), Failure> {
        if self.headers.is_empty() {
            return Ok(());
        }
        for name in host.request().header_names() {
            if self.headers.iter().any(|(ours, _)| http::are_twins(&name, ours)) {
                host.request_edit().remove_header(&name)?;
            }
        }
        Ok(())
    }
}

/// The claims as JSON: as they stand in the token, where that has no control characters. To write them anew takes an eighth of
/// what all of a token takes, besides its signature.
fn on_one_line(text: Vec<u8>, claims: &Claims) -> Result<String, String> {
    match String::from_utf8(text) {
        Ok(text) if !text.bytes().any(|byte| byte.is_ascii_control()) => Ok(text),
        _ => serde_json::to_string(claims).map_err(|why| why.to_string()),
    }
}

impl Identity {
    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().filter_map(|(_, value)| value.as_deref());
        let headers = self.headers.iter().filter_map(|value| match value {
            HeaderValue::Fixed(value) => value.as_deref(),
            HeaderValue::OfExchange => None,
        });
        let texts: usize = attributes.chain(headers).map(str::len).sum();
        // The claims themselves: measured at three to four times their text.
        let claims = self.attributes[3].1.as_ref().map_or(0, String::len);
        texts + 4 * claims + 512
    }

    /// The value of the header with this index.
    fn header(
        &self,
        host: &impl Host,
        index: usize,
        template: &Template,
    ) -> Result<Option<Cow<'_, str>>, Fault> {
        match &self.headers[index] {
            HeaderValue::Fixed(value) => Ok(value.as_deref().map(Cow::Borrowed)),
            HeaderValue::OfExchange => {
                let value = template.render(|name| match name {
                    Name::Claim(path) => Ok(self.claim(path)?),
                    name => name.header_value(host),
                })?;
                Ok(value.map(Cow::Owned))
            }
        }
    }

    fn claim(&self, path: &[String]) -> Result<Option<String>, Failure> {
        let found = claims::find(&self.claims, path).map_or(Ok(None), claims::text);
        found.map_err(|why| Failure::new(unfit(path, why)))
    }
}

fn is_of_exchange(template: &Template) -> bool {
    template.names().any(|name| !matches!(name, Name::Claim(_)))
}

fn unfit(path: &[String], why: &str) -> String {
    format!("its claim `{}` {why}, so it would not arrive as it is", path.join("."))
}

/// What an earlier plugin said of somebody else must not stay beside what is said here. Where one is not
/// granted the others are set still.
fn set_attributes(
    host: &impl Host,
    attributes: &[(String, Option<String>)],
    lacks_grants: bool,
    warn: impl Fn(&str),
) -> Result<(), Failure> {
    if !lacks_grants {
        match host.attributes().update(attributes) {
            Err(Refused { why: AttributeError::Denied, .. }) => {}
            done => return Ok(done?),
        }
    }
    let mut each = attributes.iter();
    each.try_for_each(|(name, value)| set_attribute(host, name, value.as_deref(), &warn))
}

fn set_attribute(
    host: &impl Host,
    name: &str,
    value: Option<&str>,
    warn: &impl Fn(&str),
) -> Result<(), Failure> {
    let attributes = host.attributes();
    let done = match value {
        Some(value) => attributes.set(name, value),
        None if attributes.get(name).is_some() => attributes.remove(name),
        None => return Ok(()),
    };
    match done {
        Err(Refused { why: AttributeError::Denied, .. }) if attributes.get(name).is_none() => {
            warn(name);
            Ok(())
        }
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn claims_are_as_they_stand_in_the_token_but_on_one_line() {
        let told = |text: &str| {
            let claims = json::parse_object(text.as_bytes()).unwrap();
            on_one_line(text.into(), &claims).unwrap()
        };
        assert_eq!(told(r#"{"sub":"é", "n":1e2}"#), r#"{"sub":"é", "n":1e2}"#);
        assert_eq!(told("{\"sub\":\"joe\",\r\n \"n\":1}"), r#"{"n":1,"sub":"joe"}"#);
    }
}
