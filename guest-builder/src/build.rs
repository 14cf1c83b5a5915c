//! From a workspace of Rust packages to a folder of components.

use std::{
    fs,
    path::{self, Path, PathBuf},
};

use crate::{
    Component, Error, TARGET, Toolchain,
    error::run,
    workspace::{self, Guest},
};

/// Which guests of a workspace to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packages {
    /// Every `cdylib`.
    All,
    /// Those named.
    Only(Vec<String>),
}

/// What to build and where to.
#[derive(Clone, Debug)]
pub struct Build {
    /// The folder with the guests' Cargo.toml; one package, or a workspace.
    pub workspace: PathBuf,
    /// Which of its packages.
    pub packages: Packages,
    /// Cargo's target folder. Share one between workspaces: with [`Toolchain::Debian`] the standard
    /// library is built once in each.
    pub target_dir: PathBuf,
    /// Where `<package>.wasm` goes.
    pub output: PathBuf,
    /// Refuse to build when Cargo.lock is missing or would change: for release and CI.
    pub locked: bool,
}

impl Build {
    /// Builds. Cargo's progress and messages go to stderr.
    pub fn run(&self, toolchain: &Toolchain) -> Result<Vec<Component>, Error> {
        // Cargo runs in the workspace's folder, so that a toolchain file and a .cargo/config.toml
        // there apply; paths from here would mean something else there.
        let build = self.absolute()?;
        let guests = workspace::guests(*toolchain, &build.workspace, &build.packages)?;
        build.compile(*toolchain, &guests)?;
        guests.iter().map(|guest| build.encode(guest)).collect()
    }

    /// Builds, and leaves it at modules: `<package>.wasm` for hosts that know no components.
    pub fn run_modules(&self, toolchain: &Toolchain) -> Result<(), Error> {
        let build = self.absolute()?;
        let guests = workspace::guests(*toolchain, &build.workspace, &build.packages)?;
        build.compile(*toolchain, &guests)?;
        let failed = |path: &Path, source| Error::File { path: path.into(), source };
        fs::create_dir_all(&build.output).map_err(|error| failed(&build.output, error))?;
        for guest in &guests {
            let module = build.module(guest);
            let copy = build.output.join(&guest.package).with_extension("wasm");
            fs::copy(&module, copy).map_err(|error| failed(&module, error))?;
        }
        Ok(())
    }

    fn absolute(&self) -> Result<Self, Error> {
        let failed = |path: &Path, source| Error::File { path: path.into(), source };
        let absolute = |path: &Path| path::absolute(path).map_err(|error| failed(path, error));
        Ok(Self {
            // The one folder that must be there already: say so here, rather than let cargo's start
            // fail for its lack.
            workspace: self.workspace.canonicalize().map_err(|e| failed(&self.workspace, e))?,
            target_dir: absolute(&self.target_dir)?,
            output: absolute(&self.output)?,
            ..self.clone()
        })
    }

    /// One call for all guests: what they share is compiled once, side by side.
    fn compile(&self, toolchain: Toolchain, guests: &[Guest]) -> Result<(), Error> {
        let mut cargo = toolchain.cargo_build(&self.workspace);
        cargo.arg("--lib").arg("--target-dir").arg(&self.target_dir);
        for guest in guests {
            cargo.args(["--package", &guest.package]);
        }
        if self.locked {
            cargo.arg("--locked");
        }
        run(&mut cargo, "what failed to compile is said above")
    }

    fn encode(&self, guest: &Guest) -> Result<Component, Error> {
        Component::from_module(&guest.package, &self.module(guest), &self.output)
    }

    /// Where cargo leaves a guest.
    fn module(&self, guest: &Guest) -> PathBuf {
        self.target_dir.join(TARGET).join("release").join(&guest.module).with_extension("wasm")
    }
}
