//! What is in a workspace of guests, as cargo tells it.

use std::{path::Path, process::Stdio};

use serde::Deserialize;

use crate::{Error, Packages, Toolchain, error::shown};

/// A package that builds a WebAssembly module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    /// The package's name, dashes kept: what the component is called.
    pub(crate) package: String,
    /// What cargo calls the module.
    pub(crate) module: String,
}

/// The guests to build: all, or those asked for.
pub(crate) fn guests(
    toolchain: Toolchain,
    workspace: &Path,
    packages: &Packages,
) -> Result<Vec<Guest>, Error> {
    let all = parse(&metadata(toolchain, workspace)?)
        .map_err(|source| Error::Metadata { workspace: workspace.into(), source })?;
    if all.is_empty() {
        return Err(Error::NoGuests(workspace.into()));
    }
    match packages {
        Packages::All => Ok(all),
        Packages::Only(names) => pick(all, names, workspace),
    }
}

fn metadata(toolchain: Toolchain, workspace: &Path) -> Result<Vec<u8>, Error> {
    let mut command = toolchain.cargo(workspace);
    command.args(["metadata", "--no-deps", "--format-version", "1"]).stderr(Stdio::inherit());
    let output =
        command.output().map_err(|source| Error::Start { command: shown(&command), source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::Failed {
        command: shown(&command),
        status: output.status.to_string(),
        advice: format!("what is wrong with {} is said above", workspace.display()),
    })
}

fn parse(metadata: &[u8]) -> Result<Vec<Guest>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        targets: Vec<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }

    let metadata: Metadata = serde_json::from_slice(metadata)?;
    let guests = metadata.packages.into_iter().filter_map(|package| {
        let is_cdylib = |target: &Target| target.kind.iter().any(|kind| kind == "cdylib");
        let target = package.targets.into_iter().find(is_cdylib)?;
        Some(Guest { package: package.name, module: target.name.replace('-', "_") })
    });
    Ok(guests.collect())
}

fn pick(all: Vec<Guest>, names: &[String], workspace: &Path) -> Result<Vec<Guest>, Error> {
    let is_known = |name: &&String| all.iter().any(|guest| guest.package == **name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        let known: Vec<_> = all.iter().map(|guest| guest.package.as_str()).collect();
        return Err(Error::UnknownGuest {
            name: name.clone(),
            workspace: workspace.into(),
            known: known.join(", "),
        });
    }
    Ok(all.into_iter().filter(|guest| names.contains(&guest.package)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(package: &str, module: &str) -> Guest {
        Guest { package: package.into(), module: module.into() }
    }

    #[test]
    fn a_cdylib_is_a_guest_and_keeps_its_dashes() {
        let metadata = br#"{ "packages": [
            { "name": "jwt-auth", "targets": [
                { "name": "cases", "kind": ["test"] },
                { "name": "jwt_auth", "kind": ["cdylib", "rlib"] }] },
            { "name": "templates", "targets": [{ "name": "templates", "kind": ["lib"] }] },
            { "name": "cors", "targets": [{ "name": "cors", "kind": ["cdylib"] }] }
        ] }"#;
        let guests = parse(metadata).unwrap();
        assert_eq!(guests, [guest("jwt-auth", "jwt_auth"), guest("cors", "cors")]);
    }

    #[test]
    fn asking_for_some_leaves_out_the_rest() {
        let all = vec![guest("jwt-auth", "jwt_auth"), guest("cors", "cors")];
        let picked = pick(all, &["cors".into()], Path::new("plugins")).unwrap();
        assert_eq!(picked, [guest("cors", "cors")]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let all = vec![guest("jwt-auth", "jwt_auth"), guest("cors", "cors")];
        let error = pick(all, &["jwt_auth".into()], Path::new("plugins")).unwrap_err();
        let expected = "no plugin named `jwt_auth` in plugins\nthose there are: jwt-auth, cors";
        assert_eq!(error.to_string(), expected);
    }
}
