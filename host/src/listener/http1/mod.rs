//! HTTP/1.1 to clients: a connection on which one request is answered after the other (RFC 9112).
//!
//! One task reads requests, runs what answers them and writes the answers. hyper's server, which was here before
//! and which still speaks HTTP/2, keeps 8 KiB to read into for each connection and took 7,900 instructions for a
//! plain request that is passed on.
//!
//! ```text
//! ear       whether something came | head: a request's
//! upload    its body on the way to whoever reads it | received: by another task
//! reply     a response on its way out | date: what time it is
//! ```

mod date;
mod ear;
mod head;
mod received;
mod reply;
mod upload;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use http::{Request, Response, StatusCode};
use tokio::{io::AsyncWrite as _, sync::oneshot};

use self::{
    ear::Ear,
    head::{Head, LONGEST_TARGET, Refusal, Room},
    reply::{Asked, Reply, Sent},
    upload::{Moved, Upload},
};
use super::{
    Connection as Client, Handler,
    drive::{Doing, Served},
    io::Io,
};
use crate::{
    body::Body,
    config::ListenLimits,
    http1::{Inbox, Outbox},
    message::{Duplex, Fragment, Handover, KeepBusy},
    rescue::Trouble,
    worker::next_turn,
};

/// What a read of a body takes at most. A request whose service does not take it has us hold as much twice.
const MOST_READ: usize = 64 << 10;

/// How often a client that was told the last is read from before others have their turn, and the clock.
const READS_A_TURN: usize = 16;

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
    },
    /// There will be no more answers; what the client still sends is read, for it would not get the last one
    /// otherwise: unread bytes make a close a reset (RFC 9112, 9.6).
    Linger {
        is_told: bool,
    },
    Over,
}

/// One request and its answer.
struct Exchange {
    asked: Asked,
    reading: Reading,
    /// The client is being told to send its body.
    is_word_said: bool,
    progress: Progress,
    /// For who asked to switch.
    handover: Option<oneshot::Sender<Box<dyn Duplex>>>,
}

/// How much of the request was read.
enum Reading {
    Whole,
    Coming(Upload),
    /// The client has ended the connection within it.
    Broken,
    /// What comes is none.
    Refused,
}

