//! An example: a folder under examples/, read but not yet running.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{
    demo::readme::{self, Exchange},
    project::Project,
};

/// An example's folder:
///
/// ```text
/// examples/NAME/README.md      what it shows, with requests and replies in console blocks
///               gateway.toml   the gateway's configuration
///               services/      (optional) package and binary NAME-services: sample services that
///                              print `ready` once they listen, and stop when their stdin closes
/// ```
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) has_services: bool,
    pub(crate) gateway: Gateway,
    /// One sentence.
    pub(crate) about: String,
    pub(crate) exchanges: Vec<Exchange>,
}

impl Example {
    pub(crate) fn load(project: &Project, name: &str) -> Result<Self> {
        let folder = project.path("examples").join(name);
        if !folder.join("gateway.toml").exists() {
            bail!("there is no example `{name}`; those there are: {}", names(project));
        }
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).with_context(|| format!("reading {}", project.shown(&path)))
        };
        let gateway = toml::from_str(&read("gateway.toml")?)
            .with_context(|| format!("reading examples/{name}/gateway.toml"))?;
        let readme = read("README.md")?;
        let exchanges = readme::parse(&readme, &folder)
            .with_context(|| format!("reading examples/{name}/README.md"))?;
        Ok(Self {
            name: name.into(),
            has_services: folder.join("services/Cargo.toml").exists(),
            folder,
            gateway,
            about: readme::about(&readme),
            exchanges,
        })
    }
}

fn names(project: &Project) -> String {
    let entries = fs::read_dir(project.path("examples")).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().join("gateway.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    if names.is_empty() { "none yet".into() } else { names.join(", ") }
}

/// As much of a gateway's TOML as the demo tells of. What it means in full, `torana check` knows:
/// keys that are not named here are none of the demo's business.
#[derive(Deserialize)]
pub(crate) struct Gateway {
    pub(crate) listen: BTreeMap<String, Listener>,
    pub(crate) admin: Option<Admin>,
    #[serde(default)]
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    #[serde(default)]
    pub(crate) routes: Vec<Route>,
}

impl Gateway {
    /// Every address that it listens on.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &str> {
        let admin = self.admin.iter().map(|admin| admin.address.as_str());
        self.listen.values().map(|listener| listener.address.as_str()).chain(admin)
    }
}

#[derive(Deserialize)]
pub(crate) struct Listener {
    pub(crate) address: String,
    pub(crate) tls: Option<toml::Value>,
    #[serde(default)]
    pub(crate) chain: Vec<Link>,
}

#[derive(Deserialize)]
pub(crate) struct Admin {
    pub(crate) address: String,
}

#[derive(Deserialize)]
pub(crate) struct Upstream {
    #[serde(default)]
    pub(crate) targets: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Route {
    #[serde(rename = "match", default)]
    pub(crate) matches: Match,
    #[serde(default)]
    pub(crate) chain: Vec<Link>,
    pub(crate) upstream: Option<String>,
    pub(crate) handler: Option<Link>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Match {
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) methods: Vec<String>,
}

/// A plugin in a chain: by its name alone, or with something that this route changes about it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Link {
    Name(String),
    Entry { plugin: String },
}

impl Link {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Entry { plugin: name } => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_reads_what_it_tells_and_skips_the_rest() {
        let gateway: Gateway = toml::from_str(
            r#"
            [listen.public]
            address = "127.0.0.1:8080"
            [upstreams.catalog]
            targets = ["127.0.0.1:9001"]
            health = { path = "/healthz", interval = "2s" }
            [plugins.jwt]
            component = "jwt-auth"
            [[routes]]
            name = "details"
            match = { path = "/products/{id}", methods = ["GET"] }
            chain = ["jwt", { plugin = "quota", config = { limit = "100/1m" } }]
            upstream = "catalog"
            "#,
        )
        .unwrap();
        assert_eq!(gateway.listen["public"].address, "127.0.0.1:8080");
        assert!(gateway.admin.is_none());
        let chain: Vec<_> = gateway.routes[0].chain.iter().map(Link::name).collect();
        assert_eq!(chain, ["jwt", "quota"]);
    }
}
