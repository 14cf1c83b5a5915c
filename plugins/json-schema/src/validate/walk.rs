//! The walk through a value and its schema.

use super::{
    report::{At, Mismatch, Report},
    seen::Seen,
};
use crate::{
    json::{Decimal, Value},
    schema::{Bound, Check, Counted, NodeId, Set, Types},
};

/// How many schemas may be inside of each other while a value is looked at. Each takes some 700 bytes of the 512 KiB that
/// a guest's stack has, those of `anyOf` more.
const DEPTH: usize = 400;

/// Schemas that lead deeper than there is room for: one that refers to itself by a dynamic reference, or that takes several
/// steps for each level of a deep document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endless;

/// Whether a value fits. What does not is in the report.
pub(crate) fn validate(
    set: &Set,
    root: NodeId,
    value: &Value<'_>,
    report: &mut Report,
) -> Result<bool, Endless> {
    let mut walk = Walk { set, scopes: Vec::new(), depth: 0, is_endless: false };
    let fits = walk.child(root, value, At::Root, report);
    if walk.is_endless { Err(Endless) } else { Ok(fits) }
}

pub(super) struct Walk<'s> {
    pub(super) set: &'s Set,
    /// The resources that we are in, outermost first.
    scopes: Vec<usize>,
    depth: usize,
    is_endless: bool,
}

impl<'s> Walk<'s> {
    /// Holds a value of its own against a schema.
    pub(super) fn child(
        &mut self,
        id: NodeId,
        value: &Value<'_>,
        at: At<'_>,
        report: &mut Report,
    ) -> bool {
        let mut seen = Seen::of(value, self.set.tracks);
        self.node(id, value, at, &mut seen, report)
    }

    /// Holds the same value against another schema. What that looked at counts if it fits.
    pub(super) fn same(
        &mut self,
        id: NodeId,
        value: &Value<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        let mut theirs = seen.fresh();
        let fits = self.node(id, value, at, &mut theirs, report);
        if fits {
            seen.merge(&theirs);
        }
        fits
    }

    /// Whether the same value fits, without a word about it.
    fn is_fit(&mut self, id: NodeId, value: &Value<'_>, at: At<'_>, seen: &mut Seen) -> bool {
        self.same(id, value, at, seen, &mut Report::default())
    }

    fn node(
        &mut self,
        id: NodeId,
        value: &Value<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        if self.depth >= DEPTH || self.is_endless {
            self.is_endless = true;
            return false;
        }
        let node = &self.set.nodes[id];
        let enters = self.scopes.last() != Some(&node.resource);
        if enters {
            self.scopes.push(node.resource);
        }
        self.depth += 1;
        let mut fits = true;
        for keyword in &node.keywords {
            let before = report.found.len();
            let held = self.check(&keyword.check, value, at, seen, report);
            fits &= held;
            // What is in the report already was said by a schema below.
            if !held && report.found.len() == before {
                report.add(|| Mismatch {
                    pointer: at.pointer(),
                    schema: place(&node.place, keyword.name),
                    message: message(&keyword.check, value),
                });
            }
            if !fits && report.is_full() {
                break;
            }
        }
        self.depth -= 1;
        if enters {
            self.scopes.pop();
        }
        fits
    }

    fn check(
        &mut self,
        check: &'s Check,
        value: &Value<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        match (check, value) {
            (Check::Never, _) => false,
            (Check::Type(types), value) => types.hold(value),
            (Check::Const(is), value) => is == value,
            (Check::Enum(values), value) => values.iter().any(|is| is == value),
            (Check::Bound(bound, limit, _), Value::Number(text)) => {
                bounded(*bound, limit, &Decimal::parse(text))
            }
            (Check::MultipleOf(of, _), Value::Number(text)) => {
                Decimal::parse(text).is_multiple_of(of)
            }
            (Check::Least(counted, least), value) => {
                counted.of(value).is_none_or(|count| count >= *least)
            }
            (Check::Most(counted, most), value) => {
                counted.of(value).is_none_or(|count| count <= *most)
            }
            (Check::Pattern(regex), Value::String(text)) => regex.is_match(text),
            (Check::Format(format), Value::String(text)) => format.fits(text),
            (Check::Ref(id), _) => self.same(*id, value, at, seen, report),
            (Check::DynamicRef(id, anchor), _) => {
                let id = self.dynamic(anchor).unwrap_or(*id);
                self.same(id, value, at, seen, report)
            }
            (Check::RecursiveRef(id), _) => {
                let id = self.recursive(*id);
                self.same(id, value, at, seen, report)
            }
            (
                Check::All(_) | Check::Any(_) | Check::One(_) | Check::Not(_) | Check::If { .. },
                _,
            ) => self.combined(check, value, at, seen, report),
            (_, Value::Array(items)) => self.array(check, items, at, seen, report),
            (_, Value::Object(object)) => self.object(check, value, object, at, seen, report),
            _ => true,
        }
    }

    fn combined(
        &mut self,
        check: &Check,
        value: &Value<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        match check {
            Check::All(ids) => self.all(ids, value, at, seen, report),
            // With one alone it can be told what is wrong.
            Check::Any(ids) | Check::One(ids) if ids.len() == 1 => {
                self.all(ids, value, at, seen, report)
            }
            Check::Any(ids) => self.any(ids, value, at, seen),
            Check::One(ids) => {
                let mut fits = ids.iter().filter(|id| self.is_fit(**id, value, at, seen));
                fits.next().is_some() && fits.next().is_none()
            }
            Check::Not(id) => !self.is_fit(*id, value, at, &mut seen.fresh()),
            Check::If { test, then, otherwise } => {
                let next = if self.is_fit(*test, value, at, seen) { then } else { otherwise };
                next.is_none_or(|id| self.same(id, value, at, seen, report))
            }
            _ => true,
        }
    }

