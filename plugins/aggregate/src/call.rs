//! From a part's settings and values to the call.

use template::{Name, Piece};
use torana_plugin_sdk::{
    host::{HeaderError, Outgoing},
    prelude::*,
};

use crate::{
    escape,
    fault::Fault,
    fields::{HeaderValue, QueryValue},
    settings::{Format, Part},
    source::{Source, Template},
    values::{Results, Trouble, Value, Values},
};

/// The longest path with its query, and the longest value of a header: what services take.
const MAX_LENGTH: usize = 8 << 10;

/// The calls of one part are made of this.
pub(crate) struct Caller<'a, H, R> {
    pub(crate) part: &'a Part,
    pub(crate) host: &'a H,
    pub(crate) values: Values<'a, H, R>,
    /// For the call, in milliseconds.
    pub(crate) timeout: u32,
}

impl<'a, H: Host, R: Results> Caller<'a, H, R> {
    /// The call for an element, or the only one.
    pub(crate) fn call(&self, item: Option<&str>) -> Result<Outgoing, Trouble> {
        let path = self.path(item)? + &self.query(item)?;
        if path.len() > MAX_LENGTH {
            return Err(too_long(self.part.path.names().next()));
        }
        let mut call = Outgoing::new(&self.method(item)?, &self.part.to, path);
        call.text = true;
        call = call.timeout_ms(self.timeout);
        call = self.with_headers(call, item)?;
        self.with_body(call, item)
    }

    fn method(&self, item: Option<&str>) -> Result<String, Trouble> {
        let Some(template) = &self.part.method else {
            let method = if self.part.body.is_some() { "POST" } else { "GET" };
            return Ok(method.to_owned());
        };
        let method = self.needed(template, item)?;
        let wrong = |why| template.names().next().map(|name| Fault::BadValue(name.clone(), why));
        match method.as_str() {
            // For a reply's head the whole reply is composed.
            "HEAD" => Ok("GET".to_owned()),
            "CONNECT" | "TRACE" => Err(fault(wrong("is no method for this"))),
            _ if !escape::is_token(&method) => Err(fault(wrong("is no method"))),
            _ => Ok(method),
        }
    }

