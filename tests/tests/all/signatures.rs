//! Signed components: `torana plugin sign` and `verify`, and what `[signatures]` refuses. The keys in
//! the folder beside are as openssl makes them (`genpkey -algorithm ed25519`, `pkey -pubout`), and
//! sign nothing but these tests.

use std::fs;

use torana_tests::{Folder, Setup, command::Ended, paths};

const GOOD: &str = r#"
[listen.public]
address = "127.0.0.1:0"

[signatures]
trusted_keys = ["security.pub.pem"]

[plugins.last]
component = { path = "guest.wasm" }
grants = { request-body = "read" }

[[routes]]
name = "all"
match = { path = "/{*rest}" }
chain = ["last"]
"#;

fn key(name: &str) -> Vec<u8> {
    fs::read(paths::root().join("tests/tests/all/signatures").join(name)).expect("a key")
}

fn component(guest: &str) -> Vec<u8> {
    fs::read(paths::guest(guest)).expect("a component")
}

/// A folder with a configuration whose component may be signed.
struct Signable(Folder);

impl std::ops::Deref for Signable {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.0
    }
}

impl Signable {
    /// The configuration, its component and all keys; nothing is signed.
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("gateway.toml", GOOD);
        folder.write_guest("guest.wasm", "echo");
        for name in ["security.pem", "security.pub.pem", "stranger.pem", "stranger.pub.pem"] {
            folder.write(name, key(name));
        }
        Self(folder)
    }

    fn sign(&self, key: &str) -> String {
        self.run(&["plugin", "sign", "guest.wasm", "--key", key]).expect(0).stdout
    }

    fn verify(&self, key: &str) -> Ended {
        self.run(&["plugin", "verify", "guest.wasm", "--key", key])
    }

    fn check(&self) -> Ended {
        self.run(&["check", "gateway.toml"])
    }

    /// Fails unless `check` refuses the component and says this.
    #[track_caller]
    fn refused(&self, why: &str) {
        let text = self.check().expect(1).stderr;
        let line = 1 + GOOD.lines().position(|l| l.starts_with("component")).expect("the line");
        let start = format!("gateway.toml:{line}:13: error: plugin `last` is not let in: {why}");
        assert!(text.contains(&start), "{start}\n{text}");
    }
}

#[test]
fn who_has_signed_is_verified() {
    let folder = Signable::new();
    let signed = folder.sign("security.pem");
    assert!(signed.starts_with("guest.wasm: signed by "), "{signed}");
    assert_eq!(folder.verify("security.pub.pem").expect(0).stdout, signed);
    let other = folder.verify("stranger.pub.pem").expect(1).stderr;
    assert!(other.contains("it is signed by"), "{other}");
    // A second signature takes nothing from the first one.
    folder.sign("stranger.pem");
    folder.verify("stranger.pub.pem").expect(0);
    folder.verify("security.pub.pem").expect(0);
    folder.write_guest("guest.wasm", "observer");
    let other = folder.verify("security.pub.pem").expect(1).stderr;
    assert!(other.contains("is not one of this file"), "{other}");
}

#[test]
fn what_no_trusted_key_has_signed_is_refused() {
    let folder = Signable::new();
    folder.refused("it is not signed: there is no guest.wasm.sig");
    folder.sign("stranger.pem");
    folder.refused("it is signed by ");
    folder.sign("security.pem");
    folder.check().expect(0);
    folder.write_guest("guest.wasm", "observer");
    folder.refused("the signature by ");
    folder.write("guest.wasm.sig", "hello");
    folder.refused("guest.wasm.sig is no file of signatures");
}

#[test]
fn a_key_that_is_none_is_refused_at_its_line() {
    let folder = Signable::new();
    folder.write("gateway.toml", GOOD.replace("security.pub.pem", "security.pem"));
    let text = folder.check().expect(1).stderr;
    assert!(
        text.starts_with("gateway.toml:6:17: error: `security.pem` holds no PEM public key"),
        "{text}"
    );
    folder.write("gateway.toml", GOOD.replace("\"security.pub.pem\"", ""));
    let text = folder.check().expect(1).stderr;
    assert!(text.contains("error: no key is trusted, so no component could be loaded"), "{text}");
}

#[tokio::test]
async fn a_reload_with_an_unsigned_component_is_refused() {
    let folder = Signable::new();
    folder.sign("security.pem");
    let signature = fs::read(folder.file("guest.wasm.sig")).expect("the signature");
    let gateway = Setup::new(GOOD)
        .file("guest.wasm", component("echo"))
        .file("guest.wasm.sig", signature)
        .file("security.pub.pem", key("security.pub.pem"))
        .start()
        .await;
    assert_eq!(gateway.client().get("/a").await.status, 200);
    fs::write(gateway.path("guest.wasm"), component("cryptic")).expect("writing");
    gateway.signal_reload();
    let refused = |line: &str| line.contains("plugin `last` is not let in: the signature by");
    gateway.wait_for_log("the refusal", refused).await;
    assert_eq!(gateway.client().get("/a").await.status, 200);
}

#[tokio::test]
async fn a_signature_that_comes_after_its_component_is_seen() {
    let signature_of = |component: &[u8]| {
        let folder = Signable::new();
        folder.write("guest.wasm", component);
        folder.sign("security.pem");
        fs::read(folder.file("guest.wasm.sig")).expect("a signature")
    };
    let old = component("echo");
    // The same with a custom section more, so that its digest is another one.
    let new = [&old[..], &[0, 2, 1, b'x']].concat();
    let setup =
        Setup::new(GOOD).file("guest.wasm", &old).file("guest.wasm.sig", signature_of(&old));
    let gateway = setup.file("security.pub.pem", key("security.pub.pem")).start().await;
    fs::write(gateway.path("guest.wasm"), &new).expect("writing");
    gateway.wait_for_log("the refusal", |line| line.contains("reload refused")).await;
    fs::write(gateway.path("guest.wasm.sig"), signature_of(&new)).expect("writing");
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
}
