//! A command line's words, as a shell would split them: quotes, backslashes, comments, and no more.

use anyhow::{Context, Result, bail};

/// Splits a command. What only a real shell could do is refused rather than passed on as text.
pub(crate) fn words(command: &str) -> Result<Vec<String>> {
    // shlex takes a continuation between two words for an empty word.
    let command = command.replace("\\\n", "");
    let words = shlex::split(&command).context("a quote is not closed")?;
    let is_operator = |word: &&String| {
        matches!(word.as_str(), "|" | "||" | "&&" | "&" | ";" | ">" | ">>" | "<" | "2>&1")
    };
    if let Some(operator) = words.iter().find(is_operator) {
        bail!(
            "there is no shell here to do `{operator}`: one command a line, and its output as it is"
        );
    }
    if let Some(word) = words.iter().find(|word| word.contains("$(")) {
        bail!("there is no shell here to do `{word}`: only NAME=$(curl ...), a command of its own");
    }
    Ok(words)
}

/// Whether a command is continued on the next line.
pub(crate) fn goes_on(command: &str) -> bool {
    command.ends_with('\\') || shlex::split(command).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let split = words("curl -H 'a: b' \\\n -d \"{\\\"x\\\": 1}\" # a word").unwrap();
        assert_eq!(split, ["curl", "-H", "a: b", "-d", "{\"x\": 1}"]);
    }

    #[test]
    fn an_open_quote_or_a_backslash_goes_on() {
        assert!(goes_on("curl \\"));
        assert!(goes_on("curl -d '{"));
        assert!(!goes_on("curl -d '{\n}' http://h/"));
    }

    #[test]
    fn shell_programs_are_refused() {
        for command in ["curl http://h/ | jq .", "curl http://h/ > file", "curl -H \"a: $(cat f)\""]
        {
            let error = words(command).unwrap_err().to_string();
            assert!(error.starts_with("there is no shell here"), "{error}");
        }
    }
}
