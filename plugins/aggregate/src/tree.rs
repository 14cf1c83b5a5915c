//! The reply while it is put together: a tree that is opened only where something goes in. The rest
//! stays the text that it came as.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use crate::json;

/// A value in the reply.
#[derive(Clone, Debug)]
pub(crate) enum Node<'a> {
    /// A value as it came.
    Raw(&'a str),
    Object(Box<Object<'a>>),
    List(Vec<Node<'a>>),
    /// In a list: several elements as they came, with the commas between them.
    Run(&'a str),
    /// Nothing: in a list it keeps the place of an element, and is not written.
    Nothing,
}

/// An object that was opened. It has every key once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a> {
    members: Vec<Member<'a>>,
    /// Name -> position among the members. (A hash of names that a service chose would need a secret
    /// seed.)
    positions: BTreeMap<Cow<'a, str>, usize>,
}

#[derive(Clone, Debug)]
struct Member<'a> {
    /// With its quotes.
    key: Cow<'a, str>,
    value: Node<'a>,
}

/// A value cannot go where it should: there is something else than an object, or an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

impl<'a> Node<'a> {
    /// An object without members.
    pub(crate) fn empty() -> Self {
        Self::Object(Box::default())
    }

    /// What lies at a path of keys and indices.
    pub(crate) fn at(&mut self, path: &[String]) -> Option<&mut Self> {
        let Some((key, rest)) = path.split_first() else { return Some(self) };
        let is_list = matches!(self, Self::List(_)) || self.starts_with('[');
        let inside = if is_list {
            self.list().ok()?.get_mut(key.parse::<usize>().ok()?)?
        } else {
            self.object().ok()?.get_mut(key)?
        };
        inside.at(rest)
    }

    /// Puts a value where the path leads, in the place of what was there. Objects on the way are
    /// made where there are none.
    pub(crate) fn put(&mut self, path: &[String], value: Self) -> Result<(), Unfit> {
        match path {
            [] => self.merge(value),
            [key] => self.object().map(|object| object.insert(key, value)),
            [key, rest @ ..] => self.object()?.member(key).put(rest, value),
        }
    }

    /// Adds the members of an object to this one. Those of the same name are replaced.
    fn merge(&mut self, mut value: Self) -> Result<(), Unfit> {
        let target = self.object()?;
        value.object()?;
        let Self::Object(added) = value else { return Err(Unfit) };
        if target.members.is_empty() {
            *target = *added;
            return Ok(());
        }
        added.members.into_iter().for_each(|member| target.insert_member(member));
        Ok(())
    }

    /// Appends to the array where the path leads: the elements of an array, or one value. It is
    /// made where there is none.
    pub(crate) fn append(&mut self, path: &[String], value: Self) -> Result<(), Unfit> {
        let Some((key, rest)) = path.split_first() else {
            return self.extend(value);
        };
        let object = self.object()?;
        if rest.is_empty() && object.get_mut(key).is_none() {
            object.insert(key, Self::List(Vec::new()));
        }
        object.member(key).append(rest, value)
    }

    /// Neither array is opened for it.
    fn extend(&mut self, value: Self) -> Result<(), Unfit> {
        if let Some(run) = self.run() {
            *self = Self::List(run);
        }
        let Self::List(elements) = self else { return Err(Unfit) };
        match (value.run(), value) {
            (Some(run), _) => elements.extend(run),
            (None, Self::List(more)) => elements.extend(more),
            (None, value) => elements.push(value),
        }
        Ok(())
    }

    /// The elements of an array that is not open, in one piece. There is none of an empty one.
    fn run(&self) -> Option<Vec<Self>> {
        let Self::Raw(raw) = self else { return None };
        let inside = raw.strip_prefix('[')?.strip_suffix(']')?.trim();
        Some(if inside.is_empty() { Vec::new() } else { vec![Self::Run(inside)] })
    }

    /// Opens an object.
    fn object(&mut self) -> Result<&mut Object<'a>, Unfit> {
        if let Self::Raw(raw) = self {
            *self = Self::Object(Box::new(Object::read(raw).ok_or(Unfit)?));
        }
        match self {
            Self::Object(object) => Ok(object),
            _ => Err(Unfit),
        }
    }

    /// Opens an array.
    fn list(&mut self) -> Result<&mut Vec<Self>, Unfit> {
        if let Self::Raw(raw) = self {
            let elements = json::elements(raw).ok_or(Unfit)?;
            *self = Self::List(elements.into_iter().map(Self::Raw).collect());
        }
        match self {
            Self::List(elements) => Ok(elements),
            _ => Err(Unfit),
        }
    }

    fn starts_with(&self, bracket: char) -> bool {
        matches!(self, Self::Raw(raw) if raw.starts_with(bracket))
    }

    /// The elements of an array, to be joined with something.
    pub(crate) fn elements(&mut self) -> Option<&mut [Self]> {
        self.list().ok().map(Vec::as_mut_slice)
    }

    /// The JSON. None if it has more bytes than `cap`.
    pub(crate) fn written(&self, cap: usize) -> Option<String> {
        let mut text = String::new();
        self.write(&mut text, cap)?;
        (text.len() <= cap).then_some(text)
    }

    /// Goes on only while there is room: what stands in many places may be large.
    fn write(&self, to: &mut String, cap: usize) -> Option<()> {
        if to.len() > cap {
            return None;
        }
        match self {
            Self::Raw(raw) | Self::Run(raw) => to.push_str(raw),
            Self::Object(object) => object.write(to, cap)?,
            Self::List(elements) => {
                let there = elements.iter().filter(|element| !matches!(element, Self::Nothing));
                to.push('[');
                for (index, element) in there.enumerate() {
                    separate(index, to);
                    element.write(to, cap)?;
                }
                to.push(']');
            }
            Self::Nothing => to.push_str("null"),
        }
        Some(())
    }
}

