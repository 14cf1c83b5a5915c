//! Components whose outside is wrong: what they export, import, and are made of.

use wasm_encoder::{Component, Encode as _};

use super::{Guest, all_refused, all_served, around, binary, changed, sound};

const CONFIGURE: &str = "(export \"torana:plugin/configure@0.1.0\" (instance $configured))";
const HOOK: &str = "(export \"torana:plugin/on-request-head@0.1.0\" (instance $hooked))";

/// A function that takes and gives nothing.
const PLAIN: &str = "(core module $p (func (export \"f\"))) (core instance $p (instantiate $p))
    (func $plain (canon lift (core func $p \"f\")))";

#[test]
fn what_is_exported_is_a_plugin_or_refused() {
    let named = |name: &str, what: &str| format!("(export \"torana:plugin/{name}\" ({what}))");
    let of_kind = |from: &str, name: &str, what: &str| changed(from, &named(name, what));
    let hook = "on-request-head@0.1.0";
    let late = Guest { around: named("configure@0.1.0", "instance $hooked"), ..Guest::default() };
    let swapped = binary(&late.text().replace(CONFIGURE, ""));
    all_refused(vec![
        ("nothing", binary("(component)"), "exports nothing of torana:plugin@0.1.3"),
        ("no configure", changed(CONFIGURE, ""), "hooks but no `configure`"),
        ("no hook", changed(HOOK, ""), "exports no hook"),
        (
            "a hook of tomorrow",
            of_kind(HOOK, "on-request-head@0.2.0", "instance $hooked"),
            "was built for torana:plugin@0.2.0",
        ),
        (
            "all of tomorrow",
            binary(&Guest::default().text().replace("@0.1.0", "@0.2.0")),
            "was built for torana:plugin@0.2.0",
        ),
        (
            "a hook without a version",
            of_kind(HOOK, "on-request-head", "instance $hooked"),
            "no hook",
        ),
        ("configure by the name of a hook", of_kind(HOOK, hook, "instance $configured"), "no hook"),
        ("a hook by the name of configure", swapped, "no `configure`"),
        (
            "a function by the name of a hook",
            changed(HOOK, &format!("{PLAIN} {}", named(hook, "func $plain"))),
            "no hook",
        ),
        ("a hook twice", changed(HOOK, &[HOOK, HOOK].concat()), "does not load"),
    ]);
}

/// An instance with one function, by the name of an interface.
fn odd(name: &str, function: &str, types: &str) -> String {
    format!(
        "(core module $odd (func (export \"f\") (param i32) (result i32) unreachable))
         (core instance $odd (instantiate $odd))
         (func $odd {types} (canon lift (core func $odd \"f\")))
         (instance $odds (export \"{function}\" (func $odd)))
         (export \"torana:plugin/{name}@0.1.0\" (instance $odds))"
    )
}

#[test]
fn a_hook_of_another_type_is_refused() {
    let types = "(param \"x\" u32) (result u32)";
    let instead = |of: &str, name: &str, function: &str| changed(of, &odd(name, function, types));
    all_refused(vec![
        ("configure", instead(CONFIGURE, "configure", "configure"), "`configure` of another type"),
        (
            "the hook",
            instead(HOOK, "on-request-head", "handle"),
            "`on-request-head` of another type",
        ),
        ("a handler besides", around(odd("handler", "handle", types)), "`handler` of another type"),
        ("on-tick besides", around(odd("on-tick", "tick", types)), "`on-tick` of another type"),
    ]);
}

#[test]
fn what_is_imported_is_offered_or_refused() {
    let import = |name: &str, what: &str| {
        changed("(core module $guest", &format!("(import \"{name}\" {what}) (core module $guest"))
    };
    let f = "(instance (export \"f\" (func)))";
    let of_types = "(instance (export \"now\" (func (param \"x\" string))))";
    let hundreds: String =
        (0..900).map(|n| format!("(import \"torana:plugin/unknown-{n}@0.1.0\" {f})")).collect();
    all_refused(vec![
        ("an interface of ours", import("torana:plugin/telepathy@0.1.0", f), "does not offer"),
        ("one of tomorrow", import("torana:plugin/log@0.2.0", f), "@0.2.0"),
        ("one without a version", import("torana:plugin/log", f), "does not offer"),
        ("one of others", import("evil:corp/exfiltrate@1.0.0", f), "does not offer"),
        ("a function", import("f", "(func)"), "does not offer"),
        ("a core module", import("m", "(core module)"), "does not offer"),
        ("a component", import("c", "(component)"), "as arguments"),
        ("a function that log has not", import("torana:plugin/log@0.1.0", f), "does not fit"),
        ("a clock of another type", import("torana:plugin/clock@0.1.0", of_types), "does not fit"),
        (
            "a resource of its own",
            import("torana:plugin/log@0.1.0", "(instance (export \"r\" (type (sub resource))))"),
            "does not fit",
        ),
        (
            "hundreds",
            changed("(core module $guest", &format!("{hundreds} (core module $guest")),
            "does not offer",
        ),
    ]);
}

/// Each level instantiates twice what the level below is: two to the power of `levels`.
fn doubling(levels: usize) -> String {
    (0..levels).fold("(core module $m) (core instance (instantiate $m))".into(), |inner, _| {
        format!("(component $c {inner}) (instance (instantiate $c)) (instance (instantiate $c))")
    })
}

/// A component in a component ... so deep. (Text would have a limit of its own.)
fn nested(depth: usize) -> Vec<u8> {
    let inner = (0..depth).fold(Component::HEADER.to_vec(), |inner, _| {
        let mut outer = Component::HEADER.to_vec();
        outer.push(4);
        inner.encode(&mut outer);
        outer
    });
    [sound(), inner[Component::HEADER.len()..].to_vec()].concat()
}

/// A type of an instance with a type of an instance ... so deep.
fn nested_types(depth: usize) -> Vec<u8> {
    let mut section = vec![1_u8];
    for _ in 0..depth {
        section.extend([0x42, 1, 1]);
    }
    section.extend([0x42, 0]);
    let mut wasm = [sound(), vec![7]].concat();
    section.encode(&mut wasm);
    wasm
}

#[test]
fn what_grows_when_it_is_put_together_is_refused() {
    let instances = |module: &str, times: usize| {
        around(format!(
            "(core module $e {module}) {}",
            "(core instance (instantiate $e))".repeat(times)
        ))
    };
    let tuples: String =
        (1..60).map(|n| format!("(type $t{n} (tuple $t{0} $t{0}))", n - 1)).collect();
    let lists: String = (1..5_000).map(|n| format!("(type $t{n} (list $t{}))", n - 1)).collect();
    let passed = "(component $a (import \"c\" (component $c)) (instance (instantiate $c)))";
    all_refused(vec![
        ("doubled 40 times", around(doubling(40)), "instances in one"),
        ("doubled 15 times", around(doubling(15)), "instances in one"),
        ("what takes components", around(passed), "as arguments"),
        ("2,000 instances", instances("", 2_000), "instances count exceeds"),
        ("20 instances with memory", instances("(memory 100)", 20), "limits.memory"),
        ("components in components", nested(10_000), "components in each other"),
        ("types of instances in each other", nested_types(200_000), "types in each other"),
        ("types of types", around(format!("(type $t0 (tuple u8)) {tuples}")), "type size"),
        ("lists of lists", around(format!("(type $t0 (list u8)) {lists}")), "too deep"),
        ("a variant of nothing", around("(type (variant))"), "does not load"),
    ]);
}

#[test]
fn what_is_no_feature_of_components_is_refused() {
    all_refused(vec![
        ("futures", around("(type (future u8))"), "async"),
        ("streams", around("(type (stream u8))"), "async"),
        ("context", around("(core func (canon context.get i32 0))"), "async"),
        ("a thread", around("(core func (canon thread.index))"), "thread"),
        ("error contexts", around("(type (list error-context))"), "error-context"),
    ]);
}

/// A schema of this text, or from this place in memory.
fn schema(pointer: i64, length: i64, data: &str) -> Vec<u8> {
    let export = "(func $schema (result string)
           (canon lift (core func $guest \"schema\") (memory $memory)))
         (instance $described (export \"settings\" (func $schema)))
         (export \"torana:plugin/schema@0.1.0\" (instance $described))";
    let module = format!(
        "(func (export \"schema\") (result i32) (i32.store (i32.const 512) (i32.const {pointer}))
           (i32.store (i32.const 516) (i32.const {length})) i32.const 512)
         (data (i32.const 65536) \"{data}\")"
    );
    let memory = "(memory (export \"memory\") 300)".into();
    Guest { memory, module, around: export.into(), ..Guest::default() }.wasm()
}

/// The schema is for editors: the gateway has the settings from `configure` alone.
#[tokio::test]
async fn a_schema_that_is_none_is_no_harm() {
    all_served(vec![
        ("no JSON", schema(65536, 3, "{{{")),
        ("deep", schema(65536, 1 << 20, &"[".repeat(1 << 20))),
        ("huge", schema(0, 16 << 20, "")),
        ("from nowhere", schema(-8, 0x7fff_ffff, "")),
    ])
    .await;
}

#[tokio::test]
async fn what_is_odd_and_bounded_is_served() {
    all_served(vec![
        ("doubled 10 times", around(doubling(10))),
        (
            "900 instances",
            around(format!("(core module $e) {}", "(core instance (instantiate $e))".repeat(900))),
        ),
        ("90 types of instances in each other", nested_types(90)),
        ("900 modules", around("(core module)".repeat(900))),
        ("90 components in components", nested(90)),
        ("an export that nobody knows", around(format!("{PLAIN} (export \"run\" (func $plain))"))),
    ])
    .await;
}
