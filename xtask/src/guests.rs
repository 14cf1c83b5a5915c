//! `cargo xtask guests [NAME ...]`: plugins and test guests, as components.

use anyhow::{Result, bail};
use guest_builder::{Build, Choice, Machine, Packages, Toolchain};

use crate::{progress::step, project::Project};

/// The guests' workspaces, and the folder below target/ that each one's components go to.
const WORKSPACES: [(&str, &str); 2] = [("plugins", "components"), ("tests/guests", "test-guests")];

/// Builds every guest there is.
pub(crate) fn run(project: &Project) -> Result<()> {
    let toolchain = step("a toolchain for guests", || find_toolchain(project))?;
    for (workspace, output) in WORKSPACES {
        if project.path(workspace).join("Cargo.toml").exists() {
            step(&format!("guests in {workspace}"), || {
                build(project, &toolchain, workspace, output, Packages::All)
            })?;
        }
    }
    Ok(())
}

/// Builds those alone, whatever state the others are in.
pub(crate) fn run_only(project: &Project, names: &[String]) -> Result<()> {
    let is_there =
        |name: &str| WORKSPACES.iter().any(|(workspace, _)| is_guest(project, workspace, name));
    if let Some(unknown) = names.iter().find(|name| !is_there(name)) {
        bail!("there is no guest `{unknown}` in plugins/ or tests/guests/");
    }
    let toolchain = step("a toolchain for guests", || find_toolchain(project))?;
    for (workspace, output) in WORKSPACES {
        let mine = names.iter().filter(|name| is_guest(project, workspace, name));
        let mine: Vec<String> = mine.cloned().collect();
        if !mine.is_empty() {
            step(&mine.join(", "), || {
                build(project, &toolchain, workspace, output, Packages::Only(mine.clone()))
            })?;
        }
    }
    Ok(())
}

fn is_guest(project: &Project, workspace: &str, name: &str) -> bool {
    project.path(workspace).join(name).join("Cargo.toml").exists()
}

/// What compiles guests here.
pub(crate) fn find_toolchain(project: &Project) -> Result<Toolchain> {
    let choice = Choice::of(&Machine::probe(&project.root));
    eprintln!("    {choice}");
    Ok(choice.prepare()?)
}

fn build(
    project: &Project,
    toolchain: &Toolchain,
    workspace: &str,
    output: &str,
    packages: Packages,
) -> Result<()> {
    let build = Build {
        workspace: project.path(workspace),
        packages,
        // One for both workspaces, for the standard library may have to be compiled in it.
        target_dir: project.target.join("guests"),
        output: project.target.join(output),
        locked: project.ci,
    };
    for component in build.run(toolchain)? {
        eprintln!("    {component}");
    }
    Ok(())
}
