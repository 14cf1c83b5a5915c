//! The syntax, and nothing that knows the gateway.

use std::fmt;

/// Text with names in braces. A plugin that has names of its own (what earlier calls answered, say)
/// has a type for them that is [`Named`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<N = Name>(Vec<Piece<N>>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<N = Name> {
    /// Text as it is.
    Text(String),
    /// What stood in braces.
    Value {
        /// Of what the value is.
        name: N,
        /// What stands in the place of a value that is absent.
        default: Option<String>,
    },
}

/// Names that a template may have in its braces.
pub trait Named: Sized {
    /// Reads a name. The error says which there are.
    fn parse(text: &str) -> Result<Self, String>;
}

/// What a template can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table in the crate's documentation says what each is")]
pub enum Name {
    Attribute(String),
    Claim(Vec<String>),
    ClientAddress,
    Param(String),
    RequestAuthority,
    RequestHeader(String),
    RequestHost,
    RequestId,
    RequestMethod,
    RequestPath,
    RequestQuery,
    RequestQueryValue(String),
    RequestScheme,
    Route,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where in the text, in characters from 1 on.
    pub column: usize,
    /// What is wrong there, and what to write instead.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} of the template: {}", self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

impl Template {
    /// Reads a template that has the names of all plugins.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with_names(text)
    }
}

impl<N: Named> Template<N> {
    /// Reads a template that has names of the plugin's own.
    pub fn parse_with_names(text: &str) -> Result<Self, ParseError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            literal.push_str(&rest[..brace]);
            rest = &rest[brace..];
            let at = |after: usize| column(text, text.len() - rest.len() + after);
            if rest.starts_with("{{") || rest.starts_with("}}") {
                literal.push_str(&rest[..1]);
                rest = &rest[2..];
            } else if rest.starts_with('}') {
                return Err(error(at(0), "a lone `}`; write `}}` for a brace"));
            } else {
                let inside = rest[1..].split(['{', '}']).next().unwrap_or_default();
                if !rest[1 + inside.len()..].starts_with('}') {
                    return Err(error(at(0), "`{` is not closed; write `{{` for a brace"));
                }
                let value = value(inside).map_err(|message| error(at(1), message))?;
                if !literal.is_empty() {
                    parts.push(Piece::Text(std::mem::take(&mut literal)));
                }
                parts.push(value);
                rest = &rest[inside.len() + 2..];
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Piece::Text(literal));
        }
        Ok(Self(parts))
    }
}

impl<N> Template<N> {
    /// The pieces, in order. For who must escape values but not the text around them.
    pub fn pieces(&self) -> &[Piece<N>] {
        &self.0
    }

    /// The text, where it has no values in it.
    pub fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &N> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value { name, .. } => Some(name),
        })
    }

    /// Fills the template in. None when a value is absent that has no default.
    pub fn render<E>(
        &self,
        mut value: impl FnMut(&N) -> Result<Option<String>, E>,
    ) -> Result<Option<String>, E> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Value { name, default } => {
                    match value(name)?.as_ref().or(default.as_ref()) {
                        Some(value) => text.push_str(value),
                        None => return Ok(None),
                    }
                }
            }
        }
        Ok(Some(text))
    }
}

fn error(column: usize, message: impl Into<String>) -> ParseError {
    ParseError { column, message: message.into() }
}

fn column(text: &str, byte: usize) -> usize {
    1 + text[..byte].chars().count()
}

/// What stands between two braces: a name, and maybe a default.
fn value<N: Named>(inside: &str) -> Result<Piece<N>, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (inside, None),
    };
    Ok(Piece::Value { name: N::parse(name)?, default })
}

const KNOWN: &str = "attributes.NAME, claims.NAME, client.address, params.NAME, request.authority, \
                     request.header.NAME, request.host, request.id, request.method, request.path, \
                     request.query, request.query.NAME, request.scheme, route";

impl Named for Name {
    fn parse(text: &str) -> Result<Self, String> {
        Self::simple(text).or_else(|| Self::of_something(text)).ok_or_else(|| match text {
            "" => format!("a name is missing; there are {KNOWN}"),
            _ => format!("`{text}` is not known; there are {KNOWN}"),
        })
    }
}

impl Name {
    /// Whether it is what the client sent, and no other plugin's or the route's to say.
    pub(crate) fn is_the_clients(&self) -> bool {
        !matches!(self, Self::Attribute(_) | Self::ClientAddress | Self::RequestId | Self::Route)
    }

    fn simple(text: &str) -> Option<Self> {
        Some(match text {
            "client.address" => Self::ClientAddress,
            "request.authority" => Self::RequestAuthority,
            "request.host" => Self::RequestHost,
            "request.id" => Self::RequestId,
            "request.method" => Self::RequestMethod,
            "request.path" => Self::RequestPath,
            "request.query" => Self::RequestQuery,
            "request.scheme" => Self::RequestScheme,
            "route" => Self::Route,
            _ => return None,
        })
    }

