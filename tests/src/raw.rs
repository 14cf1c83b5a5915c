//! A client made of bytes.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::within;

/// Sends exactly these bytes, and gives what comes back until the gateway closes.
pub async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::connect(address).await;
    raw.write(bytes).await;
    raw.read_to_close().await
}

/// A connection to the gateway.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    /// Opens it.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        Self::of(stream.expect("connecting to the gateway"))
    }

    /// One that is open.
    pub fn of(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes. The gateway may have closed by then, having seen enough.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within("the gateway to read", self.stream.write_all(bytes.as_ref())).await;
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Is gone without a word: a reset instead of an end.
    pub fn vanish(self) {
        self.stream.set_zero_linger().expect("an open socket");
    }

    /// All there is until the gateway closes.
    pub async fn read_to_close(&mut self) -> String {
        while self.more().await {}
        text(std::mem::take(&mut self.read))
    }

    /// The same, as bytes. An error where the end is a reset.
    pub async fn read_to_end(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.read);
        within("the end", self.stream.read_to_end(&mut bytes)).await?;
        Ok(bytes)
    }

    /// What has come once it ends with this.
    pub async fn read_until(&mut self, end: &str) -> String {
        while !self.read.ends_with(end.as_bytes()) {
            assert!(self.more().await, "closed before {end:?}: {:?}", text(self.read.clone()));
        }
        text(std::mem::take(&mut self.read))
    }

    /// A head with the empty line at its end. What follows stays.
    pub async fn read_head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                return text(self.read.drain(..end + 4).collect());
            }
            assert!(self.more().await, "closed in a head: {:?}", text(self.read.clone()));
        }
    }

    /// Exactly this many bytes.
    pub async fn read_exact(&mut self, count: usize) -> String {
        while self.read.len() < count {
            assert!(self.more().await, "closed in a body: {:?}", text(self.read.clone()));
        }
        text(self.read.drain(..count).collect())
    }

    async fn more(&mut self) -> bool {
        let read = within("bytes from the gateway", self.stream.read_buf(&mut self.read)).await;
        // A reset is an end as well: the gateway closes so where bytes of ours are left unread.
        read.is_ok_and(|count| count > 0)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
