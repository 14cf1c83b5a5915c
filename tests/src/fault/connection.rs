//! One connection over a [`Wire`](super::Wire).

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
};

use super::{End, Fault, Point};

/// Its client's end, and what is wrong with it at the moment.
pub(super) struct Connection {
    client: TcpStream,
    service: SocketAddr,
    faults: watch::Receiver<Fault>,
    /// It has ended in good order.
    closed: bool,
}

impl Connection {
    pub(super) fn new(
        client: TcpStream,
        service: SocketAddr,
        faults: watch::Receiver<Fault>,
    ) -> Self {
        Self { client, service, faults, closed: false }
    }

    pub(super) async fn run(mut self) {
        let Ok(mut service) = TcpStream::connect(self.service).await else { return };
        for stream in [&self.client, &service] {
            let _ = stream.set_nodelay(true);
        }
        if carry(&mut self.client, &mut service, &mut self.faults).await == End::Close {
            let _ = self.client.shutdown().await;
            self.closed = true;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.closed {
            let _ = self.client.set_zero_linger();
        }
    }
}

/// Until either side has ended, or the fault ends it.
async fn carry(
    client: &mut TcpStream,
    service: &mut TcpStream,
    faults: &mut watch::Receiver<Fault>,
) -> End {
    let (mut from_client, to_client) = client.split();
    let (from_service, mut to_service) = service.split();
    let (asked, mut asking) = watch::channel(0_usize);
    let mut back = Back { from: from_service, to: to_client, held: BytesMut::new() };
    let back = async {
        loop {
            let fault = faults.borrow_and_update().clone();
            tokio::select! {
                biased;
                changed = faults.changed() => match changed {
                    // What was asked before is not what this fault is about.
                    Ok(()) => asking.mark_unchanged(),
                    Err(_) => return End::Reset,
                },
                end = back.under(&fault, &mut asking) => return end,
            }
        }
    };
    let there = async {
        let mut bytes = BytesMut::with_capacity(64 << 10);
        loop {
            match from_client.read_buf(&mut bytes).await {
                Ok(0) => break,
                Ok(count) => asked.send_modify(|bytes| *bytes += count),
                Err(_) => return End::Reset,
            }
            if to_service.write_all_buf(&mut bytes).await.is_err() {
                // What it has said before it left may still be on its way.
                std::future::pending().await
            }
        }
        let _ = to_service.shutdown().await;
        std::future::pending().await
    };
    tokio::select! { end = back => end, end = there => end }
}

/// The way back. Nothing is lost where the fault changes: what was read and not yet written is held.
struct Back<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    held: BytesMut,
}

impl Back<'_> {
    async fn under(&mut self, fault: &Fault, asking: &mut watch::Receiver<usize>) -> End {
        match fault {
            Fault::Pass => self.pass(usize::MAX, Duration::ZERO).await,
            Fault::Trickle { bytes, every } => self.pass(*bytes, *every).await,
            Fault::Delay(by) => self.pass(usize::MAX, *by).await,
            Fault::Refuse | Fault::Mute => std::future::pending().await,
            Fault::Answer(bytes) => self.answer(bytes, asking).await,
            Fault::Cut { after, how } => self.cut(*after, *how).await,
            Fault::HalfClose => {
                let _ = self.to.shutdown().await;
                std::future::pending().await
            }
        }
    }

    /// Passes on at most so many bytes at once, each time after a pause.
    async fn pass(&mut self, most: usize, pause: Duration) -> End {
        loop {
            if self.held.is_empty()
                && let Some(end) = self.read().await
            {
                return end;
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let piece = &self.held[..most.min(self.held.len())];
            match self.to.write(piece).await {
                Ok(count) => self.held.advance(count),
                Err(_) => return End::Reset,
            }
        }
    }

    /// Waits for a question, and answers with these bytes.
    async fn answer(&mut self, bytes: &Bytes, asking: &mut watch::Receiver<usize>) -> End {
        while asking.changed().await.is_ok() {
            if self.to.write_all(bytes).await.is_err() {
                return End::Reset;
            }
        }
        End::Reset
    }

    async fn cut(&mut self, after: Point, how: End) -> End {
        let mut passed = BytesMut::new();
        loop {
            if self.held.is_empty()
                && let Some(end) = self.read().await
            {
                return end;
            }
            let left = left_until(after, &passed, &self.held);
            let piece = self.held.split_to(left.unwrap_or(self.held.len()));
            if self.to.write_all(&piece).await.is_err() {
                return End::Reset;
            }
            if left.is_some() {
                return how;
            }
            passed.extend_from_slice(&piece);
        }
    }

    /// Reads some more. Gives the end if there is no more.
    async fn read(&mut self) -> Option<End> {
        // Else it would read some sixty bytes at once.
        self.held.reserve(64 << 10);
        match self.from.read_buf(&mut self.held).await {
            Ok(0) => Some(End::Close),
            Ok(_) => None,
            Err(_) => Some(End::Reset),
        }
    }
}

/// How many of the bytes at hand go on before the cut, if it is among them.
fn left_until(after: Point, passed: &[u8], held: &[u8]) -> Option<usize> {
    let place = match after {
        Point::Head(bytes) => bytes,
        Point::Body(bytes) => {
            let all = [passed, held].concat();
            all.windows(4).position(|four| four == b"\r\n\r\n")? + 4 + bytes
        }
    };
    (place <= passed.len() + held.len()).then(|| place.saturating_sub(passed.len()))
}
