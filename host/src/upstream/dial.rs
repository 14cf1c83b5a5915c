//! A connection for an attempt: one that is kept, or a new one to the first target that takes it.

use std::{sync::Arc, time::Instant};

use tracing::debug;

use super::{
    Upstream,
    attempt::Attempt,
    connect::ConnectError,
    connection::Connection,
    outcome::{Failed, no_target, not_connected, timeout},
    outlier::CHANCE,
    pool::Slot,
    wait::Until,
};
use crate::config::RetryOn;

impl Upstream {
    /// A connection to the next target that takes one, and whether it was used before.
    pub(super) async fn connection(
        &self,
        slot: &Arc<Slot>,
        attempt: &mut Attempt<'_>,
        until: Until,
    ) -> Result<(usize, Connection, bool), Failed> {
        loop {
            attempt.avoid_others();
            let picked = slot.pick(&self.targets, attempt.wanted());
            let (index, kept) = match (picked, attempt.last.take()) {
                (Some(picked), _) => picked,
                (None, Some(failed)) => return Err(failed),
                (None, None) => return Err(Failed::of_client(no_target(&self.settings.name))),
            };
            attempt.begin_at(index);
            attempt.begin_span(self, index);
            if let Some(connection) = kept {
                return Ok((index, connection, true));
            }
            let waiting = self.limits.connect().map_err(|why| {
                attempt.fail_span(&why);
                Failed::of_client(why)
            })?;
            let begun = Instant::now();
            // In a box: most requests find a kept connection, and need not carry the room for this.
            let opened = Box::pin(self.open(slot, index, until.at)).await;
            drop(waiting);
            let (why, retry) = match opened {
                Ok((connection, kept)) => return Ok((index, connection, kept)),
                Err(why) if Instant::now() >= until.at => {
                    let target = &self.targets[index];
                    let why = match why {
                        ConnectError::LookUp(_) => not_connected(target, why),
                        _ => timeout(target, until.phase),
                    };
                    attempt.fail_span(&why);
                    let mut failed = Failed::of(index, why, RetryOn::Timeout);
                    failed.is_theirs = begun.elapsed() >= CHANCE;
                    if failed.is_theirs {
                        slot.unanswered(index, &failed.why);
                    }
                    return Err(failed);
                }
                Err(why) => {
                    let retry =
                        (!matches!(why, ConnectError::Denied(_))).then_some(RetryOn::Connect);
                    (not_connected(&self.targets[index], why), retry)
                }
            };
            debug!(upstream = %self.settings.name, %why, "trying another target");
            attempt.fail_span(&why);
            slot.unanswered(index, &why);
            attempt.tried.push(index);
            attempt.last = Some(Failed { why, target: Some(index), retry, is_theirs: true });
        }
    }

    /// A new connection, or the shared one that another request has just made.
    async fn open(
        &self,
        slot: &Arc<Slot>,
        index: usize,
        deadline: Instant,
    ) -> Result<(Connection, bool), ConnectError> {
        let target = &self.targets[index];
        let connect = self.connector.connect(target, index, &slot.counters, deadline);
        if !self.connector.is_shared(target) {
            return Ok((connect.await?, false));
        }
        let wait = tokio::time::timeout_at(deadline.into(), slot.dialing[index].lock());
        let _dialing = wait.await.map_err(|_| ConnectError::Timeout)?;
        if let Some(shared) = slot.shared(index, target) {
            return Ok((shared, true));
        }
        let connection = connect.await?;
        if let Connection::Http2(http2) = &connection {
            slot.share(index, http2.clone());
        }
        Ok((connection, false))
    }
}
