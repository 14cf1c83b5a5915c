//! slowhttptest: three hundred clients that send or read so slowly that a server without limits would
//! wait for all of them. They are cut off, and others are served meanwhile.

use bytes::Bytes;
use torana_tests::{Backend, Gateway, reply, toml};

use crate::suite::{Score, output, program};

const LIMITS: &str = "limits = { head_timeout = \"2s\", idle_timeout = \"2s\" }\n";
const CLIENTS: &str = "300";
/// Longer than anybody is waited for, also on a busy machine.
const SECONDS: &str = "40";

/// Heads, a header every second (Slowloris); bodies, some bytes every second; replies, some bytes a
/// second.
const MODES: [(&str, &[&str]); 3] = [
    ("heads", &["-H", "-i", "1"]),
    ("bodies", &["-B", "-i", "1", "-s", "8192"]),
    ("replies", &["-X", "-n", "1", "-w", "512", "-y", "1024", "-z", "32"]),
];

#[tokio::test]
async fn slow_clients_are_cut_off_and_others_served() {
    // More than the system takes for a client that reads a kilobyte at a time.
    let large = Bytes::from(vec![b'a'; 1 << 20]);
    let service = Backend::start(move |_| reply(200, large.clone())).await;
    let upstream = toml::upstream("service", service.address());
    let route = toml::route("all", &format!("{}\ntimeout = \"3s\"", toml::ALL));
    let gateway = Gateway::start(&[toml::LISTEN, LIMITS, &upstream, &route].concat()).await;
    let url = format!("http://{}/a", gateway.address("public"));
    let mut score = Score::of("slowhttptest");
    for (name, mode) in MODES {
        let mut command = program("slowhttptest");
        command.args(mode).args(["-c", CLIENTS, "-r", "300", "-l", SECONDS, "-p", "10"]);
        command.args(["-u", &url]);
        score.count(name, judge(&output(command).await));
    }
    score.expect(3, 3, "300 clients: heads, bodies, replies");
}

/// By its last report.
fn judge(report: &str) -> Result<(), String> {
    let closed = report.contains("No open connections left");
    let served = report.contains("YES") && !report.contains("NO\n");
    if closed && served { Ok(()) } else { Err(report.to_owned()) }
}
