use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use super::*;
use crate::{
    condition::{Condition, Scalar, Test},
    path::{Names, Path, Segment, Steps},
    rules::Rules,
    table::Table,
    testing,
    window::Limit,
};

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().map(|text| Path::parse(text).unwrap()).collect()
}

fn table<V>(entries: &[(&str, &str)], value: impl Fn(&str) -> V) -> Table<V> {
    entries.iter().map(|(at, text)| (Path::parse(at).unwrap(), value(text))).collect()
}

fn boxed(text: &str) -> Box<str> {
    text.into()
}

fn include(texts: &[&str]) -> Rules {
    Rules { include: paths(texts), ..Rules::default() }
}

fn exclude(texts: &[&str]) -> Rules {
    Rules { exclude: paths(texts), ..Rules::default() }
}

fn rename(entries: &[(&str, &str)]) -> Rules {
    Rules { rename: table(entries, boxed), ..Rules::default() }
}

fn moves(entries: &[(&str, &str)]) -> Rules {
    Rules { moves: table(entries, |to| Names::parse(to).unwrap()), ..Rules::default() }
}

fn group(entries: &[(&str, &str)]) -> Rules {
    let names = |list: &str| list.split(' ').map(|name| Names::parse(name).unwrap()).collect();
    Rules { group: table(entries, names), ..Rules::default() }
}

fn flatten(entries: &[(&str, &str)]) -> Rules {
    Rules { flatten: table(entries, boxed), ..Rules::default() }
}

fn defaults(entries: &[(&str, &str)]) -> Rules {
    Rules { defaults: table(entries, boxed), ..Rules::default() }
}

fn map(entries: &[(&str, &str)]) -> Rules {
    Rules { map: table(entries, |to| Steps::parse(to).unwrap()), ..Rules::default() }
}

fn limit(entries: &[(&str, u64, u64)]) -> (Rules, Vec<Window>) {
    let limit = |path: &str| (Path::parse(path).unwrap(), Limit::default());
    let rules =
        Rules { limit: entries.iter().map(|entry| limit(entry.0)).collect(), ..Rules::default() };
    (rules, entries.iter().map(|&(_, offset, count)| Window { offset, count }).collect())
}

fn filter(at: &str, field: &str, test: Test) -> Rules {
    let condition = Condition { field: Steps::parse(field).unwrap(), tests: vec![test] };
    let filter = [(Path::parse(at).unwrap(), vec![condition])].into();
    Rules { filter, ..Rules::default() }
}

