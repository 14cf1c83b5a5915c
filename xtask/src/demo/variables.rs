//! What `$ NAME=$(curl ...)` keeps, and what `$NAME` in a later command stands for.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// Values that commands have kept.
#[derive(Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Keeps a command's output under a name, as a shell does: without the line ends at its end.
    pub(crate) fn set(&mut self, name: &str, output: &str) -> Result<()> {
        let value = output.trim_end_matches('\n');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~+/=:".contains(c);
        // Others would need quotes wherever the name is used, and would be parsed again here.
        if value.is_empty() || !value.chars().all(is_plain) {
            bail!("{name} would be `{}`; only one plain word can be kept", value.escape_debug());
        }
        self.0.insert(name.into(), value.into());
        Ok(())
    }

    /// Puts values in the place of `$NAME`. Single quotes and backslashes keep a `$` as it is.
    pub(crate) fn expand(&self, command: &str) -> Result<String> {
        let mut expanded = String::new();
        let mut quote = None;
        let mut rest = command;
        while let Some(c) = rest.chars().next() {
            let length = match c {
                '\\' if quote != Some('\'') => {
                    c.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8)
                }
                '$' if quote != Some('\'') => name(&rest[1..]).len() + 1,
                _ => c.len_utf8(),
            };
            let (part, after) = rest.split_at(length);
            match part.strip_prefix('$') {
                Some(name) if !name.is_empty() => expanded.push_str(self.get(name)?),
                _ => expanded.push_str(part),
            }
            if matches!(c, '\'' | '"') && quote.is_none_or(|open| open == c) {
                quote = if quote.is_none() { Some(c) } else { None };
            }
            rest = after;
        }
        Ok(expanded)
    }

    fn get(&self, name: &str) -> Result<&str> {
        let value = self.0.get(name);
        value
            .map(String::as_str)
            .with_context(|| format!("no command before this one sets ${name}"))
    }
}

/// Splits `NAME=$(COMMAND)`.
pub(crate) fn assignment(text: &str) -> Option<(&str, &str)> {
    let (before, command) = text.trim().strip_suffix(')')?.split_once("=$(")?;
    (!before.is_empty() && name(before) == before).then_some((before, command))
}

/// The variable's name that a text starts with; empty if there is none.
fn name(text: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, output: &str) -> Variables {
        let mut variables = Variables::default();
        variables.set(name, output).unwrap();
        variables
    }

    #[test]
    fn a_name_is_replaced_where_a_shell_does() {
        let ann = with("ANN", "x.y-z\n");
        for (command, expected) in [
            ("curl -H \"a: Bearer $ANN\" http://h/", "curl -H \"a: Bearer x.y-z\" http://h/"),
            ("curl http://h/$ANN/$ANN", "curl http://h/x.y-z/x.y-z"),
            ("curl -d \"it's $ANN\"", "curl -d \"it's x.y-z\""),
            ("curl -d '$ANN' -d $ANN", "curl -d '$ANN' -d x.y-z"),
            ("curl -d '\"$ANN' -d \\$ANN -d $1 $", "curl -d '\"$ANN' -d \\$ANN -d $1 $"),
            ("BOB=$(curl http://h/$ANN)", "BOB=$(curl http://h/x.y-z)"),
            ("curl \\", "curl \\"),
        ] {
            assert_eq!(ann.expand(command).unwrap(), expected);
        }
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let error = with("ANN", "x").expand("curl http://h/$ANNA").unwrap_err();
        assert_eq!(error.to_string(), "no command before this one sets $ANNA");
    }

    #[test]
    fn only_one_plain_word_is_kept() {
        for output in ["", "\n", "two words", "two\nlines", "a\"b", "{}", "$(x)"] {
            assert!(Variables::default().set("A", output).is_err(), "{output:?}");
        }
    }

    #[test]
    fn an_assignment_is_a_name_and_a_command() {
        assert_eq!(assignment("A_1=$(curl -s http://h/)"), Some(("A_1", "curl -s http://h/")));
        for text in ["A=b", "1=$(curl)", "=$(curl)", "curl -d a=$(b)", "A=$(curl) # why"] {
            assert_eq!(assignment(text), None, "{text}");
        }
    }
}
