//! A body of a gibibyte needs no more memory than a small one, whichever way it goes, also through
//! plugins that transform it.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use torana_tests::{Gateway, RawBackend, RawConnection, toml};

use crate::guests::{PATIENT, plugin_with};

const GIB: usize = 1 << 30;
const PIECE: usize = 64 << 10;
/// What the gateway may grow by: buffers of a few connections, and instances of plugins.
const ROOM: usize = 48 << 20;
/// It is many seconds of work where nobody else is at work.
const LONG: Duration = Duration::from_secs(150);

/// Takes uploads of a gibibyte, and sends as much to whoever asks.
async fn service() -> RawBackend {
    RawBackend::start(|mut connection: RawConnection| async move {
        let head = connection.head().await;
        if head.starts_with("GET /small ") {
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall").await;
        } else if head.starts_with("GET ") {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
            connection.write(format!("{head}Content-Length: {GIB}\r\n\r\n")).await;
            let _ = write(&mut connection.stream, GIB, Framing::Plain).await;
        } else {
            let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
            let count = read_body(&mut connection.stream, is_chunked).await;
            let head = format!("HTTP/1.1 200 OK\r\nX-Count: {count}\r\n");
            connection.write(head + "Content-Length: 0\r\n\r\n").await;
        }
    })
    .await
}

enum Framing {
    Plain,
    Chunked,
}

/// Made while it is sent: text with a pattern.
async fn write(stream: &mut TcpStream, size: usize, framing: Framing) -> std::io::Result<()> {
    let text: Vec<u8> = b"a gibibyte of this, ".iter().copied().cycle().take(PIECE).collect();
    let piece = match framing {
        Framing::Plain => text,
        Framing::Chunked => [format!("{PIECE:x}\r\n").as_bytes(), &text, b"\r\n"].concat(),
    };
    for _ in 0..size / PIECE {
        stream.write_all(&piece).await?;
    }
    if let Framing::Chunked = framing {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

/// How many bytes there are until the end, framing included.
async fn read_body(stream: &mut TcpStream, is_chunked: bool) -> usize {
    let (mut buffer, mut count, mut last) = (vec![0; 4 * PIECE], 0, Vec::new());
    while is_chunked && last != b"0\r\n\r\n" || !is_chunked && count < GIB {
        let read = stream.read(&mut buffer).await.expect("more");
        assert!(read > 0, "closed after {count} bytes");
        count += read;
        last.extend_from_slice(&buffer[read.saturating_sub(5)..read]);
        last.drain(..last.len().saturating_sub(5));
    }
    count
}

/// Sends it up; gives how many bytes came to the service.
async fn upload(address: SocketAddr, size: usize) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("connecting");
    let head =
        "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("writing");
    write(&mut stream, size, Framing::Chunked).await.expect("writing");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let count = answer.lines().find_map(|line| line.strip_prefix("x-count: "));
    count.unwrap_or_else(|| panic!("{answer}")).parse().expect("a number")
}

/// Gets it; gives how many bytes came, head included.
async fn download(address: SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("connecting");
    let ask = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.expect("writing");
    let (mut buffer, mut count) = (vec![0; 4 * PIECE], 0);
    loop {
        match stream.read(&mut buffer).await.expect("reading") {
            0 => return count,
            read => count += read,
        }
    }
}

/// A field of the gateway's `/proc/PID/status`, in bytes.
fn status(gateway: &Gateway, field: &str) -> usize {
    let path = format!("/proc/{}/status", gateway.pid());
    let status = std::fs::read_to_string(path).expect("its status");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the field");
    let kib: usize = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kib << 10
}

/// Sends it through a gateway with `more` in its route, and looks at what that took.
async fn pass<T: Future<Output = usize>>(more: &str, way: impl FnOnce(SocketAddr) -> T) -> usize {
    let service = service().await;
    let more = format!("timeout = \"10m\"\n{more}");
    let gateway = Gateway::start(&toml::proxy_with(service.address(), &more)).await;
    // A first request, so that what is made once is made.
    assert_eq!(gateway.client().get("/small").await.status, 200);
    let before = status(&gateway, "VmRSS");
    // The peak from here on.
    std::fs::write(format!("/proc/{}/clear_refs", gateway.pid()), "5").expect("its peak");
    let count = timeout(LONG, way(gateway.address("public"))).await.expect("a gibibyte in time");
    let grown = status(&gateway, "VmHWM").saturating_sub(before);
    assert!(grown < ROOM, "it grew by {} MiB", grown >> 20);
    count
}

#[tokio::test]
async fn a_gibibyte_passes_up() {
    assert!(pass("", |address| upload(address, GIB)).await > GIB);
}

#[tokio::test]
async fn a_gibibyte_passes_down() {
    assert!(pass("", download).await > GIB);
}

#[tokio::test]
async fn a_gibibyte_is_compressed_on_its_way_down() {
    let compress = format!(
        "chain = [\"compress\"]\n[plugins.compress]\ncomponent = \"compress\"\n{PATIENT}\n\
         grants = {{ response-body = \"read-write\", response-edit = true }}\n\
         config = {{ algorithms = [\"gzip\"], level.gzip = 1 }}\n"
    );
    let count = pass(&compress, download).await;
    assert!((GIB / 1000..GIB / 50).contains(&count), "{count}");
}

/// A quarter will do: each piece of 64 KiB is a call.
#[tokio::test]
async fn a_quarter_of_a_gibibyte_is_transformed_on_its_way_up() {
    let grants = "{ request-body = \"read-write\", request-edit = true, \
                      response-body = \"read-write\", response-edit = true }";
    let upper = plugin_with("upper", "stream-upper", grants, "limits.memory = \"2MiB\"");
    let chain = format!("chain = [\"upper\"]\n{upper}");
    let count = pass(&chain, |address| upload(address, GIB / 4)).await;
    assert!(count > GIB / 4, "{count}");
}
