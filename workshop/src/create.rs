//! The folder of a new plugin.

use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, Language, Name, files};

/// Makes the folder `parent/NAME`, which builds and passes its own tests. Gives its path.
///
/// # Errors
///
/// If there is something of that name already, or files cannot be written. What was written by then stays.
pub fn create(parent: &Path, name: &Name, language: Language) -> Result<PathBuf, Error> {
    let folder = parent.join(name.as_str());
    // One call both looks and takes the place: nobody else's file can get in between.
    fs::create_dir(&folder).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists(folder.clone()),
        _ => Error::File { path: folder.clone(), source },
    })?;
    for (path, text) in contents(name, language) {
        let path = folder.join(path);
        write(&path, &text).map_err(|source| Error::File { path: path.clone(), source })?;
    }
    Ok(folder)
}

/// Everything that is written: paths in the folder, and texts.
fn contents(name: &Name, language: Language) -> Vec<(PathBuf, Cow<'static, str>)> {
    let example = language.example().iter();
    let example = example.filter(|(path, _)| language != Language::Rust || *path != "build.sh");
    let mut all: Vec<_> = example
        .map(|(path, text)| match *path {
            "README.md" => ("LANGUAGE.md".into(), own(text, name)),
            path if is_named(path) => (path.into(), own(text, name)),
            path => (path.into(), Cow::Borrowed(*text)),
        })
        .collect();
    if language != Language::Rust {
        // It is the same plugin, so the same must come of it.
        let cases = Language::Rust.example().iter().filter(|(path, _)| path.starts_with("cases/"));
        all.extend(cases.map(|(path, text)| (path.into(), Cow::Borrowed(*text))));
    }
    if language == Language::Rust {
        let sdk = files::SDK.iter();
        all.extend(sdk.map(|(path, text)| (Path::new(SDK).join(path), Cow::Borrowed(*text))));
        all.push((Path::new("torana/Cargo.toml").into(), files::SDK_WORKSPACE.into()));
    }
    all.push(("README.md".into(), filled(files::README, name, language)));
    all.push(("gateway.toml".into(), filled(files::GATEWAY, name, language)));
    all.push((".gitignore".into(), files::GITIGNORE.into()));
    all
}

/// How the example in Rust is built where it lies. A plugin of one's own has no such script.
const SCRIPT_OF_RUST: &str = "$ ./build.sh          # and wasm-tools 1.262, to make a component of the module; writes greet.wasm\n";

/// Where a plugin in Rust has the SDK.
const SDK: &str = "torana/plugin-sdk";

/// Whether a file of the example says what the plugin is called. The code does not.
fn is_named(path: &str) -> bool {
    let endings = [".toml", ".lock", ".json", ".sh", ".wit"];
    let is_contract = path.starts_with("wit/deps/");
    !is_contract && endings.iter().any(|ending| path.ends_with(ending))
}

/// A file of the example, for a plugin of this name that lies elsewhere.
fn own(text: &'static str, name: &Name) -> Cow<'static, str> {
    let moved = text
        .replace("# Elsewhere: torana-plugin-sdk = \"0.1\"\n", "")
        .replace("../../../plugin-sdk", SDK)
        .replace("[one folder up](../README.md)", "[in README.md](README.md)")
        .replace(SCRIPT_OF_RUST, "$ torana plugin build    # writes greet.wasm\n")
        .replace("\n[workspace]\n", "\n[workspace]\nexclude = [\"torana\"]\n");
    Cow::Owned(renamed(&moved, name.as_str()))
}

/// Puts `name` where the word `greet` stands by itself.
fn renamed(text: &str, name: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("greet") {
        let (before, found) = rest.split_at(at);
        let after = &found["greet".len()..];
        let is_word = !before.ends_with(is_part) && !after.starts_with(is_part);
        all.push_str(before);
        all.push_str(if is_word { name } else { "greet" });
        rest = after;
    }
    all + rest
}

fn filled(template: &str, name: &Name, language: Language) -> Cow<'static, str> {
    let (grants, more) = language.wants();
    let contract = match language {
        Language::Rust => "torana/plugin-sdk/wit",
        _ => "wit/deps/torana-plugin",
    };
    let filled = template
        .replace("{name}", name.as_str())
        .replace("{grants}", grants)
        .replace("{more}", more)
        .replace("{contract}", contract);
    Cow::Owned(filled)
}

/// Scripts can be run.
fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    if path.extension().is_some_and(|kind| kind == "sh") {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Name {
        "tenant-check".parse().unwrap()
    }

    #[test]
    fn words_are_renamed_and_parts_of_words_are_not() {
        let text = "greet.wasm greeting \"greet\" regreet greet_it greet";
        let expected = "a-b.wasm greeting \"a-b\" regreet greet_it a-b";
        assert_eq!(renamed(text, "a-b"), expected);
    }

    #[test]
    fn every_language_has_its_files_and_no_other_plugins_name() {
        for language in Language::ALL {
            let all = contents(&name(), language);
            let text = |wanted: &str| {
                let found = all.iter().find(|(path, _)| path == Path::new(wanted));
                found.unwrap_or_else(|| panic!("{language}: no {wanted}")).1.to_string()
            };
            assert!(text("gateway.toml").contains("[plugins.tenant-check]"), "{language}");
            assert!(!text("gateway.toml").contains("{name}"), "{language}");
            let about = text("LANGUAGE.md");
            assert!(about.contains("tenant-check in"), "{language}");
            let scripts = about.lines().filter_map(|line| line.strip_prefix("$ ./"));
            scripts.for_each(|script| drop(text(script.split(' ').next().unwrap())));
            let starter = if language == Language::Rust { "Cargo.toml" } else { "build.sh" };
            assert!(text(starter).contains("tenant-check"), "{language}");
            assert!(text("cases/greeted.toml").contains("decision = \"next\""), "{language}");
            let contract = text("README.md");
            let contract = contract.rsplit_once("](").unwrap().1.split_once(')').unwrap().0;
            assert!(text(contract).contains("torana:plugin"), "{language}");
        }
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tenant-check"), "mine").unwrap();
        let error = create(folder.path(), &name(), Language::Rust).unwrap_err().to_string();
        assert!(error.contains("is there already, and nothing is overwritten"), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join("tenant-check")).unwrap(), "mine");
    }

    #[test]
    fn scripts_can_be_run() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let plugin = create(folder.path(), &name(), Language::C).unwrap();
        let mode = fs::metadata(plugin.join("build.sh")).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111);
    }
}
