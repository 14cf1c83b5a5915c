//! What a plugin says that its settings make it use, held against the grants and the route that this host has.

use super::{State, message};
use crate::{
    Refused, SettingErrors,
    host::{EditError, HeaderError},
    settings::SettingError,
};

/// What was said.
#[derive(Default)]
pub(super) struct Mentions {
    /// Headers that are not granted.
    ungranted: SettingErrors,
    of_route: Vec<(Mentioned, String, Vec<String>)>,
}

/// What a name of the route's is the name of.
#[derive(Clone, Copy)]
pub(super) enum Mentioned {
    Upstream,
    NeededParam,
}

impl State {
    pub(super) fn reads(&mut self, header: &str, path: Vec<String>) {
        let refused = message::may_read(self, header).err();
        let refused = refused.map(|why| Refused::<HeaderError>::new(header, why));
        self.mentions.ungranted.extend(refused.map(|refused| setting_error(path, refused)));
    }

    pub(super) fn writes(&mut self, header: &str, path: Vec<String>) {
        let refused = message::may_write(self, header).err();
        let refused = refused.map(|why| Refused::<EditError>::new(header, why));
        self.mentions.ungranted.extend(refused.map(|refused| setting_error(path, refused)));
    }

    pub(super) fn names_of_route(&mut self, what: Mentioned, name: &str, path: Vec<String>) {
        self.mentions.of_route.push((what, name.to_owned(), path));
    }

    /// The host loads a plugin before it looks at its routes: so it tells of the one or of the other.
    pub(super) fn refused_settings(&self) -> Vec<SettingError> {
        let ungranted = self.mentions.ungranted.clone().into_vec();
        if !ungranted.is_empty() {
            return ungranted;
        }
        let all = self.mentions.of_route.iter();
        let wrong = all.filter_map(|(what, name, path)| {
            Some(setting_error(path.clone(), self.is_not_of_route(*what, name)?))
        });
        wrong.collect()
    }

    fn is_not_of_route(&self, what: Mentioned, name: &str) -> Option<String> {
        let route = &self.request.route;
        match what {
            Mentioned::Upstream if !self.upstreams.iter().any(|known| known == name) => {
                Some(format!(
                    "`{name}` is neither the `upstream` nor one of the `alternatives` of route `{route}`"
                ))
            }
            Mentioned::NeededParam if !has_param(self.route_path.as_deref()?, name) => {
                Some(format!("the path of route `{route}` has no `{{{name}}}`"))
            }
            _ => None,
        }
    }
}

fn setting_error(path: Vec<String>, message: impl std::fmt::Display) -> SettingError {
    SettingError { path, message: message.to_string() }
}

/// `/users/{id}`, `/files/{*rest}`, `/files/{name}.pdf`
fn has_param(pattern: &str, name: &str) -> bool {
    let names = pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names.into_iter().any(|(known, _)| known.strip_prefix('*').unwrap_or(known) == name)
}
