//! Patterns with `*` for any letters and `?` for one.

/// Whether all of the text fits. It takes at most as long as both lengths multiplied.
pub(crate) fn matches(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where the last star stood, and what it leaves to the rest of the pattern.
    let mut star = None;
    loop {
        let (before, mut ahead) = (text.clone(), pattern.clone());
        match (ahead.next(), text.next()) {
            (Some('*'), _) => {
                star = Some((ahead.clone(), before.clone()));
                (pattern, text) = (ahead, before);
            }
            (None, None) => return true,
            (Some(wanted), Some(letter)) if wanted == '?' || wanted == letter => pattern = ahead,
            _ => {
                let Some((after, mut left)) = star else { return false };
                if left.next().is_none() {
                    return false;
                }
                star = Some((after.clone(), left.clone()));
                (pattern, text) = (after, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_take_as_much_as_fits() {
        for (text, pattern) in [
            ("", ""),
            ("", "*"),
            ("abc", "abc"),
            ("abc", "a*"),
            ("abc", "*c"),
            ("abc", "*b*"),
            ("abc", "a?c"),
            ("aXbXc", "a*X*c"),
            ("ababab", "*ab"),
            ("äöü", "?ö*"),
            ("a*c", "a*c"),
        ] {
            assert!(matches(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [
            ("", "?"),
            ("a", ""),
            ("abc", "ab"),
            ("abc", "bc"),
            ("abc", "A*"),
            ("abc", "a?"),
            ("abab", "*b*c"),
            ("xabc", "abc*"),
        ] {
            assert!(!matches(text, pattern), "{text} {pattern}");
        }
    }

    #[test]
    fn many_stars_are_no_trap() {
        let text = "a".repeat(8000);
        assert!(!matches(&text, &format!("{}b", "a*".repeat(50))));
    }
}
