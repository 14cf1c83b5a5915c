//! `cargo xtask guests`: plugins and test guests, as components.

use anyhow::Result;
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
                build(project, &toolchain, workspace, output)
            })?;
        }
    }
    Ok(())
}

fn find_toolchain(project: &Project) -> Result<Toolchain> {
    let choice = Choice::of(&Machine::probe(&project.root));
    eprintln!("    {choice}");
    Ok(choice.prepare()?)
}

fn build(project: &Project, toolchain: &Toolchain, workspace: &str, output: &str) -> Result<()> {
    let build = Build {
        workspace: project.path(workspace),
        packages: Packages::All,
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
