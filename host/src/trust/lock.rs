//! `torana.lock`: what each plugin was, and was granted, when somebody looked.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, PluginUse},
    plugin::{Description, Import},
};

/// The format of the file. Another one is not read.
const VERSION: u32 = 1;

const HEADER: &str = "\
# What the plugins of this gateway are, and what they are granted. `torana lock` writes this file;
# with --locked, `torana check` and `torana run` refuse what is not as it says. Commit it, and read
# its changes: they are what a plugin gained.

";

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    #[serde(default)]
    pub(super) plugins: BTreeMap<String, Locked>,
}

/// One plugin, as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// As the configuration calls it: a bundled name, or a path.
    pub component: String,
    /// The file's digest.
    #[serde(with = "hex::serde")]
    pub sha256: [u8; 32],
    /// Bytes.
    pub size: usize,
    /// Its hooks.
    pub exports: Vec<String>,
    /// Its capabilities, with their whole names.
    pub imports: Vec<String>,
    /// What the configuration grants it.
    pub grants: Vec<String>,
}

/// Why there is no lock to hold to.
#[derive(Debug)]
pub enum Unreadable {
    /// There is no such file.
    Missing,
    /// The disk says no.
    Io(io::Error),
    /// It is not what `torana lock` writes.
    Broken(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no torana.lock beside it"),
            Self::Io(error) => write!(f, "torana.lock cannot be read: {error}"),
            Self::Broken(why) => write!(f, "torana.lock is broken: {why}"),
        }
    }
}

impl Lock {
    /// Where a configuration's lock is.
    pub fn path(configuration: &Path) -> PathBuf {
        configuration.with_file_name("torana.lock")
    }

    /// Describes the plugins of a configuration. A component that is not among those that are
    /// known is left out.
    pub fn of<'a>(
        config: &Config,
        component: impl Fn(&PluginUse) -> Option<&'a Description>,
    ) -> Self {
        let locked = |plugin: &PluginUse| {
            let locked = Locked::of(plugin, component(plugin)?);
            Some((plugin.name.to_string(), locked))
        };
        Self { version: VERSION, plugins: config.plugins.iter().filter_map(locked).collect() }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unreadable::Missing,
            _ => Unreadable::Io(error),
        })?;
        let lock: Self = toml::from_str(&text)
            .map_err(|error| Unreadable::Broken(error.message().to_owned()))?;
        match lock.version {
            VERSION => Ok(lock),
            other => Err(Unreadable::Broken(format!("version {other} is not {VERSION}"))),
        }
    }

    /// The file's text: the same plugins give the same bytes.
    pub fn to_text(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEADER}{}", toml::to_string_pretty(self)?))
    }

    /// How many plugins it knows.
    pub fn len(&self) -> usize {
        self.plugins.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.plugins.is_empty()
    }

    /// The digest that a plugin's component must have.
    pub fn digest(&self, plugin: &str) -> Option<&[u8; 32]> {
        self.plugins.get(plugin).map(|locked| &locked.sha256)
    }
}

impl Locked {
    /// What is to be remembered of a plugin.
    pub(super) fn of(plugin: &PluginUse, component: &Description) -> Self {
        let mut imports: Vec<String> = component.imports.iter().map(full_name).collect();
        imports.sort();
        Self {
            component: plugin.component.written.clone(),
            sha256: component.sha256,
            size: component.size,
            exports: component.hooks.names().into_iter().map(full).collect(),
            imports,
            grants: plugin.grants.list().iter().map(ToString::to_string).collect(),
        }
    }
}

fn full_name(import: &Import) -> String {
    import.capability().map_or_else(|| import.name().to_owned(), full)
}

fn full(interface: &str) -> String {
    format!("torana:plugin/{interface}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let locked = Locked {
            component: "guest".into(),
            sha256: [7; 32],
            size: 12,
            exports: vec!["torana:plugin/on-request-head".into()],
            imports: vec!["torana:plugin/fetch".into()],
            grants: vec!["fetch https://idp.example".into()],
        };
        let lock = Lock { version: VERSION, plugins: [("auth".into(), locked)].into() };
        let folder = tempfile::tempdir().unwrap();
        let path = Lock::path(&folder.path().join("gateway.toml"));
        assert!(matches!(Lock::read(&path), Err(Unreadable::Missing)));
        fs::write(&path, lock.to_text().unwrap()).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
        for broken in ["version = 2\n", "version = 1\nmore = 1\n", "version = "] {
            fs::write(&path, broken).unwrap();
            assert!(matches!(Lock::read(&path), Err(Unreadable::Broken(_))), "{broken}");
        }
    }
}
