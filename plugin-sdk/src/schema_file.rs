//! The settings' schema in a file, which a component has as text: `#[plugin(schema = "...")]`.

use std::{env, fs, path::Path};

use serde_json::Value;

use crate::{Plugin, settings};

/// Holds a file below the crate's folder against the settings. With `BLESS` in the environment it is
/// written, where it says something else.
///
/// # Panics
///
/// When it says something else, or cannot be written.
pub fn check<P: Plugin>(folder: &str, file: &str) {
    let schema = settings::schema::<P::Settings>();
    let bless = env::var_os("BLESS").is_some();
    if let Err(text) = hold(&Path::new(folder).join(file), &schema, bless) {
        panic!("{file} {text}");
    }
}

fn hold(path: &Path, schema: &str, bless: bool) -> Result<(), String> {
    let schema: Value = serde_json::from_str(schema).expect("a schema is JSON");
    // How it is laid out, and in which order, is nobody's business.
    let is_same =
        |text: String| serde_json::from_str(&text).is_ok_and(|kept: Value| kept == schema);
    if fs::read_to_string(path).is_ok_and(is_same) {
        return Ok(());
    }
    if bless {
        return fs::write(path, format!("{schema:#}\n"))
            .map_err(|error| format!("cannot be written: {error}"));
    }
    Err("is not the schema of the settings: run this test with BLESS=1 in the environment, which \
         writes it, and read the difference before you commit it"
        .into())
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, process};

    use super::*;

    const SCHEMA: &str = r#"{"title":"Settings","type":"object"}"#;

    /// A file of this test's own, which is not there.
    fn path(test: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("torana-{test}-{}.json", process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    #[test]
    fn it_is_written_when_that_is_asked_for() {
        let path = path("schema-written");
        let error = hold(&path, SCHEMA, false).unwrap_err();
        assert!(error.contains("BLESS=1"), "{error}");
        assert!(!path.exists());

        hold(&path, SCHEMA, true).unwrap();
        let text = "{\n  \"title\": \"Settings\",\n  \"type\": \"object\"\n}\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        hold(&path, SCHEMA, false).unwrap();

        let other = r#"{"title":"Others","type":"object"}"#;
        assert!(hold(&path, other, false).is_err());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_says_the_same_is_left_alone() {
        let path = path("schema-same");
        let text = r#"{ "type": "object", "title": "Settings" }"#;
        fs::write(&path, text).unwrap();
        hold(&path, SCHEMA, true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = hold(&path("none").join("schema.json"), SCHEMA, true).unwrap_err();
        assert!(error.starts_with("cannot be written: "), "{error}");
    }
}
