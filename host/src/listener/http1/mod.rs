//! HTTP/1.1 to clients: a connection on which one request is answered after the other (RFC 9112).
//!
//! One task reads requests, runs what answers them and writes the answers. hyper's server, which was here before
//! and which still speaks HTTP/2, keeps 8 KiB to read into for each connection and took 7,900 instructions for a
//! plain request that is passed on.
//!
//! ```text
//! mod       the connection, and which stage it is in
//! head      a request's head | ear: whether something came
//! exchange  a request from its head to the end of its answer
//! upload    its body on the way to whoever reads it | received: where that is
//! reply     a response on its way out | date: what time it is
//! ending    what follows the last answer, or one that came early
//! ```

mod date;
mod ear;
mod ending;
mod exchange;
mod head;
mod received;
mod reply;
mod upload;

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::sync::oneshot;

use self::{
    ear::Ear,
    exchange::{Exchange, Progress},
    head::Room,
    upload::Upload,
};
use super::{
    Connection as Client, Handler,
    drive::{Doing, Served},
    io::Io,
};
use crate::{
    config::ListenLimits,
    http1::{Inbox, Outbox},
};

/// What a read of a body takes at most. A request whose service does not take it has us hold as much twice.
const MOST_READ: usize = 64 << 10;

/// A client's connection.
pub(super) struct Connection<H> {
    handler: Arc<H>,
    client: Arc<Client>,
    room: Room,
    /// Taken when the connection becomes something else.
    io: Option<Io>,
    ear: Ear,
    inbox: Inbox,
    outbox: Outbox,
    stage: Stage,
    /// Something of the next request has come.
    has_begun: bool,
    /// No request is to follow the one that is answered.
    is_last: bool,
    /// Requests that were answered.
    answered: u64,
    /// Bytes that the client took.
    written: u64,
    /// Ready when what the connection has become is over.
    switched: Option<oneshot::Receiver<()>>,
}

/// What the connection does.
enum Stage {
    /// Waits for a head, or reads it.
    Head,
    Exchange(Box<Exchange>),
    /// The answer was sent, and the request is still coming.
    Rest {
        upload: Upload,
        is_kept: bool,
        /// The answer has no end but the connection's.
        owes_end: bool,
    },
    /// There will be no more answers; what the client still sends is read, for it would not get the last one
    /// otherwise: unread bytes make a close a reset (RFC 9112, 9.6).
    Linger {
        is_told: bool,
    },
    Over,
}

impl<H: Handler> Connection<H> {
    /// `read` is what was read of it before.
    pub(super) fn new(
        handler: Arc<H>,
        client: Arc<Client>,
        limits: &ListenLimits,
        io: Io,
        read: BytesMut,
    ) -> Self {
        let has_begun = !read.is_empty();
        Self {
            handler,
            client,
            room: Room { bytes: limits.head_bytes, fields: limits.headers },
            io: Some(io),
            ear: Ear::default(),
            inbox: Inbox::new(read, MOST_READ),
            outbox: Outbox::default(),
            stage: Stage::Head,
            has_begun,
            is_last: false,
            answered: 0,
            written: 0,
            switched: None,
        }
    }

    /// Ready when what the connection has become is over as well.
    pub(super) async fn ended(mut self) {
        if self.io.is_none()
            && let Some(switched) = self.switched.take()
        {
            let _ = switched.await;
        }
    }

    /// Reads a head. The next stage.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        let Some(io) = &mut self.io else { return Poll::Ready(Stage::Over) };
        loop {
            match head::take(&mut self.inbox, self.room) {
                Ok(Some(head)) => return Poll::Ready(self.begin(head)),
                Ok(None) => {}
                Err(refusal) => return Poll::Ready(self.refuse(refusal)),
            }
            match ready!(self.ear.poll_read(&mut self.inbox, io, cx)) {
                Ok(1..) => self.has_begun = true,
                Ok(0) => return Poll::Ready(self.goodbye()),
                Err(_) => return Poll::Ready(Stage::Over),
            }
        }
    }
}

impl<H> Connection<H> {
    /// The end, within an exchange.
    fn cut(&mut self) -> Stage {
        if let (Stage::Exchange(exchange), Some(io)) = (&self.stage, &self.io)
            && let Progress::Sending(reply) = &exchange.progress
            && reply.is_unframed()
        {
            // It is not to be taken for the body's.
            io.stream.reset_when_closed();
        }
        Stage::Over
    }
}

impl<H> Drop for Connection<H> {
    fn drop(&mut self) {
        self.cut();
    }
}

impl<H: Handler> Served for Connection<H> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.stage = match &self.stage {
                Stage::Head => ready!(self.poll_head(cx)),
                Stage::Exchange(_) => ready!(self.poll_exchange(cx)),
                Stage::Rest { .. } => ready!(self.poll_rest(cx)),
                Stage::Linger { .. } => ready!(self.poll_linger(cx)),
                Stage::Over => return Poll::Ready(()),
            };
            if matches!(self.stage, Stage::Head) {
                // Some of the next request may have come with the last one.
                self.has_begun = !self.inbox.is_empty();
            }
        }
    }

    fn doing(&self) -> Doing {
        match &self.stage {
            Stage::Head if !self.has_begun => Doing::Idle(self.answered),
            Stage::Head => Doing::Head(self.answered),
            Stage::Exchange(exchange) => match &exchange.progress {
                Progress::Sending(reply) if reply.is_blocked => Doing::Blocked(self.written),
                _ => Doing::Busy,
            },
            Stage::Rest { upload, .. } if upload.is_unread() => Doing::Skip(self.answered),
            Stage::Rest { upload, .. } => Doing::Rest(upload.read),
            Stage::Linger { .. } | Stage::Over => Doing::Leaving,
        }
    }

    fn is_answering(&self) -> bool {
        !matches!(self.stage, Stage::Head)
    }

    fn say_last(&mut self) {
        self.is_last = true;
    }

    fn finish(&mut self) {
        self.is_last = true;
        if matches!(self.stage, Stage::Head) {
            self.stage = self.goodbye();
        }
    }
}
