//! Files that are no component, or none that is whole.

use std::{fs, os::unix::fs::symlink, path::Path};

use nix::{sys::stat::Mode, unistd::mkfifo};
use torana_tests::Setup;
use wasm_encoder::{CustomSection, Section as _};

use super::{
    TOML, all_refused, all_served, assert_refused, binary, check, configured, folder, sound,
};

/// What puts something at a path.
type Make = dyn Fn(&Path);

#[test]
fn what_is_no_component_is_called_what_it_is() {
    let text = include_bytes!("guest.wat").to_vec();
    let of_version = |version: u8| [b"\0asm".as_slice(), &[version, 0, 1, 0]].concat();
    all_refused(vec![
        ("an empty file", vec![], "the file is empty"),
        ("one byte", vec![0], "the file is not WebAssembly"),
        ("the magic alone", b"\0asm".to_vec(), "of a version that Torana does not know"),
        ("another magic", b"\x7fELF\x02\x01\x01\0\0\0\0\0".to_vec(), "is not WebAssembly"),
        ("a component, gzipped", b"\x1f\x8b\x08\0\0\0\0\0\0\x03cd".to_vec(), "is not WebAssembly"),
        ("text in the place of binary", text, "the file is not WebAssembly"),
        ("a core module", binary("(module)"), "a core WebAssembly module, not a component"),
        ("a component of tomorrow", of_version(0x0e), "of a version that Torana does not know"),
        ("a component of nothing", of_version(0x0d), "is no Torana plugin"),
        ("a header and noise", [of_version(0x0d), vec![0xff; 4096]].concat(), "does not load"),
        ("noise at the end", [sound(), vec![0xff; 16]].concat(), "does not load"),
        ("two components in one", [sound(), sound()].concat(), "does not load"),
    ]);
}

#[test]
fn half_a_component_is_refused_wherever_it_ends() {
    let wasm = sound();
    let ends = (8..wasm.len()).step_by(wasm.len() / 25);
    all_refused(
        ends.map(|end| ("half a component", wasm[..end].to_vec(), "the component")).collect(),
    );
}

/// A bit may be one of a name or a constant: then it is another component, and sound.
#[test]
fn with_a_flipped_bit_it_is_refused_or_sound() {
    let wasm = sound();
    for at in (8..wasm.len()).step_by(wasm.len() / 40) {
        let mut flipped = wasm.clone();
        flipped[at] ^= 1 << (at % 8);
        let ended = check(&folder(&flipped));
        match ended.code {
            0 => {}
            _ => assert_refused(&format!("bit {} of byte {at}", at % 8), &ended, "error: "),
        }
    }
}

#[test]
fn what_is_no_file_is_not_read() {
    let refused = |make: &Make, part: &str| {
        let folder = configured(TOML);
        make(&folder.path().join("guest.wasm"));
        assert_refused(part, &check(&folder), part);
    };
    refused(&|path| fs::create_dir(path).unwrap(), "it is a directory");
    refused(&|path| mkfifo(path, Mode::S_IRWXU).unwrap(), "it is a pipe");
    refused(&|path| symlink("/dev/zero", path).unwrap(), "it is a pipe, a socket or a device");
    refused(&|path| symlink("guest.wasm", path).unwrap(), "symbolic links");
    refused(&|path| symlink("nothing", path).unwrap(), "No such file");
    // A file by its kind, and an error for everybody who reads its beginning, root as well.
    refused(&|path| symlink("/proc/self/mem", path).unwrap(), "cannot read the component");
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let folder = configured(TOML);
    let file = fs::File::create(folder.path().join("guest.wasm")).expect("a file");
    file.set_len(1 << 40).expect("a file with a hole");
    assert_refused("a file of 1 TiB", &check(&folder), "larger than 64 MiB");
}

#[tokio::test]
async fn sections_that_nobody_reads_are_no_burden() {
    let custom = |name: &str, data: &[u8]| {
        let mut wasm = sound();
        CustomSection { name: name.into(), data: data.into() }.append_to(&mut wasm);
        wasm
    };
    let mut many = sound();
    for _ in 0..100_000 {
        CustomSection { name: "".into(), data: (&[][..]).into() }.append_to(&mut many);
    }
    all_served(vec![
        ("a long name", custom(&"n".repeat(90_000), b"")),
        ("producers that are none", custom("producers", &[0xff; 20 << 20])),
        ("names that are none", custom("component-name", &[0xff; 1 << 20])),
        ("the type of another world", custom("component-type:x", &[0; 1 << 20])),
        ("very many", many),
    ])
    .await;
}

#[test]
fn a_look_at_a_file_takes_no_more_than_a_check() {
    let folder = configured(TOML);
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).expect("a pipe");
    for arguments in [["plugin", "inspect", "pipe"], ["plugin", "inspect", "/dev/zero"]] {
        let ended = torana_tests::command::torana(folder.path(), &arguments).expect(1);
        assert!(ended.stderr.contains("it is a pipe, a socket or a device"), "{}", ended.stderr);
    }
}

/// Its own directory is the user's alone, so whoever put that there could do worse; but it must not
/// keep the gateway from starting.
#[tokio::test]
async fn what_lies_in_the_place_of_a_cache_entry_is_passed_over() {
    let make: [(&str, &Make); 3] = [
        ("a pipe", &|path| mkfifo(path, Mode::S_IRWXU).unwrap()),
        ("a link to nowhere", &|path| symlink("nowhere", path).unwrap()),
        ("a directory", &|path| fs::create_dir(path).unwrap()),
    ];
    let folder = folder(&sound());
    check(&folder).expect(0);
    let cache = folder.path().join("cache");
    let entry = fs::read_dir(&cache).expect("the cache").next().expect("an entry").unwrap().path();
    for (name, make) in make {
        fs::remove_file(&entry).expect("an entry that is a file");
        make(&entry);
        let setup = Setup::new(TOML).file("guest.wasm", sound());
        let gateway = setup.env("TORANA_CACHE", cache.to_str().unwrap()).start().await;
        assert_eq!(gateway.client().get("/").await.status, 502, "{name}");
        if name == "a directory" {
            gateway.wait_for_log("a warning", |line| line.contains("is not kept")).await;
        }
    }
}
