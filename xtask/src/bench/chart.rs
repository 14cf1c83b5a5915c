//! Bars, as SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LABEL: f64 = 130.0;
const BAR: f64 = 16.0;

/// A group of bars for each scenario, each group on a scale of its own. Torana's stand out.
pub(super) fn bars(groups: &[(&str, Vec<(&str, f64)>)]) -> String {
    let mut drawn = String::new();
    let mut y = 24.0;
    for (name, bars) in groups {
        let _ = writeln!(drawn, r#"<text x="0" y="{y}" class="name">{}</text>"#, escaped(name));
        y += 8.0;
        let longest = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        for (label, value) in bars {
            let width = (WIDTH - LABEL - 70.0) * value / longest;
            let class = if label.starts_with("torana") { "ours" } else { "theirs" };
            let base = y + BAR - 4.0;
            let _ = writeln!(
                drawn,
                r#"<text x="{}" y="{base}" text-anchor="end">{}</text><rect x="{LABEL}" y="{y}" width="{width:.1}" height="{}" class="{class}"/><text x="{:.1}" y="{base}">{value:.1}</text>"#,
                LABEL - 8.0,
                escaped(label),
                BAR - 3.0,
                LABEL + width + 6.0,
            );
            y += BAR;
        }
        y += 26.0;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">
<title>CPU time per request, microseconds: shorter is better</title>
<style>.name {{ font-weight: bold }} .ours {{ fill: #c2410c }} .theirs {{ fill: #94a3b8 }} text {{ fill: #1f2937 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #e5e7eb }} }}</style>
{drawn}</svg>
"#
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn the_longest_bar_fills_its_group() {
        let svg = bars(&[("a<b", vec![("torana", 10.0), ("x", 20.0)])]);
        assert!(svg.contains(r#"width="560.0""#), "{svg}");
        assert!(svg.contains(r#"width="280.0" height="13" class="ours""#), "{svg}");
        assert!(svg.contains("a&lt;b"));
    }
}
