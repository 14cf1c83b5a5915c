//! Clients of several kinds. Each asks again and again, and counts what came of it.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use torana_tests::{Client, H2, Reply, reply, request, stream};

use crate::{scene::Scene, tally::Tally};

/// Clients of each kind.
const EACH: usize = 3;

/// The kinds, by what they are counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Plugin,
    Pieces,
    Http2,
    Upload,
    Socket,
    Leaver,
}

const KINDS: [Kind; 7] = [
    Kind::Plain,
    Kind::Plugin,
    Kind::Pieces,
    Kind::Http2,
    Kind::Upload,
    Kind::Socket,
    Kind::Leaver,
];

/// Clients that run until the tally is stopped.
pub(crate) fn begin(scene: &Scene, tally: &Arc<Tally>) -> Vec<JoinHandle<()>> {
    let address = scene.gateway.address("public");
    let kinds = KINDS.iter().flat_map(|kind| std::iter::repeat_n(*kind, EACH));
    let client = |kind| {
        let tally = tally.clone();
        tokio::spawn(async move {
            let client = Client::new(address);
            while !tally.is_stopped() {
                turn(kind, &client, address, &tally).await;
            }
        })
    };
    kinds.map(client).collect()
}

/// One exchange of each kind.
pub(crate) async fn once(scene: &Scene, tally: &Tally) {
    let address = scene.gateway.address("public");
    for kind in KINDS {
        turn(kind, &Client::new(address), address, tally).await;
    }
}

async fn turn(kind: Kind, client: &Client, address: SocketAddr, tally: &Tally) {
    let (name, since) = (kind.name(), Instant::now());
    let outcome = match kind {
        Kind::Plain => get(client, "/", 1000).await,
        Kind::Plugin => get(client, "/plugin", 1000).await,
        Kind::Pieces => get(client, "/pieces", 20_000).await,
        Kind::Http2 => http2(address).await,
        Kind::Upload => upload(client).await,
        Kind::Socket => socket(address).await.map_err(|why| why.kind().to_string()),
        Kind::Leaver => leave(address).await.map_err(|why| why.kind().to_string()),
    };
    let failed = outcome.is_err();
    tally.count(name, since, outcome);
    if failed {
        // Those that fail at once would have the machine for themselves.
        torana_tests::pause(std::time::Duration::from_millis(10)).await;
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "GET",
            Self::Plugin => "GET through a plugin",
            Self::Pieces => "GET in chunks",
            Self::Http2 => "HTTP/2 connections with ten GETs",
            Self::Upload => "chunked uploads",
            Self::Socket => "WebSockets",
            Self::Leaver => "clients that leave",
        }
    }
}

async fn get(client: &Client, target: &str, length: usize) -> Result<(), String> {
    let answer = client.try_send(request("GET", target), reply(200, "").into_body()).await;
    is_whole(&answer.map_err(short)?, length)
}

/// A connection for some requests that are under way together.
async fn http2(address: SocketAddr) -> Result<(), String> {
    let client = H2::connect(address).await;
    let all = (0..10).map(|_| client.try_send(request("GET", "/"), reply(200, "").into_body()));
    for answer in futures_util::future::join_all(all).await {
        is_whole(&answer.map_err(short)?, 1000)?;
    }
    Ok(())
}

async fn upload(client: &Client) -> Result<(), String> {
    let pieces = (0..20).map(|_| Ok(vec![b'x'; 10_000].into())).collect::<Vec<_>>();
    let body = stream(futures_util::stream::iter(pieces));
    let answer = client.try_send(request("POST", "/"), body).await.map_err(short)?;
    is_whole(&answer, "200000".len())
}

/// A handshake, some echoes, and the end.
async fn socket(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let ask = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
               Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(ask.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        return Err(std::io::ErrorKind::ConnectionRefused.into());
    }
    let mut echo = [0; 1000];
    for _ in 0..10 {
        stream.write_all(&[b'x'; 1000]).await?;
        stream.read_exact(&mut echo).await?;
    }
    Ok(())
}

/// Asks, and is gone.
async fn leave(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf").await?;
    // Connections that are only opened and closed would use up the machine's ports.
    torana_tests::pause(std::time::Duration::from_millis(20)).await;
    Ok(())
}

fn is_whole(answer: &Reply, length: usize) -> Result<(), String> {
    match (answer.status, answer.body.len()) {
        (200, got) if got == length => Ok(()),
        (200, got) => Err(format!("{got} bytes for {length}")),
        (status, _) => Err(status.to_string()),
    }
}

/// A failure's kind, without what differs from one to the next.
fn short(why: String) -> String {
    why.split(['(', '{']).next().unwrap_or_default().trim().to_owned()
}
