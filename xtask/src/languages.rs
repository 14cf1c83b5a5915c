//! `cargo xtask languages`: the example plugin in languages other than Rust, as components.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, Result};

use crate::{cargo::run as run_command, progress::step, project::Project};

/// Languages whose tools come whole from a package registry, and what has to be here for them.
const LANGUAGES: [(&str, &[&str]); 2] =
    [("javascript", &["node", "npm"]), ("python", &["python3"])];

/// What is built: the component's name, its folder, and more arguments of its build script. QuickJS
/// with WASI is how the tests get a component that imports it.
const COMPONENTS: [(&str, &str, &[&str]); 3] = [
    ("javascript", "javascript", &[]),
    ("javascript-wasi", "javascript", &["wasi"]),
    ("python", "python", &[]),
];

/// What a build leaves in the folder of a language, and its tools: newer than the sources, and none
/// of them.
const BUILT: [&str; 4] = ["node_modules", ".venv", "__pycache__", "build"];

/// Builds those components that are older than their sources, and fills the gateway's compile cache
/// with them: a gateway that starts in a test should not have to. Gives whether all are there; what
/// is missing for that is said.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let programs = LANGUAGES.iter().flat_map(|(_, programs)| *programs);
    let missing: Vec<_> = programs.filter(|program| !has(program)).copied().collect();
    if !missing.is_empty() {
        eprintln!(
            "==> plugins in other languages: NEITHER BUILT NOR TESTED, for there is no (whole) {} here",
            missing.join(", no ")
        );
        return Ok(false);
    }
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

fn build(project: &Project, name: &str, language: &str, arguments: &[&str]) -> Result<()> {
    let folder = project.path("examples/plugins").join(language);
    let component = project.target.join("test-guests").join(name).with_extension("wasm");
    let sources = newest(&folder)?.max(newest(&project.path("wit"))?);
    let is_built = fs::metadata(&component).and_then(|file| file.modified());
    if !is_built.is_ok_and(|time| time > sources) {
        fs::create_dir_all(project.target.join("test-guests"))?;
        run_command(Command::new(folder.join("build.sh")).arg(&component).args(arguments))?;
    }
    let mut inspect = Command::new(project.binary("torana"));
    inspect.args(["plugin", "inspect"]).arg(&component).stdout(Stdio::null());
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
