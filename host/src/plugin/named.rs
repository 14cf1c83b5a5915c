//! The component that the configuration names: its bytes, and whether they are those that are pinned.

use std::{fs, path::Path};

use aws_lc_rs::digest::{SHA256, digest};

use super::file::read_file;
use crate::config::{Diagnostic, PluginUse};

/// Reads the file of a component.
pub fn read_component(wanted: &PluginUse) -> Result<Vec<u8>, Diagnostic> {
    let component = &wanted.component;
    read_file(&component.path).map_err(|error| {
        let path = component.path.display();
        let problem = Diagnostic::error(
            wanted.component_span,
            format!("cannot read the component `{}`: {error}", component.written),
        )
        .label(format!("{path}"));
        let is_bundled = component.path.file_stem().is_some_and(|s| s == &*component.written);
        match neighbours(&component.path) {
            names if names.is_empty() && !is_bundled => problem,
            names if names.is_empty() => problem.help(
                "build the bundled components, or name their folder with `--components`".to_owned(),
            ),
            names => problem.help(format!("in that folder: {}", names.join(", "))),
        }
    })
}

/// Names of the components that lie beside a missing one.
fn neighbours(missing: &Path) -> Vec<String> {
    let folder = missing.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "wasm"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Whether it is the one whose digest stands in the TOML, if one does.
pub(super) fn check_pin(wanted: &PluginUse, sha256: &[u8; 32]) -> Result<(), Diagnostic> {
    match wanted.component.sha256 {
        Some(pin) if pin != *sha256 => Err(Diagnostic::error(
            wanted.component_span,
            format!("the component `{}` is not the one that is pinned", wanted.component.written),
        )
        .label(format!("its sha256 is {}", hex::encode(sha256)))
        .help("if you trust the new file, put its sha256 here".to_owned())),
        _ => Ok(()),
    }
}

/// The digest by which a component is known.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
