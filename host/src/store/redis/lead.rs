//! Single flight among gateways. In each gateway one caller speaks for all that wait for the same
//! value, and asks the server until there is one.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::rand;
use redis::Cmd;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    kv::{Namespace, bytes, content, senseless, unavailable},
    link::Link,
    script::LEAD,
};
use crate::{
    store::{
        flights::{Leader, Role},
        namespace::MAX_WAIT,
    },
    stores::{Lead, StoreError},
};

/// A leader whose gateway is gone is waited for no longer than this, and one that takes longer may
/// get company.
const LEASE: Duration = Duration::from_secs(30);
/// Between two questions to the server, first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The value, or who makes it.
pub(super) async fn lead(space: &Namespace, key: &str, wait: Duration) -> Result<Lead, StoreError> {
    let deadline = Instant::now() + wait.min(MAX_WAIT);
    loop {
        if let Some(value) = space.read(key).await? {
            return Ok(Lead::Value(value));
        }
        match space.flights.join(key) {
            Role::Leader(leader) => return among_gateways(space, key, leader, deadline).await,
            Role::Follower(follower) => {
                if timeout_at(deadline, follower.wait()).await.is_err() {
                    return Ok(Lead::Busy);
                }
            }
        }
    }
}

async fn among_gateways(
    space: &Namespace,
    key: &str,
    leader: Leader,
    deadline: Instant,
) -> Result<Lead, StoreError> {
    let claim = Claim::new(space, key);
    let mut pause = FIRST_PAUSE;
    loop {
        let said = claim.make(space.links.mine()).await?;
        match &*said {
            b"yours" => return Ok(Lead::Yours(Box::new(Leading { claim, _here: leader }))),
            b"busy" if Instant::now() >= deadline => return Ok(Lead::Busy),
            b"busy" => sleep_until(deadline.min(Instant::now() + pause)).await,
            _ => return Ok(Lead::Value(content(said))),
        }
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// Leads while it lives, in this gateway and among all.
struct Leading {
    claim: Claim,
    _here: Leader,
}

impl Drop for Leading {
    fn drop(&mut self) {
        // Where nothing can be sent any more, the lease ends it.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(self.claim.clone().leave());
    }
}

/// A claim to make a value.
#[derive(Clone)]
struct Claim {
    link: Arc<Link>,
    value: String,
    lead: String,
    /// Nobody else's: so nobody else's claim is given back.
    token: [u8; 16],
}

impl Claim {
    fn new(space: &Namespace, key: &str) -> Self {
        let mut token = [0; 16];
        // It fails on no system that is supported; a token of zeros would only end a lead early.
        let _ = rand::fill(&mut token);
        let link = space.links.mine().clone();
        Self { link, value: space.value(key), lead: space.lead_of(key), token }
    }

    async fn make(&self, link: &Arc<Link>) -> Result<bytes::Bytes, StoreError> {
        let fill = |command: &mut Cmd| {
            command.arg(2).arg(&self.value).arg(&self.lead);
            command.arg("claim").arg(&self.token[..]).arg(LEASE.as_millis() as u64);
        };
        let answer = LEAD.run(link, fill).await.map_err(unavailable)?;
        bytes(answer).ok_or_else(senseless)
    }

    async fn leave(self) {
        let fill = |command: &mut Cmd| {
            command.arg(2).arg(&self.value).arg(&self.lead).arg("leave").arg(&self.token[..]);
        };
        let _ = LEAD.run(&self.link, fill).await;
    }
}