impl<'a> Object<'a> {
    fn read(raw: &'a str) -> Option<Self> {
        let mut object = Self::default();
        for (key, value) in json::members(raw)? {
            object.insert_member(Member { key: key.into(), value: Node::Raw(value) });
        }
        Some(object)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Node<'a>> {
        let position = *self.positions.get(name)?;
        self.members.get_mut(position).map(|member| &mut member.value)
    }

    /// The member of this name; a new and empty object where there is none.
    fn member(&mut self, name: &str) -> &mut Node<'a> {
        if !self.positions.contains_key(name) {
            self.insert(name, Node::empty());
        }
        let position = self.positions[name];
        &mut self.members[position].value
    }

    fn insert(&mut self, name: &str, value: Node<'a>) {
        self.insert_member(Member { key: Cow::Owned(json::quoted(name)), value });
    }

    /// In the place of the member that was there, or as the last one.
    fn insert_member(&mut self, member: Member<'a>) {
        match self.positions.entry(member.name()) {
            Entry::Occupied(position) => self.members[*position.get()].value = member.value,
            Entry::Vacant(position) => {
                position.insert(self.members.len());
                self.members.push(member);
            }
        }
    }

    fn write(&self, to: &mut String, cap: usize) -> Option<()> {
        to.push('{');
        for (index, member) in self.members.iter().enumerate() {
            separate(index, to);
            to.push_str(&member.key);
            to.push(':');
            member.value.write(to, cap)?;
        }
        to.push('}');
        Some(())
    }
}

impl<'a> Member<'a> {
    /// The key's text. What is no Unicode stands for itself: with its quotes it is no other's.
    fn name(&self) -> Cow<'a, str> {
        match &self.key {
            Cow::Borrowed(key) => json::text(key).unwrap_or(Cow::Borrowed(key)),
            Cow::Owned(key) => {
                Cow::Owned(json::text(key).map_or_else(|| key.clone(), Cow::into_owned))
            }
        }
    }
}

