//! Runs cases with a [`FakeHost`](crate::fake::FakeHost).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Case, differences, play::play};
use crate::Hooks;

/// Runs every case of a folder and panics with all that went wrong. Tests run in their package's
/// folder, so `"cases"` it is.
pub fn run<P: Hooks>(folder: impl AsRef<Path>) {
    run_decoding::<P>(folder, |_, _| None);
}

/// [`run`], for plugins that encode: a response's body is held against the case as the client reads
/// it. `decode` is told the coding of `Content-Encoding` and gives what the body means; none where
/// it knows no such coding, or the body is none of it: then it is looked at as it is.
pub fn run_decoding<P: Hooks>(folder: impl AsRef<Path>, decode: Decode) {
    let folder = folder.as_ref();
    let files = files(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    assert!(!files.is_empty(), "{} has no cases", folder.display());
    let wrong: Vec<_> = files.iter().filter_map(|file| run_file::<P>(file, decode).err()).collect();
    let count = files.len();
    assert!(wrong.is_empty(), "{} of {count} cases:\n\n{}\n", wrong.len(), wrong.join("\n\n"));
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = paths.collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}

fn run_file<P: Hooks>(file: &Path, decode: Decode) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let wrong = match Case::parse(&text) {
        Ok(case) => check_decoding::<P>(&case, decode),
        Err(error) => vec![error],
    };
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}:\n  {}", file.display(), wrong.join("\n  ")))
}

/// Runs one case and says what went wrong.
pub fn check<P: Hooks>(case: &Case) -> Vec<String> {
    check_decoding::<P>(case, |_, _| None)
}

/// Undoes a content coding: of (coding, body). See [`run_decoding`].
pub type Decode = fn(&str, &[u8]) -> Option<Vec<u8>>;

/// [`check`], for plugins that encode. See [`run_decoding`].
pub fn check_decoding<P: Hooks>(case: &Case, decode: Decode) -> Vec<String> {
    let mut played = match play::<P>(case) {
        Ok(played) => played,
        Err(why) => return vec![why],
    };
    if let [coding] = played.host.answered_header("content-encoding").as_slice()
        && let Some(body) = decode(coding, &played.response_body)
    {
        played.response_body = body;
    }
    let mut wrong = differences(case, &played.end, &played);
    wrong.extend(played.mistakes(case));
    wrong
}
