//! OpenMetrics in the older format of Prometheus (text, version 0.0.4), for those who do not ask for the
//! new one.

use std::fmt::Write as _;

/// The same metrics. There, a family is named as its samples are (`..._total`, `..._info`), `info` is
/// unknown, and the end is not marked.
pub fn classic(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len() + openmetrics.len() / 16);
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // Its type, which is in the next line, decides on the name.
            help = rest.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|r| r.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some((_, text)) = help.take().filter(|(of, _)| *of == name) {
                let _ = writeln!(out, "# HELP {name}{suffix} {text}");
            }
            let _ = writeln!(out, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_named_as_their_samples() {
        let openmetrics = "# HELP a_build The version.\n# TYPE a_build info\na_build_info{v=\"1\"} 1\n\
                           # HELP a_calls Calls.\n# TYPE a_calls counter\na_calls_total{r=\"# x\"} 2\n\
                           # HELP a_open Open.\n# TYPE a_open gauge\n# UNIT a_open seconds\na_open 3\n\
                           # EOF\n";
        let expected = "# HELP a_build_info The version.\n# TYPE a_build_info gauge\na_build_info{v=\"1\"} 1\n\
                        # HELP a_calls_total Calls.\n# TYPE a_calls_total counter\na_calls_total{r=\"# x\"} 2\n\
                        # HELP a_open Open.\n# TYPE a_open gauge\na_open 3\n";
        assert_eq!(classic(openmetrics), expected);
    }
}
