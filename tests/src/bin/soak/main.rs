//! A gateway under mixed load, faults and reloads for a while: `cargo xtask soak`.
//!
//! Prints what was asked and what failed. A failure while a fault is on, or shortly after, is
//! expected; any other is not, and then the exit code is 1. It is 101 where something is left at the
//! end: requests, connections, instances, threads or memory.

mod load;
mod scene;
mod tally;

use std::{
    env,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use torana_tests::Footprint;

use scene::Scene;
use tally::Tally;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(duration) = env::args().nth(1).and_then(|seconds| seconds.parse().ok()) else {
        eprintln!("usage: soak SECONDS");
        return ExitCode::from(2);
    };
    let duration = Duration::from_secs_f64(duration);
    let mut scene = Scene::set().await;
    let tally = Arc::new(Tally::default());
    // What is kept for later is there after the first requests.
    load::once(&scene, &tally).await;
    let (start, started) = (scene.gateway.footprint(), Instant::now());
    let clients = load::begin(&scene, &tally);
    scene.play(&tally, started + duration).await;
    tally.stop();
    for client in clients {
        let _ = client.await;
    }
    println!("{tally}");
    show("at the start", start);
    show("under load", scene.gateway.footprint());
    // Fails, with a code of 101, where something is left.
    scene.gateway.at_rest().await;
    show("at rest", scene.gateway.footprint());
    if tally.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(when: &str, footprint: Footprint) {
    let Footprint { memory, files, sockets, threads } = footprint;
    let memory = memory >> 20;
    println!(
        "{when:<14} {memory:>5} MiB {files:>5} files {sockets:>5} connections {threads:>3} threads"
    );
}
