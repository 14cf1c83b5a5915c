//! Holds what came against what a README shows. The rules are in [`readme`](super::readme).

use crate::demo::client::Reply;

/// Stands for whatever is there.
const ANY: &str = "…";

/// What is wrong with replies, whose bodies come one after the other; nothing, when all is as shown.
pub(crate) fn replies(expected: &[String], got: &[Reply], show_head: bool) -> Vec<String> {
    match got {
        [one] => reply(expected, one, show_head),
        several => {
            let bodies: String = several.iter().map(|reply| reply.body.as_str()).collect();
            output(expected, &bodies).into_iter().collect()
        }
    }
}

fn reply(expected: &[String], got: &Reply, show_head: bool) -> Vec<String> {
    if !show_head {
        return output(expected, &got.body).into_iter().collect();
    }
    // Without an empty line there is no body: the block's last lines may well be headers.
    let end = expected.iter().position(String::is_empty).unwrap_or(expected.len());
    let (head, body) = (&expected[..end], expected.get(end + 1..).unwrap_or_default());
    let mut wrong = compare_head(head, got);
    wrong.extend(output(body, &got.body));
    wrong
}

/// What is wrong with a text, if anything is: line ends at its end apart, it must be as shown.
pub(crate) fn output(expected: &[String], got: &str) -> Option<String> {
    let got = got.trim_end_matches(['\r', '\n']);
    let lines: Vec<&str> = if got.is_empty() { Vec::new() } else { got.split('\n').collect() };
    let at = lines_mismatch(expected, &lines)?;
    let wanted = quoted_or_end(expected.get(at).map(String::as_str));
    // Past a line that stands for any number of lines, there is no one line to hold it against.
    if expected[..at].iter().any(|line| line == ANY) {
        return Some(format!("output: after `{ANY}` expected {wanted}, which is not what follows"));
    }
    let got = quoted_or_end(lines.get(at).copied());
    Some(format!("line {} of the output: expected {wanted}, got {got}", at + 1))
}

/// As [`output`], of a text with times in it. A time may be from half of what is shown, for the
/// services that are shown take the time that they take, to fifty times that, on a busy machine.
pub(crate) fn measured(expected: &[String], got: &str) -> Option<String> {
    let mut lines = got.lines();
    let held = expected.iter().map(|shown| match lines.next() {
        Some(line) if is_but_for_times(shown, line) => line.to_owned(),
        _ => shown.clone(),
    });
    output(&held.collect::<Vec<_>>(), got)
}

/// Times are the numbers with a point.
fn is_but_for_times(shown: &str, got: &str) -> bool {
    let time = |word: &str| word.parse::<f64>().ok().filter(|_| word.contains('.'));
    let is_same = |shown: &str, got: &str| match (time(shown), time(got)) {
        (Some(shown), Some(got)) => (shown / 2.0..shown * 50.0).contains(&got),
        _ => shown == got,
    };
    let (shown, got): (Vec<_>, Vec<_>) = (shown.split(' ').collect(), got.split(' ').collect());
    shown.len() == got.len() && shown.into_iter().zip(got).all(|(shown, got)| is_same(shown, got))
}

fn quoted_or_end(line: Option<&str>) -> String {
    line.map_or("its end".into(), |line| format!("`{}`", line.escape_debug()))
}

fn compare_head(expected: &[String], got: &Reply) -> Vec<String> {
    let Some((status, headers)) = expected.split_first() else {
        return vec!["with -i, a status line such as `HTTP/1.1 200 OK` comes first".into()];
    };
    let mut wrong = Vec::new();
    if !line_matches(status, &got.status_line) {
        wrong.push(format!("status: expected `{status}`, got `{}`", got.status_line));
    }
    wrong.extend(headers.iter().filter_map(|line| compare_header(line, got)));
    wrong
}

fn compare_header(expected: &str, got: &Reply) -> Option<String> {
    if expected == ANY {
        return None;
    }
    let Some((name, value)) = expected.split_once(':') else {
        return Some(format!("`{expected}` is no header; an empty line ends the headers"));
    };
    let values: Vec<_> = got.values(name).collect();
    if values.iter().any(|got| line_matches(value.trim(), got)) {
        return None;
    }
    let got = if values.is_empty() { "none".into() } else { format!("`{}`", values.join("`, `")) };
    Some(format!("header {name}: expected `{}`, got {got}", value.trim()))
}

fn lines_mismatch(expected: &[String], got: &[&str]) -> Option<usize> {
    mismatch(expected, got, |pattern| pattern == ANY, |pattern, line| line_matches(pattern, line))
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let (pattern, line): (Vec<_>, Vec<_>) = (pattern.chars().collect(), line.chars().collect());
    mismatch(&pattern, &line, |c| ANY.starts_with(*c), |c, got| c == got).is_none()
}

