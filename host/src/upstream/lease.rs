//! A connection in the hands of one exchange. It goes back when the exchange is complete; where
//! the lease is dropped before, an HTTP/1.1 connection is closed and an HTTP/2 stream is reset.

use std::{sync::Arc, time::Instant};

use futures_util::future::Either;
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, client::conn::TrySendError};

use super::{
    connection::Connection, limits::Pass, outlier::is_failure, pool::Slot, upload::Upload,
};
use crate::{alarm::Alarm, body::Body};

/// One exchange's hold on a connection; counts as a request in flight.
pub(super) struct Lease {
    slot: Arc<Slot>,
    target: usize,
    /// Since when it waits for an answer, where somebody wants to know.
    waits: Option<Instant>,
    /// The request's body, if it is streamed: until its end nobody waits for the target.
    upload: Option<Upload>,
    connection: Option<Connection>,
    /// The timer for whatever this exchange waits for.
    pub(super) alarm: Alarm,
    /// Under `limits.in_flight`, once there is a response.
    pub(super) pass: Option<Pass>,
}

impl Lease {
    /// Sends the request, and gives the future of its response.
    pub(super) fn begin(
        slot: &Arc<Slot>,
        target: usize,
        mut connection: Connection,
        request: Request<Body>,
        upload: Option<&Upload>,
    ) -> (Self, impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Body>>>> + use<>)
    {
        slot.request_began(target);
        connection.usage().begin();
        let (response, alarm) = match &mut connection {
            Connection::Http1(http1) => (
                Either::Left(http1.sender.try_send_request(request)),
                std::mem::take(&mut http1.alarm),
            ),
            Connection::Http2(http2) => {
                (Either::Right(http2.sender.try_send_request(request)), Alarm::default())
            }
        };
        let (slot, waits) = (slot.clone(), slot.is_timed.then(Instant::now));
        let upload = upload.filter(|_| waits.is_some()).cloned();
        let connection = Some(connection);
        (Self { slot, target, waits, upload, connection, alarm, pass: None }, response)
    }

    /// There is the head of a response.
    pub(super) fn answered(&mut self, status: StatusCode) {
        if is_failure(status) {
            return;
        }
        let since = self.since();
        self.waits = None;
        if let Some(since) = since {
            self.slot.answered(self.target, since.elapsed());
        }
    }

    /// Since when the target is waited for: not while its client is.
    fn since(&self) -> Option<Instant> {
        let begun = self.waits?;
        match &self.upload {
            None => Some(begun),
            Some(upload) => upload.ended().map(|ended| ended.max(begun)),
        }
    }

    /// The response has ended: the connection is free for the next request. hyper says "ready"
    /// only once the request was written to its end as well, and "closed" where either side
    /// asked for that.
    pub(super) fn complete(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        connection.usage().end();
        if let Connection::Http1(mut http1) = connection {
            http1.alarm = std::mem::take(&mut self.alarm);
            self.slot.keep(self.target, http1);
        }
    }

    /// The connection is no longer HTTP: its task hands it over to whoever upgrades.
    pub(super) fn hand_over(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.usage().end();
        }
    }

    /// The exchange has failed, or was given up. An HTTP/1.1 connection ends at once: hyper would
    /// hold on to the request's body, and with it to the client, for as long as the service does not
    /// take what was written.
    pub(super) fn discard(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        connection.usage().end();
        if let Connection::Http1(http1) = connection {
            http1.task.abort();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.discard();
        if let Some(since) = self.since() {
            self.slot.waited(self.target, since.elapsed());
        }
        self.slot.request_ended(self.target);
    }
}
