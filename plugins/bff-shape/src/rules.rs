//! What a profile says, and which of it cannot be meant.
//!
//! Every path names a place in the document as it came. No operation sees what another one made, so
//! there is no order among them to know.

use std::collections::BTreeMap;

use crate::{
    condition::Condition,
    path::{Names, Path, Segment, Steps},
    table::Table,
    window::Limit,
};

/// A profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rules {
    /// The value that becomes the document.
    pub(crate) root: Option<Steps>,
    /// If there are any, only these places stay, and the way to them.
    pub(crate) include: Vec<Path>,
    pub(crate) exclude: Vec<Path>,
    pub(crate) rename: Table<Box<str>>,
    /// From a place to names below its scope: the item of the innermost wildcard, or the document.
    pub(crate) moves: Table<Names>,
    /// New objects, and what goes into them from around them.
    pub(crate) group: Table<Vec<Names>>,
    /// Objects whose members go into their parents, with a prefix.
    pub(crate) flatten: Table<Box<str>>,
    pub(crate) filter: Table<Vec<Condition>>,
    /// Arrays whose items become values inside of them.
    pub(crate) map: Table<Steps>,
    pub(crate) limit: Table<Limit>,
    /// JSON texts for members that are absent or null.
    pub(crate) defaults: Table<Box<str>>,
}

/// A value that is taken from below one place to another one there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Transfer {
    /// The object that both places are below.
    pub(crate) scope: Path,
    pub(crate) from: Steps,
    pub(crate) to: Names,
}

/// Something that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where it stands in the profile.
    pub(crate) setting: Vec<String>,
    /// What is wrong, and what to write instead.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new<S: ToString>(
        setting: impl IntoIterator<Item = S>,
        message: impl Into<String>,
    ) -> Self {
        let setting = setting.into_iter().map(|part| part.to_string()).collect();
        Self { setting, message: message.into() }
    }
}

impl Rules {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What `move` and `group` say, in the order of the new places.
    pub(crate) fn transfers(&self) -> Vec<Transfer> {
        let moves = self.moves.iter().map(|(path, to)| {
            let (scope, from) = path.split_scope();
            Transfer { scope, from, to: to.clone() }
        });
        let groups = self.group.iter().flat_map(|(path, members)| {
            let place = path.split_last().and_then(|(scope, last)| match last {
                Segment::Name(name) => Some((scope, name.clone())),
                _ => None,
            });
            place.into_iter().flat_map(move |(scope, name)| {
                members.iter().map(move |from| Transfer {
                    scope: scope.clone(),
                    from: from.into(),
                    to: Names::pair(name.clone(), from.last().into()),
                })
            })
        });
        let mut all: Vec<_> = moves.chain(groups).collect();
        all.sort_by(|a, b| (&a.scope, &a.to).cmp(&(&b.scope, &b.to)));
        all
    }

