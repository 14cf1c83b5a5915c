//! Keys as names of XML.

use std::borrow::Cow;

use super::Writer;
use crate::{convert::escape, error::Error, xml::chars};

impl Writer<'_, '_, '_> {
    /// A key as a name of XML.
    pub(super) fn name<'k>(&self, key: &'k str, what: &str) -> Result<Cow<'k, str>, Error> {
        let name = self.spelled(key);
        let most = self.options.limits.name;
        if name.len() > most {
            return Err(Error::TooComplex(format!("a name of more than {most} bytes")));
        }
        let why = match name.split_once(':') {
            _ if !chars::is_qualified_name(&name) => format!("not the name of an XML {what}"),
            Some(("xmlns", _)) => "the prefix `xmlns` is for declarations".into(),
            Some((prefix, _)) if !self.is_declared(prefix) => {
                format!("the prefix `{prefix}` is not declared")
            }
            _ => return Ok(name),
        };
        match what {
            "attribute" => Err(self.wrong_attribute(key, &why)),
            _ => Err(self.wrong(&why)),
        }
    }

    fn spelled<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if !self.options.escape {
            return key.into();
        }
        match key.split_once(':') {
            Some((prefix, local)) if self.is_declared(prefix) => {
                format!("{}:{}", escape::escaped(prefix), escape::escaped(local)).into()
            }
            _ => escape::escaped(key),
        }
    }

    pub(super) fn is_declared(&self, prefix: &str) -> bool {
        let has_uri = |uris: &Vec<Cow<'_, str>>| uris.last().is_some_and(|uri| !uri.is_empty());
        prefix == "xml" || self.declared.get(prefix).is_some_and(has_uri)
    }
}
