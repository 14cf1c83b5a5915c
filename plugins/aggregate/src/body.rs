//! The body of a call: JSON with values in it.

use crate::{
    json,
    source::{Source, Template},
};

/// JSON whose strings are templates.
#[derive(Debug)]
pub(crate) enum Body {
    /// A value without templates, as JSON.
    Fixed(String),
    Text(Template),
    List(Vec<Body>),
    /// Keys with their quotes, and values.
    Object(Vec<(String, Body)>),
}

impl Body {
    /// Fills the templates in. `text` gives the JSON of a template; where it has none, the member or
    /// element is left out. None where nothing is left.
    pub(crate) fn render<'b, E>(
        &'b self,
        text: &impl Fn(&'b Template) -> Result<Option<String>, E>,
    ) -> Result<Option<String>, E> {
        Ok(Some(match self {
            Self::Fixed(json) => json.clone(),
            Self::Text(template) => return text(template),
            Self::List(elements) => {
                let rendered = elements.iter().map(|element| element.render(text));
                json::list(rendered.collect::<Result<Vec<_>, E>>()?.into_iter().flatten())
            }
            Self::Object(members) => {
                let mut rendered = Vec::new();
                for (key, value) in members {
                    let value = value.render(text)?;
                    rendered.extend(value.map(|value| format!("{key}:{value}")));
                }
                format!("{{{}}}", rendered.join(","))
            }
        }))
    }

    /// Every name in it, with the keys that lead there.
    pub(crate) fn names<'b>(&'b self, at: &[String], found: &mut Vec<(Vec<String>, &'b Source)>) {
        let inside = |key: &str| [at, &[key.to_owned()]].concat();
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => {
                found.extend(template.names().map(|name| (at.to_vec(), name)));
            }
            Self::List(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    element.names(&inside(&index.to_string()), found);
                }
            }
            Self::Object(members) => {
                for (key, value) in members {
                    value.names(&inside(&json::text(key).unwrap_or_default()), found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use template::{Name, Piece};

    use super::*;

    /// Parameters stand for themselves; `none` has no value.
    fn fill(template: &Template) -> Result<Option<String>, ()> {
        Ok(match template.pieces() {
            [Piece::Value { name: Source::Exchange(Name::Param(name)), .. }] if name == "none" => {
                None
            }
            [Piece::Value { name: Source::Exchange(Name::Param(name)), .. }] => {
                Some(json::quoted(name))
            }
            _ => Some("\"text\"".to_owned()),
        })
    }

    fn rendered(body: &str) -> Option<String> {
        serde_json::from_str::<Body>(body).unwrap().render(&fill).unwrap()
    }

    #[test]
    fn what_has_no_value_is_left_out() {
        let body = r#"{"b":1,"a":["{params.x}","{params.none}",true,null],"n":"{params.none}"}"#;
        let body = body.replace(",null", ",1.5");
        assert_eq!(rendered(&body).unwrap(), r#"{"b":1,"a":["x",true,1.5]}"#);
        assert_eq!(rendered(r#""{params.none}""#), None);
        assert_eq!(rendered("{}").unwrap(), "{}");
    }

    #[test]
    fn names_have_their_place() {
        let body: Body = serde_json::from_str(r#"{"a":[1,{"b":"{params.x}{item}"}]}"#).unwrap();
        let mut found = Vec::new();
        body.names(&["body".to_owned()], &mut found);
        let places: Vec<_> =
            found.iter().map(|(path, name)| (path.join("."), name.to_string())).collect();
        let expected = [("body.a.1.b", "path parameter `x`"), ("body.a.1.b", "item")];
        assert_eq!(places, expected.map(|(path, name)| (path.to_owned(), name.to_owned())));
    }

    proptest! {
        #[test]
        fn a_value_stays_a_string(value in any::<String>()) {
            let body: Body = serde_json::from_str(r#"{"a":{"b":"{route}"}}"#).unwrap();
            let json = body.render(&|_| Ok::<_, ()>(Some(json::quoted(&value)))).unwrap().unwrap();
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read, serde_json::json!({ "a": { "b": value } }));
        }
    }
}