/// Where `text` is not `pattern`, in which some elements stand for any run: the furthest element
/// that was reached and found no match. None when all is well.
///
/// An element that stands for any run takes as little as it can; when the rest does not fit, the
/// last such element takes one more.
fn mismatch<P, T>(
    pattern: &[P],
    text: &[T],
    is_any: impl Fn(&P) -> bool,
    same: impl Fn(&P, &T) -> bool,
) -> Option<usize> {
    let (mut at, mut here, mut furthest) = (0, 0, 0);
    let mut last_any = None;
    while here < text.len() {
        match pattern.get(at) {
            Some(element) if is_any(element) => {
                last_any = Some((at, here));
                at += 1;
            }
            Some(element) if same(element, &text[here]) => {
                at += 1;
                here += 1;
            }
            _ => {
                furthest = furthest.max(at);
                let Some((any, taken)) = last_any else { return Some(furthest) };
                last_any = Some((any, taken + 1));
                (at, here) = (any + 1, taken + 1);
            }
        }
    }
    let left = pattern[at..].iter().position(|element| !is_any(element))?;
    Some(furthest.max(at + left))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    fn got(body: &str) -> Reply {
        Reply {
            status_line: "HTTP/1.1 200 OK".into(),
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("x-request-id".into(), "0123".into()),
                ("set-cookie".into(), "a=1".into()),
                ("set-cookie".into(), "b=2".into()),
            ],
            body: body.into(),
            size: body.len(),
            took: Duration::ZERO,
        }
    }

    fn with_head(expected: &str, body: &str) -> Vec<String> {
        reply(&lines(expected), &got(body), true)
    }

    #[test]
    fn a_reply_as_shown_is_right() {
        let shown =
            "HTTP/1.1 200 OK\nContent-Type: application/json\nset-cookie: b=2\n\n{\"id\": 1}";
        assert_eq!(with_head(shown, "{\"id\": 1}\n"), [""; 0]);
        assert_eq!(reply(&lines("{}"), &got("{}"), false), [""; 0]);
    }

    #[test]
    fn several_replies_are_their_bodies() {
        let several = [got("a\n"), got("b\n"), got("c")];
        assert_eq!(replies(&lines("a\nb\nc"), &several, false), [""; 0]);
        assert_eq!(
            replies(&lines("a\nc"), &several, false),
            ["line 2 of the output: expected `c`, got `b`"]
        );
    }

    #[test]
    fn an_ellipsis_stands_for_anything_in_a_line() {
        assert_eq!(
            with_head(
                "HTTP/1.1 200 …\nx-request-id: …\n…\n\n{\"id\":\"…\",\"n\":1}",
                "{\"id\":\"\",\"n\":1}"
            ),
            [""; 0]
        );
        assert!(line_matches("a…b…c", "a b b c"));
        assert!(line_matches("…", ""));
        assert!(!line_matches("a…b", "a b c"));
        assert!(!line_matches("…c", "abcd"));
    }

    #[test]
    fn a_line_that_is_an_ellipsis_stands_for_any_lines() {
        for text in ["a\nz", "a\nb\nz", "a\nb\n\nc\nz\n"] {
            assert_eq!(output(&lines("a\n…\nz"), text), None, "{text:?}");
        }
        assert_eq!(
            output(&lines("a\n…\ny\nz"), "a\nb\ny\nx").unwrap(),
            "output: after `…` expected `z`, which is not what follows"
        );
        assert_eq!(output(&lines("…"), ""), None);
    }

    #[test]
    fn a_time_may_be_another_and_nothing_else() {
        let shown = lines("306 bytes, 0.084 s\n122 bytes, 0.041 s");
        assert_eq!(measured(&shown, "306 bytes, 0.043 s\n122 bytes, 1.9 s\n"), None);
        for (got, line) in [
            ("306 bytes, 0.041 s\n122 bytes, 0.041 s\n", 1),
            ("306 bytes, 0.084 s\n122 bytes, 2.1 s\n", 2),
            ("305 bytes, 0.084 s\n122 bytes, 0.041 s\n", 1),
            ("306 bytes, 0.084 s\n", 2),
        ] {
            let wrong = measured(&shown, got).expect(got);
            assert!(wrong.starts_with(&format!("line {line} ")), "{got}: {wrong}");
        }
    }

    #[test]
    fn each_difference_is_named() {
        let shown =
            "HTTP/1.1 204 No Content\ncontent-type: text/plain\nset-cookie: c=3\nx-none: 1\n\na\nb";
        assert_eq!(
            with_head(shown, "a\nc"),
            [
                "status: expected `HTTP/1.1 204 No Content`, got `HTTP/1.1 200 OK`",
                "header content-type: expected `text/plain`, got `application/json`",
                "header set-cookie: expected `c=3`, got `a=1`, `b=2`",
                "header x-none: expected `1`, got none",
                "line 2 of the output: expected `b`, got `c`",
            ]
        );
    }

    #[test]
    fn nothing_shown_is_nothing_expected() {
        assert_eq!(with_head("HTTP/1.1 200 OK", ""), [""; 0]);
        assert_eq!(
            with_head("HTTP/1.1 200 OK", "a"),
            ["line 1 of the output: expected its end, got `a`"]
        );
        assert_eq!(
            output(&lines("a"), ""),
            Some("line 1 of the output: expected `a`, got its end".into())
        );
    }

    #[test]
    fn only_the_line_ends_at_the_end_are_nothing() {
        assert_eq!(output(&lines("a"), "a\r\n\n"), None);
        assert!(output(&lines("a\nb"), "a\r\nb").is_some());
        assert!(output(&lines("a"), "a ").is_some());
        assert!(output(&lines("a"), "\na").is_some());
    }

    #[test]
    fn a_block_that_forgets_the_status_line_is_told() {
        assert!(with_head("", "")[0].contains("a status line"));
        assert!(
            with_head("HTTP/1.1 200 OK\n{}", "{}")[0].contains("an empty line ends the headers")
        );
    }
}
