//! The routes of one host: a radix tree of paths, and on each path a short ordered list.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderName, Method};

use super::{Asked, Found};
use crate::config::{Condition, Match};

/// Paths to the routes that share them.
#[derive(Default)]
pub(super) struct Table {
    tree: matchit::Router<usize>,
    leaves: Vec<Vec<Candidate>>,
    patterns: BTreeMap<String, usize>,
}

/// Two routes that no request can tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Index of the route that stands first.
    pub first: usize,
    /// Index of the other one.
    pub second: usize,
}

/// A route on its path.
#[derive(Clone)]
struct Candidate {
    route: usize,
    matcher: Arc<Match>,
    /// Of the matcher's conditions, with names that need not be read again for each request. None,
    /// which nothing fits, where one is no name: the configuration has refused that.
    headers: Option<Vec<(HeaderName, Option<String>)>>,
    /// The names of the path's parameters, in order.
    params: Vec<Arc<str>>,
    /// It stands here because its `{*rest}` may be empty: whoever names this path goes first.
    rest_is_empty: bool,
}

impl Table {
    pub(super) fn insert(&mut self, route: usize, matcher: &Arc<Match>) -> Result<(), Conflict> {
        let (pattern, params) = canonical(&matcher.path);
        // The tree wants something for `{*rest}`; to an operator `/files/{*rest}` is all below
        // `/files/`, itself included.
        let before_rest = pattern.split_once("{*").map(|(before, _)| before.to_owned());
        let headers = matcher.headers.iter().map(header).collect();
        let matcher = matcher.clone();
        let candidate = Candidate { route, matcher, headers, params, rest_is_empty: false };
        if let Some(path) = before_rest {
            self.add(path, Candidate { rest_is_empty: true, ..candidate.clone() })?;
        }
        self.add(pattern, candidate)
    }

    fn add(&mut self, pattern: String, candidate: Candidate) -> Result<(), Conflict> {
        let leaf = self.leaf(pattern, candidate.route)?;
        let candidates = &mut self.leaves[leaf];
        if let Some(same) = candidates.iter().find(|other| other.clashes_with(&candidate)) {
            return Err(Conflict { first: same.route, second: candidate.route });
        }
        candidates.push(candidate);
        // More conditions are more specific; the sort is stable, so that file order decides else.
        candidates.sort_by_key(|c| {
            let conditions = conditions(&c.matcher);
            std::cmp::Reverse((!c.rest_is_empty, conditions, !c.matcher.methods.is_empty()))
        });
        Ok(())
    }

    pub(super) fn find(&self, asked: &Asked<'_>) -> Found {
        let Ok(matched) = self.tree.at(asked.path) else { return Found::Nothing };
        let candidates = &self.leaves[*matched.value];
        let mut other_methods = Vec::new();
        for candidate in candidates.iter().filter(|c| c.fits(asked)) {
            if candidate.takes(asked.method) {
                let mut values = matched.params.iter();
                // Where `{*rest}` is empty the tree has no value for it.
                let mut value = || values.next().map_or("", |(_, value)| value).to_owned();
                let params = candidate.params.iter().map(|name| (name.clone(), value())).collect();
                return Found::Route(candidate.route, params);
            }
            other_methods.extend(candidate.methods());
        }
        if other_methods.is_empty() { Found::Nothing } else { Found::OtherMethods(other_methods) }
    }

    fn leaf(&mut self, pattern: String, route: usize) -> Result<usize, Conflict> {
        if let Some(leaf) = self.patterns.get(&pattern) {
            return Ok(*leaf);
        }
        let leaf = self.leaves.len();
        self.tree.insert(&pattern, leaf).map_err(|_| {
            // The tree refuses patterns that differ in where a parameter ends in a segment.
            let first = self.leaves.iter().flatten().map(|c| c.route).min();
            Conflict { first: first.unwrap_or(route), second: route }
        })?;
        self.patterns.insert(pattern, leaf);
        self.leaves.push(Vec::new());
        Ok(leaf)
    }
}

impl Candidate {
    /// Whether no request can tell the two apart.
    fn clashes_with(&self, other: &Self) -> bool {
        self.rest_is_empty == other.rest_is_empty && overlap(&self.matcher, &other.matcher)
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        let matcher = &self.matcher;
        (matcher.listen.is_empty() || matcher.listen.iter().any(|l| **l == *asked.listener))
            && self.headers.as_ref().is_some_and(|all| {
                all.iter().all(|(name, wanted)| header_holds(name, wanted.as_deref(), asked))
            })
            && matcher.query.iter().all(|condition| query_holds(condition, asked))
    }

    fn takes(&self, method: &Method) -> bool {
        let methods = &self.matcher.methods;
        methods.is_empty()
            || methods.iter().any(|m| m == method.as_str())
            // RFC 9110, 9.3.2: HEAD is GET without the body.
            || (*method == Method::HEAD && methods.iter().any(|m| m == "GET"))
    }

    fn methods(&self) -> impl Iterator<Item = String> + '_ {
        let head = self.matcher.methods.iter().any(|m| m == "GET").then(|| "HEAD".to_owned());
        self.matcher.methods.iter().cloned().chain(head)
    }
}

/// Parameters by position, so that `/a/{id}` and `/a/{name}` are one pattern.
fn canonical(path: &str) -> (String, Vec<Arc<str>>) {
    let mut names = Vec::new();
    let mut pattern = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        let (star, name) = match name.strip_prefix('*') {
            Some(name) => ("*", name),
            None => ("", name),
        };
        pattern.push_str(&format!("{before}{{{star}p{}}}", names.len()));
        names.push(Arc::from(name));
        rest = behind;
    }
    pattern.push_str(rest);
    (pattern, names)
}

fn conditions(matcher: &Match) -> usize {
    matcher.headers.len() + matcher.query.len() + usize::from(!matcher.listen.is_empty())
}

/// Whether two routes on one path take the same requests with the same precedence.
fn overlap(a: &Match, b: &Match) -> bool {
    let share = |a: &[String], b: &[String]| {
        (a.is_empty() && b.is_empty()) || a.iter().any(|method| b.contains(method))
    };
    let listen = (a.listen.is_empty() && b.listen.is_empty())
        || a.listen.iter().any(|name| b.listen.contains(name));
    listen && share(&a.methods, &b.methods) && a.headers == b.headers && a.query == b.query
}

fn header(condition: &Condition) -> Option<(HeaderName, Option<String>)> {
    Some((condition.name.parse().ok()?, condition.value.clone()))
}

fn header_holds(name: &HeaderName, wanted: Option<&str>, asked: &Asked<'_>) -> bool {
    let mut values = asked.headers.get_all(name);
    match wanted {
        None => values.next().is_some(),
        Some(wanted) => values.any(|value| value.as_bytes() == wanted.as_bytes()),
    }
}

fn query_holds(condition: &Condition, asked: &Asked<'_>) -> bool {
    let query = asked.query.unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        name == condition.name && condition.value.as_ref().is_none_or(|wanted| value == **wanted)
    })
}
