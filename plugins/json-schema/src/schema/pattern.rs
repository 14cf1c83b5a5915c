//! Regular expressions of ECMA-262, which is what schemas are written in, by an engine whose time is linear in the text:
//! no text that a client sends can make one run away.

use regex::{Regex, RegexBuilder};

/// What a compiled expression may take. It bounds how much is done for each character, too.
const SIZE: usize = 256 << 10;

/// Compiles an expression; what cannot be is told in the words of a setting's error.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = jsonschema_regex::to_rust_regex(pattern).map_err(|()| explained(pattern))?;
    RegexBuilder::new(&translated).size_limit(SIZE).dfa_size_limit(SIZE).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the expression is too large once its repetitions are written out: ask for less with `{...}`, and for \
             the length with `maxLength`"
                .to_owned()
        }
        _ => explained(pattern),
    })
}

fn explained(pattern: &str) -> String {
    let has = |parts: &[&str]| parts.iter().any(|part| pattern.contains(part));
    if has(&["(?=", "(?!", "(?<=", "(?<!"]) {
        return "look-around (`(?=`, `(?!`, ...) is not supported, for it can take for ever: say it with \
                `allOf` and `not`, each with a `pattern` of its own"
            .to_owned();
    }
    if has(&["\\1", "\\2", "\\k<"]) {
        return "references back (`\\1`) are not supported: they can take for ever".to_owned();
    }
    "this is no regular expression of ECMA-262".to_owned()
}
