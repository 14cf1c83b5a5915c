//! `cargo xtask languages`: the example plugin in each language whose tools can be had here, as components.

use std::{
    env, fs, iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, Result};
use guest_builder::{Build, Packages};

use crate::{
    cargo::{cargo, run as run_command},
    guests::find_toolchain,
    progress::step,
    project::Project,
};

/// What has to be here; the tools themselves come from package registries.
const PROGRAMS: [&str; 3] = ["node", "npm", "python3"];

/// What is built: the component's name, its folder, and more arguments of its build script. QuickJS
/// with WASI is how the tests get a component that imports it.
const COMPONENTS: [(&str, &str, &[&str]); 5] = [
    ("c", "c", &[]),
    ("go", "go", &[]),
    ("javascript", "javascript", &[]),
    ("javascript-wasi", "javascript", &["wasi"]),
    ("python", "python", &[]),
];

/// What a build leaves in the folder of a language, and its tools: newer than the sources, and none
/// of them.
const BUILT: [&str; 5] = ["node_modules", ".venv", "__pycache__", "build", "target"];

/// What makes bindings for C and Go. It is on no registry ready to run.
const WIT_BINDGEN: &str = "wit-bindgen-cli@0.63.0";

const GO_PACKAGE: &str = "wit-bindgen-go-0.63.0/src/pkg";

/// Builds those components that are older than their sources, and fills the gateway's compile cache
/// with them: a gateway that starts in a test should not have to. Gives whether all are there; what
/// is missing for that is said.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let missing: Vec<_> = PROGRAMS.into_iter().filter(|program| !has(program)).collect();
    if !missing.is_empty() {
        eprintln!(
            "==> plugins in other languages: NEITHER BUILT NOR TESTED, for there is no (whole) {} here",
            missing.join(", no ")
        );
        return Ok(false);
    }
    step("the plugin in rust", || rust(project))?;
    step("wit-bindgen", || wit_bindgen(project))?;
    for (name, language, arguments) in COMPONENTS {
        step(&format!("the plugin in {name}"), || build(project, name, language, arguments))?;
    }
    Ok(true)
}

/// Whether a program can be started. Of Python there must be all: some systems ship it without what
/// makes virtual environments.
pub(crate) fn has(program: &str) -> bool {
    let arguments: &[&str] =
        if program == "python3" { &["-c", "import ensurepip, venv"] } else { &["--version"] };
    let mut version = Command::new(program);
    version.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// The one that is written with the SDK, built as plugins are.
fn rust(project: &Project) -> Result<()> {
    let build = Build {
        workspace: project.path("examples/plugins/rust"),
        packages: Packages::All,
        target_dir: project.target.join("guests"),
        output: project.target.join("guests/examples"),
        locked: project.ci,
    };
    build.run(&find_toolchain(project)?)?;
    let component = component(project, "rust");
    fs::create_dir_all(project.target.join("test-guests"))?;
    fs::copy(build.output.join("greet.wasm"), &component)?;
    inspect(project, &component)
}

fn component(project: &Project, name: &str) -> PathBuf {
    project.target.join("test-guests").join(name).with_extension("wasm")
}

/// A tool of our own folder, so that nobody else's version is used or overwritten.
fn wit_bindgen(project: &Project) -> Result<()> {
    let root = tools(project);
    if root.join("bin/wit-bindgen").exists() {
        return Ok(());
    }
    let mut install = cargo(project, &["install", "--quiet", WIT_BINDGEN]);
    if !project.ci {
        install.arg("--locked");
    }
    // Not optimised: it runs for a moment.
    install.args(["--debug", "--no-default-features", "--features", "c,go", "--root"]).arg(root);
    run_command(&mut install)
}

/// Between preview 1 of WASI, which Go speaks, and components.
fn adapter(project: &Project) -> Result<PathBuf> {
    let file = tools(project).join("wasi_snapshot_preview1.reactor.wasm");
    fs::write(
        &file,
        wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
    )?;
    Ok(file)
}

/// The Go module that generated bindings import. It came with the crate that generates them, which spares the
/// build another registry.
fn go_package() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let sources = home.context("neither CARGO_HOME nor HOME is set")?.join("registry/src");
    let registries =
        fs::read_dir(&sources).with_context(|| format!("reading {}", sources.display()))?;
    registries
        .filter_map(|registry| Some(registry.ok()?.path().join(GO_PACKAGE)))
        .find(|folder| folder.is_dir())
        .with_context(|| {
            format!("no {GO_PACKAGE} in {}: install {WIT_BINDGEN} again", sources.display())
        })
}

fn tools(project: &Project) -> PathBuf {
    project.target.join("tools")
}

fn build(project: &Project, name: &str, language: &str, arguments: &[&str]) -> Result<()> {
    let folder = project.path("examples/plugins").join(language);
    let component = component(project, name);
    let sources = newest(&folder)?.max(newest(&project.path("wit"))?);
    let is_built = fs::metadata(&component).and_then(|file| file.modified());
    if !is_built.is_ok_and(|time| time > sources) {
        fs::create_dir_all(project.target.join("test-guests"))?;
        let path = env::var_os("PATH").unwrap_or_default();
        let path = iter::once(tools(project).join("bin")).chain(env::split_paths(&path));
        let mut script = Command::new(folder.join("build.sh"));
        script.arg(&component).args(arguments).env("PATH", env::join_paths(path)?);
        if language == "go" {
            script.env("ADAPTER", adapter(project)?).env("WIT_PKG", go_package()?);
        }
        run_command(&mut script)?;
    }
    inspect(project, &component)
}

/// A look at a component compiles it, into the gateway's cache.
fn inspect(project: &Project, component: &Path) -> Result<()> {
    let mut inspect = Command::new(project.binary("torana"));
    inspect.args(["plugin", "inspect"]).arg(component).stdout(Stdio::null());
    run_command(&mut inspect)
}

/// When the youngest source was written, below a folder.
fn newest(folder: &Path) -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let is_built = BUILT.iter().any(|built| name == *built);
        if is_built || Path::new(&name).extension().is_some_and(|kind| kind == "wasm") {
            continue;
        }
        // Links lead to the contract, which is looked at by itself.
        let time = match kind {
            kind if kind.is_dir() => self::newest(&entry.path())?,
            _ => entry.metadata()?.modified()?,
        };
        newest = newest.max(time);
    }
    Ok(newest)
}
