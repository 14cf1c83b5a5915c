//! `torana plugin new`, `build` and `dev`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use torana_tests::{Client, Folder, Log, command::torana, paths};

/// A plugin's folder whose build script copies a component, so that a build is quick: `source`, which is a name.
fn plugin(folder: &Folder, source: &str) {
    fs::create_dir_all(folder.file("pick")).expect("a folder");
    folder.write("pick/source", source);
    let script =
        "#!/bin/sh\nset -e\ncp \"$PARTS/$(cat source).wasm\" \"$1.new\"\nmv \"$1.new\" \"$1\"\n";
    folder.write("pick/build.sh", script);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.file("pick/build.sh"), mode).expect("a script");
}

const DEVELOPED: &str = "
[listen.public]
address = \"127.0.0.1:0\"

[plugins.pick]
component = { path = \"pick/pick.wasm\" }
config = { headers = [\"x-tenant\"] }

[[routes]]
name = \"all\"
match = { path = \"/{*rest}\" }
chain = [\"pick\"]
reply = { status = 200 }
";

/// `torana plugin dev`, killed when it is dropped.
struct Dev {
    child: Child,
    log: Log,
    output: Log,
}

impl Dev {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(paths::torana());
        command.args(["plugin", "dev", "gateway.toml"]).current_dir(folder);
        command.env("NO_COLOR", "1").env("PARTS", paths::components()).stdin(Stdio::null());
        let pipes = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().expect("starting torana");
        let log = Log::of("log", child.stderr.take().expect("a pipe"));
        let output = Log::of("output", child.stdout.take().expect("a pipe"));
        Self { child, log, output }
    }

    async fn client(&self) -> Client {
        let line = self.log.wait("a listener", |line| line.contains("listening")).await;
        let address = line.split("address=").nth(1).expect("an address");
        let address = address.split_whitespace().next().expect("an address");
        Client::new(address.parse().expect("an address"))
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A plugin that is built, and serves.
async fn developed() -> (Folder, Dev, Client) {
    let folder = Folder::new();
    folder.write("gateway.toml", DEVELOPED);
    plugin(&folder, "require");
    let dev = Dev::start(folder.path());
    let client = dev.client().await;
    assert_eq!(client.get("/a").await.status, 400);
    (folder, dev, client)
}

#[tokio::test]
async fn what_changes_is_built_and_taken_and_what_fails_to_build_is_not() {
    let (folder, dev, client) = developed().await;
    let shown = dev.output.wait("the request", |line| line.contains("\"/a\"")).await;
    assert!(shown.contains("\"plugin\":\"pick\",\"hook\":\"on-request-head\""), "{shown}");
    assert!(shown.contains("\"us\":"), "{shown}");

    folder.write("pick/source", "no-such-thing");
    dev.log.wait("the failure", |line| line.contains("not built, what was built before")).await;
    assert_eq!(client.get("/b").await.status, 400, "what was built before serves on");

    // Another plugin has other settings: they come with it.
    let fitting = DEVELOPED.replace("config = { headers = [\"x-tenant\"] }", HEADERS);
    folder.write("gateway.toml", fitting);
    folder.write("pick/source", "headers");
    dev.log.wait("the new one", |line| line.contains("reloaded")).await;
    assert_eq!(client.get("/c").await.header("x-by"), Some("torana"));
}

/// As docs/plugins.md has it: in the plugin's own folder, with names that have none before them.
#[tokio::test]
async fn a_plugin_is_developed_in_its_own_folder() {
    let folder = Folder::new();
    plugin(&folder, "require");
    folder.write("pick/gateway.toml", DEVELOPED.replace("pick/pick.wasm", "pick.wasm"));
    let dev = Dev::start(&folder.file("pick"));
    let client = dev.client().await;
    assert_eq!(client.get("/a").await.status, 400);
}

#[tokio::test]
async fn a_plugin_that_is_added_is_built_and_watched_from_then_on() {
    let (folder, dev, client) = developed().await;

    let more = folder.file("more");
    fs::create_dir_all(&more).expect("a folder");
    fs::copy(folder.file("pick/build.sh"), more.join("build.sh")).expect("a script");
    folder.write("more/source", "no-such-thing");
    let entry =
        format!("\n[plugins.more]\ncomponent = {{ path = \"more/more.wasm\" }}\n{HEADERS}\n");
    let both = DEVELOPED.replace("[\"pick\"]", "[\"more\"]") + &entry;
    folder.write("gateway.toml", both);
    dev.log.wait("the watch", |line| line.contains("watched from now on")).await;
    dev.log.wait("the failure", |line| line.contains("not built, what was built before")).await;
    folder.write("more/source", "headers");
    dev.log.wait("the new one", |line| line.contains("reloaded")).await;
    assert_eq!(client.get("/b").await.header("x-by"), Some("torana"));
}

const HEADERS: &str = "grants = { request-edit = true, response-edit = true }\nconfig = { response = { set = { x-by = \"torana\" } } }";

#[test]
fn a_wrong_name_and_an_existing_folder_are_refused() {
    let folder = Folder::new();
    let said = torana(folder.path(), &["plugin", "new", "Tenant_Check"]).expect(1);
    assert!(said.stderr.contains("as in `tenant-check`"), "{}", said.stderr);
    torana(folder.path(), &["plugin", "new", "tenant-check", "--lang", "c"]).expect(0);
    let said = torana(folder.path(), &["plugin", "new", "tenant-check"]).expect(1);
    assert!(said.stderr.contains("nothing is overwritten"), "{}", said.stderr);
    assert!(folder.file("tenant-check/build.sh").is_file());
}

#[test]
fn a_build_that_lacks_a_tool_says_which_and_where_it_comes_from() {
    let folder = Folder::new();
    torana(folder.path(), &["plugin", "new", "tenant-check", "--lang", "js"]).expect(0);
    let mut build = Command::new(paths::torana());
    build
        .args(["plugin", "build", "tenant-check"])
        .current_dir(folder.path())
        .env("PATH", "/nowhere");
    let output = build.output().expect("torana");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!output.status.success() && said.contains("needs `npm`"), "{said}");
    assert!(said.contains("apt-get install nodejs npm"), "{said}");
}

/// The gateway.toml of a new plugin is right for the component that its sources make.
#[cfg(feature = "languages")]
#[test]
fn the_gateway_of_a_new_plugin_is_ready_in_every_language() {
    let languages =
        [("rust", "rust"), ("js", "javascript"), ("python", "python"), ("go", "go"), ("c", "c")];
    for (language, component) in languages {
        let folder = Folder::new();
        torana(folder.path(), &["plugin", "new", "my-plugin", "--lang", language]).expect(0);
        let path = folder.file("my-plugin/my-plugin.wasm");
        fs::copy(paths::guest(component), path).expect("a component");
        let checked = torana(&folder.file("my-plugin"), &["check", "gateway.toml"]).expect(0);
        assert_eq!(checked.stderr, "", "{language}");
    }
}