    /// Names with a name in them.
    fn of_something(text: &str) -> Option<Self> {
        let after = |prefix| text.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
        let attribute = || Some(Self::Attribute(after("attributes.")?.to_owned()));
        let param = || Some(Self::Param(after("params.")?.to_owned()));
        let header = || Some(Self::RequestHeader(after("request.header.")?.to_ascii_lowercase()));
        let query = || Some(Self::RequestQueryValue(after("request.query.")?.to_owned()));
        let claim = || {
            let path: Vec<_> = after("claims.")?.split('.').map(str::to_owned).collect();
            path.iter().all(|name| !name.is_empty()).then_some(Self::Claim(path))
        };
        attribute().or_else(param).or_else(header).or_else(query).or_else(claim)
    }
}

/// In words, for clients too: it is they who sent most of it.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => write!(f, "attributes.{name}"),
            Self::Claim(path) => write!(f, "claims.{}", path.join(".")),
            Self::Param(name) => write!(f, "path parameter `{name}`"),
            Self::RequestHeader(name) => write!(f, "header `{name}`"),
            Self::RequestQueryValue(name) => write!(f, "query parameter `{name}`"),
            Self::RequestAuthority | Self::RequestHost => f.write_str("host"),
            Self::RequestMethod => f.write_str("method"),
            Self::RequestPath => f.write_str("path"),
            Self::RequestQuery => f.write_str("query"),
            Self::ClientAddress => f.write_str("client.address"),
            Self::RequestId => f.write_str("request.id"),
            Self::RequestScheme => f.write_str("request.scheme"),
            Self::Route => f.write_str("route"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every parameter has its own name as its value, but `none` has none.
    fn render(text: &str) -> Option<String> {
        let value = |name: &Name| match name {
            Name::Param(name) if name == "none" => Ok::<_, ()>(None),
            Name::Param(name) => Ok(Some(name.clone())),
            other => Ok(Some(format!("{other:?}"))),
        };
        Template::parse(text).unwrap().render(value).unwrap()
    }

    fn wrong(text: &str) -> (usize, String) {
        let error = Template::parse(text).unwrap_err();
        (error.column, error.message)
    }

    #[test]
    fn text_without_values_is_fixed() {
        let fixed = |text| Template::parse(text).unwrap().fixed().map(str::to_owned);
        assert_eq!(fixed("no-store").as_deref(), Some("no-store"));
        assert_eq!(fixed("{{a}}").as_deref(), Some("{a}"));
        assert_eq!(fixed("").as_deref(), Some(""));
        assert_eq!(fixed("{route}"), None);
        assert_eq!(fixed("a {route:-b}"), None);
    }

    #[test]
    fn names_are_filled_in() {
        assert_eq!(render("").unwrap(), "");
        assert_eq!(render("plain").unwrap(), "plain");
        assert_eq!(render("/u/{params.id}/{params.tail}").unwrap(), "/u/id/tail");
        assert_eq!(render("{client.address}").unwrap(), "ClientAddress");
        assert_eq!(render("{request.header.X-A}").unwrap(), "RequestHeader(\"x-a\")");
        assert_eq!(render("{request.query.Q}").unwrap(), "RequestQueryValue(\"Q\")");
        assert_eq!(render("{claims.a.b}").unwrap(), "Claim([\"a\", \"b\"])");
        assert_eq!(render("{attributes.consumer.id}").unwrap(), "Attribute(\"consumer.id\")");
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(render("{{{params.id}}}").unwrap(), "{id}");
        assert_eq!(render("{{params.id}}").unwrap(), "{params.id}");
    }

    #[test]
    fn an_absent_value_leaves_nothing_or_the_default() {
        assert_eq!(render("user {params.none}"), None);
        assert_eq!(render("user {params.none:-nobody}").unwrap(), "user nobody");
        assert_eq!(render("user {params.none:-}").unwrap(), "user ");
        assert_eq!(render("user {params.id:-nobody}").unwrap(), "user id");
    }

    #[test]
    fn a_plugin_can_have_names_of_its_own() {
        #[derive(Debug, PartialEq)]
        struct Own(String);
        impl Named for Own {
            fn parse(text: &str) -> Result<Self, String> {
                let name = text.strip_prefix("own.").ok_or("there is own.NAME")?;
                Ok(Self(name.to_owned()))
            }
        }
        let template = Template::<Own>::parse_with_names("/{own.a:-x}").unwrap();
        let value = Piece::Value { name: Own("a".into()), default: Some("x".into()) };
        assert_eq!(template.pieces(), [Piece::Text("/".into()), value]);
        assert_eq!(template.names().collect::<Vec<_>>(), [&Own("a".into())]);
        let error = Template::<Own>::parse_with_names("/{route}").unwrap_err();
        assert_eq!((error.column, error.message.as_str()), (3, "there is own.NAME"));
    }

    #[test]
    fn a_mistake_has_its_column() {
        assert_eq!(wrong("ä{params.id").0, 2);
        assert_eq!(wrong("a}b"), (2, "a lone `}`; write `}}` for a brace".into()));
        assert_eq!(wrong("{a{b}}"), (1, "`{` is not closed; write `{{` for a brace".into()));
        assert_eq!(wrong("x {}").0, 4);
        let (column, message) = wrong("{params.id}{parms.id}");
        assert_eq!(column, 13);
        assert!(message.starts_with("`parms.id` is not known; there are attributes.NAME,"));
        for text in ["{params.}", "{claims.a..b}", "{request.header.}", "{ route }"] {
            assert!(wrong(text).1.contains("is not known"), "{text}");
        }
    }
}
