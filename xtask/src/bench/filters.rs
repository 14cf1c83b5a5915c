//! What Envoy and Traefik run as WebAssembly: built here from benches/peers/filters.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use guest_builder::{Build, Packages};

use crate::{guests, project::Project};

const WORKSPACE: &str = "benches/peers/filters";

/// Builds all of them, into a folder beside the peers.
pub(super) fn build(project: &Project) -> Result<()> {
    let toolchain = guests::find_toolchain(project)?;
    let build = Build {
        workspace: project.path(WORKSPACE),
        packages: Packages::All,
        target_dir: project.target.join("guests"),
        output: project.target.join("peers/filters"),
        locked: project.ci,
    };
    Ok(build.run_modules(&toolchain)?)
}

/// Where Traefik, started in `folder`, looks for a plugin of its own machine, and finds it from now on.
pub(super) fn lay_out_for_traefik(project: &Project, module: &Path, folder: &Path) -> Result<()> {
    let plugin = folder.join("plugins-local/src").join(TRAEFIK_MODULE);
    fs::create_dir_all(&plugin)?;
    let manifest = project.path(WORKSPACE).join("traefik-header/.traefik.yml");
    fs::copy(manifest, plugin.join(".traefik.yml")).context("Traefik's manifest")?;
    fs::copy(module, plugin.join("plugin.wasm")).context("Traefik's plugin")?;
    Ok(())
}

/// Its name for Traefik, which wants one like a Go module's.
pub(super) const TRAEFIK_MODULE: &str = "bench/header";
