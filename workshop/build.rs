//! Puts the SDK, the contract and the example plugins into the crate. They are read where they lie, so what
//! `torana plugin new` writes is what this repository builds and tests.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// What builds leave behind, and what locks versions for others than plugins.
const LEFT_OUT: [&str; 5] = ["node_modules", ".venv", "__pycache__", "build", "target"];

/// Constants, and the folders that they hold.
const FOLDERS: [(&str, &str); 6] = [
    ("SDK", "plugin-sdk"),
    ("RUST", "examples/plugins/rust"),
    ("JAVASCRIPT", "examples/plugins/javascript"),
    ("PYTHON", "examples/plugins/python"),
    ("GO", "examples/plugins/go"),
    ("C", "examples/plugins/c"),
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("workshop/ is in a folder");
    let mut code = String::new();
    for (constant, folder) in FOLDERS {
        let folder = root.join(folder);
        let mut files = Vec::new();
        collect(&folder, &mut files)?;
        files.sort();
        constant_of(&mut code, constant, &folder, &files);
    }
    let manifest = sdk_workspace(root)?;
    writeln!(code, "pub(crate) const SDK_WORKSPACE: &str = {manifest:?};").expect("a string");
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("files.rs"), code)
}

/// The files below a folder; links (to the contract) are followed.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, files)?;
        } else if path.extension().is_none_or(|kind| kind != "wasm") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}

/// `const NAME: Files`, sorted by path.
fn constant_of(code: &mut String, name: &str, folder: &Path, files: &[PathBuf]) {
    writeln!(code, "pub(crate) const {name}: Files = &[").expect("a string");
    for file in files {
        let below = file.strip_prefix(folder).expect("it is below").to_str().expect("UTF-8");
        let path = file.to_str().expect("UTF-8");
        writeln!(code, "    ({below:?}, include_str!({path:?})),").expect("a string");
    }
    writeln!(code, "];").expect("a string");
}

/// The manifest that the SDK inherits from, with nothing else in it.
fn sdk_workspace(root: &Path) -> io::Result<String> {
    let path = root.join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", path.display());
    let manifest: Table = fs::read_to_string(path)?.parse().map_err(io::Error::other)?;
    let sdk = fs::read_to_string(root.join("plugin-sdk/Cargo.toml"))?;
    let mut workspace = Table::new();
    workspace.insert("resolver".into(), "3".into());
    workspace.insert("members".into(), vec!["plugin-sdk", "plugin-sdk/macros"].into());
    for key in ["package", "lints", "dependencies"] {
        workspace.insert(key.into(), manifest["workspace"][key].clone());
    }
    let is_used = |name: &str| sdk.lines().any(|line| inherits(line, name));
    if let Some(Value::Table(dependencies)) = workspace.get_mut("dependencies") {
        dependencies.retain(|name, _| is_used(name));
    }
    let mut manifest = Table::new();
    manifest.insert("workspace".into(), Value::Table(workspace));
    toml::to_string(&manifest).map_err(io::Error::other)
}

/// Whether a line of a manifest is `NAME.workspace = true` or `NAME = { workspace = true, ... }`.
fn inherits(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix(name).unwrap_or_default();
    rest.starts_with(".workspace") || rest.starts_with(" = { workspace")
}
