//! Scripts: what has to be done at once on the server.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use redis::{Cmd, Value};

use super::{failure::Failure, link::Link};

/// A script, and the name under which a server remembers it.
pub(super) struct Script {
    text: &'static str,
    sha1: String,
}

pub(super) static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
pub(super) static KV: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("kv.lua")));
pub(super) static LEAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lead.lua")));

impl Script {
    fn new(text: &'static str) -> Self {
        let sha1 = hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
        Self { text, sha1 }
    }

    /// Runs it: by its name, and with its text where the server does not know it (any more).
    /// `fill` adds the number of keys, the keys and the arguments.
    pub(super) async fn run(
        &self,
        link: &Arc<Link>,
        fill: impl Fn(&mut Cmd),
    ) -> Result<Value, Failure> {
        match link.call(&command("EVALSHA", &self.sha1, &fill)).await {
            Err(failure) if failure.is_unknown_script() => {
                link.call(&command("EVAL", self.text, fill)).await
            }
            answer => answer,
        }
    }
}

fn command(way: &str, script: &str, fill: impl Fn(&mut Cmd)) -> Cmd {
    let mut command = redis::cmd(way);
    command.arg(script);
    fill(&mut command);
    command
}
