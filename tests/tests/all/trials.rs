//! `torana plugin test`: cases on the real host.

use std::fs;

use torana_tests::{Folder, command::torana, paths};

/// A folder with this component and these cases.
fn plugin(guest: &str, cases: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    folder.write_guest("plugin.wasm", guest);
    fs::create_dir(folder.file("cases")).expect("cases/");
    for (name, case) in cases {
        folder.write(&format!("cases/{name}.toml"), case);
    }
    folder
}

/// What the test of these cases says; it is to fail.
fn failing(guest: &str, cases: &[(&str, &str)]) -> String {
    plugin(guest, cases).run(&["plugin", "test"]).expect(1).text()
}

#[test]
fn every_case_of_every_bundled_plugin_holds_on_the_real_host() {
    let mut count = 0;
    for entry in fs::read_dir(paths::root().join("plugins")).expect("plugins/") {
        let folder = entry.expect("an entry").path();
        if !folder.join("cases").is_dir() {
            continue;
        }
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let component = paths::components().join(format!("{name}.wasm"));
        let component = component.display().to_string();
        let said = torana(&folder, &["plugin", "test", "--component", &component]);
        assert_eq!(said.code, 0, "{name}: {}", said.text());
        count += 1;
    }
    assert!(count > 10, "{count} plugins");
}

#[test]
fn what_is_not_as_expected_is_said_by_file() {
    let case = "grants = { request-edit = true, response-edit = true }\n\n\
                [expect]\ndecision = \"next\"\nresponse = { status = 404, headers = { x-a = \"1\" } }\n";
    let said = failing("observer", &[("good", "[expect]\ndecision = \"next\"\n"), ("wrong", case)]);
    let expected = "./cases/wrong.toml:\n  status: expected 404, is 200\n  \
                    response header x-a: expected [\"1\"], is []\n\n2 cases on the real host, 1 failed, ";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn what_came_of_a_case_becomes_what_it_expects() {
    let before = "# What comes back.\ngrants = { request-edit = true, response-edit = true }\n\
                  upstream = { headers = { x-b = [\"1\", \"2\"] }, body = \"{ \\\"a\\\": [1] }\" }\n\n\
                  [expect]\ndecision = \"respond\" # not so\nresponse.status = 404 # nor so\n\
                  response.headers = { x-a = \"1\", x-b = \"1\", x-c = false }\n\
                  response.json.a = [2]\n";
    let folder = plugin("observer", &[("a", before)]);
    folder.run(&["plugin", "test"]).expect(1);
    let said = folder.run(&["plugin", "test", "--bless"]).expect(0).text();
    assert!(said.starts_with("./cases/a.toml: written anew\n1 cases"), "{said}");
    folder.run(&["plugin", "test"]).expect(0);
    let after = folder.read("cases/a.toml");
    for line in [
        "# What comes back.\n",
        "decision = \"next\" # not so\n",
        "response.status = 200 # nor so\n",
        "response.headers = { x-a = false, x-b = [\"1\", \"2\"], x-c = false }\n",
    ] {
        assert!(after.contains(line), "{line}{after}");
    }
}

#[test]
fn what_is_no_expectation_is_not_blessed_away() {
    let case = "# Nobody asks.\n[[fetch]]\nrequest = { to = \"users\", path = \"/\" }\n\n\
                [expect]\ndecision = \"respond\"\n";
    let folder = plugin("observer", &[("a", case)]);
    let said = folder.run(&["plugin", "test", "--bless"]).expect(1).text();
    assert!(said.contains("written anew"), "{said}");
    assert!(said.contains("nobody fetched GET users /") && said.contains(" 1 failed"), "{said}");
    assert!(folder.read("cases/a.toml").ends_with("decision = \"next\"\n"));
}

#[test]
fn a_mistake_in_a_case_is_not_the_failure_that_it_expects() {
    let wrong = "grants = { attributes = [\"no.such\"] }\n\n[expect]\ndecision = \"fail\"\n";
    let said = failing("observer", &[("a", wrong)]);
    assert!(said.contains("no.such"), "{said}");
}

/// It is a part of a configuration that nobody wrote: what is shown is the case.
#[test]
fn a_wrong_grant_is_shown_at_its_line_of_the_case() {
    let case = "# Who?\n[grants]\nresponse-edit = true\nattributes = [\n  \"no.such\",\n]\n\n\
                [expect]\ndecision = \"next\"\n";
    let said = failing("observer", &[("a", case)]);
    assert!(said.contains("./cases/a.toml:5:3: error: "), "{said}");
    assert!(said.contains("5 |   \"no.such\""), "{said}");
}

#[test]
fn a_trap_and_a_budget_are_failures_with_their_reason() {
    let grants = "grants = { request-edit = true, response-edit = true }\n";
    let case = |mode: &str, failure: &str| {
        format!(
            "{grants}request = {{ headers = {{ x-mode = \"{mode}\" }} }}\n\n\
             [expect]\ndecision = \"fail\"\nfailure = \"{failure}\"\n"
        )
    };
    let (trap, cpu) =
        (case("panic", "panicked on purpose"), case("loop", "used up its CPU budget"));
    let cases = [("trap", trap.as_str()), ("cpu", cpu.as_str())];
    let said = plugin("misbehaving", &cases).run(&["plugin", "test"]).expect(0).text();
    assert!(said.starts_with("2 cases on the real host, 0 failed, "), "{said}");
    let said = failing("misbehaving", &[("trap", &trap.replace("on purpose", "by mistake"))]);
    assert!(said.contains("panicked on purpose (misbehaving/src/mode.rs:"), "{said}");
}

#[test]
fn a_file_that_is_no_case_is_explained_at_its_line() {
    let said = failing("observer", &[("typo", "[expect]\ndecison = \"next\"\n")]);
    assert!(said.contains("cases/typo.toml:") && said.contains("at line 2"), "{said}");
    assert!(said.contains("unknown field `decison`"), "{said}");
}

#[test]
fn what_is_missing_is_said_with_what_makes_it() {
    let folder = Folder::new();
    let said = folder.run(&["plugin", "test"]).expect(1).text();
    assert!(said.contains("run `torana plugin build` first"), "{said}");
    folder.write_guest("plugin.wasm", "observer");
    let said = folder.run(&["plugin", "test"]).expect(1).text();
    assert!(said.contains("has no cases/*.toml"), "{said}");
}
