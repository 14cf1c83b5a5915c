//! Compiled components on disk.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use torana_tests::{Gateway, Setup, toml};

use crate::guests::{handled, plugin};

/// What tells one file from another of the same name: a new one has another inode, and one that
/// was written to has another time.
type Entries = BTreeMap<PathBuf, (u64, i64, i64)>;

fn entries(cache: &Path) -> Entries {
    let files = fs::read_dir(cache).expect("the cache");
    files
        .map(|entry| {
            let entry = entry.expect("an entry");
            let meta = entry.metadata().expect("its metadata");
            (entry.path(), (meta.ino(), meta.mtime(), meta.mtime_nsec()))
        })
        .collect()
}

async fn start(cache: &Path) -> Gateway {
    let toml = [toml::LISTEN, &plugin("echo", "echo", ""), &handled("[\"echo\"]")].concat();
    let cache = cache.to_str().expect("a path in UTF-8");
    Setup::new(&toml).env("TORANA_CACHE", cache).start().await
}

async fn works(gateway: &Gateway) -> bool {
    gateway.client().get("/a").await.json()["path"] == "/a"
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("its metadata").permissions().mode() & 0o777
}

/// A cache that was filled by a first start, and its one entry.
async fn filled() -> (TempDir, PathBuf, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let cache = folder.path().join("deep/cache");
    assert!(works(&start(&cache).await).await);
    let entry = entries(&cache).into_keys().next().expect("an entry");
    (folder, cache, entry)
}

#[tokio::test]
async fn the_first_start_fills_it_and_the_second_uses_it() {
    let (_folder, cache, entry) = filled().await;
    assert_eq!((mode(&cache), mode(&entry)), (0o700, 0o600), "for this user only");
    let first = entries(&cache);
    assert_eq!(first.len(), 1, "nothing else is left there: {first:?}");
    let gateway = start(&cache).await;
    assert!(works(&gateway).await);
    assert_eq!(entries(&cache), first, "nothing was written");
    assert!(!gateway.log().quote().contains("WARN"), "{}", gateway.log().quote());
}

#[tokio::test]
async fn an_entry_that_is_not_sound_is_made_anew() {
    let (_folder, cache, entry) = filled().await;
    let good = fs::read(&entry).expect("the entry");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (what, bad) in
        [("a flipped bit", &flipped[..]), ("half of it", &good[..middle]), ("nothing", b"")]
    {
        fs::write(&entry, bad).expect("writing the entry");
        let gateway = start(&cache).await;
        assert!(works(&gateway).await, "{what}");
        assert_eq!(
            entries(&cache).into_keys().collect::<Vec<_>>(),
            std::slice::from_ref(&entry),
            "{what}"
        );
        assert!(fs::read(&entry).expect("the entry").len() == good.len(), "{what}");
        if what == "a flipped bit" {
            gateway.wait_for_log("a warning", |line| line.contains("cache entry")).await;
        }
        // And now it is sound again.
        let before = entries(&cache);
        assert!(works(&start(&cache).await).await, "{what}");
        assert_eq!(entries(&cache), before, "{what}");
    }
}

#[tokio::test]
async fn what_others_could_have_written_is_not_believed() {
    let (_folder, cache, entry) = filled().await;
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).expect("its mode");
    let before = entries(&cache);
    let gateway = start(&cache).await;
    gateway.wait_for_log("a warning", |line| line.contains("cache entry")).await;
    assert!(works(&gateway).await);
    assert_ne!(entries(&cache), before, "it was made anew");
    assert_eq!(mode(&entry), 0o600);

    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).expect("its mode");
    let before = entries(&cache);
    let gateway = start(&cache).await;
    gateway.wait_for_log("a warning", |line| line.contains("compiled at every start")).await;
    assert!(works(&gateway).await);
    assert_eq!(entries(&cache), before, "it was not touched");
}

#[tokio::test]
async fn without_a_place_for_it_everything_works() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let gateway = start(&file.join("cache")).await;
    gateway.wait_for_log("a warning", |line| line.contains("compiled at every start")).await;
    assert!(works(&gateway).await);
}

#[tokio::test]
async fn many_at_once_do_not_disturb_each_other() {
    let folder = TempDir::new().expect("a folder");
    let cache = folder.path().join("cache");
    let gateways = futures_util::future::join_all((0..4).map(|_| start(&cache))).await;
    for gateway in &gateways {
        assert!(works(gateway).await);
    }
    assert_eq!(entries(&cache).len(), 1, "{:?}", entries(&cache));
}
