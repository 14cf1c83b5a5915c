//! The service behind all gateways.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::Path,
};

use anyhow::Result;

use super::subject::{OTHER_CORE, free_port, pinned};
use crate::demo::process::{Process, StopBy};

/// What the service answers at /thing: a hundred bytes.
pub(super) const THING: &str = concat!(
    r#"{"id":"7f3c2a10","name":"Walnut desk","price":{"amount":"349.00","currency":"EUR"},"stock":12,"#,
    r#""ok":1}"#
);

/// The service: nginx, which answers from memory and files.
pub(super) struct Backend {
    pub(super) port: u16,
    _process: Process,
}

impl Backend {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let folder = folder.join("backend");
        fs::create_dir_all(folder.join("files"))?;
        for (name, bytes) in [("1m", 1 << 20), ("100m", 100 << 20)] {
            fs::write(folder.join("files").join(name), vec![b'a'; bytes])?;
        }
        fs::write(folder.join("files/thing.json"), THING)?;
        fs::create_dir_all(folder.join("documents"))?;
        for (name, bytes) in [("4k", 4 << 10), ("64k", 64 << 10)] {
            fs::write(folder.join("documents").join(name), products(bytes))?;
        }
        let port = free_port()?;
        let text = include_str!("../../../benches/peers/backend.conf")
            .replace("{port}", &port.to_string())
            .replace("{thing}", THING)
            .replace("{dir}", &folder.display().to_string());
        let config = folder.join("nginx.conf");
        fs::write(&config, text)?;
        let mut command = pinned(&OTHER_CORE.to_string(), Path::new("/usr/sbin/nginx"));
        command.arg("-c").arg(&config);
        let mut process =
            Process::start("backend", &mut command, folder.join("log"), StopBy::Signal)?;
        process.wait_until(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        Ok(Self { port, _process: process })
    }
}

/// A list of products in JSON, of so many bytes at least.
fn products(bytes: usize) -> String {
    let mut text = String::from(r#"{"total":1000,"items":["#);
    for n in 0.. {
        text.push_str(&format!(
            r#"{{"id":{n},"name":"Walnut desk, \"No. {n}\"","images":[{{"url":"/i/{n}.jpg","w":640,"h":480}}],"price":{{"amount":"349.00","currency":"EUR"}},"internal":{{"margin":0.31,"supplier":"S-{n}"}},"stock":{}}}"#,
            n % 20,
        ));
        if text.len() >= bytes {
            break;
        }
        text.push(',');
    }
    text + "]}"
}
