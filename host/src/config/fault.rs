//! What is wrong with a piece of text, before anybody knows where it stands.

/// Longest piece of the file that a message repeats.
const SHOWN: usize = 60;

/// Reads as the end of a sentence: `` `10x` `` + "is not a duration".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// "is not a duration"
    pub(super) what: String,
    /// "write a number and a unit, such as `10s`"
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None }
    }

    /// The same without any part that quotes `text`.
    pub(super) fn without_text(self, text: &str) -> Self {
        let shows = |part: &str| {
            text.split(|c: char| !c.is_alphanumeric()).any(|w| !w.is_empty() && part.contains(w))
        };
        let what =
            if shows(&self.what) { "is not what belongs here".to_owned() } else { self.what };
        Self { what, help: self.help.filter(|help| !shows(help)) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Text of the file inside a message: in backquotes, without control characters (the message may
/// go to a terminal), and not too long.
pub(super) fn quote(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN).map(visible).collect();
    let more = if text.chars().count() > SHOWN { "…" } else { "" };
    format!("`{shown}{more}`")
}

fn visible(c: char) -> char {
    if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
}

/// `a`, `b` and `c`, with the word of your choice before the last.
pub(super) fn join<S: AsRef<str>>(parts: &[S], word: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(AsRef::as_ref).collect();
            format!("{} {word} {}", most.join(", "), last.as_ref())
        }
    }
}

/// The one that was probably meant.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_ascii_lowercase();
    // A third of the letters may be wrong: `catlog` is `catalog`, `a` is not `b`.
    let allowed = (wrong.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .filter(|name| name.chars().count() > 1 && wrong.chars().count() > 1)
        .map(|name| (strsim::osa_distance(&wrong, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("catlog", ["billing", "catalog"]), Some("catalog"));
        assert_eq!(nearest("adress", ["address", "tls"]), Some("address"));
        assert_eq!(nearest("Tls", ["address", "tls"]), Some("tls"));
        assert_eq!(nearest("orders", ["catalog", "billing"]), None);
        assert_eq!(nearest("b", ["a"]), None, "one letter is no evidence");
    }

    #[test]
    fn quoting_is_safe_for_a_terminal() {
        assert_eq!(quote("a\u{1b}[2Jb"), "`a\u{fffd}[2Jb`");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), SHOWN + 3);
    }

    #[test]
    fn joining() {
        assert_eq!(join(&["a"], "or"), "a");
        assert_eq!(join(&["a", "b", "c"], "or"), "a, b or c");
    }
}