enum Progress {
    Awaited(Answer),
    Sending(Reply),
}

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

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

    fn begin(&mut self, head: Head) -> Stage {
        let (body, upload) = upload::begin(head.framing, head.expects_word, &mut self.inbox);
        let asked = Asked::by(&head);
        self.has_begun = !self.inbox.is_empty();
        let (mut parts, mut handover) = (head.parts, None);
        if head.has_fragment {
            parts.extensions.insert(Fragment);
        }
        if head.may_switch {
            let (sender, receiver) = oneshot::channel();
            parts.extensions.insert(Handover::new(receiver));
            let (busy, over) = oneshot::channel();
            parts.extensions.insert(KeepBusy::new(busy));
            (handover, self.switched) = (Some(sender), Some(over));
        }
        let (handler, client) = (self.handler.clone(), self.client.clone());
        let answer = Box::pin(async move {
            let response = handler.handle(Request::from_parts(parts, body), &client).await;
            next_turn().await;
            response
        });
        let progress = Progress::Awaited(answer);
        let reading = upload.map_or(Reading::Whole, Reading::Coming);
        Stage::Exchange(Box::new(Exchange {
            asked,
            reading,
            is_word_said: false,
            progress,
            handover,
        }))
    }

    /// What came is no request, and so nobody knows where the next one would begin.
    fn refuse(&mut self, refusal: Refusal) -> Stage {
        let trouble = match refusal {
            Refusal::Malformed(fault) => Trouble::Malformed(fault),
            Refusal::LongTarget => Trouble::UriTooLong(self.room.bytes.min(LONGEST_TARGET)),
            Refusal::TooLarge => {
                Trouble::HeadTooLarge { bytes: self.room.bytes, fields: self.room.fields }
            }
        };
        let response = self.handler.refuse(trouble, &self.client);
        let reply = Reply::begin(response, Asked::nothing(), &mut self.outbox);
        let (reading, progress) = (Reading::Refused, Progress::Sending(reply));
        let asked = Asked::nothing();
        let (is_word_said, handover) = (false, None);
        Stage::Exchange(Box::new(Exchange { asked, reading, is_word_said, progress, handover }))
    }

    /// Ready with the stage after the exchange at hand.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        loop {
            if self.poll_client(cx).is_ready() {
                return Poll::Ready(self.cut());
            }
            let (Stage::Exchange(exchange), Some(io)) = (&mut self.stage, &mut self.io) else {
                return Poll::Ready(Stage::Over);
            };
            match &mut exchange.progress {
                Progress::Awaited(answer) => {
                    if exchange.is_word_said
                        && let Poll::Ready(said) = say(&mut self.outbox, io, cx)
                    {
                        exchange.is_word_said = false;
                        if said.is_err() {
                            return Poll::Ready(Stage::Over);
                        }
                    }
                    let response = ready!(answer.as_mut().poll(cx));
                    self.answer(response);
                }
                Progress::Sending(reply) => {
                    let sent = reply.poll(&mut self.outbox, io, &mut self.written, cx);
                    return Poll::Ready(match ready!(sent) {
                        Ok(sent) => self.after(sent),
                        Err(_) => Stage::Over,
                    });
                }
            }
        }
    }

    /// Reads what the client sends meanwhile. Ready when it is gone: nobody waits for an answer then.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (Stage::Exchange(exchange), Some(io)) = (&mut self.stage, &mut self.io) else {
            return Poll::Ready(());
        };
        match &mut exchange.reading {
            Reading::Whole => {}
            Reading::Broken | Reading::Refused => return Poll::Pending,
            Reading::Coming(upload) => {
                let is_awaited = matches!(exchange.progress, Progress::Awaited(_));
                let say_word = || {
                    // Once the answer has begun it is too late.
                    if is_awaited {
                        exchange.is_word_said = true;
                        self.outbox.short().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                };
                self.ear.forget();
                match ready!(upload.poll(&mut self.inbox, io, say_word, cx)) {
                    Moved::Unread => {}
                    Moved::Whole => {
                        exchange.reading = Reading::Whole;
                        self.inbox.rest();
                    }
                    Moved::Broken => {
                        exchange.reading = Reading::Broken;
                        return Poll::Pending;
                    }
                    Moved::Malformed => {
                        exchange.reading = Reading::Refused;
                        return Poll::Pending;
                    }
                }
            }
        }
        // The next request may be there already.
        if !self.inbox.is_empty() {
            return Poll::Pending;
        }
        match ready!(self.ear.poll_read(&mut self.inbox, io, cx)) {
            Ok(1..) => Poll::Pending,
            Ok(0) | Err(_) => Poll::Ready(()),
        }
    }

    /// The answer is there.
    fn answer(&mut self, response: Response<Body>) {
        let Stage::Exchange(exchange) = &mut self.stage else { return };
        let goes_on = match &exchange.reading {
            Reading::Whole => true,
            // Who waits for a word may send the body or not, now that there is an answer.
            Reading::Coming(upload) => {
                !(upload.owes_word || upload.is_unread() && upload.is_long())
            }
            Reading::Broken | Reading::Refused => false,
        };
        let mut asked = exchange.asked;
        asked.is_kept &= !self.is_last && goes_on;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            exchange.handover = None;
        }
        exchange.progress = Progress::Sending(Reply::begin(response, asked, &mut self.outbox));
    }

    /// What follows an answer that was sent.
    fn after(&mut self, sent: Sent) -> Stage {
        self.answered += 1;
        let Stage::Exchange(exchange) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Stage::Over;
        };
        let Exchange { reading, progress, handover, .. } = *exchange;
        let is_kept = matches!(progress, Progress::Sending(reply) if reply.is_kept);
        if sent != Sent::Whole {
            if let (Sent::Cut, Some(io)) = (sent, &self.io) {
                io.stream.reset_when_closed();
            }
            return Stage::Over;
        }
        if let Some(handover) = handover {
            if let Some(io) = self.io.take() {
                let _ = handover.send(Box::new(io.with(self.inbox.take_all())));
            }
            return Stage::Over;
        }
        self.inbox.rest();
        let is_kept = is_kept && !self.is_last;
        match reading {
            Reading::Whole if is_kept => Stage::Head,
            // Who reads it is not to lose it for the client's wish to close.
            Reading::Coming(upload) if is_kept || !(upload.owes_word || upload.is_unread()) => {
                Stage::Rest { upload, is_kept }
            }
            Reading::Whole if self.inbox.is_empty() => self.goodbye(),
            Reading::Broken => self.goodbye(),
            Reading::Whole | Reading::Coming(_) | Reading::Refused => {
                Stage::Linger { is_told: false }
            }
        }
    }

    /// Reads a request to its end after its answer.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        let (Stage::Rest { upload, is_kept }, Some(io)) = (&mut self.stage, &mut self.io) else {
            return Poll::Ready(Stage::Over);
        };
        self.ear.forget();
        let is_whole = match ready!(upload.poll(&mut self.inbox, io, || {}, cx)) {
            Moved::Whole => true,
            Moved::Unread => ready!(upload.poll_skip(&mut self.inbox, io, cx)),
            Moved::Malformed => false,
            Moved::Broken => return Poll::Ready(Stage::Over),
        };
        self.inbox.rest();
        Poll::Ready(match is_whole {
            true if *is_kept && !self.is_last => Stage::Head,
            true if self.inbox.is_empty() => self.goodbye(),
            _ => Stage::Linger { is_told: false },
        })
    }

    /// Reads what nobody will look at, until the client has seen that there will be no answer to it.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        let (Stage::Linger { is_told }, Some(io)) = (&mut self.stage, &mut self.io) else {
            return Poll::Ready(Stage::Over);
        };
        if !*is_told {
            let _ = ready!(Pin::new(&mut *io).poll_shutdown(cx));
            *is_told = true;
        }
        for _ in 0..READS_A_TURN {
            drop(self.inbox.take_all());
            if !matches!(ready!(self.inbox.poll_short(io, cx)), Ok(1..)) {
                return Poll::Ready(Stage::Over);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The end, in good order.
    fn goodbye(&mut self) -> Stage {
        if let Some(io) = &mut self.io {
            io.stream.say_goodbye();
        }
        Stage::Over
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

/// Tells the client to send its body. Ready when that is sent.
fn say(outbox: &mut Outbox, io: &mut Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    ready!(outbox.poll_write(&mut *io, &mut 0, cx))?;
    Pin::new(io).poll_flush(cx)
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
            Stage::Rest { upload, .. } if upload.is_unread() => Doing::Head(self.answered),
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