    pub(super) fn all(
        &mut self,
        ids: &[NodeId],
        value: &Value<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        let mut fits = true;
        for &id in ids {
            fits &= self.same(id, value, at, seen, report);
            if !fits && report.is_full() {
                break;
            }
        }
        fits
    }

    /// All of them are looked at if somebody asks what they have seen.
    fn any(&mut self, ids: &[NodeId], value: &Value<'_>, at: At<'_>, seen: &mut Seen) -> bool {
        let mut fits = false;
        for &id in ids {
            fits |= self.is_fit(id, value, at, seen);
            if fits && !self.set.tracks {
                break;
            }
        }
        fits
    }

    /// The outermost schema of this `$dynamicAnchor`.
    fn dynamic(&self, anchor: &str) -> Option<NodeId> {
        let mut resources = self.scopes.iter().map(|&scope| &self.set.resources[scope]);
        resources.find_map(|resource| resource.dynamic.get(anchor).copied())
    }

    /// The outermost schema with a `$recursiveAnchor`, if the nearest has one.
    fn recursive(&self, nearest: NodeId) -> NodeId {
        let resources = &self.set.resources;
        if resources[self.set.nodes[nearest].resource].recursive.is_none() {
            return nearest;
        }
        let mut outermost = self.scopes.iter().filter_map(|&scope| resources[scope].recursive);
        outermost.next().unwrap_or(nearest)
    }
}

impl Counted {
    /// How many there are; none where there is nothing to count.
    fn of(self, value: &Value<'_>) -> Option<usize> {
        match (self, value) {
            (Self::Characters, Value::String(text)) => Some(text.chars().count()),
            (Self::Items, Value::Array(items)) => Some(items.len()),
            (Self::Members, Value::Object(object)) => Some(object.len()),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Characters => "character(s)",
            Self::Items => "item(s)",
            Self::Members => "member(s)",
        }
    }
}

fn bounded(bound: Bound, limit: &Decimal, number: &Decimal) -> bool {
    match bound {
        Bound::AtLeast => number >= limit,
        Bound::Above => number > limit,
        Bound::AtMost => number <= limit,
        Bound::Below => number < limit,
    }
}

fn place(node: &str, keyword: &str) -> String {
    if keyword.is_empty() { node.to_owned() } else { [node, "/", keyword].concat() }
}

/// What is said of a value that does not fit. What would be allowed is not said where it may be worth guessing.
fn message(check: &Check, value: &Value<'_>) -> String {
    match check {
        Check::Never => "must not be there".to_owned(),
        Check::Type(types) => format!("must be {}", named(types)),
        Check::Const(_) | Check::Enum(_) => "is not one of the values that are accepted".to_owned(),
        Check::Bound(bound, _, limit) => match bound {
            Bound::AtLeast => format!("must be {limit} or more"),
            Bound::Above => format!("must be more than {limit}"),
            Bound::AtMost => format!("must be {limit} or less"),
            Bound::Below => format!("must be less than {limit}"),
        },
        Check::MultipleOf(_, of) => format!("must be a multiple of {of}"),
        Check::Least(counted, least) => format!("must have {least} {} at least", counted.name()),
        Check::Most(counted, most) => format!("must have {most} {} at most", counted.name()),
        Check::Pattern(_) => "does not match the pattern".to_owned(),
        Check::Format(format) => format!("is no {}", format.name()),
        Check::Unique => "must not have two items that are equal".to_owned(),
        Check::Contains { least, most: None, .. } => {
            format!("must have {least} item(s) of a kind at least")
        }
        Check::Contains { least, most: Some(most), .. } => {
            format!("must have {least} to {most} item(s) of a kind")
        }
        Check::Required(names) => missing(names, value),
        Check::DependentRequired(rules) => {
            let rule = rules.iter().find(|(name, names)| {
                has(value, name) && !names.iter().all(|name| has(value, name))
            });
            rule.map_or_else(String::new, |(name, names)| {
                format!("{} beside `{name}`", missing(names, value))
            })
        }
        Check::PropertyNames(_) => "has a member whose name is not accepted".to_owned(),
        Check::Any(schemas) => format!("fits none of {} schemas", schemas.len()),
        Check::One(schemas) => format!("must fit one of {} schemas, and no other", schemas.len()),
        Check::Not(_) => "is what it must not be".to_owned(),
        _ => "does not fit".to_owned(),
    }
}

fn named(types: &Types) -> String {
    let names: Vec<_> = types.types.iter().map(|kind| kind.name()).collect();
    let one = |name: &str| match name {
        "null" => "null".to_owned(),
        "integer" | "array" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    names.into_iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn has(value: &Value<'_>, name: &str) -> bool {
    value.step(name).is_some()
}

fn missing(names: &[String], value: &Value<'_>) -> String {
    let names: Vec<_> =
        names.iter().filter(|name| !has(value, name)).map(|name| format!("`{name}`")).collect();
    format!("must have {}", names.join(", "))
}