fn separate(index: usize, to: &mut String) {
    if index > 0 {
        to.push(',');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect()
    }

    fn written(node: &Node<'_>) -> String {
        node.written(usize::MAX).unwrap()
    }

    fn put(into: &str, at: &str, value: &str) -> Result<String, Unfit> {
        let mut node = Node::Raw(into);
        node.put(&path(at), Node::Raw(value)).map(|()| written(&node))
    }

    fn append(into: &str, at: &str, value: &str) -> Result<String, Unfit> {
        let mut node = Node::Raw(into);
        node.append(&path(at), Node::Raw(value)).map(|()| written(&node))
    }

    #[test]
    fn what_is_not_opened_is_not_touched() {
        let text = r#"{ "n" : 1.10, "o":{"b":1, "a" : 2},"a":{} }"#;
        let expected = r#"{"n":1.10,"o":{"b":1, "a" : 2},"a":{"x":1e3}}"#;
        assert_eq!(put(text, "a.x", "1e3").unwrap(), expected);
    }

    #[test]
    fn a_value_replaces_what_was_there() {
        assert_eq!(put(r#"{"a":1,"b":2}"#, "a", "[]").unwrap(), r#"{"a":[],"b":2}"#);
        assert_eq!(put("{}", "a.b.c", "1").unwrap(), r#"{"a":{"b":{"c":1}}}"#);
        assert_eq!(put("{}", "\"\\", "1").unwrap(), r#"{"\"\\":1}"#);
        for (into, at) in [("[]", "a"), ("1", "a"), ("null", ""), (r#"{"a":[]}"#, "a.b")] {
            assert_eq!(put(into, at, "{}"), Err(Unfit), "{into} {at}");
        }
    }

    #[test]
    fn an_object_is_merged() {
        let merged = put(r#"{"a":1,"b":2}"#, "", r#"{"b":3,"c":4}"#).unwrap();
        assert_eq!(merged, r#"{"a":1,"b":3,"c":4}"#);
        assert_eq!(put("{}", "", "[]"), Err(Unfit));
    }

    #[test]
    fn of_equal_keys_the_last_value_stays_in_the_place_of_the_first() {
        let text = r#"{"a":1,"b":2,"\u0061":3}"#;
        assert_eq!(put(text, "c", "4").unwrap(), r#"{"a":3,"b":2,"c":4}"#);
        assert_eq!(put(text, "a", "5").unwrap(), r#"{"a":5,"b":2}"#);
    }

    #[test]
    fn values_are_appended() {
        assert_eq!(append("{}", "l", "1").unwrap(), r#"{"l":[1]}"#);
        assert_eq!(append(r#"{"l":[1]}"#, "l", "[2,3]").unwrap(), r#"{"l":[1,2,3]}"#);
        assert_eq!(append("{}", "a.l", "{}").unwrap(), r#"{"a":{"l":[{}]}}"#);
        assert_eq!(append(r#"{"l":[ ]}"#, "l", "[]").unwrap(), r#"{"l":[]}"#);
        assert_eq!(append(r#"{"l":[]}"#, "l", "[ 1, 2 ]").unwrap(), r#"{"l":[1, 2]}"#);
        assert_eq!(append(r#"{"l":{}}"#, "l", "1"), Err(Unfit));
    }

    #[test]
    fn elements_are_reached_by_index() {
        let mut node = Node::Raw(r#"{"a":[1,{"b":[2]}]}"#);
        node.at(&path("a.1.b")).unwrap().append(&[], Node::Raw("3")).unwrap();
        assert_eq!(written(&node), r#"{"a":[1,{"b":[2,3]}]}"#);
        for wrong in ["a.2", "a.x", "b", "a.0.c"] {
            assert!(node.at(&path(wrong)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn nothing_keeps_its_place_and_is_not_written() {
        let list = Node::List(vec![Node::Raw("1"), Node::Nothing, Node::Raw("2")]);
        assert_eq!(written(&list), "[1,2]");
    }

    proptest! {
        #[test]
        fn an_opened_object_is_the_same_but_for_what_is_put_in(
            members in prop::collection::btree_map(any::<String>(), any::<(i64, String)>(), 0..8),
            name in any::<String>(),
        ) {
            let mut object = serde_json::json!(members);
            let text = object.to_string();
            let mut node = Node::Raw(&text);
            node.put(std::slice::from_ref(&name), Node::Raw("1.10")).unwrap();
            let written = written(&node);
            prop_assert!(written.contains("1.10"));
            object[&name] = serde_json::json!(1.1);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), object);
        }
    }

    #[test]
    fn what_is_too_large_is_not_written() {
        let list = Node::List(vec![Node::Raw("12345"); 1_000_000]);
        assert_eq!(list.written(100), None);
        assert_eq!(Node::Raw("12345").written(4), None);
        assert_eq!(Node::Raw("12345").written(5).unwrap(), "12345");
    }

    #[test]
    fn many_keys_take_no_square_of_time() {
        let members: Vec<_> = (0..100_000).map(|n| format!("\"k{n}\":{n}")).collect();
        let text = format!("{{{}}}", members.join(","));
        let merged = put(&text, "", &text).unwrap();
        assert_eq!(merged, text);
    }
}
