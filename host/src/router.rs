//! Which route takes a request.
//!
//! Precedence: an exact host before the longest `*.` wildcard before routes for any host. Within a
//! host, the more specific path (a literal segment before a parameter before `{*rest}`). On one
//! path, the route with more conditions (headers, query), then the one that stands first. A host
//! that has no fitting route falls through to the next, so that a route for one host hides nothing.

mod path;
mod table;

pub use path::{BadPath, NormalPath, Slashes, decoded};
pub use table::Conflict;

use std::sync::Arc;

use http::Method;

use crate::{
    config::{Match, Route},
    fields::Fields,
};
use table::Table;

/// All routes of one configuration.
pub struct Router {
    exact: std::collections::HashMap<String, Table>,
    /// Suffixes (`.shop.example`), the longest first.
    wildcard: Vec<(String, Table)>,
    any: Table,
}

/// What a request offers to be matched.
pub struct Asked<'a> {
    /// The listener's name.
    pub listener: &'a str,
    /// Host without the port, any case.
    pub host: &'a str,
    /// The decoded path.
    pub path: &'a str,
    /// The raw query.
    pub query: Option<&'a str>,
    /// Its method.
    pub method: &'a Method,
    /// Its header fields.
    pub headers: &'a Fields,
}

/// The outcome of a look-up.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Index of the route, and its path parameters.
    Route(usize, Vec<(Arc<str>, String)>),
    /// Routes of this path take other methods: these.
    OtherMethods(Vec<String>),
    /// Nothing fits.
    Nothing,
}

impl Router {
    /// Builds the tables. Two routes that no request can tell apart are a conflict.
    pub fn new(routes: &[Route]) -> Result<Self, Vec<Conflict>> {
        let mut router =
            Self { exact: Default::default(), wildcard: Vec::new(), any: Table::default() };
        let mut conflicts = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let matcher = Arc::new(route.matcher.clone());
            for table in router.tables_for(&route.matcher) {
                conflicts.extend(table.insert(index, &matcher).err());
            }
        }
        router.wildcard.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        if conflicts.is_empty() { Ok(router) } else { Err(conflicts) }
    }

    /// Looks a request up.
    pub fn find(&self, asked: &Asked<'_>) -> Found {
        let mut other_methods = Vec::new();
        for table in self.tables_of(asked.host) {
            match table.find(asked) {
                Found::Nothing => {}
                Found::OtherMethods(methods) => other_methods.extend(methods),
                found => return found,
            }
        }
        other_methods.sort();
        other_methods.dedup();
        if other_methods.is_empty() { Found::Nothing } else { Found::OtherMethods(other_methods) }
    }

    fn tables_for(&mut self, matcher: &Match) -> Vec<&mut Table> {
        if matcher.hosts.is_empty() {
            return vec![&mut self.any];
        }
        // Make the missing tables first; then all can be borrowed at once.
        for host in &matcher.hosts {
            match host.strip_prefix('*') {
                Some(suffix) if !self.wildcard.iter().any(|(s, _)| s == suffix) => {
                    self.wildcard.push((suffix.to_owned(), Table::default()));
                }
                Some(_) => {}
                None => drop(self.exact.entry(host.clone()).or_default()),
            }
        }
        let named = |host: &str| matcher.hosts.iter().any(|h| h == host);
        let exact = self.exact.iter_mut().filter(|(host, _)| named(host)).map(|(_, table)| table);
        let wildcard = self
            .wildcard
            .iter_mut()
            .filter(|(suffix, _)| named(&format!("*{suffix}")))
            .map(|(_, table)| table);
        exact.chain(wildcard).collect()
    }

    fn tables_of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Table> {
        let exact = (!self.exact.is_empty()).then(|| self.exact.get(&host.to_ascii_lowercase()));
        let wildcard = self.wildcard.iter().filter(move |(suffix, _)| {
            host.len() > suffix.len()
                && host.as_bytes()[host.len() - suffix.len()..]
                    .eq_ignore_ascii_case(suffix.as_bytes())
        });
        exact.flatten().into_iter().chain(wildcard.map(|(_, table)| table)).chain([&self.any])
    }
}

#[cfg(test)]
mod tests;