fn run(rules: &Rules, windows: &[Window], text: &str) -> String {
    let plan = Plan::new(rules).unwrap();
    let document = Document::parse(text, 512).unwrap();
    let mut out = Vec::new();
    shape(&plan, windows, document, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(rules: &Rules, text: &str, expected: &str) {
    assert_eq!(rules.faults(), []);
    assert_eq!(run(rules, &[], text), expected);
}

#[test]
fn without_rules_nothing_changes() {
    let text =
        "{ \"a\" : [1.10, 12345678901234567890123 , 1E400],\"a\":null, \"\\u0062\": \"\\/é\" }";
    check(&Rules::default(), text, text);
    check(&Rules::default(), "\u{feff}[ 1 ]\n", "[ 1 ]");
}

#[test]
fn included_places_stay_with_the_way_to_them() {
    let text = r#"{"id":1.10,"a":{"b":{"x":1},"c":2},"items":[{"p":1,"q":2},3,null,[4]],"n":null}"#;
    check(&include(&["id"]), text, r#"{"id":1.10}"#);
    check(&include(&["a.b", "id"]), text, r#"{"id":1.10,"a":{"b":{"x":1}}}"#);
    check(&include(&["items[*].p"]), text, r#"{"items":[{"p":1},null,[]]}"#);
    check(&include(&["items[0]"]), text, r#"{"items":[{"p":1,"q":2}]}"#);
    check(&include(&["*.c"]), text, r#"{"a":{"c":2},"items":[],"n":null}"#);
    check(&include(&["id.x", "n.x", "a.none"]), text, r#"{"a":{},"n":null}"#);
    check(&include(&["a", "a.c"]), text, r#"{"a":{"b":{"x":1},"c":2}}"#);
    check(&include(&["nothing"]), text, "{}");
    check(&include(&["a"]), "7", "7");
}

#[test]
fn excluded_places_go() {
    let text = r#"{"s":1,"a":{"s":2,"b":[{"s":3,"t":4},[{"s":5}]]},"s":6}"#;
    check(&exclude(&["s"]), text, r#"{"a":{"s":2,"b":[{"s":3,"t":4},[{"s":5}]]}}"#);
    check(&exclude(&["**.s"]), text, r#"{"a":{"b":[{"t":4},[{}]]}}"#);
    check(&exclude(&["a.**.s"]), text, r#"{"s":1,"a":{"b":[{"t":4},[{}]]},"s":6}"#);
    check(&exclude(&["a.b[1]", "a.b[0].*"]), text, r#"{"s":1,"a":{"s":2,"b":[{}]},"s":6}"#);
    check(&exclude(&["a.b[*]", "s"]), text, r#"{"a":{"s":2,"b":[]}}"#);
    check(&exclude(&["**[0]"]), "[[1,2],[3]]", "[[]]");
    // However it is spelled.
    check(&exclude(&["s"]), r#"{"\u0073":1,"t":2}"#, r#"{"t":2}"#);
    check(
        &exclude(&["größe", "[\"a.b\"]", "[\"\"]"]),
        r#"{"größe":1,"a.b":2,"":3,"c":4}"#,
        r#"{"c":4}"#,
    );
}

#[test]
fn exclude_wins() {
    let both = Rules { exclude: paths(&["a.b"]), ..include(&["a"]) };
    check(&both, r#"{"a":{"b":1,"c":2},"d":3}"#, r#"{"a":{"c":2}}"#);
}

#[test]
fn a_member_gets_a_new_name_and_keeps_its_place() {
    let text = r#"{"i":[{"x":1,"k":2},{"k":3},4]}"#;
    check(
        &rename(&[("i[*].k", "key \"q\"")]),
        text,
        r#"{"i":[{"x":1,"key \"q\"":2},{"key \"q\"":3},4]}"#,
    );
    check(&rename(&[("**.k", "z"), ("i", "j")]), text, r#"{"j":[{"x":1,"z":2},{"z":3},4]}"#);
    // Swapping is no trouble, for nobody sees what another one made.
    check(&rename(&[("a", "b"), ("b", "a")]), r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#);
}

#[test]
fn of_two_members_of_one_name_one_is_written() {
    check(&rename(&[("a", "b")]), r#"{"b":1,"a":2}"#, r#"{"b":2}"#);
    check(&rename(&[("a", "b")]), r#"{"b":1}"#, r#"{"b":1}"#);
    check(&rename(&[("*.a", "z"), ("o.b", "z")]), r#"{"o":{"b":1,"a":2}}"#, r#"{"o":{"z":1}}"#);
    check(&moves(&[("o.x", "b")]), r#"{"b":1,"o":{"x":2},"b":3}"#, r#"{"b":2,"o":{}}"#);
    let rules = Rules { exclude: paths(&["a"]), ..rename(&[("a", "b")]) };
    check(&rules, r#"{"b":1,"a":2}"#, r#"{"b":1}"#);
}

#[test]
fn a_value_moves_within_its_scope() {
    let text = r#"{"i":[{"p":{"amount":1.10,"cur":"EUR"},"img":[{"u":"x"},{"u":"y"}]},{"p":5}]}"#;
    check(
        &moves(&[("i[*].p.amount", "amount"), ("i[*].img[0].u", "thumb.url")]),
        text,
        r#"{"i":[{"p":{"cur":"EUR"},"img":[{},{"u":"y"}],"amount":1.10,"thumb":{"url":"x"}},{"p":5}]}"#,
    );
    check(
        &moves(&[("a.b", "x.y"), ("a.c", "x.z")]),
        r#"{"a":{"c":1,"b":2}}"#,
        r#"{"a":{},"x":{"y":2,"z":1}}"#,
    );
    check(&moves(&[("*.k", "l.m")]), r#"{"a":{"k":1},"b":2}"#, r#"{"a":{"l":{"m":1}},"b":2}"#);
    check(&moves(&[("a.b", "c")]), r#"[1]"#, "[1]");
    check(&moves(&[("i[0]", "first")]), r#"{"i":[1,2]}"#, r#"{"i":[2],"first":1}"#);
}

#[test]
fn what_moves_into_an_object_joins_it() {
    check(
        &moves(&[("a", "o.p.a")]),
        r#"{"o":{"p":{"b":1},"c":2},"a":3}"#,
        r#"{"o":{"p":{"b":1,"a":3},"c":2}}"#,
    );
    check(&moves(&[("a", "o.b")]), r#"{"a":3,"o":{"b":1,"c":2}}"#, r#"{"o":{"b":3,"c":2}}"#);
    // What is no object gives way to one.
    check(&moves(&[("a", "o.b")]), r#"{"a":3,"o":"text"}"#, r#"{"o":{"b":3}}"#);
    check(&moves(&[("a", "o.b")]), r#"{"a":3,"o":{}}"#, r#"{"o":{"b":3}}"#);
}

#[test]
fn a_value_that_moves_is_shaped_as_where_it_was() {
    let rules = Rules {
        exclude: paths(&["a.b.secret", "a.keep", "x"]),
        rename: table(&[("a.b.k", ""), ("a.b.n", "name")], boxed),
        ..moves(&[("a.b", "b"), ("x.y", "y")])
    };
    let text = r#"{"a":{"b":{"secret":1,"n":2},"keep":3},"x":{"y":4,"z":5}}"#;
    // What is around it may be excluded; it may not.
    check(&rules, text, r#"{"a":{},"b":{"name":2},"y":4}"#);
    let rules = Rules { exclude: paths(&["**.y"]), ..moves(&[("x.y", "y")]) };
    check(&rules, text, r#"{"a":{"b":{"secret":1,"n":2},"keep":3},"x":{"z":5}}"#);
    let rules =
        Rules { include: paths(&["id", "i[*].v.w"]), ..moves(&[("i[*].v", "u"), ("q", "r")]) };
    let text = r#"{"id":1,"i":[{"v":{"w":2,"x":3},"y":4}],"q":{"a":5}}"#;
    check(&rules, text, r#"{"id":1,"i":[{"u":{"w":2}}],"r":{"a":5}}"#);
}

#[test]
fn siblings_are_grouped() {
    let rules = group(&[("i[*].size", "w h dims.d")]);
    let text =
        r#"{"i":[{"w":1,"n":"x","h":2,"dims":{"d":3}},{"n":"y"},{"size":{"u":"cm"},"h":4}]}"#;
    check(
        &rules,
        text,
        r#"{"i":[{"n":"x","dims":{},"size":{"d":3,"h":2,"w":1}},{"n":"y"},{"size":{"u":"cm","h":4}}]}"#,
    );
}

#[test]
fn an_object_goes_into_the_one_around_it() {
    check(
        &flatten(&[("a", "")]),
        r#"{"x":1,"a":{"y":2,"z":{}},"b":3}"#,
        r#"{"x":1,"y":2,"z":{},"b":3}"#,
    );
    check(&flatten(&[("a", "a_\"")]), r#"{"a":{"y":2}}"#, r#"{"a_\"y":2}"#);
    check(&flatten(&[("a", "a_"), ("a.b", "b_")]), r#"{"a":{"b":{"c":1}}}"#, r#"{"a_b_c":1}"#);
    check(&flatten(&[("*", "")]), r#"{"a":{"x":1},"b":{"y":2},"c":3}"#, r#"{"x":1,"y":2,"c":3}"#);
    check(&flatten(&[("a", "")]), r#"{"a":[1],"b":2}"#, r#"{"a":[1],"b":2}"#);
    // The members around it stay; of several flattened ones the first.
    check(
        &flatten(&[("a", ""), ("b", "")]),
        r#"{"a":{"x":1,"y":2},"b":{"y":3},"x":4}"#,
        r#"{"y":2,"x":4}"#,
    );
    let rules = Rules {
        exclude: paths(&["a.x"]),
        rename: table(&[("a.y", "why")], boxed),
        defaults: table(&[("a.d", "0")], boxed),
        ..flatten(&[("a", "p_")])
    };
    check(&rules, r#"{"a":{"x":1,"y":2}}"#, r#"{"p_why":2,"p_d":0}"#);
}

#[test]
fn defaults_stand_for_what_is_absent_or_null() {
    let rules = defaults(&[("i[*].c", r#""EUR""#), ("o", "{\"a\":[]}")]);
    check(
        &rules,
        r#"{"i":[{"c":"USD"},{"c":null,"d":1},{},3],"o":false}"#,
        r#"{"i":[{"c":"USD"},{"c":"EUR","d":1},{"c":"EUR"},3],"o":false}"#,
    );
    check(&rules, "{}", r#"{"o":{"a":[]}}"#);
    let rules = Rules { rename: table(&[("a", "b")], boxed), ..defaults(&[("a", "1")]) };
    check(&rules, "{}", r#"{"b":1}"#);
    check(&rules, r#"{"a":null}"#, r#"{"b":1}"#);
    check(&rules, r#"{"b":2}"#, r#"{"b":2}"#);
    // Only for what would be kept.
    let rules = Rules {
        exclude: paths(&["b"]),
        include: paths(&["a", "b"]),
        ..defaults(&[("a", "1"), ("b", "2"), ("c", "3")])
    };
    check(&rules, "{}", r#"{"a":1}"#);
    let rules = Rules { moves: moves(&[("a.b", "c")]).moves, ..defaults(&[("a.b", "1")]) };
    check(&rules, "{}", r#"{"c":1}"#);
    check(&rules, r#"{"a":{"b":null}}"#, r#"{"a":{},"c":1}"#);
}

#[test]
fn items_are_filtered() {
    let rules = filter("i", "n", Test::Above(Scalar::Integer(1)));
    check(&rules, r#"{"i":[{"n":1},{"n":2},{},"x",{"n":3}]}"#, r#"{"i":[{"n":2},{"n":3}]}"#);
    let rules = filter("$", "$", Test::Not(Scalar::Text("x".into())));
    check(&rules, r#"["x","y",["x"]]"#, r#"["y",["x"]]"#);
    check(&rules, r#"{"x":1}"#, r#"{"x":1}"#);
    // A condition sees what the document has, whatever else is said.
    let rules = Rules { exclude: paths(&["i[*].n"]), ..filter("i", "n", Test::Exists(true)) };
    check(&rules, r#"{"i":[{"n":1,"m":2},{"m":3}]}"#, r#"{"i":[{"m":2}]}"#);
}

#[test]
fn items_become_what_is_in_them() {
    check(
        &map(&[("t", "n")]),
        r#"{"t":[{"n":"a"},{"m":1},{"n":{"x":1.0}}]}"#,
        r#"{"t":["a",{"x":1.0}]}"#,
    );
    check(&map(&[("$", "[1]")]), "[[1,2],[3],4]", "[2]");
    let rules =
        Rules { include: paths(&["id"]), exclude: paths(&["t[*].n.x"]), ..map(&[("t", "n")]) };
    check(&rules, r#"{"id":1,"t":[{"n":{"x":1,"y":2}}],"u":3}"#, r#"{"id":1,"t":[{"y":2}]}"#);
    let rules = Rules { exclude: paths(&["t[*].n"]), ..map(&[("t", "n")]) };
    check(&rules, r#"{"t":[{"n":1}]}"#, r#"{"t":[]}"#);
}

#[test]
fn arrays_are_cut() {
    let cut = |offset, count| {
        let (rules, windows) = limit(&[("i", offset, count)]);
        run(&rules, &windows, r#"{"i":[1, [2], "]", 4 ],"j":[1,2]}"#)
    };
    assert_eq!(cut(0, 2), r#"{"i":[1,[2]],"j":[1,2]}"#);
    assert_eq!(cut(1, 2), r#"{"i":[[2],"]"],"j":[1,2]}"#);
    assert_eq!(cut(3, 9), r#"{"i":[4],"j":[1,2]}"#);
    assert_eq!(cut(u64::MAX, u64::MAX), r#"{"i":[],"j":[1,2]}"#);
    assert_eq!(cut(0, 0), r#"{"i":[],"j":[1,2]}"#);
    // What was filtered or has nothing to show does not count.
    let (rules, windows) = limit(&[("$", 1, 1)]);
    let rules = Rules { map: map(&[("$", "n")]).map, ..rules };
    let rules = Rules { filter: filter("$", "k", Test::Not(Scalar::Bool(false))).filter, ..rules };
    let text = r#"[{"n":1,"k":false},{"n":2},{"k":true},{"n":3},{"n":4}]"#;
    assert_eq!(run(&rules, &windows, text), "[3]");
}

#[test]
fn a_value_inside_becomes_the_document() {
    let root = |text: &str| Some(Steps::parse(text).unwrap());
    let rules = Rules { root: root("data.items"), ..exclude(&["data.items[*].s"]) };
    check(&rules, r#"{"data":{"items":[{"s":1,"t":2}]},"meta":1}"#, r#"[{"t":2}]"#);
    check(&rules, r#"{"error":"x"}"#, r#"{"error":"x"}"#);
    let rules = Rules { root: root("a"), ..include(&["a.b"]) };
    check(&rules, r#"{"a":{"b":1,"c":2}}"#, r#"{"b":1}"#);
    let rules = Rules { root: root("a"), ..exclude(&["a"]) };
    check(&rules, r#"{"a":1}"#, "null");
}

#[test]
fn odd_documents_have_no_surprises() {
    let rules = Rules {
        exclude: paths(&["**.x"]),
        flatten: table(&[("**.f", "")], boxed),
        ..moves(&[("a.b", "c")])
    };
    for text in ["null", "\"x\"", "-0", "1e999", "[]", "{}", "[null]", "[[],{}]", r#"{"":{"":""}}"#]
    {
        check(&rules, text, text);
    }
    let deep = "{\"x\":1,\"a\":".repeat(200) + "[]" + &"}".repeat(200);
    check(&exclude(&["**.x"]), &deep, &("{\"a\":".repeat(200) + "[]" + &"}".repeat(200)));
    check(&rename(&[("a", "b")]), " { \"a\" : \"x\" , \"c\" : [ 1 ] } ", r#"{"b":"x","c":[ 1 ]}"#);
}

#[test]
fn fields_go_through_arrays_by_themselves() {
    let select = |fields: &[&str], text: &str| {
        let plan = Plan::of_fields(paths(fields)).unwrap();
        let mut out = Vec::new();
        shape(&plan, &[], Document::parse(text, 64).unwrap(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let text = r#"[{"id":1,"p":{"a":2,"b":3}},{"id":4,"p":[{"a":5},6]}]"#;
    assert_eq!(select(&["id"], text), r#"[{"id":1},{"id":4}]"#);
    assert_eq!(select(&["p.a", "id"], text), r#"[{"id":1,"p":{"a":2}},{"id":4,"p":[{"a":5}]}]"#);
    assert_eq!(select(&["p", "p.a"], r#"{"p":{"a":1,"b":2}}"#), r#"{"p":{"a":1,"b":2}}"#);
    assert_eq!(select(&[], text), "[{},{}]");
}

#[test]
fn too_many_states_are_refused() {
    let path = |i: u32| format!("**.{}.{}", ["a", "b"][i as usize % 2], "*.".repeat(12) + "z");
    let texts: Vec<_> = (0..2).map(path).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let fault = Plan::new(&exclude(&texts)).unwrap_err();
    assert_eq!(fault.message, "its paths are too many, or have too many wildcards");
}

/// What `include` and `exclude` mean, said in another way: over a tree, path by path.
fn selected(value: &Json, place: &[Segment], rules: &Rules) -> Option<Json> {
    let fits = |path: &Path| {
        path.segments().len() == place.len()
            && path.segments().iter().zip(place).all(|(pattern, step)| fits(pattern, step))
    };
    let is_way = |path: &Path| {
        path.segments().len() > place.len()
            && path.segments().iter().zip(place).all(|(pattern, step)| fits_one(pattern, step))
    };
    fn fits(pattern: &Segment, step: &Segment) -> bool {
        fits_one(pattern, step)
    }
    if rules.exclude.iter().any(fits) {
        return None;
    }
    let whole = rules.include.is_empty() || rules.include.iter().any(fits);
    let inside = if whole {
        Rules { include: Vec::new(), ..rules.clone() }
    } else if rules.include.iter().any(is_way) {
        rules.clone()
    } else {
        return None;
    };
    let below = |step| [place, &[step]].concat();
    match value {
        Json::Object(object) => {
            let members = object.iter().filter_map(|(name, value)| {
                let place = below(Segment::Name(name.as_str().into()));
                Some((name.clone(), selected(value, &place, &inside)?))
            });
            Some(Json::Object(members.collect::<Map<_, _>>()))
        }
        Json::Array(array) => {
            let items = array.iter().enumerate().filter_map(|(i, value)| {
                selected(value, &below(Segment::Index(i as u32)), &inside)
            });
            Some(Json::Array(items.collect()))
        }
        Json::Null => Some(Json::Null),
        scalar => (whole || place.is_empty()).then(|| scalar.clone()),
    }
}

fn fits_one(pattern: &Segment, step: &Segment) -> bool {
    match (pattern, step) {
        (Segment::Members, Segment::Name(_)) | (Segment::Items, Segment::Index(_)) => true,
        (pattern, step) => pattern == step,
    }
}

fn some_paths() -> impl Strategy<Value = Vec<Path>> {
    let path = testing::path().prop_map(|text| Path::parse(&text).unwrap());
    prop::collection::vec(path, 0..4)
}

/// Rules of all kinds, such as nobody would write. Some have faults.
fn any_rules() -> impl Strategy<Value = Rules> {
    let path = || testing::path().prop_map(|text| Path::parse(&text).unwrap());
    let names =
        || prop::collection::vec("[abc]", 1..3).prop_map(|n| Names::parse(&n.join(".")).unwrap());
    let name = || testing::name().prop_map(Box::<str>::from);
    let json = || testing::json().prop_map(|value| Box::<str>::from(value.to_string()));
    fn some<S: Strategy>(
        path: impl Strategy<Value = Path>,
        value: S,
        most: usize,
    ) -> impl Strategy<Value = Table<S::Value>> {
        let entries = prop::collection::vec((path, value), 0..=most);
        entries.prop_map(|entries| entries.into_iter().collect())
    }
    let steps = "[abc]".prop_map(|text| Steps::parse(&text).unwrap());
    let first = (some_paths(), some_paths(), some(path(), name(), 2), some(path(), names(), 2));
    let second = (
        some(path(), name(), 1),
        some(path(), json(), 2),
        some(path(), steps, 1),
        some(path(), prop::collection::vec(names(), 1..3), 1),
    );
    (first, second).prop_map(
        |((include, exclude, rename, moves), (flatten, defaults, map, group))| Rules {
            include,
            exclude,
            rename,
            moves,
            flatten,
            defaults,
            map,
            group,
            ..Rules::default()
        },
    )
}

/// Whether two members of one object have one name.
fn has_twins(text: &str) -> bool {
    fn look(document: Document<'_>, at: usize) -> bool {
        let mut names = std::collections::HashSet::new();
        match document.byte(at) {
            b'{' => {
                let mut members = document.members(at);
                while let Some(key) = members.next() {
                    let is_new = names.insert(document.string(key.start, key.end).into_owned());
                    if !is_new || look(document, key.value) {
                        return true;
                    }
                    members.go_on(document.end_of(key.value));
                }
                false
            }
            b'[' => {
                let mut items = document.items(at);
                while let Some(item) = items.next() {
                    if look(document, item) {
                        return true;
                    }
                    items.go_on(document.end_of(item));
                }
                false
            }
            _ => false,
        }
    }
    let document = Document::parse(text, 512).unwrap();
    look(document, document.root())
}

proptest! {
    #[test]
    fn include_and_exclude_select(
        value in testing::json(), include in some_paths(), exclude in some_paths(),
    ) {
        let rules = Rules { include, exclude, ..Rules::default() };
        // (Not `value` itself: serde_json does not read every double as it writes it.)
        let text = value.to_string();
        let value = serde_json::from_str(&text).unwrap();
        let out: Json = serde_json::from_str(&run(&rules, &[], &text)).unwrap();
        prop_assert_eq!(Some(out), selected(&value, &[], &rules));
    }

    #[test]
    fn rules_that_change_nothing_change_nothing_but_space(value in testing::json()) {
        // It says something of every place, so the whole document is walked.
        let rules = exclude(&["**.never"]);
        prop_assert_eq!(run(&rules, &[], &format!("{value:#}")), value.to_string());
        prop_assert_eq!(run(&Rules::default(), &[], &format!("{value:#}")), format!("{value:#}"));
    }

    #[test]
    fn any_rules_make_json_of_any_json(value in testing::json(), rules in any_rules()) {
        if let Ok(plan) = Plan::new(&rules) {
            let text = value.to_string();
            let mut out = Vec::new();
            shape(&plan, &[], Document::parse(&text, 512).unwrap(), &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            prop_assert!(Document::parse(&out, 512).is_ok(), "{}", out);
            prop_assert!(!rules.faults().is_empty() || !has_twins(&out), "{}", out);
        }
    }

    #[test]
    fn a_window_is_a_slice(length in 0usize..20, offset in 0u64..25, count in 0u64..25) {
        let all: Vec<_> = (0..length).collect();
        let (rules, windows) = limit(&[("$", offset, count)]);
        let expected: Vec<_> = all.iter().skip(offset as usize).take(count as usize).collect();
        let out = run(&rules, &windows, &serde_json::to_string(&all).unwrap());
        prop_assert_eq!(out, serde_json::to_string(&expected).unwrap());
    }
}
