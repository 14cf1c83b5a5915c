//! One request on its connection: read, answered, and its answer written.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use tokio::{io::AsyncWrite as _, sync::oneshot};

use super::{
    Connection, Stage,
    head::{Head, LONGEST_TARGET, Refusal},
    reply::{Asked, Reply, Sent},
    upload::{self, Moved, Upload},
};
use crate::{
    body::Body,
    heads::{Request, Response},
    http1::Outbox,
    listener::{Handler, io::Io},
    memory::boxed,
    message::{Duplex, Fragment, Handover, KeepBusy},
    rescue::Trouble,
    worker::next_turn,
};

/// One request and its answer.
pub(super) struct Exchange {
    asked: Asked,
    reading: Reading,
    /// The client is being told to send its body.
    is_word_said: bool,
    pub(super) progress: Progress,
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

pub(super) enum Progress {
    Awaited(Answer),
    Sending(Reply),
}

pub(super) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl<H: Handler> Connection<H> {
    /// Begins to answer a request.
    pub(super) fn begin(&mut self, head: Head) -> Stage {
        let (body, upload) = upload::begin(head.framing, head.expects_word, &mut self.inbox);
        let asked = Asked::by(&head);
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
        let answer = boxed(|| async move {
            let response = handler.handle(Request { head: parts, body }, &client).await;
            next_turn().await;
            response
        });
        let progress = Progress::Awaited(Box::into_pin(answer));
        let reading = upload.map_or(Reading::Whole, Reading::Coming);
        let is_word_said = false;
        Stage::Exchange(boxed(|| Exchange { asked, reading, is_word_said, progress, handover }))
    }

    /// What came is no request, and so nobody knows where the next one would begin.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Stage {
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
    pub(super) fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        loop {
            if self.poll_client(cx).is_ready() {
                self.look_once(cx);
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

    /// A client may be gone before anybody has looked at its request; it is written down all the same.
    fn look_once(&mut self, cx: &mut Context<'_>) {
        if let Stage::Exchange(exchange) = &mut self.stage
            && let Progress::Awaited(answer) = &mut exchange.progress
        {
            let _ = answer.as_mut().poll(cx);
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
                    exchange.is_word_said |= is_awaited;
                    if is_awaited {
                        self.outbox.short().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    is_awaited
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
        if response.head.status != StatusCode::SWITCHING_PROTOCOLS {
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
        let (is_kept, owes_end) = match &progress {
            Progress::Sending(reply) => (reply.is_kept, reply.is_unframed()),
            Progress::Awaited(_) => (false, false),
        };
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
                Stage::Rest { upload, is_kept, owes_end }
            }
            Reading::Whole if self.inbox.is_empty() => self.goodbye(),
            Reading::Broken => self.goodbye(),
            Reading::Whole | Reading::Coming(_) | Reading::Refused => {
                Stage::Linger { is_told: false }
            }
        }
    }
}

/// Tells the client to send its body. Ready when that is sent.
fn say(outbox: &mut Outbox, io: &mut Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    ready!(outbox.poll_write(&mut *io, &mut 0, cx))?;
    Pin::new(io).poll_flush(cx)
}
