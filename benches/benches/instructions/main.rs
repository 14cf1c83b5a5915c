//! The head hooks of so many requests, there and back through a chain, and nothing else: for
//! `cargo xtask bench instructions`, which counts what it executes.
//!
//! `instructions run CHAIN REQUESTS`, where CHAIN is `one` or `five`; `instructions count CHAIN REQUESTS` is the
//! same under valgrind, which says on stderr how many instructions it took.

#[path = "../micro/room.rs"]
mod room;

use std::{
    env::{self, consts::ARCH},
    error::Error,
    io,
    os::unix::process::CommandExt as _,
    process::Command,
};

use http::{HeaderName, HeaderValue, StatusCode};
use room::{Heads, Room, exchange};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use torana::message::Exchange;

/// The gateway's.
#[global_allocator]
static ALLOCATOR: torana::memory::Allocator = torana::memory::Allocator;

const CHAINS: [(&str, &str); 2] =
    [("one", include_str!("one.toml")), ("five", include_str!("five.toml"))];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["run", chain, requests] => run(chain, requests.parse().expect("a number of requests")),
        ["count", chain, requests] => panic!("valgrind: {}", count(chain, requests)),
        _ => println!("`cargo xtask bench instructions` counts the instructions of this"),
    }
}

fn run(name: &str, requests: usize) {
    let chain = CHAINS.iter().find(|(chain, _)| *chain == name);
    let (_, text) = chain.expect("the chain is `one` or `five`");
    let room = Room::new();
    let chain = room.chain(text);
    for _ in 0..requests {
        let status = room.heads(&chain, &mut Heads::from(request()));
        assert_eq!(status, StatusCode::OK, "what the plugins answer");
    }
}

/// Becomes valgrind, which runs this again; what comes back is an error. cachegrind without its caches
/// counts and does nothing else.
fn count(chain: &str, requests: &str) -> io::Error {
    refuse_auxv().expect("a filter of system calls");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    valgrind.arg(env::current_exe().expect("this program")).args(["run", chain, requests]).exec()
}

/// From now on the kernel does not give the auxiliary vector by `prctl`. Valgrind 3.19 lets that call
/// pass, and the vector has the address of a vDSO that valgrind has taken away: rustix would read there.
/// Without it rustix reads /proc/self/auxv, which valgrind has corrected.
fn refuse_auxv() -> Result<(), Box<dyn Error>> {
    const PR_GET_AUXV: u64 = 0x4155_5856;
    const EINVAL: u32 = 22;
    let prctl = if ARCH == "x86_64" { 157 } else { 167 };
    let is_asked =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, PR_GET_AUXV)?;
    let rules = [(prctl, vec![SeccompRule::new(vec![is_asked])?])].into();
    let (allow, refuse) = (SeccompAction::Allow, SeccompAction::Errno(EINVAL));
    let filter = SeccompFilter::new(rules, allow, refuse, ARCH.try_into()?)?;
    Ok(apply_filter(&BpfProgram::try_from(filter)?)?)
}

/// A request that every plugin lets pass.
fn request() -> Box<Exchange> {
    let mut exchange = exchange();
    exchange.id = "0190c3f8-4e8a-7cc2-9d3a-0f2b8d1c7a55".into();
    exchange.route = "all".into();
    exchange.request.uri = http::Uri::from_static("/orders/7?format=csv");
    exchange.upstreams = ["service".into()].into();
    exchange.client.address = [192, 0, 2, 1].into();
    let headers = &mut exchange.request.headers;
    for (name, value) in [
        ("origin", "https://shop.example"),
        ("authorization", include_str!("authorization.txt").trim_end()),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    exchange
}
