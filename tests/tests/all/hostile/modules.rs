//! Sound components with core modules that want too much.

use std::{fs, iter::repeat_n, path::Path};

use torana_tests::command::{torana, torana_with};
use wasm_encoder::{CodeSection, Encode as _, Function, FunctionSection, Module, TypeSection};

use super::{
    Guest, all_refused, all_served, folder, sound, with_configure, with_memory, with_module,
};

/// `part`, so often.
fn many(part: &str, times: usize) -> String {
    part.repeat(times)
}

/// A function of `bytes` bytes that calls at every third, which is what costs the compiler most.
fn calls(bytes: usize) -> String {
    format!("(func $x) (func (param i32) {})", many("local.get 0 if call $x end ", bytes / 7))
}

/// A sound component, and a core module beside what it is made of.
fn beside(module: &[u8]) -> Vec<u8> {
    let mut wasm = sound();
    wasm.push(1);
    module.encode(&mut wasm);
    wasm
}

/// A core module with as much code as that, in functions that do nothing, of 64 KiB each.
fn megabytes_of_code(mib: usize) -> Vec<u8> {
    const NOP: u8 = 1;
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for _ in 0..mib * 16 {
        functions.function(0);
        let mut function = Function::new([]);
        function.raw(repeat_n(NOP, 64 << 10)).instructions().end();
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

#[test]
fn memory_and_tables_have_limits_before_anything_runs() {
    let table = |size: &str| with_module(format!("(table {size} funcref)"));
    let memory = |size: &str| with_memory(&format!("(memory (export \"memory\") {size})"));
    all_refused(vec![
        ("4 GiB of memory", memory("65536"), "limits.memory"),
        ("memory past 4 GiB", with_module("(memory i64 0x1000000000)"), "does not load"),
        ("64-bit memory", memory("i64 1"), "64-bit memories"),
        ("shared memory", with_module("(memory 1 2 shared)"), "threads must be enabled"),
        ("pages of a byte", with_module("(memory 1 (pagesize 1))"), "custom page sizes"),
        ("two memories", with_module("(memory 1)"), "memories count of 2 exceeds"),
        ("a thousand memories", with_module(many("(memory 1)", 1000)), "memories count exceeds"),
        ("a table of ten millions", table("10000000"), "minimum element size of 10000000"),
        ("the largest table", table("4294967295"), "minimum element size of 4294967295"),
        ("ten large tables", with_module(many("(table 99000 funcref)", 10)), "tables count of 10"),
        ("a thousand tables", with_module(many("(table 1 funcref)", 1000)), "tables count exceeds"),
        ("900,000 globals", with_module(many("(global i32 (i32.const 0))", 900_000)), "size"),
        ("data outside", with_module("(data (i32.const -1) \"x\")"), "out of bounds memory access"),
        (
            "elements outside",
            with_module("(table 1 funcref) (func $f) (elem (i32.const 7) $f)"),
            "out of bounds table access",
        ),
    ]);
}

#[test]
fn what_no_compiler_ends_with_is_counted_before() {
    let elements =
        format!("(table 1 funcref) (func $f) (elem (i32.const 0) {})", many("$f ", 200_000));
    let types = (0..120_000).map(|_| "(type (func))").collect::<String>();
    all_refused(vec![
        ("900,000 functions", with_module(many("(func)", 900_000)), "functions"),
        ("120,000 types", with_module(types), "functions, their types"),
        ("200,000 elements", with_module(elements), "entries of tables"),
        ("a function of 2 MiB", with_module(calls(2 << 20)), "in functions of more"),
        ("blocks in blocks, 400,000 of them", blocks(400_000), "in functions of more"),
        ("40 MiB of code", beside(&megabytes_of_code(40)), "bytes of code"),
        ("a jump with 100,000 targets", jump(100_000), "`br_table` has"),
    ]);
}

fn blocks(depth: usize) -> Vec<u8> {
    with_module(format!("(func {}{})", many("block ", depth), many("end ", depth)))
}

fn jump(targets: usize) -> Vec<u8> {
    with_module(
        format!("(func block local.get 0 br_table {} end)", many("0 ", targets))
            .replace("(func ", "(func (param i32) "),
    )
}

#[test]
fn what_is_no_feature_is_not_compiled() {
    all_refused(vec![
        ("exceptions", with_module("(tag $t) (func (throw $t))"), "exceptions proposal"),
        ("structs", with_module("(type (struct (field i32)))"), "gc types"),
        ("arrays", with_module("(type (array (mut i64)))"), "gc types"),
        (
            "50,000 types that need each other",
            with_module(format!("(rec {})", many("(type (struct (field (ref null 0))))", 50_000))),
            "gc types",
        ),
        (
            "atomics",
            with_module("(func (drop (i32.atomic.load (i32.const 0))))"),
            "threads support is not enabled",
        ),
        ("another stack", with_module("(type $f (func)) (type (cont $f))"), "stack switching"),
    ]);
}

#[test]
fn a_start_that_does_not_end_well_is_no_start() {
    let start = |body: &str| with_module(format!("(func $s {body}) (start $s)"));
    all_refused(vec![
        ("it loops", start("(loop (br 0))"), "were not enough"),
        ("it calls itself", start("call $s"), "call stack exhausted"),
        ("it calls itself, and leaves no frame", start("return_call $s"), "were not enough"),
        ("it traps", start("unreachable"), "`unreachable` instruction executed (in s)"),
        ("it takes all memory", start(&format!("{GROW} unreachable")), "limits.memory"),
        (
            "it traps in a name that is no name",
            with_module("(func $\"a\\n\\1b[31mb\\00\" unreachable) (start $\"a\\n\\1b[31mb\\00\")"),
            "instruction executed (in a",
        ),
    ]);
}

#[test]
fn a_trap_says_its_line_to_those_who_ask() {
    let module = "(func $s\n unreachable) (start $s)";
    let text = Guest { module: module.into(), ..Guest::default() }.text();
    let line = text[..text.find("unreachable) (start").expect("it is there")].lines().count();
    let mut parser = wat::Parser::new();
    parser.generate_dwarf(wat::GenerateDwarf::Lines);
    let wasm = parser.parse_str(Some(Path::new("guest.wat")), &text).expect("a component");
    let folder = folder(&wasm);
    let said = |ask: &str| {
        let environment = [("WASMTIME_BACKTRACE_DETAILS", ask)];
        torana_with(folder.path(), &["check", "gateway.toml"], &environment).expect(1).stderr
    };
    let (asked, not) = (said("1"), said("0"));
    assert!(asked.contains(&format!("(in s at ./guest.wat:{line})")), "{asked}");
    assert!(not.contains("(in s)"), "{not}");
    // Who tests it has asked.
    fs::create_dir(folder.path().join("cases")).expect("cases/");
    fs::write(folder.path().join("cases/any.toml"), "[expect]\ndecision = \"next\"\n")
        .expect("a case");
    let tested = torana(folder.path(), &["plugin", "test"]).expect(1).stdout;
    assert!(tested.contains(&format!("(in s at ./guest.wat:{line})")), "{tested}");
}

/// Grows memory by a page until it is refused.
const GROW: &str = "(loop (br_if 0 (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))";

#[test]
fn a_configure_that_does_not_end_well_is_no_start() {
    let text = "(i32.store (i32.const 256) (i32.const 1)) (i32.store (i32.const 260) (i32.const 0))
        (i32.store (i32.const 264) (i32.const 0x7fffffff)) i32.const 256";
    all_refused(vec![
        ("it loops", with_configure("(loop (br 0)) unreachable"), "were not enough"),
        (
            "it calls itself",
            with_configure("local.get 0 local.get 1 call $configure"),
            "call stack exhausted",
        ),
        ("it answers from nowhere", with_configure("i32.const -4"), "out of bounds"),
        ("it answers from between", with_configure("i32.const 1"), "not aligned"),
        (
            "it answers neither yes nor no",
            with_configure("(i32.store8 (i32.const 256) (i32.const 7)) i32.const 256"),
            "does not start",
        ),
        ("it has two billions of complaints", with_configure(text), "out of bounds"),
    ]);
}

#[tokio::test]
async fn what_is_odd_and_bounded_is_served() {
    let locals = format!("(func (local {}))", many("i32 ", 50_000));
    let params = format!("(func (param {}))", many("i32 ", 1_000));
    let results = format!("(func (result {}) unreachable)", many("f64 ", 1_000));
    let relaxed =
        "(func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))";
    let data = format!("(data (i32.const 65536) \"{}\")", many("x", 30 << 20));
    let large = format!("(memory (export \"memory\") 600) {data}");
    all_served(vec![
        ("memory that could be 4 GiB", with_memory("(memory (export \"memory\") 1 65536)")),
        ("it takes what memory there is", with_module(format!("(func $s {GROW}) (start $s)"))),
        ("30 MiB of data", with_memory(&large)),
        ("a large function", with_module(calls(500_000))),
        ("blocks in blocks", blocks(200_000)),
        ("50,000 locals", with_module(locals)),
        ("1,000 parameters", with_module(params)),
        ("1,000 results", with_module(results)),
        ("vectors that are not the same everywhere", with_module(relaxed)),
        ("20,000 functions", with_module(many("(func)", 20_000))),
    ])
    .await;
}
