//! A service made of bytes: for what no library would send.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::within;

/// A listener that hands each connection to a closure. It is gone, with its connections, when this
/// is dropped.
pub struct RawBackend {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl RawBackend {
    /// Starts it. A connection is closed when the closure's future ends.
    pub async fn start<F, A>(script: F) -> Self
    where
        F: Fn(RawConnection) -> A + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let (stream, _) = listener.accept().await.expect("accepting");
                connections.spawn(script(RawConnection { stream, number, read: Vec::new() }));
            }
        });
        Self { address, serving }
    }

    /// Answers every request with the same bytes and closes. Bodies are not read.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut connection| {
            let bytes = bytes.clone();
            async move {
                connection.head().await;
                connection.write(&bytes).await;
            }
        })
        .await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RawBackend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The service's end of a connection.
pub struct RawConnection {
    /// The connection itself.
    pub stream: TcpStream,
    /// Its number, from 0.
    pub number: usize,
    read: Vec<u8>,
}

impl RawConnection {
    /// A head with the empty line at its end; what there is, if the peer closes before.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect();
                return String::from_utf8(head).expect("a head in ASCII");
            }
            if !self.more().await {
                return String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned();
            }
        }
    }

    /// Exactly this many bytes; fewer, if the peer closes before.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count && self.more().await {}
        self.read.drain(..count.min(self.read.len())).collect()
    }

    /// All there is until the peer closes.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.read)
    }

    /// Sends bytes. A peer that is gone is no failure here: what it did shows on its other side.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads more; `false` at the end.
    async fn more(&mut self) -> bool {
        let read = within("bytes from the gateway", self.stream.read_buf(&mut self.read)).await;
        read.is_ok_and(|count| count > 0)
    }
}
