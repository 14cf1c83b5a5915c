//! What follows the last answer, or an answer that came before all of its request.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite as _;

use super::{Connection, Stage, upload::Moved};
use crate::listener::Handler;

/// How often a client that was told the last is read from before others have their turn, and the clock.
const READS_A_TURN: usize = 16;

impl<H: Handler> Connection<H> {
    /// Reads a request to its end after its answer.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        let (Stage::Rest { upload, is_kept, owes_end }, Some(io)) = (&mut self.stage, &mut self.io)
        else {
            return Poll::Ready(Stage::Over);
        };
        if *owes_end {
            // The client need not send all of its body to see that it has its answer.
            *owes_end = Pin::new(&mut *io).poll_shutdown(cx).is_pending();
        }
        self.ear.forget();
        let is_whole = match ready!(upload.poll(&mut self.inbox, io, || false, cx)) {
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
    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
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
    pub(super) fn goodbye(&mut self) -> Stage {
        if let Some(io) = &mut self.io {
            io.stream.say_goodbye();
        }
        Stage::Over
    }
}