    /// All that cannot be meant.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check_places(&mut faults);
        self.check_names(&mut faults);
        self.check_group(&mut faults);
        self.check_transfers(&mut faults);
        self.check_once(&mut faults);
        for (path, limit) in self.limit.iter() {
            if let Some(message) = limit.fault() {
                faults.push(Fault::new(["limit".into(), path.to_string()], message));
            }
        }
        faults
    }

    /// `**` and `$` do not make sense everywhere.
    fn check_places(&self, faults: &mut Vec<Fault>) {
        let shallow = |path: &Path| path.is_deep().then_some("`**` cannot stand here");
        let inner = |path: &Path| {
            path.segments().is_empty().then_some("`$` is the whole document: name a place in it")
        };
        let lists = [("include", &self.include), ("exclude", &self.exclude)];
        for (setting, paths) in lists {
            for (i, path) in paths.iter().enumerate() {
                let deep = shallow(path).filter(|_| setting == "include");
                faults.extend(
                    inner(path).or(deep).map(|text| Fault::new([setting, &i.to_string()], text)),
                );
            }
        }
        let mut check = |setting: &str, path: &Path, text: Option<&str>| {
            faults.extend(text.map(|text| Fault::new([setting, &path.to_string()], text)));
        };
        self.rename.keys().for_each(|path| check("rename", path, inner(path)));
        self.flatten.keys().for_each(|path| check("flatten", path, inner(path)));
        self.moves.keys().for_each(|path| check("move", path, inner(path).or(shallow(path))));
        self.group.keys().for_each(|path| check("group", path, inner(path).or(shallow(path))));
        self.defaults.keys().for_each(|path| {
            check("defaults", path, inner(path).or(shallow(path)));
        });
    }

    /// Some operations are about one member of an object.
    fn check_names(&self, faults: &mut Vec<Fault>) {
        let mut check = |setting: &str, path: &Path, also_all: bool| {
            let good = match path.segments().last() {
                Some(Segment::Name(_)) | None => true,
                Some(Segment::Members) => also_all,
                Some(_) => false,
            };
            if !good {
                let text = "the last step must be the name of a member";
                faults.push(Fault::new([setting, &path.to_string()], text));
            }
        };
        self.rename.keys().for_each(|path| check("rename", path, false));
        self.group.keys().for_each(|path| check("group", path, false));
        self.defaults.keys().for_each(|path| check("defaults", path, false));
        self.flatten.keys().for_each(|path| check("flatten", path, true));
    }

    fn check_group(&self, faults: &mut Vec<Fault>) {
        for (path, members) in self.group.iter() {
            if members.is_empty() {
                let text = "nothing goes into it: list names of members beside it";
                faults.push(Fault::new(["group".into(), path.to_string()], text));
            }
        }
        for path in self.moves.keys() {
            if path.split_scope().1.as_slice().is_empty() && !path.segments().is_empty() {
                let text = "the last step must be a name or a number: one value can be moved";
                faults.push(Fault::new(["move".into(), path.to_string()], text));
            }
        }
        for (path, conditions) in self.filter.iter() {
            for (i, condition) in conditions.iter().enumerate() {
                if condition.tests.is_empty() {
                    let text = "nothing is asked: write is, not, in, above, below, min, max or \
                                exists";
                    let place = ["filter".into(), path.to_string(), i.to_string()];
                    faults.push(Fault::new(place, text));
                }
            }
        }
    }

    /// Two values cannot go to one place, nor one into the other.
    fn check_transfers(&self, faults: &mut Vec<Fault>) {
        // Sorted: a place stands right before those inside of it.
        for pair in self.transfers().windows(2) {
            if let [a, b] = pair
                && a.scope == b.scope
                && a.to.contains(&b.to)
            {
                let path = Path::from(&b.to);
                let text = format!("two values would go to `{path}`, or one into the other");
                faults.push(Fault::new([self.setting_of(b)], text));
            }
        }
        let mut targets = BTreeMap::new();
        for (path, name) in self.rename.iter() {
            let Some((parent, _)) = path.split_last() else { continue };
            if targets.insert((parent, name), path).is_some() {
                let text = format!("two members would be called `{name}`");
                faults.push(Fault::new(["rename".into(), path.to_string()], text));
            }
        }
    }

    fn setting_of(&self, transfer: &Transfer) -> &'static str {
        let path =
            transfer.scope.below(transfer.from.as_slice().iter().cloned().map(Segment::from));
        if self.moves.get(&path) == Some(&transfer.to) { "move" } else { "group" }
    }

    /// A value goes to one place.
    fn check_once(&self, faults: &mut Vec<Fault>) {
        let mut places: BTreeMap<Path, &str> = BTreeMap::new();
        let transfers = self.transfers();
        let moved = transfers.iter().map(|transfer| {
            let steps = transfer.from.as_slice().iter().cloned().map(Segment::from);
            (self.setting_of(transfer), transfer.scope.below(steps))
        });
        let renamed = self.rename.keys().map(|path| ("rename", path.clone()));
        let flattened = self.flatten.keys().map(|path| ("flatten", path.clone()));
        for (setting, path) in renamed.chain(flattened).chain(moved) {
            let text = path.to_string();
            if let Some(other) = places.insert(path, setting) {
                let message =
                    format!("`{text}` stands in `{other}` too: a value goes to one place");
                faults.push(Fault::new([setting], message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Scalar, Test};

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    fn names(text: &str) -> Names {
        Names::parse(text).unwrap()
    }

    fn faults(rules: Rules) -> Vec<(String, String)> {
        let faults = rules.faults().into_iter();
        faults.map(|fault| (fault.setting.join(" "), fault.message)).collect()
    }

    #[test]
    fn groups_are_moves_of_siblings() {
        let rules = Rules {
            moves: [(path("a.b"), names("z"))].into(),
            group: [(path("i[*].size"), vec![names("w"), names("d.h")])].into(),
            ..Rules::default()
        };
        let shown: Vec<_> = rules.transfers().iter().map(show).collect();
        assert_eq!(shown, ["$: a.b -> z", "i[*]: d.h -> size.h", "i[*]: w -> size.w"]);
        assert_eq!(rules.faults(), []);
    }

    fn show(transfer: &Transfer) -> String {
        let (from, to) = (Path::from(&transfer.from), Path::from(&transfer.to));
        format!("{}: {from} -> {to}", transfer.scope)
    }

    #[test]
    fn some_places_make_no_sense() {
        let rules = Rules {
            include: vec![path("**.a"), path("$")],
            exclude: vec![path("**.a"), path("$")],
            rename: [(path("a[*]"), "x".into())].into(),
            moves: [(path("e[*]"), names("x"))].into(),
            flatten: [(path("b[0]"), "".into())].into(),
            defaults: [(path("**.c"), "1".into())].into(),
            filter: [(path("d"), vec![Condition { field: Steps::default(), tests: vec![] }])]
                .into(),
            limit: [(path("d"), Limit::default())].into(),
            ..Rules::default()
        };
        let places: Vec<_> = faults(rules).into_iter().map(|(setting, _)| setting).collect();
        let expected = [
            "include 0",
            "include 1",
            "exclude 1",
            "defaults **.c",
            "rename a[*]",
            "flatten b[0]",
            "move e[*]",
            "filter d 0",
            "limit d",
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn two_values_do_not_go_to_one_place() {
        let both = [(path("a"), names("x")), (path("b"), names("x.y"))].into();
        let found = faults(Rules { moves: both, ..Rules::default() });
        let text = "two values would go to `x.y`, or one into the other";
        assert_eq!(found, [("move".into(), text.into())]);

        let rename = [(path("i[*].a"), "x".into()), (path("i[*].b"), "x".into())].into();
        let found = faults(Rules { rename, ..Rules::default() });
        assert_eq!(found, [("rename i[*].b".into(), "two members would be called `x`".into())]);
    }

    #[test]
    fn one_value_does_not_go_to_two_places() {
        let rules = Rules {
            rename: [(path("i[*].w"), "width".into())].into(),
            group: [(path("i[*].size"), vec![names("w")])].into(),
            ..Rules::default()
        };
        let text = "`i[*].w` stands in `rename` too: a value goes to one place";
        assert_eq!(faults(rules), [("group".into(), text.into())]);
    }

    #[test]
    fn good_rules_are_good() {
        let condition =
            Condition { field: Steps::default(), tests: vec![Test::Is(Scalar::Bool(true))] };
        let rules = Rules {
            filter: [(path("$"), vec![condition])].into(),
            flatten: [(path("a.*"), "x_".into())].into(),
            limit: [(path("**.a"), Limit { count: Some(1), ..Limit::default() })].into(),
            rename: [(path("a.b"), "x".into()), (path("c.b"), "x".into())].into(),
            ..Rules::default()
        };
        assert_eq!(rules.faults(), []);
        assert!(!rules.is_empty() && Rules::default().is_empty());
    }
}
