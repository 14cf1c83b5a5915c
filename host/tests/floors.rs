//! Imports go downward. The order below is the architecture; ARCHITECTURE.md says why.
use std::{fs, path::Path};

/// Top floor first. A module may name modules on the floors below its own, never beside or above.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["audit", "trial"],
    &["gateway"],
    &["listener", "admin", "trust"],
    &["proxy"],
    &["rescue"],
    &["router", "chain", "plugin", "upstream", "store", "access_log", "audit_log"],
    &["filter", "dispatch", "stores", "tls"],
    &["message"],
    &["traces"],
    &["config", "body", "http1", "heads"],
    &["telemetry", "wall", "worker", "alarm", "fields", "memory", "random"],
];

#[test]
fn imports_go_downward() {
    let src = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let floor_of = |module: &str| FLOORS.iter().position(|floor| floor.contains(&module));
    let mut wrong = Vec::new();
    visit(src, &mut |path| {
        let file = path.strip_prefix(src).unwrap();
        let here = file.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if here == "lib" {
            return;
        }
        let Some(mine) = floor_of(here) else {
            return wrong.push(format!("{}: `{here}` is on no floor", file.display()));
        };
        for there in crate_imports(&fs::read_to_string(path).unwrap()) {
            if there != here && floor_of(&there).is_some_and(|theirs| theirs <= mine) {
                wrong.push(format!("{}: `{here}` must not import `{there}`", file.display()));
            }
        }
    });
    assert!(wrong.is_empty(), "imports that go up or sideways:\n{}", wrong.join("\n"));
}

/// First path segment of every `crate::` path outside comments and the trailing test module.
fn crate_imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n");
    code.split("crate::").skip(1).flat_map(heads).collect()
}

/// `a::b` gives `a`; `{a::b, c}` gives `a` and `c`.
fn heads(rest: &str) -> Vec<String> {
    let ident =
        |s: &str| s.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if !rest.starts_with('{') {
        return vec![ident(rest)];
    }
    let (mut depth, mut part, mut parts) = (0, String::new(), Vec::new());
    for c in rest.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => parts.push(std::mem::take(&mut part)),
            c if depth >= 1 => part.push(c),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    parts.push(part);
    parts.iter().map(|p| ident(p)).collect()
}

fn visit(dir: &Path, f: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, f);
        } else if path.extension().is_some_and(|e| e == "rs") {
            f(&path);
        }
    }
}