    fn path(&self, item: Option<&str>) -> Result<String, Trouble> {
        let mut path = String::new();
        for piece in self.part.path.pieces() {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Value { name, default } => {
                    let value = self.values.of(name, item)?;
                    let value =
                        value.or_else(|| default.clone().map(|text| Value::Text(text.into())));
                    let value = value.ok_or_else(|| Fault::NoValue(name.clone()))?;
                    path.push_str(&in_path(name, &value)?);
                }
            }
        }
        // Values that are harmless alone may not be so together.
        match self.part.path.names().last() {
            Some(name) if escape::climbs(&path) => {
                Err(Fault::BadValue(name.clone(), "would lead to another path").into())
            }
            _ => Ok(path),
        }
    }

    /// With its question mark, where there is one.
    fn query(&self, item: Option<&str>) -> Result<String, Trouble> {
        let mut query = String::new();
        let mut add = |name: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.extend(escape::percent(name));
            query.push('=');
            query.push_str(value);
        };
        for (name, value) in &self.part.query.0 {
            match value {
                QueryValue::One(template) => {
                    let values = self.escaped(template, item)?;
                    if !values.is_empty() {
                        add(name, &values.join(","));
                    }
                }
                QueryValue::Each(templates) => {
                    for template in templates {
                        self.escaped(template, item)?.iter().for_each(|value| add(name, value));
                    }
                }
            }
        }
        Ok(query)
    }

    /// The escaped values of a query's template: several if it is a lone name that has a list, none
    /// if it has no value.
    fn escaped(&self, template: &'a Template, item: Option<&str>) -> Result<Vec<String>, Trouble> {
        let escaped = |text: &str| escape::percent(text).collect::<String>();
        if let [Piece::Value { name, default: None }] = template.pieces() {
            let Some(value) = self.values.of(name, item)? else { return Ok(Vec::new()) };
            let texts = value.texts().map_err(|why| Fault::BadValue(name.clone(), why))?;
            return texts.iter().map(|text| short(text, Some(name)).map(escaped)).collect();
        }
        let text = self.values.text(template, item)?;
        text.iter().map(|text| short(text, template.names().next()).map(escaped)).collect()
    }

    fn with_headers(&self, mut call: Outgoing, item: Option<&str>) -> Result<Outgoing, Trouble> {
        for (name, value) in &self.part.headers.0 {
            call = match value {
                HeaderValue::Secret { prefix, secret } => call.secret_header(name, prefix, secret),
                HeaderValue::Template(template) => match self.values.text(template, item)? {
                    Some(text) => call.header(&**name, self.header(template, text)?),
                    None => call,
                },
            };
        }
        for name in &self.part.forward {
            for value in self.forwarded(name)? {
                call = call.header(&**name, value);
            }
        }
        let is_set = call.headers.iter().any(|header| header.name == "accept");
        if self.part.format == Format::Json && !is_set {
            call = call.header("accept", "application/json");
        }
        Ok(call)
    }

    fn header(&self, template: &'a Template, text: String) -> Result<String, Trouble> {
        let name = template.names().next();
        match escape::wrong_in_header(short(&text, name)?) {
            Some(why) => Err(fault(name.map(|name| Fault::BadValue(name.clone(), why)))),
            None => Ok(text),
        }
    }

    fn forwarded(&self, name: &HeaderName) -> Result<Vec<String>, Trouble> {
        match self.host.request().header_values(name) {
            Err(Refused { why: HeaderError::NotText, .. }) => {
                let source = Source::Exchange(Name::RequestHeader(name.to_string()));
                Err(Fault::BadValue(source, "is not UTF-8").into())
            }
            answer => Ok(answer.map_err(Failure::from)?),
        }
    }

    fn with_body(&self, call: Outgoing, item: Option<&str>) -> Result<Outgoing, Trouble> {
        let Some(body) = &self.part.body else { return Ok(call) };
        let Some(json) = body.render(&|template| self.values.json(template, item))? else {
            let mut names = Vec::new();
            body.names(&[], &mut names);
            return Err(fault(names.first().map(|(_, name)| Fault::NoValue((*name).clone()))));
        };
        let is_set = call.headers.iter().any(|header| header.name == "content-type");
        let call = if is_set { call } else { call.header("content-type", "application/json") };
        Ok(Outgoing { body: json.into(), ..call })
    }

    fn needed(&self, template: &'a Template, item: Option<&str>) -> Result<String, Trouble> {
        let text = self.values.text(template, item)?;
        let absent = || template.names().next().map(|name| Fault::NoValue(name.clone()));
        text.ok_or_else(|| fault(absent()))
    }
}

/// The value, if it is not too long.
fn short<'v>(value: &'v str, name: Option<&Source>) -> Result<&'v str, Trouble> {
    if value.len() > MAX_LENGTH { Err(too_long(name)) } else { Ok(value) }
}

fn too_long(name: Option<&Source>) -> Trouble {
    fault(name.map(|name| Fault::BadValue(name.clone(), "is too long")))
}

/// A fault of a value. A template without names has none that could be wrong but its own text.
fn fault(fault: Option<Fault>) -> Trouble {
    fault.unwrap_or_else(|| Fault::NotSent("its settings make no request".to_owned())).into()
}

fn in_path(name: &Source, value: &Value<'_>) -> Result<String, Fault> {
    let wrong = |why| Fault::BadValue(name.clone(), why);
    let texts = value.texts().map_err(wrong)?;
    if texts.is_empty() {
        return Err(Fault::NoValue(name.clone()));
    }
    let mut escaped = Vec::new();
    for text in texts {
        if let Some(why) = escape::wrong_in_path(&text) {
            return Err(wrong(why));
        }
        escaped.push(escape::percent(&text).collect::<String>());
    }
    Ok(escaped.join(","))
}
